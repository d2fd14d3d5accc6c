"""The service's limits with the service's errors, as the embedded Kinesis keeps them."""

import itertools
import time

from harness.waiting import eventually
from local_kinesis import Kinesis

SHARD = "shardId-000000000000"
THROTTLED = "ProvisionedThroughputExceededException"
MEGABYTE = 2**20


def test_a_shard_gives_five_reads_a_second(sidecar):
    kinesis = Kinesis(sidecar.kinesis_url)
    kinesis.create("s", 2)
    iterators = [kinesis.iterator("s", shard["ShardId"]) for shard in kinesis.shards("s")]
    began = time.monotonic()
    answered, refusals = 0, []
    for _ in range(50):
        try:
            kinesis.boto.get_records(ShardIterator=iterators[0])
            answered += 1
        except kinesis.boto.exceptions.ProvisionedThroughputExceededException as error:
            refusals.append(error.response)
    assert answered <= 5 * (time.monotonic() - began + 1)
    assert refusals and all(SHARD in told["Error"]["Message"] for told in refusals)
    assert {told["ResponseMetadata"]["HTTPStatusCode"] for told in refusals} == {400}
    # Another shard has reads of its own.
    kinesis.boto.get_records(ShardIterator=iterators[1])
    # And a second later there are five again.
    assert kinesis.read_shard("s", SHARD) == []


def test_a_shard_takes_a_megabyte_a_second(sidecar):
    kinesis = Kinesis(sidecar.kinesis_url)
    kinesis.create("s")
    answer = kinesis.boto.put_records(
        StreamName="s", Records=[{"Data": bytes(400_000), "PartitionKey": "k"} for _ in range(5)])
    failed = [r for r in answer["Records"] if "ErrorCode" in r]
    assert answer["FailedRecordCount"] == len(failed) and 2 <= len(failed) <= 3
    for result in failed:
        assert result["ErrorCode"] == THROTTLED and "s" in result["ErrorMessage"]
        assert "SequenceNumber" not in result and "ShardId" not in result
    code, _ = kinesis.fails("PutRecord", StreamName="s", Data=bytes(MEGABYTE - 1), PartitionKey="k")
    assert code == THROTTLED
    assert len(kinesis.read_shard("s", SHARD, count=5 - len(failed))) == 5 - len(failed)


def test_a_shard_takes_a_thousand_records_a_second(sidecar):
    kinesis = Kinesis(sidecar.kinesis_url)
    kinesis.create("s")
    began = time.monotonic()
    failures = 0
    for _ in range(6):
        failures += kinesis.boto.put_records(
            StreamName="s", Records=[{"Data": b"x", "PartitionKey": "k"}] * 500)["FailedRecordCount"]
    seconds = time.monotonic() - began
    taken = 3000 - failures
    assert 1000 <= taken <= 1000 * (seconds + 1) + 1


def test_a_stream_takes_larger_records_when_told_so(sidecar):
    kinesis = Kinesis(sidecar.kinesis_url)
    arn = kinesis.create("s")["StreamARN"]
    assert kinesis.wait_active("s")["MaxRecordSizeInKiB"] == 1024
    code, _ = kinesis.fails("PutRecord", StreamName="s", Data=bytes(2 * MEGABYTE), PartitionKey="k")
    assert code == "ValidationException"
    kinesis.boto.update_max_record_size(StreamARN=arn, MaxRecordSizeInKiB=10240)
    assert kinesis.wait_active("s")["MaxRecordSizeInKiB"] == 10240
    kinesis.boto.put_record(StreamName="s", Data=bytes(3 * MEGABYTE), PartitionKey="k")
    assert [len(r["Data"]) for r in kinesis.read_shard("s", SHARD, count=1)] == [3 * MEGABYTE]


def test_an_answer_has_at_most_ten_megabytes(sidecars):
    kinesis = Kinesis(sidecars.start("--local-limits", "off").kinesis_url)
    kinesis.create("s")
    for _ in range(4):
        kinesis.boto.put_records(
            StreamName="s", Records=[{"Data": bytes(MEGABYTE - 1), "PartitionKey": "k"} for _ in range(4)])
    first = kinesis.boto.get_records(ShardIterator=kinesis.iterator("s", SHARD))
    assert len(first["Records"]) == 10 and first["MillisBehindLatest"] >= 0
    second = kinesis.boto.get_records(ShardIterator=first["NextShardIterator"])
    assert len(second["Records"]) == 6


def test_an_answer_has_at_most_ten_thousand_records(sidecars):
    kinesis = Kinesis(sidecars.start("--local-limits", "off").kinesis_url)
    kinesis.create("s")
    for _ in range(21):
        kinesis.boto.put_records(StreamName="s", Records=[{"Data": b"x", "PartitionKey": "k"}] * 500)
    first = kinesis.boto.get_records(ShardIterator=kinesis.iterator("s", SHARD))
    assert len(first["Records"]) == 10_000
    second = kinesis.boto.get_records(ShardIterator=first["NextShardIterator"], Limit=300)
    assert len(second["Records"]) == 300


def test_streams_pass_through_creating_updating_and_deleting(sidecar):
    """Each state lasts for 50 ms, which a busy machine may sleep through: one stream after the other is looked at."""
    kinesis = Kinesis(sidecar.kinesis_url)
    numbers = itertools.count()

    def made(is_active=True):
        name = f"s{next(numbers)}"
        kinesis.boto.create_stream(StreamName=name, ShardCount=1)
        if is_active:
            kinesis.wait_active(name)
        return name

    def status(name):
        try:
            return kinesis.boto.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"]
        except kinesis.boto.exceptions.ResourceNotFoundException:
            return None

    def updating():
        name = made()
        kinesis.boto.split_shard(StreamName=name, ShardToSplit=SHARD, NewStartingHashKey=str(2**127))
        code, message = kinesis.fails(
            "SplitShard", StreamName=name, ShardToSplit="shardId-000000000001", NewStartingHashKey=str(2**126))
        assert code == "ResourceInUseException", message
        return status(name) == "UPDATING"

    def deleting():
        name = made()
        kinesis.boto.delete_stream(StreamName=name)
        return status(name) == "DELETING"

    # Five streams a second can be made.
    eventually(lambda: status(made(is_active=False)) == "CREATING", 20, every=0.3, why="CREATING")
    eventually(updating, 20, every=0.3, why="UPDATING, in which no shard is split")
    eventually(deleting, 20, every=0.3, why="DELETING")
