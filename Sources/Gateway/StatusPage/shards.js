// A consumer's shards as a table that is searched and sorted, for a thousand of them too.

function lease(shard, consumer) {
  const owner = shard.leaseOwner;
  if (!owner) return "nobody";
  return owner.memberId === consumer.group.memberId ? "here" : owner.host || owner.memberId;
}

// How many have begun, and why those that are over are.
function subscriptions(shard) {
  const ends = Object.entries(shard.subscriptionEnds ?? {}).map(([reason, count]) => `${number(count)} ${reason}`);
  return number(shard.subscriptions) + (ends.length ? ` (${ends.join(", ")})` : "");
}

// A record processor's last checkpoint, as it names it.
const place = ({ sequenceNumber, subSequenceNumber }) => sequenceNumber + (subSequenceNumber ? "/" + subSequenceNumber : "");

// A column of what a shard's record processor is at.
const ofChild = (title, value, text) => ({
  title, text, value: (shard) => shard.child && value(shard.child), only: (consumer) => consumer.processors,
});

// Title; what it is sorted by; the cell's text, where that is another.
const columns = [
  { title: "Shard", value: (shard) => shard.shardId },
  { title: "Phase", value: (shard) => shard.phase },
  { title: "Lease", value: lease, only: (consumer) => consumer.group },
  { title: "Reader", value: (shard) => shard.reader ?? "none" },
  { title: "Behind", value: (shard) => shard.millisBehindLatest, text: duration },
  { title: "Checkpoint behind", value: (shard) => shard.checkpointMillisBehindLatest, text: duration },
  { title: "Records/s", value: (shard) => shard.recordsPerSecond, text: (value) => number(value, 1) },
  { title: "Bytes/s", value: (shard) => shard.bytesPerSecond, text: bytes },
  { title: "Records", value: (shard) => shard.records, text: number },
  { title: "Buffered", value: (shard) => shard.bufferedBytes, text: bytes },
  { title: "Not acknowledged", value: (shard) => shard.unacknowledgedEvents, text: number },
  { title: "Subscriptions", value: subscriptions, only: (consumer) => consumer.fanOut },
  { title: "Pushed", value: (shard) => shard.pushedBytes ?? 0, text: bytes, only: (consumer) => consumer.fanOut },
  { title: "Restarts", value: (shard) => shard.restarts, text: number },
  ofChild("Child", (child) => child.state + (child.pid ? `, process ${child.pid}` : "")),
  ofChild("Child restarts", (child) => child.restarts, number),
  ofChild("Failures in a row", (child) => child.failuresInRow, number),
  ofChild("In processRecords", (child) => child.processingMillis, duration),
  ofChild("Last checkpoint", (child) => child.lastCheckpoint && place(child.lastCheckpoint)),
  { title: "Problem", value: (shard) => shard.problem ?? "" },
];

const isNumeric = (column) => column.text !== undefined;
const shownAtFirst = 100;

class ShardTable {
  constructor(parent, consumer) {
    this.columns = columns.filter((column) => !column.only || column.only(consumer));
    this.sorting = { column: this.columns[0], isDescending: false };
    this.limit = shownAtFirst;
    this.rows = new Map();
    const tools = make("p", parent, null, "tools");
    const label = make("label", tools, "Search shards ");
    this.search = make("input", label);
    this.search.type = "search";
    this.search.addEventListener("input", () => this.show(this.consumer));
    this.more = button(tools, "", () => {
      this.limit = Infinity;
      this.show(this.consumer);
    });
    this.tools = tools;
    const box = make("div", parent, null, "wide");
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", "Shards of group " + consumer.consumerGroup);
    this.table = make("table", box, null, "cards");
    this.caption = make("caption", this.table, "");
    const head = make("tr", make("thead", this.table));
    this.heads = this.columns.map((column) => {
      const cell = make("th", head, null, isNumeric(column) ? "number" : "");
      cell.scope = "col";
      button(cell, column.title, () => this.sort(column));
      return cell;
    });
    this.body = make("tbody", this.table);
  }

  // What one wants to see first of a number is the most.
  sort(column) {
    const { sorting } = this;
    const isDescending = sorting.column === column ? !sorting.isDescending : isNumeric(column);
    this.sorting = { column, isDescending };
    this.show(this.consumer);
  }

  show(consumer) {
    this.consumer = consumer;
    const { column, isDescending } = this.sorting;
    const wanted = this.search.value.trim().toLowerCase();
    const found = consumer.shards.filter((shard) => wanted === ""
      || this.columns.some((one) => String(one.value(shard, consumer) ?? "").toLowerCase().includes(wanted)));
    const key = (shard) => column.value(shard, consumer);
    found.sort((one, other) => (isDescending ? -1 : 1) * compare(key(one), key(other)) || compare(one.shardId, other.shardId));
    const shown = found.slice(0, this.limit);
    this.tools.hidden = consumer.shards.length < 8 && wanted === "";
    this.more.hidden = shown.length === found.length;
    set(this.more, `Show all ${number(found.length)}`);
    set(this.caption, `${plural(found.length, "shard")}` +
      (found.length < consumer.shards.length ? ` of ${number(consumer.shards.length)}` : "") +
      (shown.length < found.length ? `, the first ${number(shown.length)} of them here` : ""));
    this.heads.forEach((head, index) => {
      const order = this.columns[index] !== column ? "none" : isDescending ? "descending" : "ascending";
      head.setAttribute("aria-sort", order);
    });
    keep(this.body, this.rows, shown.map((shard) => shard.shardId), () => this.row());
    for (const shard of shown) this.fill(this.rows.get(shard.shardId), shard, consumer);
  }

  row() {
    const node = make("tr");
    const cells = this.columns.map((column, index) => {
      const cell = make(index === 0 ? "th" : "td", node, null,
        isNumeric(column) ? "number" : column.title === "Problem" ? "problem" : "");
      if (index === 0) cell.scope = "row";
      cell.dataset.title = column.title;
      return cell;
    });
    return { node, cells };
  }

  fill({ node, cells }, shard, consumer) {
    node.className = shard.problem ? "ill" : "";
    this.columns.forEach((column, index) => {
      const value = column.value(shard, consumer);
      set(cells[index], !column.text ? value ?? "–" : value === undefined ? "–" : column.text(value));
    });
  }
}

function compare(one, other) {
  if (one === other) return 0;
  if (one === undefined) return -1;
  if (other === undefined) return 1;
  return one < other ? -1 : 1;
}
