"""The service is gone for a while, and is back: who waited goes on at once, and what is over is no warning."""

import socket
import time

import pytest

from harness.cutting_proxy import CuttingProxy
from harness.records import make_stream, numbers
from harness.waiting import eventually

QUICK = "pollDelay=20&noRecordsPollDelay=250"


# What most libraries for server-sent events bear without a byte, in seconds.
PATIENCE = 5


@pytest.fixture
def black_hole():
    """The URL of a service that takes connections and answers nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def come_back(sidecar, path):
    """The answer to a library that connects again; fails where it would have given up."""
    headers = {"Accept": "text/event-stream", "Last-Event-ID": "5f2c81d0-41"}
    answer = sidecar.get(path, headers=headers, timeout=PATIENCE)
    assert answer.status == 200 and answer.body.startswith(b"retry: 1000\nid: 5f2c81d0-41\nevent: problem\n"), answer
    return answer.body.decode()


def until_refused(remote, attempts):
    """Long enough for the waits to have grown: by attempts that are counted, not by a clock."""
    def failures():
        exceptions = remote.get("/stats").json["recentExceptions"]
        assert exceptions["count"] >= attempts, exceptions
        return remote.get("/readyz").json["warnings"]

    return eventually(failures, 60, every=0.2, why=f"{attempts} failures")


@pytest.mark.seconds(120)
def test_readers_go_on_within_seconds_of_the_services_return(sidecars, sidecar):
    make_stream(sidecar.boto3(), "s", 4)
    make_stream(sidecar.boto3(), "other", 1)
    proxy = CuttingProxy(sidecar.ports["kinesis"])
    try:
        remote = sidecars.start_against(f"http://127.0.0.1:{proxy.port}")
        reader = remote.follow("s", QUICK)
        other = remote.follow("other", QUICK)
        remote.put("s", {"n": 0})
        reader.wait_records(1)
        proxy.go_down()
        warnings = until_refused(remote, 45)
        assert all(warning["component"] == "kinesis" or "consumer" in warning["component"] for warning in warnings)
        for n in range(1, 21):
            sidecar.put("s", {"n": n}, partitionKey=str(n))
        sidecar.put("other", {"n": 99})
        proxy.come_back()
        back = time.monotonic()
        reader.wait(lambda r: set(numbers(r.records)) >= set(range(21)), 20)
        other.wait(lambda r: 99 in numbers(r.records), 20)
        # One of them asks within 5 s, all others hear of it. The waits had grown beyond that.
        assert time.monotonic() - back < 7, time.monotonic() - back
        eventually(lambda: remote.get("/readyz").json["warnings"] == [], 10)
        assert remote.get("/stats").json["recentExceptions"]["count"] >= 45
    finally:
        proxy.close()


@pytest.mark.seconds(90)
def test_a_success_anywhere_wakes_all_who_wait(sidecars, sidecar):
    make_stream(sidecar.boto3(), "s", 1)
    proxy = CuttingProxy(sidecar.ports["kinesis"])
    try:
        remote = sidecars.start_against(f"http://127.0.0.1:{proxy.port}")
        reader = remote.follow("s", QUICK)
        proxy.go_down()
        until_refused(remote, 8)
        proxy.come_back()
        # Whichever comes first, this put or the reader's own attempt: the other one follows within a moment.
        remote.put("s", {"n": 1})
        done = time.monotonic()
        reader.wait_records(1, 10)
        assert time.monotonic() - done < 2
    finally:
        proxy.close()


@pytest.mark.seconds(60)
def test_a_library_that_comes_back_during_an_outage_is_told_so_before_it_gives_up(sidecars, sidecar):
    make_stream(sidecar.boto3(), "s", 1)
    proxy = CuttingProxy(sidecar.ports["kinesis"])
    try:
        remote = sidecars.start_against(f"http://127.0.0.1:{proxy.port}")
        proxy.go_down()
        query = QUICK + "&initialPositionInStream=TRIM_HORIZON"
        for path in (f"/streams/s/records?{query}", f"/streams/s/records?{query}&tail=true"):
            assert '"code":"awsUnreachable"' in come_back(remote, path)
        assert any(warning["component"] == "kinesis" for warning in remote.get("/readyz").json["warnings"])
        proxy.come_back()
        sidecar.put("s", {"n": 1})
        remote.follow("s", query).wait_records(1)
    finally:
        proxy.close()


@pytest.mark.seconds(60)
def test_a_service_that_takes_connections_and_answers_nothing_is_told(sidecars, black_hole):
    remote = sidecars.start_against(black_hole, env={"KINESIS_SIDECAR_PUT_TIMEOUT": "1000"})
    assert '"code":"awsTimeout"' in come_back(remote, "/streams/s/records")
    # What prepares the reader goes on, and its first call is over after 10 s; the second one has begun then.
    eventually(
        lambda: [w["detail"] for w in remote.get("/readyz").json["warnings"]] == ["no response within 10.0 seconds"], 30,
        why="a warning of the first time-out")
    assert remote.get("/streams/s/stats").json["recentExceptions"]["count"] == 1
    assert remote.post("/streams/other/put", {"data": 1}).json["code"] == "putTimeout"
    warnings = [warning["detail"] for warning in remote.get("/readyz").json["warnings"]]
    assert "no response within 1.0 seconds" in warnings, warnings
    assert remote.get("/streams/other/stats").json["recentExceptions"]["count"] == 1
