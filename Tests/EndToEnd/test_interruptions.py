"""Crashes, faults of the service and resharding under load: nothing lost, order per shard kept."""

import json
import resource
import socket

import pytest

from harness.load import Putter
from harness.records import assert_in_order, first_arrivals, make_stream, numbers, read_stream
from harness.resharding import merge, split
from harness.waiting import eventually

QUICK = "pollDelay=20&noRecordsPollDelay=250"
FROM_START = QUICK + "&initialPositionInStream=TRIM_HORIZON"


def kill_behind_first_event(sidecar, stream):
    """A crash as soon as a reader has its first event, faster than curl would hand it on; returns the event's id."""
    with socket.create_connection(("127.0.0.1", sidecar.ports["http"]), timeout=20) as connection:
        connection.sendall(f"GET /streams/{stream}/records?{FROM_START} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        received = b""
        while b"\nevent: records\n" not in received:
            part = connection.recv(65536)
            assert part, received
            received += part
        sidecar.kill()
    return received.split(b"\nevent: records\n")[0].rsplit(b"id: ", 1)[1].decode()


def arrived(readers):
    return [record for reader in readers for record in reader.records]


def assert_all_arrived(readers, acknowledged, within=40):
    """Every acknowledged record is there; no shard's records came out of order on any one connection."""

    def all_there():
        got = {record["sequenceNumber"] for record in arrived(readers)}
        missing = [n for n, (_, number) in acknowledged.items() if number not in got]
        assert not missing, f"{len(missing)} of {len(acknowledged)} are missing, such as n={missing[:5]}"
        return True

    eventually(all_there, within, why="every acknowledged record has arrived")
    for reader in readers:
        assert_in_order(reader.records)


def follow_again(sidecar, stream, query=QUICK):
    """A reader as soon as the group is free."""

    def attempt():
        try:
            return sidecar.follow(stream, query)
        except AssertionError:
            return None

    return eventually(attempt, 15, why="the group is free")


@pytest.mark.seconds(120)
def test_kill_9_of_the_reader_side_loses_nothing(sidecars, tmp_path):
    service = sidecars.start("--local-limits", "off")
    make_stream(service.boto3(), "s", 4)
    sidecar = sidecars.start_against(service.kinesis_url, data_dir=tmp_path / "data")
    readers = [sidecar.follow("s", QUICK)]
    putter = Putter(service.url, "s").start()
    for round in range(3):
        putter.wait(len(putter.acknowledged) + 200)
        readers[-1].wait(lambda r: len(r.records) > 20, why="some records before the kill")
        sidecar.kill()
        readers[-1].wait_closed()
        sidecar.start()
        readers.append(follow_again(sidecar, "s"))
    acknowledged = putter.wait(len(putter.acknowledged) + 200).stop()
    # Nobody lost a byte here: curl read what the socket held, so that even an automatic checkpoint is a delivery.
    assert_all_arrived(readers, acknowledged)


@pytest.mark.seconds(120)
def test_kill_9_during_puts_leaves_every_acknowledged_record_in_the_stream(sidecars, tmp_path):
    sidecar = sidecars.start("--local-limits", "off", data_dir=tmp_path / "data")
    make_stream(sidecar.boto3(), "s", 2)
    acknowledged = {}
    for _ in range(4):
        putters = [Putter(sidecar.url, "s", batch=batch).start() for batch in (1, 7, 100)]
        for putter in putters:
            putter.wait(60)
        sidecar.kill()
        for index, putter in enumerate(putters):
            acknowledged.update({(len(acknowledged), index, n): place for n, place in putter.stop().items()})
        sidecar.start()
    stored = {(record["SequenceNumber"]) for record in read_stream(sidecar.boto3(), "s")}
    missing = [place for place in acknowledged.values() if place[1] not in stored]
    assert len(acknowledged) > 500 and not missing, f"{len(missing)} of {len(acknowledged)}: {missing[:3]}"


@pytest.mark.seconds(120)
def test_kill_9_of_everything_goes_on_where_it_was(sidecars, tmp_path):
    sidecar = sidecars.start("--local-limits", "off", data_dir=tmp_path / "data")
    reader = sidecar.follow("s", QUICK)
    for n in range(50):
        sidecar.put("s", {"n": n}, partitionKey="k")
    reader.wait_records(50)
    # The checkpoint is committed at most 20 ms after the socket took the bytes; a new record shows that it went on.
    sidecar.kill()
    sidecar.start()
    for n in range(50, 60):
        sidecar.put("s", {"n": n}, partitionKey="k")
    again = sidecar.follow("s", QUICK)
    again.wait(lambda r: 59 in numbers(r.records), 20, "the last record")
    assert_in_order(again.records)
    assert sorted(set(numbers(reader.records) + numbers(again.records))) == list(range(60))


def test_the_id_of_a_readers_first_event_is_known_after_a_crash_right_behind_it(sidecars, tmp_path):
    service = sidecars.start("--local-limits", "off")
    make_stream(service.boto3(), "s", 1)
    service.put("s", {"n": 0})
    for attempt in range(3):
        sidecar = sidecars.start_against(service.kinesis_url, data_dir=tmp_path / f"data-{attempt}")
        last = kill_behind_first_event(sidecar, "s")
        sidecar.start()
        service.put("s", {"n": attempt + 1})
        reader = sidecar.follow("s", FROM_START, headers={"Last-Event-ID": last})
        reader.wait(lambda r: attempt + 1 in numbers(r.records), 20, "the newest record")
        assert not [event.data for event in reader.events if event.name == "problem"]


def test_latest_holds_over_a_crash(sidecars, tmp_path):
    service = sidecars.start()
    make_stream(service.boto3(), "s", 1)
    service.put("s", {"n": -1})
    sidecar = sidecars.start_against(service.kinesis_url, data_dir=tmp_path / "data")
    sidecar.follow("s", QUICK)
    # The head has arrived: what is put from now on is delivered, although nothing was read before the crash.
    sidecar.kill()
    service.put("s", {"n": 0})
    sidecar.start()
    reader = follow_again(sidecar, "s")
    assert numbers(reader.wait_records(1)) == [0]


@pytest.mark.seconds(120)
def test_splits_and_merges_under_load_lose_nothing_and_keep_order(sidecars):
    sidecar = sidecars.start("--local-limits", "off")
    kinesis = sidecar.boto3()
    make_stream(kinesis, "s", 2)
    reader = sidecar.follow("s", QUICK)
    putter = Putter(sidecar.url, "s", keys=32, batch=10).start()
    putter.wait(100)
    split(kinesis, "s", "shardId-000000000000")
    putter.wait(len(putter.acknowledged) + 200)
    split(kinesis, "s", "shardId-000000000001")
    putter.wait(len(putter.acknowledged) + 200)
    merge(kinesis, "s", "shardId-000000000003", "shardId-000000000004")
    acknowledged = putter.wait(len(putter.acknowledged) + 200).stop()
    assert_all_arrived([reader], acknowledged)
    assert_children_follow_parents(kinesis, "s", reader.records)
    assert len({record["shardId"] for record in reader.records}) >= 6


def assert_children_follow_parents(kinesis, stream, records):
    """Every record of a shard comes after every record of its parents."""
    places = {}
    for place, record in enumerate(first_arrivals(records)):
        places.setdefault(record["shardId"], []).append(place)
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        for name in ("ParentShardId", "AdjacentParentShardId"):
            parent = shard.get(name)
            if parent in places and shard["ShardId"] in places:
                assert places[parent][-1] < places[shard["ShardId"]][0], f"{shard['ShardId']} before its parent {parent}"


def test_a_restart_in_the_middle_of_a_resharded_stream_loses_nothing(sidecars, tmp_path):
    service = sidecars.start("--local-limits", "off")
    kinesis = service.boto3()
    make_stream(kinesis, "s", 1)
    sidecar = sidecars.start_against(service.kinesis_url, data_dir=tmp_path / "data")
    first = sidecar.follow("s", QUICK)
    put = [service.put("s", {"n": n}, partitionKey=str(n)) for n in range(30)]
    first.wait_records(30)
    assert sidecar.terminate() == 0, sidecar.log
    put += [service.put("s", {"n": n}, partitionKey=str(n)) for n in range(30, 60)]
    split(kinesis, "s", "shardId-000000000000")
    put += [service.put("s", {"n": n}, partitionKey=str(n)) for n in range(60, 90)]
    sidecar.start()
    second = sidecar.follow("s", QUICK)
    second.wait(lambda r: len(first_arrivals(r.records)) >= 60, 20, "the other 60")
    assert sorted(numbers(first.records) + numbers(second.records)) == list(range(90))
    assert_children_follow_parents(kinesis, "s", second.records)


@pytest.mark.parametrize("fault", [
    {"kind": "throttle", "operation": "GetRecords", "count": 6, "every": 2},
    {"kind": "fail", "operation": "GetRecords", "count": 4},
    {"kind": "cut", "operation": "GetRecords", "count": 3},
    {"kind": "expireIterators", "operation": "GetRecords", "count": 3, "every": 2},
    {"kind": "throttle", "operation": "PutRecords", "count": 5, "every": 2},
    {"kind": "failEntries", "operation": "PutRecords", "count": 6, "fraction": 0.5},
    {"kind": "cut", "operation": "PutRecords", "count": 3, "every": 2},
], ids=lambda fault: f"{fault['operation']}-{fault['kind']}")
@pytest.mark.seconds(90)
def test_faults_of_the_service_lose_nothing(sidecars, fault):
    sidecar = sidecars.start("--local-limits", "off", env={"KINESIS_SIDECAR_RETRY_OPTIONS__MIN_TIMEOUT": "50"})
    make_stream(sidecar.boto3(), "s", 2)
    reader = sidecar.follow("s", QUICK)
    putter = Putter(sidecar.url, "s").start().wait(100)
    sidecar.fault(**fault)
    acknowledged = putter.wait(len(putter.acknowledged) + 400, 60).stop()
    assert not putter.refusals, putter.refusals[:3]
    assert_all_arrived([reader], acknowledged)


def test_throttling_slows_one_shard_only(sidecars):
    sidecar = sidecars.start("--local-limits", "off")
    make_stream(sidecar.boto3(), "s", 2)
    reader = sidecar.follow("s", QUICK)
    sidecar.fault("throttle", operation="GetRecords", shardId="shardId-000000000000", count=-1)
    for n in range(20):
        sidecar.put("s", {"n": n}, explicitHashKey=str(2**128 - 1))
    assert numbers(reader.wait_records(20, 15)) == list(range(20))
    sidecar.put("s", {"n": 99}, explicitHashKey="0")
    from harness.sidecar import fetch

    fetch(sidecar.kinesis_url + "/_faults", method="DELETE")
    reader.wait(lambda r: 99 in numbers(r.records), 30, "the throttled shard's record")


def test_the_services_own_limits_are_kept_and_lived_with(sidecar):
    """A shard takes 1 MiB a second: a burst of 3 MiB is retried until it is in, and read at the service's pace."""
    reader = sidecar.follow("s", QUICK)
    records = [{"data": {"n": n, "fill": "x" * 30_000}} for n in range(100)]
    answer = sidecar.post("/streams/s/put", {"records": records}, timeout=60)
    assert answer.status == 200, answer
    assert sorted(numbers(reader.wait_records(100, 40))) == list(range(100))


def test_the_state_of_a_crash_is_readable(sidecars, tmp_path):
    """What a kill -9 leaves is a sound database: the next start says nothing of damage."""
    sidecar = sidecars.start(data_dir=tmp_path / "data")
    sidecar.follow("s", QUICK)
    Putter(sidecar.url, "s").start().wait(40)
    sidecar.kill()
    sidecar.start()
    assert sidecar.get("/readyz").status == 200
    assert "malformed" not in json.dumps(sidecar.log)


def test_a_limit_of_file_sizes_is_a_full_disk_and_not_the_end(sidecars, tmp_path):
    """A write beyond the limit would end the process with SIGXFSZ."""
    service = sidecars.start("--local-limits", "off")
    make_stream(service.boto3(), "s", 1)
    sidecar = sidecars.start_against(service.kinesis_url, data_dir=tmp_path / "data")
    reader = sidecar.follow("s", QUICK)
    limits = resource.prlimit(sidecar.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(sidecar.process.pid, resource.RLIMIT_FSIZE, (16384, limits[1]))
    sidecar.put("s", {"n": 0})
    eventually(lambda: sidecar.get("/readyz").status == 503, 10, why="the position cannot be stored")
    sidecar.put("s", {"n": 1})
    assert numbers(reader.wait_records(2)) == [0, 1]
    resource.prlimit(sidecar.process.pid, resource.RLIMIT_FSIZE, limits)
    eventually(lambda: sidecar.get("/readyz").status == 200, 10, why="the position is stored")
