"""A reader that takes nothing stops the reading of its shards, and nothing else; memory is bounded."""

import time

import pytest

from harness.records import assert_in_order, first_arrivals, make_stream, numbers
from harness.waiting import eventually

QUICK = "pollDelay=20&noRecordsPollDelay=250"
MEBIBYTE = 1 << 20


@pytest.mark.seconds(120)
def test_a_reader_that_stops_reading_is_waited_for_and_others_go_on(sidecars):
    service = sidecars.start("--local-limits", "off")
    make_stream(service.boto3(), "big", 4)
    make_stream(service.boto3(), "small", 1)
    budget = 40 * MEBIBYTE  # four of the service's largest answers
    sidecar = sidecars.start_against(
        service.kinesis_url, env={"KINESIS_SIDECAR_MAX_BUFFERED_BYTES": str(budget)})
    stuck = sidecar.follow_by_socket("big", QUICK, receive_buffer=65536)
    other = sidecar.follow("small", QUICK)
    count = 0
    for _ in range(20):
        records = [{"data": {"n": count + i, "fill": "x" * 200_000}, "partitionKey": str(i)} for i in range(25)]
        answer = service.post("/streams/big/put", {"records": records}, timeout=60)
        assert answer.status == 200, answer
        count += 25
    # 100 MB wait for a reader that takes none of them.
    for n in range(20):
        service.put("small", {"n": n})
    assert numbers(other.wait_records(20)) == list(range(20))
    resident = sidecar.resident_kilobytes() * 1024
    assert resident < budget + 40 * MEBIBYTE, f"{resident / MEBIBYTE:.0f} MiB resident"
    stuck.read_all()
    stuck.wait(lambda r: len(r.records) >= count, 60, "everything, once it reads again")
    assert sorted(numbers(stuck.records)) == list(range(count))


@pytest.mark.seconds(240)
def test_readers_that_take_nothing_for_a_minute_keep_nobody_from_reading(sidecars):
    """Six groups that are far behind and stall would hold the whole budget; what they hold is given up for others."""
    service = sidecars.start("--local-limits", "off")
    make_stream(service.boto3(), "big", 4)
    make_stream(service.boto3(), "small", 1)
    count = 0
    for _ in range(15):
        records = [{"data": {"n": count + i, "fill": "x" * 100_000}, "partitionKey": str(i)} for i in range(40)]
        assert service.post("/streams/big/put", {"records": records}, timeout=60).status == 200
        count += 40
    budget = 24 * MEBIBYTE  # less than two of the service's largest answers
    sidecar = sidecars.start_against(
        service.kinesis_url, env={"KINESIS_SIDECAR_MAX_BUFFERED_BYTES": str(budget)})
    from_start = QUICK + "&initialPositionInStream=TRIM_HORIZON"
    stuck = [
        sidecar.follow_by_socket("big", f"{from_start}&consumerGroup=stuck{n}", receive_buffer=65536) for n in range(6)]
    started, largest = time.monotonic(), 0
    small = sidecar.follow("small", QUICK)
    n = 0
    while time.monotonic() - started < 60:
        service.put("small", {"n": n})
        n += 1
        small.wait(lambda r: len(r.records) >= n, 10, "the other stream's record")
        if n == 5:
            # A group that comes later and has everything before it goes on too.
            late = sidecar.follow("big", f"{from_start}&consumerGroup=late")
            late.wait(lambda r: len(r.records) >= count, 60, "everything, for the group that reads")
        largest = max(largest, sidecar.resident_kilobytes() * 1024)
    assert largest < budget + 40 * MEBIBYTE, f"{largest / MEBIBYTE:.0f} MiB resident"
    for reader in stuck:
        reader.read_all()
    for reader in stuck:
        reader.wait(lambda r: len(r.records) >= count, 60, "everything, once it reads again")
        assert sorted(numbers(reader.records)) == list(range(count))
        assert_in_order(reader.records)


def test_stats_that_a_reader_does_not_take_hold_up_nobody(sidecars):
    """They are left out, and the next ones are due an interval later."""
    sidecar = sidecars.start("--local-limits", "off")
    sidecar.follow_by_socket("s", QUICK + "&statsInterval=1000", receive_buffer=4096)
    for n in range(16):
        sidecar.put("s", "x" * 900_000)
    other = sidecar.follow("other", QUICK + "&statsInterval=1000")
    other.wait(lambda r: sum(event.name == "stats" for event in r.events) >= 2, 10, "the other's stats")
    assert sidecar.get("/livez", timeout=5).status == 200


def test_a_reader_that_takes_nothing_for_too_long_is_closed(sidecars):
    sidecar = sidecars.start("--local-limits", "off", env={"KINESIS_SIDECAR_READER_WRITE_TIMEOUT": "700"})
    sidecar.follow_by_socket("s", QUICK, receive_buffer=4096)
    for n in range(16):
        sidecar.put("s", f"{n:02}" + "x" * 900_000)

    eventually(lambda: sidecar.get("/streams").json["consumers"][0]["readers"] == [], 15, why="it is closed")
    # Nothing is lost: neither what it never took, nor what lay in its socket.
    reader = sidecar.follow("s", QUICK)
    reader.wait(lambda r: len(first_arrivals(r.records)) >= 16, 20, "everything")
    assert sorted(record["data"][:2] for record in first_arrivals(reader.records)) == [f"{n:02}" for n in range(16)]


def test_a_reader_that_takes_a_little_all_the_time_is_not_closed(sidecars):
    sidecar = sidecars.start("--local-limits", "off", env={"KINESIS_SIDECAR_READER_WRITE_TIMEOUT": "700"})
    slow = sidecar.follow_by_socket("s", QUICK, receive_buffer=4096)
    for n in range(16):
        sidecar.put("s", f"{n:02}" + "x" * 900_000)
    until = time.monotonic() + 4
    while time.monotonic() < until:
        assert slow.socket.recv(8192), "the connection was closed"
        time.sleep(0.05)  # it is slow
    assert len(sidecar.get("/streams").json["consumers"][0]["readers"]) == 1


def test_an_idle_reader_gets_comments(sidecars):
    sidecar = sidecars.start(env={"KINESIS_SIDECAR_HEARTBEAT_INTERVAL": "100"})
    reader = sidecar.follow("s", QUICK)
    reader.wait(lambda r: len(r.comments) >= 4, 10, "heartbeats")
    assert all(event.name == "shard" for event in reader.events), reader.events
