"""The status page in headless Chromium: what a person does with it at three in the morning."""

import hashlib
import json
import re
import socket
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from harness.cutting_proxy import CuttingProxy
from harness.group import Group
from harness.multilang import Notes, processor
from harness.records import make_stream
from harness.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "Sources/Gateway/StatusPage"


def page(chromium):
    return chromium.find_element("tag name", "main").text


def find(chromium, selector):
    return chromium.find_element("css selector", selector)


def findings(chromium):
    return [item.text for item in chromium.find_elements("css selector", "#findings li")]


def complaints(chromium):
    return [entry["message"] for entry in chromium.get_log("browser") if entry["level"] == "SEVERE"]


def open_page(chromium, url):
    chromium.get_log("browser")  # what was before
    chromium.get(url + "/")


def test_it_shows_what_is_read_and_that_all_is_well(chromium, sidecar):
    reader = sidecar.follow("orders")
    sidecar.put("orders", {"n": 0})
    reader.wait_records(1)
    open_page(chromium, sidecar.url)
    eventually(lambda: "orders: 1 records put" in page(chromium), 20, why="the stream")
    assert "shardId-000000000000" in page(chromium) and "1 reader here" in page(chromium)
    assert find(chromium, "#findings-title").text == "All is well"
    assert chromium.title == f"✔ {socket.gethostname()} – kinesis-sidecar"
    eventually(lambda: chromium.find_elements("css selector", "#figures polyline[points*=',']"), 60, why="a curve")
    assert complaints(chromium) == []


def test_where_nothing_is_yet_it_shows_what_to_try(chromium, sidecars):
    sidecar = sidecars.start()
    open_page(chromium, sidecar.url)
    eventually(lambda: f"curl -N {sidecar.url}/streams/s/records" in page(chromium), 20, why="the command")


def test_what_is_wrong_comes_first_once_and_with_its_page_of_docs(chromium, sidecars):
    sidecar = sidecars.start("--local-stream", "orders:9")
    reader = sidecar.follow("orders")
    sidecar.put("orders", {"n": 0})
    reader.wait_records(1)
    sidecar.fault("fail", operation="GetRecords", count=1000)
    open_page(chromium, sidecar.url)
    eventually(lambda: any("InternalFailure" in text for text in findings(chromium)), 30, why="the failure is told")
    assert "docs/incidents.md#aws-refuses" in " ".join(findings(chromium))
    eventually(lambda: any("and 6 more" in text for text in findings(chromium)), 30, why="all shards in one line")
    assert chromium.title[0] in "✖▲"
    sections = [element.get_attribute("id") for element in chromium.find_elements("css selector", "#told > *")]
    assert sections[0] == "findings"


def test_record_processors_that_fail_come_first_and_each_shard_shows_its_child(chromium, sidecars, tmp_path):
    notes = Notes(tmp_path / "notes")
    command = processor(notes.folder, "shard=shardId-000000000001", "at=processRecords:1-1000:exit")
    config = tmp_path / "sidecar.yaml"
    config.write_text(json.dumps({"processors": [{  # JSON is YAML
        "command": command, "streamName": "s", "consumerGroup": "g", "initialPositionInStream": "TRIM_HORIZON"}]}))
    sidecar = sidecars.start("--local-stream", "s:2", "--config", config)
    for hash_key in ["0", str(2**127)]:
        sidecar.put("s", {"n": 0}, explicitHashKey=hash_key)
    open_page(chromium, sidecar.url)

    def row(shard):
        rows = chromium.find_elements("css selector", "#streams tbody tr")
        cells = [tr.find_elements("css selector", "th, td") for tr in rows if shard in tr.text]
        return {cell.get_attribute("data-title"): cell.text for cell in cells[0]} if cells else {}

    eventually(lambda: any("of shardId-000000000001 fail" in text for text in findings(chromium)), 30, why="it is told")
    told = next(text for text in findings(chromium) if "of shardId-000000000001 fail" in text)
    assert "in a row" in told or "given up" in told
    assert "docs/multilang.md#looking-at-children" in told
    eventually(lambda: row("shardId-000000000000").get("Last checkpoint", "–") != "–", 20, why="the other one works")
    children = json.loads(sidecar.get("/stats").body)["processors"][0]["children"]
    [child] = [child for child in children if child["shardId"].endswith("0")]
    assert row("shardId-000000000000")["Child"] == f"idle, process {child['pid']}"
    assert row("shardId-000000000000")["Child restarts"] == "0"
    assert int(row("shardId-000000000001")["Failures in a row"]) > 0
    assert "record processors: " in page(chromium)
    assert complaints(chromium) == []


def test_a_sidecar_that_goes_away_is_told_and_comes_back(chromium, sidecar):
    sidecar.put("orders", {"n": 0})
    proxy = CuttingProxy(sidecar.ports["http"])
    try:
        open_page(chromium, f"http://127.0.0.1:{proxy.port}")
        eventually(lambda: chromium.title.startswith("✔"), 20, why="all is well")
        proxy.go_down()
        eventually(lambda: "cannot be asked" in find(chromium, "#news").text, 20, why="it says so")
        assert chromium.title.startswith("✖") and "orders" in page(chromium), "what it said last stays"
        proxy.come_back()
        eventually(lambda: chromium.title.startswith("✔"), 20, why="it is back")
        assert find(chromium, "#news").text == "The sidecar answers again."
    finally:
        proxy.close()


def test_a_group_is_stopped_and_started_behind_a_confirmation(chromium, sidecar):
    reader = sidecar.follow("orders")
    open_page(chromium, sidecar.url)
    eventually(lambda: "Group kinesis-sidecar: reading" in page(chromium), 20, why="the group")
    press(chromium, "Stop…")
    assert "Stop group kinesis-sidecar of orders?" in find(chromium, "dialog").text
    find(chromium, "dialog").send_keys(Keys.ESCAPE)
    assert not find(chromium, "dialog").is_displayed() and not reader.closed
    press(chromium, "Stop…")
    find(chromium, "#dialog-go").click()
    eventually(lambda: "Group kinesis-sidecar: stopped" in page(chromium), 20, why="it is stopped")
    press(chromium, "Start")
    find(chromium, "#dialog-go").click()
    eventually(lambda: "Group kinesis-sidecar: stopped" not in page(chromium), 20, why="it is started")
    assert complaints(chromium) == []


def test_a_seek_shows_what_it_would_do_before_it_does_it(chromium, sidecar):
    reader = sidecar.follow("orders")
    for n in range(3):
        sidecar.put("orders", {"n": n})
    reader.wait_records(3)
    open_page(chromium, sidecar.url)
    eventually(lambda: "Group kinesis-sidecar: reading" in page(chromium), 20, why="the group")
    press(chromium, "Seek…")
    find(chromium, "#dialog-go").click()
    eventually(lambda: "Nothing has changed yet" in find(chromium, "#dialog-answer").text, 20, why="the plan")
    assert "TRIM_HORIZON" in find(chromium, "#seek-plan").text and len(reader.records) == 3
    assert find(chromium, "#dialog-go").text == "Seek"
    find(chromium, "#dialog-go").click()
    eventually(lambda: find(chromium, "#dialog-answer").text == "Done: 1 shard moved.", 20, why="it is done")
    reader.wait_records(6)
    find(chromium, "#dialog-cancel").click()
    assert not find(chromium, "dialog").is_displayed()


def test_records_are_looked_at_and_put(chromium, sidecar):
    sidecar.put("orders", {"n": 0})
    open_page(chromium, sidecar.url)
    eventually(lambda: "orders" in page(chromium), 20, why="the stream")
    find(chromium, "#look-stream").send_keys("orders")
    find(chromium, "#look-toggle").click()
    eventually(lambda: "Waiting for records" in find(chromium, "#look-state").text, 20, why="it looks")
    eventually(lambda: sidecar.metric("kinesis_sidecar_tail_readers") == 1, 20, why="it follows")
    find(chromium, "#look-put").click()
    data = find(chromium, "dialog textarea")
    data.clear()
    data.send_keys('{"from": "<b>the page</b>"}')
    find(chromium, "#dialog-go").click()
    eventually(lambda: "Put into shardId-000000000000" in find(chromium, "#dialog-answer").text, 20, why="it is put")
    find(chromium, "#dialog-cancel").click()
    eventually(lambda: '{"from":"<b>the page</b>"}' in find(chromium, "#look-records").text, 20, why="its record")
    find(chromium, "#look-toggle").click()
    eventually(lambda: find(chromium, "#look-state").text == "Stopped behind 1 record.", 20, why="it stops")
    eventually(lambda: sidecar.metric("kinesis_sidecar_tail_readers") == 0, 20, why="its reader has gone")
    assert complaints(chromium) == []


@pytest.mark.seconds(120)
def test_a_thousand_shards_are_searched_and_sorted(chromium, sidecars):
    sidecar = sidecars.start("--local-limits", "off", "--local-stream", "many:1000")
    sidecar.follow("many")
    eventually(lambda: shards_of(sidecar) == 1000, 60, why="all are read")
    open_page(chromium, sidecar.url)
    eventually(lambda: "1,000 shards, the first 100 of them here" in page(chromium), 30, why="the first of them")
    search = find(chromium, "#streams input[type=search]")
    search.send_keys("000777")
    eventually(lambda: len(rows(chromium)) == 1, 20, why="the one")
    assert rows(chromium)[0].startswith("shardId-000000000777")
    search.send_keys(Keys.BACKSPACE * 6)
    press(chromium, "Shard")
    eventually(lambda: rows(chromium)[0].startswith("shardId-000000000999"), 20, why="the last first")
    assert find(chromium, "#streams th[aria-sort=descending]").text == "Shard"
    press(chromium, "Show all 1,000")
    eventually(lambda: len(chromium.find_elements("css selector", "#streams tbody tr")) == 1000, 20, why="all")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_and_a_wide_screen_show_it_whole_by_day_and_by_night(chromium, sidecar, scheme):
    sidecar.follow("orders")
    chromium.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    try:
        for width in (390, 1280):
            chromium.execute_cdp_cmd(
                "Emulation.setDeviceMetricsOverride",
                {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width == 390})
            open_page(chromium, sidecar.url)
            eventually(lambda: "shardId-000000000000" in page(chromium), 20, why="the shard")
            assert chromium.execute_script("return document.documentElement.scrollWidth") <= width
        red, green, blue = map(int, re.findall(r"\d+", find(chromium, "body").value_of_css_property("background-color"))[:3])
        assert (red + green + blue < 200) == (scheme == "dark")
    finally:
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
        chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_it_is_used_with_the_keyboard_alone(chromium, sidecar):
    sidecar.follow("orders")
    open_page(chromium, sidecar.url)
    eventually(lambda: "shardId-000000000000" in page(chromium), 20, why="the shard")
    # Each control has a name for who hears the page.
    nameless = [
        element.get_attribute("outerHTML") for element in chromium.find_elements("css selector", "button, input, select")
        if element.is_displayed() and not element.accessible_name]
    assert nameless == []
    seen = []
    for _ in range(40):
        chromium.switch_to.active_element.send_keys(Keys.TAB)
        seen.append(chromium.switch_to.active_element.text or chromium.switch_to.active_element.get_attribute("id"))
        if seen[-1] == "Stop…":
            break
    assert "Stop renewing" in seen and seen[-1] == "Stop…"
    chromium.switch_to.active_element.send_keys(Keys.ENTER)
    eventually(lambda: find(chromium, "dialog").is_displayed(), 10, why="the dialog")
    assert chromium.execute_script("return document.querySelector('dialog').contains(document.activeElement)")


def test_each_page_of_docs_that_it_names_is_there():
    named = re.findall(r'"docs/([\w-]+\.md)(?:#([\w-]+))?"', (PAGE / "findings.js").read_text())
    assert len(named) > 8
    for name, anchor in named:
        headings = re.findall(r"^#+ (.+)$", (ROOT / "docs" / name).read_text(), re.MULTILINE)
        anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
        assert not anchor or anchor in anchors, f"docs/{name}#{anchor}"


def test_it_asks_for_a_token_and_keeps_it_in_its_tab(chromium, sidecars, tmp_path):
    digest = hashlib.sha256(b"good").hexdigest()
    (tmp_path / "sidecar.yaml").write_text(
        json.dumps({"tokens": [{"name": "page", "sha256": digest, "streams": "orders", "verbs": ["read", "put"]}]}))
    sidecar = sidecars.start("--config", tmp_path / "sidecar.yaml")
    good = {"Authorization": "Bearer good"}
    assert sidecar.post("/streams/orders/put", {"data": 1}, headers=good).status == 200

    def give(token):
        chromium.find_element("id", "token").send_keys(token)
        chromium.find_element("css selector", "#asking button").click()

    chromium.get_log("browser")  # what was before
    chromium.get(sidecar.url + "/")
    eventually(lambda: "tells only those who have a token" in page(chromium), 20, why="it asks")
    assert "metrics" not in page(chromium), "no link that would be refused"
    give("bad")
    eventually(lambda: "tokens lists no token" in page(chromium), 20, why="what the sidecar says of it")
    give("good")
    eventually(lambda: "orders: 1 records put" in page(chromium), 20, why="the stream")
    assert not chromium.find_element("id", "asking").is_displayed()
    chromium.refresh()
    eventually(lambda: "orders: 1 records put" in page(chromium), 20, why="the tab has it still")
    assert chromium.execute_script("return [localStorage.length, document.cookie]") == [0, ""]
    assert all("401" in message or "/process" in message and "403" in message for message in complaints(chromium))
    chromium.execute_script("sessionStorage.clear()")


def test_it_shows_who_leases_what(chromium, sidecars, ministack, tmp_path):
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
    text = page(chromium)
    assert "2 of the leases here, 2 members; 4 taken" in text and "2 given up, 0 lost" in text
    eventually(lambda: page(chromium).count("(process ") == 2, 20, why="both members are named")


def press(chromium, text):
    """The first button of the streams that says so."""
    for button in chromium.find_elements("css selector", "#streams button"):
        if button.is_displayed() and button.text == text:
            return button.click()
    raise AssertionError(f"no button says {text}")


def rows(chromium):
    return chromium.execute_script("return [...document.querySelectorAll('#streams tbody tr')].map(row => row.textContent)")


def shards_of(sidecar):
    consumers = sidecar.get("/stats").json["streams"]["many"]["consumers"]
    return sum(shard["phase"] == "reading" for shard in consumers[0]["shards"])
