// What is wrong, the worst first, from what the sidecar said: values in, values out.

// Where the docs say what to do.
const pages = {
  unreachable: "docs/operating.md#kinesissidecardown",
  notReady: "docs/incidents.md#readyz-is-503",
  aws: "docs/incidents.md#aws-refuses",
  credentials: "docs/credentials.md",
  group: "docs/groups.md",
  fanOut: "docs/fan-out.md",
  items: "docs/large-items.md",
  state: "docs/incidents.md#readyz-is-503",
  behind: "docs/incidents.md#the-lag-grows",
  unread: "docs/incidents.md#a-service-gets-no-records",
  readers: "docs/incidents.md#the-lag-grows",
  processors: "docs/multilang.md#looking-at-children",
  puts: "docs/operating.md#kinesissidecarputswait",
};

const slowMillis = 60_000;
const lateMillis = 600_000;
const fullShare = 0.9;

const pageOf = (component) => ({ dynamoDb: pages.group, s3: pages.items, state: pages.state })[component] ?? pages.aws;

function findingsOf({ stats, ready, process }) {
  const found = [];
  // One line for what is the same of many.
  const find = (isBad, cause, text, page) => {
    const detail = withoutRequest(text);
    if (!found.some((one) => one.cause === cause && one.detail === detail)) found.push({ isBad, cause, detail, page });
  };
  for (const cause of ready.causes) {
    find(true, "This sidecar is not ready", `${cause.component}: ${cause.detail}`,
      cause.component === "process" ? pages.notReady : pageOf(cause.component));
  }
  for (const [service, credentials] of Object.entries(stats.credentials ?? {})) {
    if (credentials.problem) find(true, `No good credentials for ${service}`, credentials.problem, pages.credentials);
  }
  for (const warning of ready.warnings) {
    if (!warning.component.startsWith("consumer ")) find(false, warning.component, warning.detail, pageOf(warning.component));
  }
  for (const [name, stream] of Object.entries(stats.streams)) {
    for (const consumer of stream.consumers) findingsOfConsumer(name, consumer, find);
    const { count, exceptions } = stream.recentExceptions;
    const last = exceptions[exceptions.length - 1];
    if (last) {
      find(false, `${name}: failures in the last 5 minutes`,
        `${number(count)}, the last ${last.code ? last.code + ": " : ""}${last.message}`, pages.aws);
    }
  }
  for (const application of stats.processors ?? []) findingsOfProcessors(application, find);
  const { maxBufferedBytes, maxPutBytes } = process ?? {};
  if (stats.bufferedBytes > fullShare * maxBufferedBytes) {
    find(false, "What waits for readers fills its budget",
      `${bytes(stats.bufferedBytes)} of ${bytes(maxBufferedBytes)}: reading pauses until they take it.`, pages.readers);
  }
  if (stats.waitingPutBytes > fullShare * maxPutBytes) {
    find(true, "What waits to be put fills its budget",
      `${bytes(stats.waitingPutBytes)} of ${bytes(maxPutBytes)}: further puts are refused.`, pages.puts);
  }
  return found.sort((one, other) => other.isBad - one.isBad);
}

// Children that fail, by why they do.
function findingsOfProcessors({ streamName, consumerGroup, children }, find) {
  const failures = new Map();
  for (const child of children) {
    if (!child.failuresInRow && !["failed", "waiting", "givenUp"].includes(child.state)) continue;
    const isGivenUp = child.state === "givenUp";
    const why = `${child.lastFailure ?? "no reason is known"}; ` + (isGivenUp
      ? "the shard is given up for a while" : `${plural(child.failuresInRow, "failure")} in a row`);
    failures.set(why, [...failures.get(why) ?? [], child.shardId]);
  }
  for (const [why, shards] of failures) {
    find(true, `${streamName}, group ${consumerGroup}: record processors of ${some(shards)} fail`, why, pages.processors);
  }
}

function findingsOfConsumer(name, consumer, find) {
  const who = `${name}, group ${consumer.consumerGroup}`;
  const tell = (isBad, problem, page) => problem && find(isBad, who, problem, page);
  // Of two that say the same the first is told.
  tell(true, consumer.group?.problem, pages.group);
  tell(true, consumer.problem, pages.aws);
  tell(true, consumer.storage.problem, pages.state);
  tell(false, consumer.fanOut?.problem, pages.fanOut);
  const problems = new Map();
  for (const shard of consumer.shards) {
    if (!shard.problem) continue;
    const problem = withoutRequest(shard.problem);
    problems.set(problem, [...problems.get(problem) ?? [], shard.shardId]);
  }
  for (const [problem, shards] of problems) {
    find(true, `${who}: ${some(shards)}`, problem, pages.aws);
  }
  const behind = consumer.shards.map((shard) => [shard.checkpointMillisBehindLatest ?? shard.millisBehindLatest ?? 0, shard])
    .filter(([millis]) => millis > slowMillis).sort(([one], [other]) => other - one);
  if (behind.length === 0) return;
  const most = behind[0][0];
  const isRead = consumer.shards.some((shard) => shard.reader);
  find(most > lateMillis, `${who} is behind`,
    `By ${duration(most)}: ` + (isRead
      ? `${some(behind.map(([, shard]) => shard.shardId))} of ${plural(consumer.shards.length, "shard")}, the worst first.`
      : "nobody reads it here."), isRead ? pages.behind : pages.unread);
}

// Each call has an id of its own, which makes the same failure another one.
const withoutRequest = (problem) => problem.replace(/ \(request [^)]*\)/, "");

const some = (shards) => shards.slice(0, 3).join(", ") + (shards.length > 3 ? ` and ${number(shards.length - 3)} more` : "");

function showFindings(findings) {
  const section = byId("findings");
  const bad = findings.filter((finding) => finding.isBad).length;
  section.className = bad ? "bad" : findings.length ? "" : "well";
  set(byId("findings-title"), bad ? `${plural(bad, "thing")} ${bad === 1 ? "is" : "are"} wrong`
    : findings.length ? "Works, with a remark" : "All is well");
  const list = section.querySelector("ul");
  keep(list, findingViews, findings.map((_, index) => index), () => {
    const node = make("li");
    const [cause, detail] = [make("strong", node), make("span", node)];
    const page = make("code", make("span", node, "What to do: "));
    return { node, cause, detail, page };
  });
  findings.forEach(({ isBad, cause, detail, page }, index) => {
    const view = findingViews.get(index);
    view.node.className = isBad ? "bad" : "";
    set(view.cause, cause);
    set(view.detail, detail);
    set(view.page, page);
  });
}

const findingViews = new Map();
