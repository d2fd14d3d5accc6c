// What changes something is done behind a dialog that says what it does, and shows what the sidecar answered.

const dialog = byId("dialog");
let go = async () => {};

// `fill` puts fields into the dialog; `act` is what the button does. The dialog stays, with the answer, where `act` returns a
// text, and goes where it returns nothing.
function ask(title, verb, fill, act) {
  set(byId("dialog-title"), title);
  set(byId("dialog-go"), verb);
  set(byId("dialog-answer"), "");
  set(byId("dialog-cancel"), "Cancel");
  byId("dialog-go").hidden = false;
  byId("dialog-body").replaceChildren();
  fill(byId("dialog-body"));
  go = act;
  dialog.showModal();
}

function close() {
  dialog.close();
  renew();
}

byId("dialog-cancel").addEventListener("click", close);
byId("dialog-go").addEventListener("click", async () => {
  byId("dialog-go").disabled = true;
  set(byId("dialog-answer"), "Asking the sidecar.");
  try {
    const text = await go();
    if (text === undefined) return close();
    set(byId("dialog-answer"), text);
  } catch (error) {
    set(byId("dialog-answer"), "Refused: " + error.message);
  } finally {
    byId("dialog-go").disabled = false;
  }
});

function field(parent, title, tag = "input") {
  const label = make("label", parent, title + " ");
  return make(tag, label);
}

function confirmStart(place) {
  ask(`Start group ${place.group} of ${place.stream}?`, "Start",
    (body) => make("p", body, "It takes its shards and goes on where it stopped. Readers may connect."),
    async () => { await post(groupPath(place, "start")); });
}

function confirmStop(place) {
  ask(`Stop group ${place.group} of ${place.stream}?`, "Stop",
    (body) => make("p", body, "Its readers here are sent an end, and its shards are given up. Checkpoints stay. " +
      "New readers are refused until somebody starts it."),
    async () => { await post(groupPath(place, "stop")); });
}

function confirmSeek(place) {
  // The target that was looked at; null: none yet.
  let to, time, looked = null;
  const target = () => to.value !== "time" ? to.value : time.value && new Date(time.value).toISOString();
  ask(`Put group ${place.group} of ${place.stream} elsewhere`, "Look what that does", (body) => {
    make("p", body, "The group's checkpoints of all shards move: back, and records come again; ahead, and records are never delivered.");
    to = field(body, "To", "select");
    for (const [value, text] of [["TRIM_HORIZON", "the oldest record"], ["LATEST", "behind the newest record"], ["time", "a time"]]) {
      make("option", to, text).value = value;
    }
    time = field(body, "Time, as this computer's clock has it");
    time.type = "datetime-local";
    time.step = 1;
    for (const node of [to, time]) {
      for (const kind of ["input", "change"]) {
        node.addEventListener(kind, () => {
          if (node === time) to.value = "time";
          if (target() !== looked) set(byId("dialog-go"), "Look what that does");
        });
      }
    }
    make("div", body).id = "seek-plan";
  }, async () => {
    const wanted = target();
    if (!wanted) return "Say a time.";
    const isDone = wanted === looked;
    const plan = await post(groupPath(place, "seek"), { to: wanted, dryRun: !isDone });
    showPlan(plan.shards);
    if (isDone) {
      byId("dialog-go").hidden = true;
      set(byId("dialog-cancel"), "Close");
      return `Done: ${plural(plan.shards.length, "shard")} moved.`;
    }
    looked = wanted;
    set(byId("dialog-go"), target() === wanted ? "Seek" : "Look what that does");
    return `Nothing has changed yet. ${plural(plan.shards.length, "shard")} would move.`;
  });
}

// A dialog for the few worst; all of them are in the answer of the route.
function showPlan(shards) {
  const box = byId("seek-plan");
  box.replaceChildren();
  box.className = "wide";
  const table = make("table", box);
  const head = make("tr", make("thead", table));
  for (const title of ["Shard", "From", "To", "Time between", "Records, about"]) make("th", head, title).scope = "col";
  const body = make("tbody", table);
  for (const shard of shards.slice(0, 20)) {
    const row = make("tr", body);
    for (const text of [shard.shardId, short(shard.from), short(shard.to), duration(shard.milliseconds), number(shard.recordsEstimate)]) {
      make("td", row, text);
    }
  }
  if (shards.length > 20) make("p", box, `And ${number(shards.length - 20)} more.`);
}

// Of a sequence number the end tells two apart.
const short = (place) => place?.replace(/\d{20,}/, (digits) => "…" + digits.slice(-12)) ?? "nowhere";
