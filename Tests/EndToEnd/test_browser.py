"""A browser as it is: headless Chromium with EventSource, and the status page."""

import functools
import hashlib
import http.server
import json
import socket
import threading

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from harness.cutting_proxy import CuttingProxy
from harness.group import Group
from harness.records import make_stream
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


@pytest.fixture(scope="module")
def chromium():
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    yield driver
    driver.quit()


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


def test_the_status_page_shows_what_is_read(chromium, sidecar):
    reader = sidecar.follow("orders")
    sidecar.put("orders", {"n": 0})
    reader.wait_records(1)
    chromium.get_log("browser")  # what was before
    chromium.get(sidecar.url + "/")
    eventually(lambda: "orders" in chromium.find_element("tag name", "body").text, 20, why="the stream's name")
    text = chromium.find_element("tag name", "body").text
    assert "shardId-000000000000" in text and "kinesis-sidecar" in text
    complaints = [entry for entry in chromium.get_log("browser") if entry["level"] == "SEVERE"]
    assert [entry for entry in complaints if "favicon.ico" not in entry["message"]] == []


def test_the_status_page_asks_for_a_token_and_keeps_it_in_its_tab(chromium, sidecars, tmp_path):
    digest = hashlib.sha256(b"good").hexdigest()
    (tmp_path / "sidecar.yaml").write_text(
        json.dumps({"tokens": [{"name": "page", "sha256": digest, "streams": "orders", "verbs": ["read", "put"]}]}))
    sidecar = sidecars.start("--config", tmp_path / "sidecar.yaml")
    good = {"Authorization": "Bearer good"}
    assert sidecar.post("/streams/orders/put", {"data": 1}, headers=good).status == 200

    def page():
        return chromium.find_element("tag name", "main").text

    def give(token):
        chromium.find_element("id", "token").send_keys(token)
        chromium.find_element("css selector", "#asking button").click()

    chromium.get_log("browser")  # what was before
    chromium.get(sidecar.url + "/")
    eventually(lambda: "tells only those who have a token" in page(), 20, why="it asks")
    assert "metrics" not in page(), "no link that would be refused"
    give("bad")
    eventually(lambda: "tokens lists no token" in page(), 20, why="what the sidecar says of it")
    give("good")
    eventually(lambda: "orders: 1 records put" in page(), 20, why="the stream")
    assert not chromium.find_element("id", "asking").is_displayed()
    chromium.refresh()
    eventually(lambda: "orders: 1 records put" in page(), 20, why="the tab has it still")
    assert chromium.execute_script("return [localStorage.length, document.cookie]") == [0, ""]
    complaints = [entry["message"] for entry in chromium.get_log("browser") if entry["level"] == "SEVERE"]
    assert all("401" in message for message in complaints), complaints
    chromium.execute_script("sessionStorage.clear()")


def test_the_status_page_shows_who_leases_what(chromium, sidecars, ministack, tmp_path):
    group = Group(sidecars, ministack.url, tmp_path)
    make_stream(group.kinesis, "s", 4)
    members = [group.member() for _ in range(2)]
    for member in members:
        member.follow("s")
    group.wait_shares(2, 2)
    chromium.get(members[0].url + "/")

    def leases():
        rows = chromium.find_elements("css selector", "#streams tbody tr")
        return sorted(row.find_element("css selector", "td:nth-of-type(2)").text for row in rows)

    eventually(lambda: leases() == sorted(["here"] * 2 + [socket.gethostname()] * 2), 20, why="two are here")
    caption = chromium.find_element("css selector", "#streams caption").text
    assert "2 of the leases here, 2 members; 4 taken" in caption and "2 given up, 0 lost" in caption


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
