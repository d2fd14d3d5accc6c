// The process in figures, each with the curve of its last hour: the sidecar's samples of every ten seconds.

const figures = [
  ["Records/s read", (now) => number(sum(now, (shard) => shard.recordsPerSecond), 1), (at) => at.deliveredRecords, true],
  ["Records/s put", (now) => number(rateOfPuts(samplesOf(now)), 1), (at) => at.putRecords, true],
  ["Most behind", (now) => duration(worst(now)), (at) => at.millisBehindLatest, false],
  ["Throttled, last hour", (now) => number(grown(samplesOf(now), (at) => at.throttles)), (at) => at.throttles, true],
  ["Waits for readers", (now) => share(now.stats.bufferedBytes, now.process?.maxBufferedBytes), (at) => at.bufferedBytes, false],
  ["Waits to be put", (now) => share(now.stats.waitingPutBytes, now.process?.maxPutBytes), (at) => at.waitingPutBytes, false],
];

const share = (used, limit) => bytes(used) + (limit === undefined ? "" : ` of ${bytes(limit)}`);
const samplesOf = (now) => now.process?.samples ?? [];

const shardsOf = (stats) => Object.values(stats.streams).flatMap((stream) => stream.consumers).flatMap((one) => one.shards);
const sum = (now, value) => shardsOf(now.stats).reduce((total, shard) => total + value(shard), 0);

function worst(now) {
  const known = shardsOf(now.stats).map((shard) => shard.checkpointMillisBehindLatest).filter((millis) => millis !== undefined);
  return known.length ? Math.max(...known) : undefined;
}

function grown(samples, value) {
  return samples.length < 2 ? undefined : value(samples[samples.length - 1]) - value(samples[0]);
}

// Over the last minute.
function rateOfPuts(samples) {
  const lately = samples.slice(-7);
  const millis = grown(lately, (at) => Date.parse(at.time));
  return millis ? grown(lately, (at) => at.putRecords) / (millis / 1000) : undefined;
}

// A counter's growth from one sample to the next, or the values themselves.
function points(samples, value, isCounter) {
  const values = samples.map((sample) => value(sample) ?? 0);
  return isCounter ? values.slice(1).map((count, index) => Math.max(0, count - values[index])) : values;
}

function polyline(values) {
  const top = Math.max(...values, 1);
  const step = 100 / Math.max(values.length - 1, 1);
  return values.map((value, index) => `${(index * step).toFixed(2)},${(29 - 28 * value / top).toFixed(2)}`).join(" ");
}

const figureViews = new Map();

function showFigures(now) {
  keep(byId("figures"), figureViews, figures.map(([name]) => name), (name) => {
    const node = make("div", null, null, "figure");
    make("div", node, name, "name");
    const value = make("div", node, "", "value");
    node.append(byId("curve").content.cloneNode(true));
    return { node, value, svg: node.querySelector("svg"), line: node.querySelector("polyline") };
  });
  for (const [name, text, value, isCounter] of figures) {
    const view = figureViews.get(name);
    set(view.value, text(now));
    const curve = points(samplesOf(now), value, isCounter);
    view.line.setAttribute("points", curve.length > 1 ? polyline(curve) : "");
    view.svg.setAttribute("aria-label", curve.length > 1
      ? `${name}: the last ${duration(curve.length * now.process.sampleMillis)}` : `${name}: no curve yet`);
  }
}
