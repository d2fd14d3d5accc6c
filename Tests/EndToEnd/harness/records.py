"""What must hold of records, however often a reader was interrupted."""

import time

from .waiting import eventually


def make_stream(kinesis, name, shards=1):
    """Creates a stream and waits until it is active."""
    kinesis.create_stream(StreamName=name, ShardCount=shards)
    wait_active(kinesis, name)


def wait_active(kinesis, name):
    def is_active():
        return kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE"

    eventually(is_active, 15, why=f"{name} is active")


def read_stream(kinesis, name):
    """Every record of the stream, as boto3 reads it, shard by shard."""
    records = []
    for shard in kinesis.list_shards(StreamName=name)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        while iterator:
            answer = _get_records(kinesis, iterator)
            records += answer["Records"]
            iterator = answer.get("NextShardIterator")
            if not answer["Records"] and answer["MillisBehindLatest"] == 0:
                break
            time.sleep(0.21)  # the service's five reads a second and shard
    return records


def _get_records(kinesis, iterator):
    """Waits its turn: a sidecar that follows the stream reads the same shards, within the same limits."""

    def ask():
        try:
            return kinesis.get_records(ShardIterator=iterator)
        except kinesis.exceptions.ProvisionedThroughputExceededException:
            return None

    return eventually(ask, 20, every=0.21, why="the shard may be read")


def first_arrivals(records):
    """The records without repetitions, each where it came first."""
    seen, first = set(), []
    for record in records:
        key = (record["shardId"], record["sequenceNumber"])
        if key not in seen:
            seen.add(key)
            first.append(record)
    return first


def assert_in_order(records):
    """Within each shard sequence numbers grow from one first arrival to the next."""
    last = {}
    for record in first_arrivals(records):
        shard, number = record["shardId"], int(record["sequenceNumber"])
        assert last.get(shard, -1) < number, f"{shard}: {number} after {last[shard]}"
        last[shard] = number


def assert_in_order_while_assigned(events):
    """Sequence numbers of a shard grow for as long as a connection has it: what a lost reader may not have read begins
    anew, with `assigned`."""
    last = {}
    for event in events:
        if event.name == "shard" and event.data["change"] == "assigned":
            last.pop(event.data["shardId"], None)
        if event.name == "records":
            shard = event.data["shardId"]
            for number in (int(record["sequenceNumber"]) for record in event.data["records"]):
                assert last.get(shard, -1) < number, f"{shard}: {number} after {last[shard]}"
                last[shard] = number


def numbers(records):
    """The `n` of each record's data."""
    return [record["data"]["n"] for record in records]
