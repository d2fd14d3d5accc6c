"""A parent that is read again takes its children back with it, and whoever comes back for both gets both."""

import pytest

from harness.records import first_arrivals, make_stream, numbers
from harness.resharding import merge, shards_of, split
from harness.waiting import eventually

QUICK = "pollDelay=20&noRecordsPollDelay=250&initialPositionInStream=TRIM_HORIZON"
KEYS = [f"key-{n}" for n in range(16)]


@pytest.fixture
def pair(sidecars, tmp_path):
    service = sidecars.start("--local-limits", "off")
    return service, sidecars.start_against(service.kinesis_url, data_dir=tmp_path / "data")


def put_states(service, version):
    """The next state of each key."""
    records = [{"data": {"key": key, "version": version}, "partitionKey": key} for key in KEYS]
    assert service.post("/streams/s/put", {"records": records}).status == 200


def states(records):
    """The newest state of each key, as a service sees it that takes what comes last."""
    return {record["data"]["key"]: record["data"]["version"] for record in records}


def of_shard(reader, shard):
    return [record for record in reader.records if record["shardId"] == shard]


def assert_up_to_date(reader, version):
    """Whatever came again: what comes last of each key is its newest state."""
    def newest():
        stale = {key: state for key, state in states(reader.records).items() if state != version}
        assert not stale, f"{len(stale)} of {len(KEYS)} keys are stale: {stale}"
        return True

    eventually(newest, 15, why="the newest state of every key comes last")
    assert len(states(reader.records)) == len(KEYS)


def test_a_parent_that_its_lost_reader_did_not_read_takes_the_child_of_another_back(pair):
    """A takes nothing and has the parent, B gets a child, A is reset."""
    service, sidecar = pair
    make_stream(service.boto3(), "s", 1)
    lost = sidecar.follow_by_socket("s", QUICK)
    stays = sidecar.follow("s", QUICK)
    for version in range(4):
        put_states(service, version)
    parent, children = "shardId-000000000000", split(service.boto3(), "s")
    put_states(service, 4)
    stays.wait(lambda r: r.records, 20, "the records of a child")
    [child] = {record["shardId"] for record in stays.records}
    assert child in children
    lost.reset()
    stays.wait(lambda r: len(first_arrivals(of_shard(r, parent))) >= 4 * len(KEYS), 20, "the parent, from its beginning")
    stays.wait(lambda r: {record["shardId"] for record in r.records} == {parent, *children}, 20, "the other child")
    assert_up_to_date(stays, 4)


def test_a_parent_that_is_asked_for_again_takes_the_child_of_a_reader_that_left_back(pair):
    """A has worked off its first event, B has a child and leaves, A comes back with that event's id."""
    service, sidecar = pair
    make_stream(service.boto3(), "s", 1)
    first = sidecar.follow("s", QUICK)
    other = sidecar.follow("s", QUICK)
    for version in range(4):
        put_states(service, version)
        first.wait_records((version + 1) * len(KEYS))
    worked_off = first.ids[0]
    parent, children = "shardId-000000000000", split(service.boto3(), "s")
    put_states(service, 4)
    other.wait(lambda r: r.records, 20, "the records of a child")
    first.wait(lambda r: len({record["shardId"] for record in r.records}) == 2, 20, "the records of the other")
    other.close()
    eventually(lambda: shards_of(first) == set(children), 10, why="both children are with A")
    first.close()
    again = sidecar.follow("s", QUICK, headers={"Last-Event-ID": worked_off})
    again.wait(lambda r: len(first_arrivals(of_shard(r, parent))) >= 3 * len(KEYS), 20, "the parent, behind that event")
    assert_up_to_date(again, 4)


@pytest.mark.parametrize("manual", [False, True])
def test_a_parent_that_is_forced_back_takes_its_children_back(pair, manual):
    service, sidecar = pair
    make_stream(service.boto3(), "s", 1)
    reader = sidecar.follow("s", QUICK + ("&useAutoCheckpoints=false" if manual else ""))
    put_states(service, 0)
    reader.wait_records(len(KEYS))
    parent, children = "shardId-000000000000", split(service.boto3(), "s")
    put_states(service, 1)
    if manual:
        eventually(lambda: acknowledge(sidecar, reader), 10, why="the parent is acknowledged")
    reader.wait_records(2 * len(KEYS))
    if manual:
        acknowledge(sidecar, reader)
    place = {"shardId": parent, "sequenceNumber": reader.records[0]["sequenceNumber"], "force": True}
    assert sidecar.post("/streams/s/checkpoints", place).status == 200
    # With manual checkpoints the children wait for the parent's acknowledgement once more.
    again = len(KEYS) - 1
    reader.wait(lambda r: len(of_shard(r, parent)) >= len(KEYS) + again, 20, "the parent again")
    if manual:
        acknowledge(sidecar, reader)
    assert_up_to_date(reader, 1)


def acknowledge(sidecar, reader):
    return sidecar.post("/streams/s/checkpoints", {"id": reader.ids[-1]}).status == 200


def feed(service, reader, numbers, hash_key="0"):
    """Records one after the other, so that the reader gets each as an event."""
    for n in numbers:
        service.put("s", {"n": n}, partitionKey="k", explicitHashKey=hash_key)
        reader.wait(lambda r: r.records and r.records[-1]["data"]["n"] == n, 20, f"record {n}")


def test_two_clients_that_come_back_for_parent_and_child_get_both(pair):
    """Each had a parent and then a part of the child of both, and has worked off its first event."""
    service, sidecar = pair
    make_stream(service.boto3(), "s", 2)
    one = sidecar.follow("s", QUICK)
    two = sidecar.follow("s", QUICK)
    parents = ["shardId-000000000000", "shardId-000000000001"]
    eventually(lambda: [shards_of(one), shards_of(two)] == [{parent} for parent in parents], 10, why="a parent each")
    feed(service, one, range(8))
    feed(service, two, range(8, 16), hash_key=str(2**127))
    child = merge(service.boto3(), "s", *parents)
    eventually(lambda: shards_of(one) == {child}, 20, why="the child is the first reader's")
    feed(service, one, range(16, 24))
    one.close()
    eventually(lambda: shards_of(two) == {child}, 20, why="the child is the second reader's")
    feed(service, two, range(24, 32))

    one_again = sidecar.follow("s", QUICK, headers={"Last-Event-ID": one.ids[0]})
    one_again.wait(lambda r: set(numbers(r.records)) >= set(range(1, 8)), 20, "the first parent, behind that event")
    two.close()
    two_again = sidecar.follow("s", QUICK, headers={"Last-Event-ID": two.ids[0]})
    two_again.wait(lambda r: set(numbers(r.records)) >= set(range(9, 16)), 20, "the other, behind that event")
    for reader, part in ((one_again, range(16, 24)), (two_again, range(24, 32))):
        reader.wait(lambda r: set(numbers(r.records)) >= set(part), 15, f"{part} of the child, which it has not worked off")
