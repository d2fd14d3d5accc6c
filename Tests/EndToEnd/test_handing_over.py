"""A shard that is to move to another reader: what its first reader was given is waited for, and a pause goes with it."""

import pytest

from harness.records import make_stream, numbers
from harness.resharding import shards_of
from harness.waiting import eventually

QUICK = "pollDelay=20&noRecordsPollDelay=250&initialPositionInStream=TRIM_HORIZON"
SHARDS = ["shardId-000000000000", "shardId-000000000001"]
HASH_KEYS = ["0", str(2**127)]


@pytest.fixture
def sidecar(sidecars):
    sidecar = sidecars.start("--local-limits", "off")
    make_stream(sidecar.boto3(), "s", 2)
    return sidecar


def put(sidecar, numbers):
    """Each number into both shards."""
    for n in numbers:
        for hash_key in HASH_KEYS:
            sidecar.put("s", {"n": n}, partitionKey="k", explicitHashKey=hash_key)


def owners(sidecar):
    [consumer] = sidecar.get("/streams").json["consumers"]
    return {shard["shardId"]: (shard.get("reader"), shard["phase"]) for shard in consumer["shards"]}


def name(reader):
    return reader.comments[0].split()[1]


def test_a_shard_stays_where_it_is_when_the_reader_that_was_to_get_it_leaves(sidecar):
    """What the first reader has is not acknowledged, so the shard waits before it moves."""
    first = sidecar.follow("s", QUICK + "&useAutoCheckpoints=false")
    put(sidecar, range(3))
    first.wait_records(6)
    second = sidecar.follow("s")
    second.wait(lambda r: r.comments, 10, "the greeting")
    eventually(lambda: name(second) in {reader for reader, _ in owners(sidecar).values()}, 10, why="a shard is to move")
    second.close()
    eventually(lambda: {reader for reader, _ in owners(sidecar).values()} == {name(first)}, 10, why="both are the first's")
    put(sidecar, range(3, 5))
    first.wait(lambda r: numbers(r.records).count(4) == 2, 20, "the new records")
    assert sorted(numbers(first.records)) == sorted([*range(5), *range(5)]), "nothing twice"
    changes = [event.data["change"] for event in first.events if event.name == "shard"]
    assert changes == ["assigned", "assigned"]
    assert not second.records


def test_a_shard_that_pauses_does_so_with_its_next_reader_too(sidecar):
    """It is handed over after 5 s although nobody has said that polling goes on."""
    put(sidecar, range(6))
    first = sidecar.follow("s", QUICK + "&usePausedPolling=true&limit=2")
    first.wait_records(4)
    second = sidecar.follow("s")
    eventually(lambda: shards_of(second), 20, why="a shard is handed over")
    [moved] = shards_of(second)
    eventually(lambda: owners(sidecar)[moved] == (name(second), "paused"), 10, why="it pauses")
    assert not second.records, "nothing before polling goes on"
    assert sidecar.post("/streams/s/continue", {"shardId": moved}).json["continued"] is True
    assert numbers(second.wait_records(2)) == [2, 3]
