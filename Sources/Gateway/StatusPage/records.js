// A look at a stream's newest records, and a put to try.

const keptRecords = 100;
let looking = null;

byId("look-toggle").addEventListener("click", () => {
  if (looking) return looking.abort();
  const stream = byId("look-stream").value.trim();
  if (stream === "") return set(byId("look-state"), "Say which stream.");
  look(stream, byId("look-from").value);
});

async function look(stream, from) {
  looking = new AbortController();
  set(byId("look-toggle"), "Stop");
  byId("look-records").replaceChildren();
  byId("look-records").hidden = false;
  set(byId("look-state"), `Waiting for records of ${stream}.`);
  let count = 0;
  try {
    const response = await fetch(`${pathOf(stream, "records")}?tail=true&initialPositionInStream=${from}`,
      { headers: { ...authorization(), Accept: "application/x-ndjson" }, signal: looking.signal });
    if (!response.ok) throw await refusal(response);
    for await (const event of lines(response.body)) {
      if (event.event === "problem") set(byId("look-state"), event.detail);
      if (event.event !== "records") continue;
      for (const record of event.records) showRecord(event.shardId, record);
      count += event.records.length;
      set(byId("look-state"), `${plural(count, "record")} of ${stream}` +
        (count > keptRecords ? `, the newest ${keptRecords} here` : ""));
    }
    set(byId("look-state"), "The sidecar has ended it.");
  } catch (error) {
    set(byId("look-state"), error.name === "AbortError" ? `Stopped behind ${plural(count, "record")}.` : error.message);
  } finally {
    looking = null;
    set(byId("look-toggle"), "Show its records");
  }
}

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) if (part !== "") yield JSON.parse(part);
  }
}

function showRecord(shardId, record) {
  const list = byId("look-records");
  const item = make("li");
  make("span", item, `${record.approximateArrivalTimestamp} ${shardId} ${record.partitionKey ?? ""}`);
  if (record.dataEncoding) make("span", item, record.dataEncoding + ":");
  item.append(typeof record.data === "string" ? record.data : JSON.stringify(record.data));
  list.prepend(item);
  while (list.childElementCount > keptRecords) list.lastChild.remove();
}

byId("look-put").addEventListener("click", () => {
  const stream = byId("look-stream").value.trim();
  if (stream === "") return set(byId("look-state"), "Say which stream.");
  let data, key;
  ask(`Put a record into ${stream}`, "Put", (body) => {
    make("p", body, "Every reader of the stream gets it, here and elsewhere.");
    data = field(body, "Data: JSON, or else text", "textarea");
    data.rows = 4;
    data.value = '{"hello": "world"}';
    key = field(body, "Partition key, if one matters");
  }, async () => {
    let value = data.value;
    try { value = JSON.parse(value); } catch { /* It is text. */ }
    const answer = await post(pathOf(stream, "put"), { data: value, ...(key.value ? { partitionKey: key.value } : {}) });
    return `Put into ${answer.shardId}, as ${answer.sequenceNumber}.`;
  });
});
