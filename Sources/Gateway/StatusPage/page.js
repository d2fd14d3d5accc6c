// The page renews itself. Only what changes for its reader (the sidecar cannot be asked, what is wrong) is announced.

const renewEvery = 2000;
// What came last of what is asked for less often. The process is null once it is refused, which is for who may not read all
// streams: that is not asked again.
let process;
let assignments = {};
// Counts presses of the button; odd: nothing is renewed. A turn of an earlier count ends by itself.
let presses = 0;
let renewals = 0;
let told = null;

function showTitle(mark, host) {
  document.title = `${mark} ${host} – kinesis-sidecar`;
}

const announce = (text) => set(byId("news"), text);

async function renew() {
  try {
    const [stats, ready] = await Promise.all([get("/stats"), get("/readyz")]);
    if (renewals++ % 5 === 0) [assignments, process] = await Promise.all([get("/assignments"), getProcess()]);
    show({ stats, ready, assignments, process });
    byId("guarded").hidden = sessionStorage.getItem(tokenKey) !== null;
  } catch (error) {
    if (error.status === 401 || error.status === 403) return askForToken(error);
    showTitle("✖", process?.host ?? location.hostname);
    showFindings([{
      isBad: true, cause: "The sidecar cannot be asked", detail: `${error.message}. What stands below is what it said last.`,
      page: pages.unreachable,
    }]);
    byId("told").hidden = false;
    if (told !== "lost") announce("The sidecar cannot be asked: " + error.message);
    told = "lost";
  }
}

async function getProcess() {
  if (process === null) return null;
  try {
    return await get("/process");
  } catch (error) {
    if (error.status === 403) return null;
    throw error;
  }
}

function show(now) {
  const { stats } = now;
  const host = now.process?.host ?? location.hostname;
  const findings = findingsOf(now);
  const bad = findings.filter((finding) => finding.isBad).length;
  set(byId("host"), "on " + host);
  showTitle(bad ? `✖ ${bad}` : findings.length ? "▲" : "✔", host);
  set(byId("version"), stats.version);
  set(byId("state"), `As of ${new Date().toLocaleTimeString()}.`);
  showFindings(findings);
  showFigures(now);
  showStreams(now);
  byId("told").hidden = false;
  const causes = findings.map((finding) => finding.cause).join(", ");
  if (told === "lost") announce("The sidecar answers again.");
  else if (told !== null && told !== causes) announce(causes ? "Now: " + causes : "All is well again.");
  told = causes;
}

// Nothing is asked again until somebody gives one.
function askForToken(error) {
  const hadOne = sessionStorage.getItem(tokenKey) !== null;
  sessionStorage.removeItem(tokenKey);
  byId("asking").hidden = false;
  byId("told").hidden = true;
  byId("guarded").hidden = true;
  showTitle("?", location.hostname);
  set(byId("state"), "A token is asked for.");
  announce(hadOne ? error.message : "This sidecar tells only those who have a token.");
}

byId("asking").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(tokenKey, byId("token").value.trim());
  byId("token").value = "";
  byId("asking").hidden = true;
  announce("");
  renewals = 0;
  process = undefined;
  renew();
});

async function turn(since) {
  if (presses !== since) return;
  if (byId("asking").hidden && !document.hidden) await renew();
  setTimeout(turn, renewEvery, since);
}

byId("toggle").addEventListener("click", () => {
  presses += 1;
  const isStopped = presses % 2 === 1;
  set(byId("toggle"), isStopped ? "Renew" : "Stop renewing");
  if (!isStopped) turn(presses);
});
turn(presses);
