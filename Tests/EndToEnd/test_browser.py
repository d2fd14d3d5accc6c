"""A browser as it is: headless Chromium with EventSource and fetch."""

import functools
import http.server
import json
import threading

import pytest

from harness.cutting_proxy import CuttingProxy
from harness.waiting import eventually

FOLLOW = """
window.seen = []; window.ids = []; window.opened = 0; window.problems = [];
window.source = new EventSource('/streams/s/records?pollDelay=20&noRecordsPollDelay=250');
source.onopen = () => { opened += 1 };
source.addEventListener('problem', event => problems.push(event.data));
source.addEventListener('records', event => {
    ids.push(event.lastEventId);
    for (const record of JSON.parse(event.data).records) seen.push(record.data.n);
});
"""


@pytest.mark.seconds(120)
def test_an_event_source_that_loses_its_connection_has_every_record_once(chromium, sidecars, tmp_path):
    sidecar = sidecars.start("--local-limits", "off", data_dir=tmp_path / "data")
    proxy = CuttingProxy(sidecar.ports["http"])
    try:
        chromium.get(f"http://127.0.0.1:{proxy.port}/livez")  # a page of the same origin
        chromium.execute_script(FOLLOW)
        eventually(lambda: chromium.execute_script("return opened") == 1, 20, why="it is connected")
        count = 0
        for round in range(1, 4):
            put(sidecar, count, 40)
            count += 40
            eventually(lambda: len(seen(chromium)) >= count, 20, why="the records")
            proxy.cut()
            put(sidecar, count, 40)  # while it is away
            count += 40
            eventually(lambda: chromium.execute_script("return opened") == round + 1, 20, why="it is back")
        eventually(lambda: len(seen(chromium)) >= count, 20, why="every record")
        assert sorted(seen(chromium)) == list(range(count))
        assert chromium.execute_script("return problems") == []
        last_ids = [
            line.partition(": ")[2] for head in proxy.heads for line in head.split("\r\n")
            if line.lower().startswith("last-event-id")]
        assert len(last_ids) == 3 and all(last in chromium.execute_script("return ids") for last in last_ids)
        # The sidecar is restarted: EventSource comes back by itself, and goes on.
        sidecar.terminate()
        sidecar.start()
        proxy.target = sidecar.ports["http"]
        put(sidecar, count, 40)
        count += 40
        eventually(lambda: len(seen(chromium)) >= count, 30, why="the records behind the restart")
        assert sorted(seen(chromium)) == list(range(count))
    finally:
        chromium.execute_script("source.close()")
        proxy.close()


PUT_AND_FOLLOW = """
window.seen = []; window.status = null; window.failed = null;
fetch(arguments[0] + '/streams/s/put', {
    method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({data: {n: 1}})
}).then(answer => { status = answer.status }, error => { failed = String(error) });
window.source = new EventSource(arguments[0] + '/streams/s/records?initialPositionInStream=TRIM_HORIZON');
source.addEventListener('records', event => {
    for (const record of JSON.parse(event.data).records) seen.push(record.data.n);
});
source.onerror = () => { window.failedSource = source.readyState };
"""


def test_a_page_of_an_allowed_origin_puts_and_follows_and_another_does_neither(chromium, sidecars, tmp_path):
    (tmp_path / "page.html").write_text("<title>a page</title>")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as pages:
        threading.Thread(target=pages.serve_forever, daemon=True).start()
        origin = f"http://127.0.0.1:{pages.server_port}"
        sidecar = sidecars.start(env={"KINESIS_SIDECAR_ALLOWED_ORIGINS": origin})
        chromium.get(origin + "/page.html")
        chromium.execute_script(PUT_AND_FOLLOW, sidecar.url)
        eventually(lambda: seen(chromium) == [1], 20, why="its record")
        eventually(lambda: chromium.execute_script("return status") in (200, "200"), 20, why="its put's answer")
        chromium.execute_script("source.close()")
        # The same page under another name.
        chromium.get(f"http://localhost:{pages.server_port}/page.html")
        chromium.execute_script(PUT_AND_FOLLOW, sidecar.url)
        eventually(lambda: chromium.execute_script("return failed !== null && failedSource === 2"), 20, why="refusals")
        assert seen(chromium) == []
        pages.shutdown()


def put(sidecar, first, count):
    records = [{"data": {"n": n}, "partitionKey": str(n)} for n in range(first, first + count)]
    answer = sidecar.post("/streams/s/put", {"records": records})
    assert answer.status == 200, answer


def seen(chromium):
    return json.loads(chromium.execute_script("return JSON.stringify(seen)"))
