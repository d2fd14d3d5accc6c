"""`aggregate: true`: what the sidecar gathers, as boto3 reads it and aws-kinesis-agg opens it."""

import base64
import hashlib
import json
import threading
import time

import pytest
from aws_kinesis_agg.deaggregator import deaggregate_records

from harness.records import make_stream, read_stream
from harness.resharding import split
from harness.waiting import eventually
from test_streams import make_auto


@pytest.fixture
def start(sidecars, tmp_path):
    def start(**options):
        (tmp_path / "config.yaml").write_text(json.dumps(options))  # JSON is YAML
        return sidecars.start("--config", str(tmp_path / "config.yaml"))

    return start


def user_records(kinesis, stream):
    """Each record that a reader with the KCL's rules has, by its place: those of an aggregate that lie outside of the shard
    from which it was read are none."""
    ranges = {
        shard["ShardId"]: (int(shard["HashKeyRange"]["StartingHashKey"]), int(shard["HashKeyRange"]["EndingHashKey"]))
        for shard in kinesis.list_shards(StreamName=stream)["Shards"]
    }
    found = {}
    for shard, (first, last) in ranges.items():
        iterator = kinesis.get_shard_iterator(
            StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        while iterator:
            answer = kinesis.get_records(ShardIterator=iterator)
            iterator = answer.get("NextShardIterator")
            for record in answer["Records"]:
                data = base64.b64encode(record["Data"]).decode()
                whole = {"kinesis": {"data": data, "sequenceNumber": record["SequenceNumber"],
                                     "partitionKey": record["PartitionKey"], "approximateArrivalTimestamp": 0,
                                     "kinesisSchemaVersion": "1.0"}}
                opened = deaggregate_records([whole])
                for one in (user["kinesis"] for user in opened):
                    key = int(one.get("explicitHashKey") or
                              int(hashlib.md5(one["partitionKey"].encode()).hexdigest(), 16))
                    is_inside = not one.get("aggregated") or first <= key <= last
                    if is_inside:
                        sub = one.get("subSequenceNumber") if one.get("aggregated") else None
                        found[shard, record["SequenceNumber"], sub] = (
                            one["partitionKey"], base64.b64decode(one["data"]))
            if not answer["Records"] and answer["MillisBehindLatest"] == 0:
                break
            time.sleep(0.21)  # the service's five reads a second and shard
    return found


def place(result):
    return result["shardId"], result["sequenceNumber"], result.get("subSequenceNumber")


def test_records_of_a_shard_are_put_as_one(start):
    sidecar = start(aggregate=True)
    kinesis = sidecar.boto3()
    make_stream(kinesis, "s", shards=2)
    records = [{"data": {"n": n}, "partitionKey": f"key-{n % 7}"} for n in range(100)]
    records[3]["explicitHashKey"] = str(2**128 - 1)
    answer = sidecar.post("/streams/s/put", {"records": records})
    assert answer.status == 200, answer
    assert len(read_stream(kinesis, "s")) == 2
    found = user_records(kinesis, "s")
    assert len(found) == 100
    for n, result in enumerate(answer.json["records"]):
        key, data = found[place(result)]
        assert (key, json.loads(data)) == (f"key-{n % 7}", {"n": n})
    assert answer.json["records"][3]["shardId"] == "shardId-000000000001"


def test_ordered_puts_and_lone_ones_are_not_aggregated(start):
    sidecar = start(aggregate=True, recordMaxBufferedTime=0)
    kinesis = sidecar.boto3()
    make_stream(kinesis, "s")
    sidecar.put("s", "alone")
    assert sidecar.post("/streams/s/put?ordered=true", {"records": [{"data": "a"}, {"data": "b"}]}).status == 200
    assert sorted(record["Data"] for record in read_stream(kinesis, "s")) == [b"a", b"alone", b"b"]


def test_a_stream_that_is_distributed_automatically_gets_no_aggregates(start):
    sidecar = start(aggregate=True, rateLimit=50)
    make_auto(sidecar, "auto")
    for _ in range(2):
        records = [{"data": f"{n}", "partitionKey": f"key-{n}"} for n in range(20)]
        answer = sidecar.post("/streams/auto/put", {"records": records})
        assert answer.status == 200 and not any("subSequenceNumber" in one for one in answer.json["records"]), answer
    found = sorted(record["Data"] for record in read_stream(sidecar.boto3(), "auto"))
    assert found == sorted(b"%d" % n for n in range(20) for _ in range(2))
    assert sidecar.log.count("the stream is distributed automatically") == 1


@pytest.mark.seconds(120)
def test_every_record_is_where_readers_find_it_although_the_stream_is_resharded(start):
    sidecar = start(aggregate=True, recordMaxBufferedTime=20, localLimits="off")
    kinesis = sidecar.boto3()
    make_stream(kinesis, "s")
    written, failures, is_over = {}, [], threading.Event()

    def put(writer):
        number = 0
        while not is_over.is_set():
            records = [{"data": f"{writer}-{number}-{n}", "partitionKey": f"{writer}-{number}-{n}"} for n in range(40)]
            number += 1
            answer = sidecar.post("/streams/s/put", {"records": records})
            if answer.status != 200:
                failures.append(answer)
                return
            for record, result in zip(records, answer.json["records"]):
                written[record["data"]] = place(result)

    writers = [threading.Thread(target=put, args=(writer,)) for writer in range(4)]
    for writer in writers:
        writer.start()
    eventually(lambda: len(written) > 500, 20, why="puts are under way")
    split(kinesis, "s")
    before = len(written)
    eventually(lambda: len(written) > before + 2000, 30, why="puts go on")
    is_over.set()
    for writer in writers:
        writer.join()
    assert not failures
    found = user_records(kinesis, "s")
    for text, where in written.items():
        assert found[where] == (text, text.encode())
    assert {shard for shard, _, _ in written.values()} == {f"shardId-00000000000{n}" for n in range(3)}


@pytest.mark.seconds(90)
@pytest.mark.parametrize("aggregate", [False, True])
def test_a_burst_waits_instead_of_being_throttled(start, aggregate):
    # Half of what the shard takes: what a busy machine holds up for half a second is within it yet.
    sidecar = start(rateLimit=50, aggregate=aggregate)
    make_stream(sidecar.boto3(), "s")
    lines = b"".join(b'{"data": "%s", "partitionKey": "k%d"}\n' % (b"x" * 1000, n) for n in range(1500))
    began = time.monotonic()
    answer = sidecar.post("/streams/s/put", lines, headers={"Content-Type": "application/x-ndjson"})
    seconds = time.monotonic() - began
    assert json.loads(answer.body.splitlines()[-1])["accepted"] == 1500, answer
    # 1.5 MB, of which the first second's share leaves at once.
    assert seconds > 1.8
    assert sidecar.get("/streams/s/stats").json["puts"]["retries"] == 0
