"""A reader that takes nothing stops the reading of its shards, and nothing else; memory is bounded."""

import pytest

from harness.records import make_stream, numbers
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


def test_a_reader_that_takes_nothing_for_too_long_is_closed(sidecars):
    sidecar = sidecars.start("--local-limits", "off", env={"KINESIS_SIDECAR_READER_WRITE_TIMEOUT": "700"})
    sidecar.follow_by_socket("s", QUICK, receive_buffer=4096)
    for _ in range(16):
        sidecar.put("s", "x" * 900_000)

    # Its consumer is free again, and delivers what the closed one never took.
    def attempt():
        try:
            return sidecar.follow("s", QUICK)
        except AssertionError:
            return None

    reader = eventually(attempt, 15, why="the group is free")
    reader.wait_records(1)


def test_an_idle_reader_gets_comments(sidecars):
    sidecar = sidecars.start(env={"KINESIS_SIDECAR_HEARTBEAT_INTERVAL": "100"})
    reader = sidecar.follow("s", QUICK)
    reader.wait(lambda r: len(r.comments) >= 4, 10, "heartbeats")
    assert all(event.name == "shard" for event in reader.events), reader.events
