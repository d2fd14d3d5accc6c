// The streams, their consumers, and who is in their groups.

class ConsumerView {
  constructor(stream, consumer) {
    this.node = make("section");
    this.title = make("h3", this.node);
    this.facts = make("p", this.node);
    this.members = make("p", this.node);
    const tools = make("p", this.node, null, "tools");
    const place = { stream, group: consumer.consumerGroup };
    this.start = button(tools, "Start", () => confirmStart(place));
    this.stop = button(tools, "Stop…", () => confirmStop(place));
    this.seek = button(tools, "Seek…", () => confirmSeek(place));
    for (const [node, verb] of [[this.start, "Start"], [this.stop, "Stop"], [this.seek, "Seek"]]) {
      node.setAttribute("aria-label", `${verb} group ${place.group} of ${stream}`);
    }
    this.table = new ShardTable(this.node, consumer);
  }

  show(consumer, members) {
    set(this.title, `Group ${consumer.consumerGroup}: ${consumer.phase}`);
    set(this.facts, factsOf(consumer));
    this.facts.hidden = this.facts.textContent === "";
    set(this.members, members.length ? "Members: " + members.join("; ") : "");
    this.members.hidden = members.length === 0;
    const isOver = consumer.phase === "stopped" || consumer.phase === "dormant";
    this.start.hidden = !isOver;
    this.stop.hidden = isOver;
    this.table.show(consumer);
  }
}

// With each shard its child, where record processors take the records: those of /stats stand apart.
function withProcessors(consumer, stream, processors) {
  const application = processors.find((one) => one.streamName === stream && one.consumerGroup === consumer.consumerGroup);
  if (!application) return consumer;
  const children = new Map(application.children.map((child) => [child.shardId, child]));
  return {
    ...consumer, processors: application,
    shards: consumer.shards.map((shard) => ({ ...shard, child: children.get(shard.shardId) })),
  };
}

function factsOf(consumer) {
  const group = consumer.group;
  const readers = new Set(consumer.shards.map((shard) => shard.reader).filter((reader) => reader)).size;
  return [
    plural(readers, "reader") + " here",
    "checkpoints in " + (consumer.storage.checkpoints.join(" and ") || "memory alone"),
    group && `${number(group.leases)} of the leases here, ${plural(group.members, "member")}; ` +
      `${number(group.leasesTaken)} taken, ${number(group.leasesRenewed)} renewed, ` +
      `${number(group.leasesGivenUp)} given up, ${number(group.leasesLost)} lost`,
    consumer.processors && `record processors: ${consumer.processors.command.join(" ")}`,
    consumer.fanOut && `enhanced fan-out: ${consumer.fanOut.state}`,
  ].filter((fact) => fact).join("; ");
}

// Of each consumer of the stream, by its group: host, process, its shards and how long ago it was heard of.
function membersOf(assignments, group) {
  return Object.values(assignments ?? {}).filter((member) => member.consumerGroup === group).map((member) => {
    const silent = member.heartbeat ? Date.now() - Date.parse(member.heartbeat) : undefined;
    return `${member.host} (process ${member.pid}), ${plural(member.shards.length, "shard")}` +
      (silent > 10_000 ? `, silent for ${duration(silent)}` : "");
  });
}

class StreamView {
  constructor(name) {
    this.name = name;
    this.node = make("section");
    this.title = make("h2", this.node);
    this.consumers = make("div", this.node);
    this.views = new Map();
  }

  show(stream, assignments, processors) {
    const failures = stream.recentExceptions.count;
    set(this.title, `${this.name}: ${number(stream.puts.records)} records put, ${bytes(stream.puts.bytes)}` +
      (failures ? `, ${plural(failures, "failure")} in the last 5 minutes` : ""));
    const byId = new Map(stream.consumers.map((consumer) =>
      [consumer.consumerId, withProcessors(consumer, this.name, processors)]));
    keep(this.consumers, this.views, [...byId.keys()], (id) => new ConsumerView(this.name, byId.get(id)));
    for (const [id, consumer] of byId) {
      this.views.get(id).show(consumer, membersOf(assignments, consumer.consumerGroup));
    }
  }
}

const streamViews = new Map();
const firstSteps = () => {
  const node = make("section");
  make("h2", node, "No stream yet");
  make("p", node, "Nobody reads or writes here. Follow a stream in one terminal, and put a record in another:");
  make("pre", node, `curl -N ${location.origin}/streams/s/records\n` +
    `curl -d '{"data": {"hello": "world"}}' ${location.origin}/streams/s/put`);
  return { node, show() {} };
};

// A name with a space cannot be a stream's.
const noStream = "no stream";

function showStreams({ stats, assignments }) {
  const names = Object.keys(stats.streams);
  keep(byId("streams"), streamViews, names.length ? names : [noStream],
    (name) => name === noStream ? firstSteps() : new StreamView(name));
  for (const name of names) streamViews.get(name).show(stats.streams[name], assignments[name], stats.processors ?? []);
  keep(byId("stream-names"), streamNames, names, (name) => {
    const node = make("option");
    node.value = name;
    return { node };
  });
}

const streamNames = new Map();
