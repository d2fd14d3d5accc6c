"""Several readers of one consumer: each shard to one, divided anew when one comes or goes, nothing lost."""

import pytest

from harness.load import Putter
from harness.records import assert_in_order_while_assigned, make_stream
from harness.resharding import shards_of
from harness.waiting import eventually

QUICK = "pollDelay=20&noRecordsPollDelay=250"


def test_readers_share_the_shards_and_a_reader_that_goes_leaves_its_own(sidecar, kinesis):
    make_stream(kinesis, "s", 4)
    readers = [sidecar.follow("s", QUICK) for _ in range(2)]
    eventually(lambda: [len(shards_of(reader)) for reader in readers] == [2, 2], 10, why="two shards each")
    assert not shards_of(readers[0]) & shards_of(readers[1])
    for n in range(40):
        sidecar.put("s", {"n": n}, partitionKey=str(n))
    eventually(lambda: sum(len(reader.records) for reader in readers) == 40, 20, why="all records")
    for reader in readers:
        assert {record["shardId"] for record in reader.records} <= shards_of(reader)
    readers[1].close()
    eventually(lambda: len(shards_of(readers[0])) == 4, 10, why="all shards at the reader that stays")


def test_a_reader_without_a_shard_is_told_who_has_them(sidecar, kinesis):
    make_stream(kinesis, "s", 1)
    first = sidecar.follow("s", QUICK)
    first.wait(lambda r: r.comments, 10, "the comment")
    second = sidecar.follow("s", QUICK)
    second.wait(lambda r: r.comments, 10, "the comment")
    name = first.comments[0].split()[1]
    assert "has no shard" in second.comments[0] and name in second.comments[0], second.comments


@pytest.mark.seconds(120)
def test_readers_that_come_and_go_under_load_lose_nothing(sidecars):
    sidecar = sidecars.start("--local-limits", "off")
    make_stream(sidecar.boto3(), "s", 4)
    readers = [sidecar.follow("s", QUICK)]
    putter = Putter(sidecar.url, "s", keys=32, batch=10).start()
    for round in range(6):
        putter.wait(len(putter.acknowledged) + 300)
        readers.append(sidecar.follow("s", QUICK))
        if round % 2:
            readers[round // 2].close()
    acknowledged = putter.wait(len(putter.acknowledged) + 300).stop()

    def all_there():
        got = {record["sequenceNumber"] for reader in readers for record in reader.records}
        missing = [n for n, (_, number) in acknowledged.items() if number not in got]
        assert not missing, f"{len(missing)} of {len(acknowledged)} are missing, such as n={missing[:5]}"
        return True

    eventually(all_there, 40, why="every acknowledged record has arrived")
    for reader in readers:
        assert_in_order_while_assigned(reader.events)
    shards = [shard for consumer in sidecar.get("/streams").json["consumers"] for shard in consumer["shards"]]
    restarted = {shard["shardId"]: shard["lastRestart"] for shard in shards if "lastRestart" in shard}
    assert len(shards) == 4 and not restarted, f"the watchdog restarted shards that had cause to wait: {restarted}"
