"""How a sidecar is taken out: `shutdownDelay` behind a signal, and `POST /drain`."""

import json
import signal
import subprocess

import jsonschema_rs
import pytest
import yaml

from harness.group import Group, numbers
from harness.records import make_stream
from harness.sidecar import ROOT, fetch
from harness.waiting import eventually
from test_access import bearer, configured, entries, own_address


def is_unready(sidecar):
    answer = sidecar.get("/readyz")
    return answer.status == 503 and answer.json["status"] == "notReady" and answer


def drained(sidecar, within=20):
    """Asks for the drain until it says that nothing is left."""
    first = sidecar.post("/drain", b"")
    assert first.status in (200, 202), first
    return eventually(lambda: (answer := sidecar.post("/drain", b"")).status == 200 and answer, within, why="drained")


def is_as_the_contract_says(answer):
    contract = yaml.safe_load((ROOT / "openapi.yaml").read_text())
    jsonschema_rs.validate({"$ref": "#/components/schemas/Drain", "components": contract["components"]}, answer.json)
    return True


def ends_with(reader, reason="draining"):
    return reader.events[-1].name == "end" and reader.events[-1].data["reason"] == reason


# shutdownDelay


def test_behind_a_signal_everything_but_readyz_goes_on(sidecars):
    sidecar = sidecars.start("--local-stream", "orders", env={"KINESIS_SIDECAR_SHUTDOWN_DELAY": "1h"})
    reader = sidecar.follow("orders", "initialPositionInStream=TRIM_HORIZON")
    sidecar.put("orders", {"n": 1})
    reader.wait_records(1)
    sidecar.process.send_signal(signal.SIGTERM)
    assert eventually(lambda: is_unready(sidecar), 10).json["causes"][0]["component"] == "process"
    sidecar.put("orders", {"n": 2})
    assert numbers(reader.wait(lambda r: len(r.records) == 2)) == [1, 2]
    late = sidecar.follow("orders", "consumerGroup=late&initialPositionInStream=TRIM_HORIZON")
    late.wait_records(2)
    assert sidecar.get("/livez").status == 200 and sidecar.metric("kinesis_sidecar_draining") == 1
    # A second signal waits for nothing.
    sidecar.process.send_signal(signal.SIGTERM)
    assert sidecar.process.wait(10) == 128 + signal.SIGTERM
    sidecar.process.returncode = 0  # as this test wants it


def test_behind_the_delay_comes_the_drain(sidecars):
    sidecar = sidecars.start("--local-stream", "orders", env={"KINESIS_SIDECAR_SHUTDOWN_DELAY": "500ms"})
    reader = sidecar.follow("orders")
    sidecar.process.send_signal(signal.SIGTERM)
    eventually(lambda: is_unready(sidecar), 10)
    assert sidecar.process.wait(20) == 0
    reader.wait_closed()
    assert ends_with(reader) and '"not ready any more; the drain follows"' in sidecar.log and '"ended"' in sidecar.log


# POST /drain


def test_readers_end_and_all_else_goes_on(sidecars):
    sidecar = sidecars.start("--local-stream", "orders")
    reader = sidecar.follow("orders", "useAutoCheckpoints=false&initialPositionInStream=TRIM_HORIZON")
    sidecar.put("orders", {"n": 1})
    reader.wait_records(1)
    # While what was delivered is not acknowledged, it is waited for.
    begun = sidecar.post("/drain", b"")
    assert begun.status == 202 and begun.json["status"] == "draining" and begun.json["consumers"] == 1, begun
    assert is_as_the_contract_says(begun)
    reader.wait_closed()
    assert ends_with(reader)
    acknowledged = sidecar.post("/streams/orders/checkpoints", {"id": reader.ids[-1]})
    assert acknowledged.status == 200, acknowledged
    assert drained(sidecar).json == {"status": "drained", "readers": 0, "consumers": 0}

    assert is_unready(sidecar)
    refused = sidecar.get("/streams/orders/records")
    assert refused.status == 503 and refused.json["code"] == "draining", refused
    # To a library a status but 200 is the end; it comes back after a closed connection.
    library = subprocess.run(
        ["curl", "-sS", "-i", "-H", "Accept: text/event-stream", sidecar.url + "/streams/orders/records"],
        capture_output=True, text=True, timeout=20)
    assert library.returncode == 52 and library.stdout == "", library
    started = sidecar.post("/streams/orders/start", b"")
    assert started.status == 503 and started.json["code"] == "draining"
    sidecar.put("orders", {"n": 2})
    again = sidecar.post("/streams/orders/checkpoints", {"id": reader.ids[-1]})
    assert again.status == 200, again
    assert sidecar.get("/livez").status == 200 and sidecar.process.poll() is None
    assert sidecar.terminate() == 0


def test_the_place_is_kept(sidecars, tmp_path):
    sidecar = sidecars.start("--local-stream", "orders", data_dir=tmp_path / "data")
    reader = sidecar.follow("orders", "initialPositionInStream=TRIM_HORIZON")
    for n in range(20):
        sidecar.put("orders", {"n": n})
    reader.wait_records(20)
    drained(sidecar)
    sidecar.put("orders", {"n": 20})
    sidecar.restart()
    behind = sidecar.follow("orders")
    behind.wait_records(1)
    assert numbers(reader, behind) == list(range(21))


def test_a_reader_that_takes_nothing_does_not_hold_it_up(sidecars):
    sidecar = sidecars.start(
        "--local-stream", "orders", "--local-limits", "off", env={"KINESIS_SIDECAR_DRAIN_TIMEOUT": "2s"})
    stalled = sidecar.follow_by_socket("orders", "initialPositionInStream=TRIM_HORIZON", receive_buffer=4096)
    line = json.dumps({"data": "x" * 100_000}) + "\n"
    for _ in range(20):
        put = sidecar.post(
            "/streams/orders/put", line * 10, headers={"Content-Type": "application/x-ndjson"})
        assert put.status == 200, put
    eventually(lambda: sidecar.metric("kinesis_sidecar_buffered_bytes") > 0, 20, why="records that wait")
    assert sidecar.post("/drain", b"").json["readers"] == 1
    drained(sidecar, 10)
    stalled.close()


@pytest.fixture(params=["ministack"])
def group(request, sidecars, tmp_path):
    group = Group(sidecars, request.getfixturevalue(request.param).url, tmp_path)
    make_stream(group.kinesis, "s", 4)
    return group


def test_others_have_the_shards_at_once(group):
    # Its leases would hold for as long as the test waits, were they not released.
    a, b = group.member(leaseDuration="5m"), group.member(leaseDuration="5m")
    first, second = a.follow("s"), b.follow("s")
    group.wait_shares(2, 2)
    group.put(range(40))
    eventually(lambda: numbers(first, second) == list(range(40)), 20)
    drained(a)
    group.wait_shares(4, within=10)
    group.put(range(40, 80))
    eventually(lambda: numbers(first, second) == list(range(80)), 20, why="every record once")
    assert a.process.poll() is None
    a.put("s", {"n": 80})
    eventually(lambda: numbers(first, second) == list(range(81)), 20)
    assert a.terminate() == 0


# Who may


def test_without_tokens_only_this_machine_may(sidecars, tmp_path):
    socket = tmp_path / "s.sock"
    sidecar = sidecars.start("--local-stream", "orders", "--insecure", "--listen", "0.0.0.0:0", "--listen", f"unix:{socket}")
    # The port file has the first listener's.
    port = next(
        int(word.rsplit(":", 1)[1]) for word in sidecar.out_path.read_text().replace(",", " ").split()
        if word.startswith("http://0.0.0.0:"))
    refused = fetch(f"http://{own_address()}:{port}/drain", "POST", b"")
    assert refused.status == 403 and refused.json["code"] == "otherMachine", refused
    assert sidecar.get("/readyz").status == 200
    assert fetch(f"http://127.0.0.1:{port}/drain").status == 405
    over = subprocess.run(
        ["curl", "-sS", "--unix-socket", socket, "-X", "POST", "http://localhost/drain"], capture_output=True, text=True,
        timeout=20)
    assert json.loads(over.stdout)["status"] in ("draining", "drained")
    assert is_unready(sidecar)


def test_a_page_may_not(sidecar):
    refused = sidecar.post("/drain", b"", headers={"Origin": "https://attacker.example"})
    assert refused.status == 403 and refused.json["code"] == "foreignOrigin"
    assert sidecar.get("/readyz").status == 200


def test_with_tokens_an_admin_of_all_streams_may(sidecars, tmp_path):
    some = {**entries()[0], "name": "some", "streams": ["orders"], "sha256": "ab" * 32}
    sidecar = sidecars.start(*configured(tmp_path, tokens=[*entries(), some]))
    assert sidecar.post("/drain", b"").json["code"] == "missingToken"
    assert sidecar.post("/drain", b"", headers=bearer("reader")).json["code"] == "verbNotGranted"
    assert sidecar.get("/readyz").status == 200
    assert sidecar.post("/drain", b"", headers=bearer("boss")).status in (200, 202)
    assert is_unready(sidecar)


def test_options_and_bodies_are_refused(sidecar):
    assert sidecar.post("/drain?force=1", b"").json["code"] == "unknownOption"
    assert sidecar.post("/drain", b"now").status == 413
    assert sidecar.get("/readyz").status == 200
