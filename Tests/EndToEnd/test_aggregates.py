"""Aggregated records, made by aws-kinesis-agg: each user record once, also for who stops inside an aggregate."""

import contextlib
import sqlite3

import pytest
from aws_kinesis_agg.aggregator import RecordAggregator

from harness.records import make_stream, wait_active
from harness.resharding import split
from harness.rpc import Rpc
from harness.waiting import eventually
from test_local_kinesis_wire import signed
from test_streams import arn

QUERY = "pollDelay=20&noRecordsPollDelay=250&initialPositionInStream=TRIM_HORIZON"
MANUAL = QUERY + "&useAutoCheckpoints=false"
SHARD = "shardId-000000000000"


def put_aggregate(kinesis, numbers, hash_key=None):
    """Puts one record with these numbers, each under a key of its own; returns its sequence number."""
    aggregator = RecordAggregator()
    for n in numbers:
        assert aggregator.add_user_record(f"key-{n}", '{"n": %d, "text": "%s"}' % (n, "x" * 50)) is None
    key, _, data = aggregator.clear_and_get().get_contents()
    where = {"ExplicitHashKey": hash_key} if hash_key else {}
    return kinesis.put_record(StreamName="s", PartitionKey=key, Data=data, **where)["SequenceNumber"]


def told(records):
    return [record["data"]["n"] for record in records]


def places(records):
    return [(record["sequenceNumber"], record.get("subSequenceNumber")) for record in records]


def wait_stored(folder, number):
    """Until the sidecar's file has this record, all of it, as a shard's checkpoint: its log has the events before it then."""

    def is_stored():
        with contextlib.closing(sqlite3.connect(f"file:{folder}/data/state.db?mode=ro", uri=True)) as database:
            rows = database.execute("SELECT sequence_number, sub_sequence_number FROM shards").fetchall()
        return (number, None) in rows

    eventually(is_stored, 20, why=f"{number} is checkpointed")


@pytest.fixture
def pair(sidecars, tmp_path):
    service = sidecars.start("--local-limits", "off")
    kinesis = service.boto3()
    make_stream(kinesis, "s", 1)
    return kinesis, sidecars.start_against(service.kinesis_url, data_dir=tmp_path / "data")


def test_user_records_come_each_for_itself_among_others(pair):
    kinesis, sidecar = pair
    first = put_aggregate(kinesis, range(5))
    plain = kinesis.put_record(StreamName="s", PartitionKey="plain", Data=b'{"n": 5}')["SequenceNumber"]
    second = put_aggregate(kinesis, range(6, 9))
    records = sidecar.follow("s", QUERY).wait_records(9)
    assert told(records) == list(range(9))
    assert places(records) == [(first, n) for n in range(5)] + [(plain, None)] + [(second, n) for n in range(3)]
    assert [record["partitionKey"] for record in records] == [
        *(f"key-{n}" for n in range(5)), "plain", *(f"key-{n}" for n in range(6, 9))]

    whole = sidecar.follow("s", QUERY + "&shouldDeaggregate=false&consumerGroup=raw").wait_records(3)
    assert places(whole) == [(first, None), (plain, None), (second, None)]
    assert [record.get("dataEncoding") for record in whole] == ["base64", None, "base64"]


def test_pushed_user_records_come_each_for_itself(sidecars, tmp_path):
    sidecar = sidecars.start(
        "--local-limits", "off", data_dir=tmp_path / "data", env={"KINESIS_SIDECAR_USE_ENHANCED_FAN_OUT": "true"})
    make_stream(sidecar.boto3(), "s", 1)
    reader = sidecar.follow("s", "initialPositionInStream=TRIM_HORIZON&maxEventBytes=1024")
    number = put_aggregate(sidecar.boto3(), range(30))
    assert told(reader.wait_records(30)) == list(range(30))
    wait_stored(tmp_path, number)
    sidecar.kill()
    sidecar.start()
    put_aggregate(sidecar.boto3(), range(30, 60))
    again = sidecar.follow(
        "s", "initialPositionInStream=TRIM_HORIZON&maxEventBytes=1024", headers={"Last-Event-ID": reader.ids[1]})
    behind = told(event_records(reader, reader.ids[1]))[-1] + 1
    assert 0 < behind < 30
    assert told(again.wait_records(60 - behind)) == list(range(behind, 60))


def event_records(reader, event_id):
    return next(event.data["records"] for event in reader.events if event.id == event_id)


@pytest.mark.parametrize("place", [0.0, 0.3, 0.5, 0.9])
def test_a_killed_sidecar_goes_on_inside_the_aggregate_behind_the_event_that_the_client_names(pair, tmp_path, place):
    kinesis, sidecar = pair
    put_aggregate(kinesis, range(40))
    number = put_aggregate(kinesis, range(40, 80))
    query = QUERY + "&maxEventBytes=1024"
    reader = sidecar.follow("s", query)
    reader.wait_records(80)
    event_id = reader.ids[int(len(reader.ids) * place)]
    behind = told(event_records(reader, event_id))[-1] + 1
    assert behind not in (40, 80), "the event ends inside an aggregate"
    wait_stored(tmp_path, number)
    sidecar.kill()
    sidecar.start()
    again = sidecar.follow("s", query, headers={"Last-Event-ID": event_id})
    assert told(again.wait_records(80 - behind)) == list(range(behind, 80))


def test_a_killed_sidecar_goes_on_inside_the_aggregate_behind_what_was_acknowledged(pair):
    kinesis, sidecar = pair
    number = put_aggregate(kinesis, range(40))
    records = sidecar.follow("s", MANUAL + "&maxEventBytes=1024").wait_records(40)
    for sub in (0, 17, 38):
        body = {"shardId": SHARD, "sequenceNumber": number, "subSequenceNumber": sub}
        answer = sidecar.post("/streams/s/checkpoints", body)
        assert (answer.status, answer.json["checkpoints"]) == (200, [body])
        sidecar.kill()
        sidecar.start()
        reader = sidecar.follow("s", MANUAL + "&maxEventBytes=1024")
        assert places(reader.wait_records(39 - sub)) == places(records)[sub + 1:]
    # The last user record is the record's end, which needs no part.
    answer = sidecar.post(
        "/streams/s/checkpoints", {"shardId": SHARD, "sequenceNumber": number, "subSequenceNumber": 39})
    assert answer.json["checkpoints"] == [{"shardId": SHARD, "sequenceNumber": number}]
    reader.close()
    put_aggregate(kinesis, [40])
    sidecar.kill()
    sidecar.start()
    assert told(sidecar.follow("s", MANUAL).wait_records(1)) == [40]


def test_a_child_begins_where_the_last_user_record_is_acknowledged_by_its_numbers(pair):
    kinesis, sidecar = pair
    number = put_aggregate(kinesis, range(5))
    reader = sidecar.follow("s", MANUAL)
    reader.wait_records(5)
    split(kinesis, "s")
    kinesis.put_record(StreamName="s", PartitionKey="k", Data=b'{"n": 5}')
    answer = sidecar.post(
        "/streams/s/checkpoints", {"shardId": SHARD, "sequenceNumber": number, "subSequenceNumber": 4})
    assert answer.status == 200, answer
    assert told(reader.wait_records(6)) == list(range(6))


def test_user_records_of_another_shard_are_left_out_and_counted(pair):
    kinesis, sidecar = pair
    split(kinesis, "s")
    reader = sidecar.follow("s", QUERY)
    # All 20 lie in the first child, whose keys are the lower half of the ring.
    put_aggregate(kinesis, range(20), hash_key="0")
    kinesis.put_record(StreamName="s", PartitionKey="k", ExplicitHashKey="0", Data=b'{"n": 20}')
    reader.wait(lambda r: r.records and told(r.records)[-1] == 20, 20, "the record behind the aggregate")
    given = told(reader.records)[:-1]
    assert 0 < len(given) < 20
    numbers = {record["data"]["n"]: record.get("subSequenceNumber") for record in reader.records}
    assert all(numbers[n] == n for n in given)
    [consumer] = sidecar.get("/streams/s/stats").json["consumers"]
    assert sum(shard["droppedUserRecords"] for shard in consumer["shards"]) == 20 - len(given)
    metrics = sidecar.get("/metrics").body.decode()
    assert any(
        line.startswith("kinesis_sidecar_dropped_user_records_total{") and line.endswith(f" {20 - len(given)}")
        for line in metrics.splitlines())


def test_a_stream_that_is_switched_to_auto_while_it_is_read_loses_no_user_record(pair):
    kinesis, sidecar = pair
    split(kinesis, "s")
    reader = sidecar.follow("s", QUERY)
    kinesis.put_record(StreamName="s", PartitionKey="k", Data=b'{"n": 0}')
    reader.wait_records(1)
    kinesis.update_stream_mode(StreamARN=arn("s"), StreamModeDetails={"StreamMode": "ON_DEMAND"})
    wait_active(kinesis, "s")
    switched = signed(
        kinesis.meta.endpoint_url, "UpdateStreamRecordDistributionStrategy",
        {"StreamARN": arn("s"), "RecordDistributionStrategy": "AUTO"})
    assert switched.status == 200, switched
    for first in range(1, 100, 20):
        put_aggregate(kinesis, range(first, first + 20))
    assert sorted(told(reader.wait_records(101))) == list(range(101))
    [consumer] = sidecar.get("/streams/s/stats").json["consumers"]
    assert not any(shard["droppedUserRecords"] for shard in consumer["shards"])


def test_a_record_of_which_nothing_is_this_shards_is_checkpointed(pair, tmp_path):
    kinesis, sidecar = pair
    split(kinesis, "s")
    aggregator = RecordAggregator()
    aggregator.add_user_record("k", "{}", explicit_hash_key=str(2**128 - 1))
    key, _, data = aggregator.clear_and_get().get_contents()
    reader = sidecar.follow("s", QUERY)
    kinesis.put_record(StreamName="s", PartitionKey="a", ExplicitHashKey="0", Data=b'{"n": 0}')
    reader.wait_records(1)
    number = kinesis.put_record(StreamName="s", PartitionKey=key, ExplicitHashKey="0", Data=data)["SequenceNumber"]

    wait_stored(tmp_path, number)
    assert told(reader.records) == [0]


def test_grpc_has_the_numbers_too(pair):
    kinesis, sidecar = pair
    number = put_aggregate(kinesis, range(3))
    rpc = Rpc(sidecar.ports["http"])
    follow = rpc.follow("s")
    records = eventually(lambda: len(follow.records) == 3 and follow.records, 20, why="three records")
    rpc.close()
    assert [(record.sequence_number, record.sub_sequence_number, record.partition_key) for record in records] == [
        (number, n, f"key-{n}") for n in range(3)]
    assert all(record.HasField("sub_sequence_number") for record in records)
