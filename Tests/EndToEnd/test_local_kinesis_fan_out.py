"""Enhanced fan-out of the embedded Kinesis, by boto3."""

import base64
import json
import threading

import pytest
from botocore.eventstream import ChecksumMismatch
from botocore.exceptions import ClientError, EventStreamError
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from harness import cbor
from harness.http2 import Http2
from harness.records import make_stream
from harness.sdk_recordings import messages, records
from harness.waiting import eventually
from local_kinesis import assert_of_shape


@pytest.fixture
def kinesis(sidecars):
    sidecar = sidecars.start("--local-limits", "off")
    client = sidecar.boto3(read_timeout=20)
    client.sidecar = sidecar
    return client


def stream_arn(kinesis, name):
    return kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]


def register(kinesis, stream, name="app"):
    """An active consumer's ARN."""
    arn = kinesis.register_stream_consumer(StreamARN=stream_arn(kinesis, stream), ConsumerName=name)["Consumer"][
        "ConsumerARN"]
    eventually(lambda: status(kinesis, arn) == "ACTIVE", 10, why="the consumer is active")
    return arn


def status(kinesis, arn):
    return kinesis.describe_stream_consumer(ConsumerARN=arn)["ConsumerDescription"]["ConsumerStatus"]


def subscribe(kinesis, arn, shard="shardId-000000000000", **position):
    answer = kinesis.subscribe_to_shard(
        ConsumerARN=arn, ShardId=shard, StartingPosition=position or {"Type": "TRIM_HORIZON"})
    return answer["EventStream"]


def events(stream):
    for event in stream:
        yield event["SubscribeToShardEvent"]


def next_records(stream):
    """Those of the next event that has some, as text, and its continuation."""
    for event in events(stream):
        if event["Records"]:
            return [record["Data"].decode() for record in event["Records"]], event["ContinuationSequenceNumber"]
    raise AssertionError("the stream ended")


def put(kinesis, stream, *texts):
    for text in texts:
        kinesis.put_record(StreamName=stream, Data=text.encode(), PartitionKey="k")


def tags(kinesis, arn):
    return {tag["Key"]: tag["Value"] for tag in kinesis.list_tags_for_resource(ResourceARN=arn)["Tags"]}


def code(call, *arguments, **more):
    with pytest.raises(ClientError) as error:
        call(*arguments, **more)
    return error.value.response["Error"]["Code"]


def test_a_consumer_is_registered_described_listed_and_deregistered(kinesis):
    make_stream(kinesis, "orders")
    arn = stream_arn(kinesis, "orders")
    for name in ("a", "b", "c"):
        registered = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=name)["Consumer"]
        assert registered["ConsumerStatus"] == "CREATING" and registered["ConsumerName"] == name
    assert code(kinesis.register_stream_consumer, StreamARN=arn, ConsumerName="a") == "ResourceInUseException"
    first = kinesis.list_stream_consumers(StreamARN=arn, MaxResults=2)
    second = kinesis.list_stream_consumers(StreamARN=arn, MaxResults=2, NextToken=first["NextToken"])
    assert [consumer["ConsumerName"] for consumer in first["Consumers"] + second["Consumers"]] == ["a", "b", "c"]
    assert "NextToken" not in second
    described = kinesis.describe_stream_consumer(StreamARN=arn, ConsumerName="b")["ConsumerDescription"]
    assert described["StreamARN"] == arn and described["ConsumerARN"].startswith(arn + "/consumer/b:")
    summary = kinesis.describe_stream_summary(StreamName="orders")["StreamDescriptionSummary"]
    assert summary["ConsumerCount"] == 3
    kinesis.deregister_stream_consumer(ConsumerARN=described["ConsumerARN"])
    eventually(lambda: len(kinesis.list_stream_consumers(StreamARN=arn)["Consumers"]) == 2, 10, why="b is gone")
    assert code(kinesis.describe_stream_consumer, StreamARN=arn, ConsumerName="b") == "ResourceNotFoundException"
    again = kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="b")["Consumer"]
    assert again["ConsumerARN"] != described["ConsumerARN"]
    assert code(kinesis.delete_stream, StreamName="orders") == "ResourceInUseException"
    kinesis.delete_stream(StreamName="orders", EnforceConsumerDeletion=True)


def test_twenty_consumers_are_the_most_and_five_at_a_time(kinesis):
    make_stream(kinesis, "orders")
    arn = stream_arn(kinesis, "orders")

    def register_all():
        try:
            while True:
                count = len(kinesis.list_stream_consumers(StreamARN=arn)["Consumers"])
                if count == 20:
                    return True
                kinesis.register_stream_consumer(StreamARN=arn, ConsumerName=f"c{count}")
        except kinesis.exceptions.LimitExceededException as error:
            assert "CREATING" in str(error)
            return False

    eventually(register_all, 20, why="twenty consumers")
    with pytest.raises(kinesis.exceptions.LimitExceededException, match="20"):
        kinesis.register_stream_consumer(StreamARN=arn, ConsumerName="one-more")


def test_consumers_outlive_the_process(sidecars, tmp_path):
    sidecar = sidecars.start("--data-dir", str(tmp_path / "data"))
    kinesis = sidecar.boto3()
    make_stream(kinesis, "orders")
    arn, gone = register(kinesis, "orders"), register(kinesis, "orders", "gone")
    put(kinesis, "orders", "x")
    stream = subscribe(kinesis, arn)
    continuation = next_records(stream)[1]
    for consumer in (arn, gone):
        kinesis.tag_resource(ResourceARN=consumer, Tags={"a": "b"})
    kinesis.deregister_stream_consumer(ConsumerARN=gone)
    sidecar.kill()
    sidecar.start()
    kinesis = sidecar.boto3()
    assert status(kinesis, arn) == "ACTIVE"
    assert tags(kinesis, arn) == {"a": "b"}
    assert code(kinesis.describe_stream_consumer, ConsumerARN=gone) == "ResourceNotFoundException"
    again = kinesis.register_stream_consumer(StreamARN=stream_arn(kinesis, "orders"), ConsumerName="gone")["Consumer"]
    assert tags(kinesis, again["ConsumerARN"]) == {}
    put(kinesis, "orders", "y")
    stream = subscribe(kinesis, arn, Type="AFTER_SEQUENCE_NUMBER", SequenceNumber=continuation)
    assert next_records(stream)[0] == ["y"]


def test_consumers_have_tags_of_their_own(kinesis):
    make_stream(kinesis, "orders")
    stream = stream_arn(kinesis, "orders")
    kinesis.add_tags_to_stream(StreamName="orders", Tags={"of": "the stream"})
    arn = kinesis.register_stream_consumer(StreamARN=stream, ConsumerName="app", Tags={"team": "a", "stage": ""})[
        "Consumer"]["ConsumerARN"]
    assert tags(kinesis, arn) == {"team": "a", "stage": ""}
    kinesis.tag_resource(ResourceARN=arn, Tags={"team": "b", "more": "x"})
    kinesis.untag_resource(ResourceARN=arn, TagKeys=["stage", "nothing"])
    assert tags(kinesis, arn) == {"team": "b", "more": "x"}
    assert tags(kinesis, stream) == {"of": "the stream"}
    many = {str(n): "" for n in range(49)}
    assert code(kinesis.tag_resource, ResourceARN=arn, Tags=many) == "InvalidArgumentException"
    assert code(kinesis.tag_resource, ResourceARN=arn, Tags={"aws:x": ""}) == "InvalidArgumentException"
    assert code(kinesis.register_stream_consumer, StreamARN=stream, ConsumerName="b", Tags={"aws:x": ""}) == (
        "InvalidArgumentException")
    kinesis.tag_resource(ResourceARN=arn, Tags=dict(list(many.items())[:48]))
    assert len(tags(kinesis, arn)) == 50
    for call in (kinesis.list_tags_for_resource, kinesis.tag_resource, kinesis.untag_resource):
        more = {kinesis.tag_resource: {"Tags": {"a": "b"}}, kinesis.untag_resource: {"TagKeys": ["a"]}}.get(call, {})
        assert code(call, ResourceARN=arn + "1", **more) == "ResourceNotFoundException"
    kinesis.deregister_stream_consumer(ConsumerARN=arn)
    eventually(lambda: not kinesis.list_stream_consumers(StreamARN=stream)["Consumers"], 10, why="it is gone")
    assert code(kinesis.list_tags_for_resource, ResourceARN=arn) == "ResourceNotFoundException"


def test_records_are_pushed_as_they_come_and_a_later_subscription_goes_on_behind_them(kinesis):
    make_stream(kinesis, "orders")
    arn = register(kinesis, "orders")
    put(kinesis, "orders", "one")
    stream = subscribe(kinesis, arn)
    assert next_records(stream)[0] == ["one"]
    put(kinesis, "orders", "two")
    texts, continuation = next_records(stream)
    assert texts == ["two"]
    put(kinesis, "orders", "three")
    stream.close()
    other = register(kinesis, "orders", "other")
    stream = subscribe(kinesis, other, Type="AFTER_SEQUENCE_NUMBER", SequenceNumber=continuation)
    assert next_records(stream)[0] == ["three"]
    at = subscribe(kinesis, register(kinesis, "orders", "third"), Type="AT_SEQUENCE_NUMBER", SequenceNumber=continuation)
    assert next_records(at)[0] == ["two", "three"]
    for opened in (stream, at):
        opened.close()


def test_an_idle_shard_sends_an_empty_event_whose_continuation_can_be_gone_on_from(kinesis):
    make_stream(kinesis, "orders")
    stream = subscribe(kinesis, register(kinesis, "orders"), Type="LATEST")
    event = next(events(stream))
    assert event["Records"] == [] and event["MillisBehindLatest"] == 0
    stream.close()
    put(kinesis, "orders", "x")
    stream = subscribe(
        kinesis, register(kinesis, "orders", "other"), Type="AFTER_SEQUENCE_NUMBER",
        SequenceNumber=event["ContinuationSequenceNumber"])
    assert next_records(stream)[0] == ["x"]
    stream.close()


def test_the_end_of_a_shard_names_its_children(kinesis):
    make_stream(kinesis, "orders")
    arn = register(kinesis, "orders")
    put(kinesis, "orders", "x")
    stream = subscribe(kinesis, arn)
    assert next_records(stream)[0] == ["x"]
    kinesis.split_shard(StreamName="orders", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127))
    last = list(events(stream))[-1]
    assert "ContinuationSequenceNumber" not in last
    assert [child["ShardId"] for child in last["ChildShards"]] == ["shardId-000000000001", "shardId-000000000002"]
    assert all(child["ParentShards"] == ["shardId-000000000000"] for child in last["ChildShards"])


def test_a_second_call_is_refused_for_five_seconds_and_takes_over_then(kinesis):
    make_stream(kinesis, "orders")
    arn = register(kinesis, "orders")
    first = subscribe(kinesis, arn)
    assert code(subscribe, kinesis, arn) == "ResourceInUseException"
    ended = []

    def follow():
        try:
            list(events(first))
            ended.append("in order")
        except EventStreamError as error:
            ended.append(str(error))

    thread = threading.Thread(target=follow)
    thread.start()

    def take_over():
        try:
            return subscribe(kinesis, arn)
        except kinesis.exceptions.ResourceInUseException:
            return None

    second = eventually(take_over, 15, why="the second takes over")
    thread.join(10)
    assert "ResourceInUseException" in ended[0], ended
    put(kinesis, "orders", "x")
    assert next_records(second)[0] == ["x"]
    second.close()


def test_a_subscription_ends_with_its_consumer_and_with_its_stream(kinesis):
    make_stream(kinesis, "orders")
    gone, other = register(kinesis, "orders"), register(kinesis, "orders", "other")
    streams = [subscribe(kinesis, gone), subscribe(kinesis, other)]
    kinesis.deregister_stream_consumer(ConsumerARN=gone)
    with pytest.raises(EventStreamError, match="ResourceNotFoundException"):
        list(events(streams[0]))
    kinesis.delete_stream(StreamName="orders", EnforceConsumerDeletion=True)
    with pytest.raises(EventStreamError, match="ResourceNotFoundException"):
        list(events(streams[1]))


def test_what_is_asked_for_wrongly_is_refused(kinesis):
    make_stream(kinesis, "orders")
    arn = register(kinesis, "orders")
    assert code(subscribe, kinesis, arn, "shardId-000000000009") == "ResourceNotFoundException"
    assert code(subscribe, kinesis, arn + "1") == "ResourceNotFoundException"
    assert code(subscribe, kinesis, arn, Type="AT_SEQUENCE_NUMBER") == "InvalidArgumentException"
    assert code(subscribe, kinesis, arn, Type="AT_SEQUENCE_NUMBER", SequenceNumber="49") == "InvalidArgumentException"
    assert subscribe(kinesis, arn) is not None, "none of that counted as a call that succeeded"


@pytest.mark.parametrize("kind", ["cutFrame", "badChecksum", "exception", "endEarly", "splitFrames"])
def test_faults_of_a_subscription_are_what_was_ordered(kinesis, kind):
    make_stream(kinesis, "orders")
    arn = register(kinesis, "orders")
    put(kinesis, "orders", "x")
    kinesis.sidecar.fault(kind, operation="SubscribeToShard", stream="orders")
    stream = subscribe(kinesis, arn)
    if kind == "splitFrames":
        assert next_records(stream)[0] == ["x"]
        stream.close()
        return
    if kind == "endEarly":
        assert list(events(stream)) == []
        return
    with pytest.raises({"cutFrame": ProtocolError, "badChecksum": ChecksumMismatch, "exception": EventStreamError}[kind]):
        list(events(stream))


def test_silence_lasts(kinesis):
    make_stream(kinesis, "orders")
    arn = register(kinesis, "orders")
    kinesis.sidecar.fault("silence", operation="SubscribeToShard")
    # An idle shard is told of every five seconds.
    impatient = kinesis.sidecar.boto3(read_timeout=7)
    stream = subscribe(impatient, arn)
    put(kinesis, "orders", "x")
    with pytest.raises(ReadTimeoutError):
        list(events(stream))


def test_faults_come_after_as_many_messages_as_were_ordered(kinesis):
    make_stream(kinesis, "orders")
    arn = register(kinesis, "orders")
    kinesis.sidecar.fault("exception", operation="SubscribeToShard", events=3, code="KMSThrottlingException")
    stream = events(subscribe(kinesis, arn))
    for text in ("one", "two"):
        put(kinesis, "orders", text)
        assert [record["Data"].decode() for record in next(stream)["Records"]] == [text]
    put(kinesis, "orders", "three")
    with pytest.raises(EventStreamError, match="KMSThrottlingException"):
        next(stream)


def subscribe_over_http2(client, arn, shard="shardId-000000000000", kind="json"):
    body = {"ConsumerARN": arn, "ShardId": shard, "StartingPosition": {"Type": "TRIM_HORIZON"}}
    return client.request(
        "POST", "/", cbor.dumps(body) if kind == "cbor" else json.dumps(body).encode(),
        content_type=f"application/x-amz-{kind}-1.1", x_amz_target="Kinesis_20131202.SubscribeToShard",
        authorization="AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host, "
        "Signature=" + "0" * 64)


@pytest.mark.parametrize("kind", ["cutFrame", "endEarly", "exception"])
def test_a_fault_of_one_subscription_leaves_the_connection_of_http2_alone(kinesis, kind):
    make_stream(kinesis, "orders", 2)
    arn = register(kinesis, "orders")
    kinesis.sidecar.fault(kind, operation="SubscribeToShard", shardId="shardId-000000000000")
    client = Http2(kinesis.sidecar.ports["kinesis"])
    hurt, sound = (subscribe_over_http2(client, arn, f"shardId-00000000000{n}") for n in range(2))
    client.wait(lambda c: sound in c.data)
    kinesis.put_record(StreamName="orders", Data=b"x", PartitionKey="k", ExplicitHashKey="0")
    client.wait(lambda c: hurt in c.resets if kind == "cutFrame" else hurt in c.ended)
    kinesis.put_record(StreamName="orders", Data=b"y", PartitionKey="k", ExplicitHashKey=str(2**128 - 1))
    client.wait(lambda c: records(c.data[sound]))
    assert sound not in client.ended and not records(client.data[hurt])
    client.close()


def test_many_subscriptions_share_a_connection_of_http2(kinesis):
    shards = 100
    make_stream(kinesis, "orders", shards)
    arn = register(kinesis, "orders")
    client = Http2(kinesis.sidecar.ports["kinesis"])
    streams = [subscribe_over_http2(client, arn, f"shardId-{n:012}") for n in range(shards)]
    client.wait(lambda c: all(stream in c.data for stream in streams))
    assert len(kinesis.sidecar.subscriptions()) == shards
    # Until each has had its first empty event nothing is to be done for them.
    before = kinesis.sidecar.cpu_seconds()
    client.wait(lambda c: all(len(messages(c.data[stream])) > 1 for stream in streams))
    assert kinesis.sidecar.cpu_seconds() - before < 0.25
    for n in range(shards):
        key = str(n * 2**128 // shards + 1)
        kinesis.put_record(StreamName="orders", Data=str(n).encode() * 1000, PartitionKey="k", ExplicitHashKey=key)
    client.wait(lambda c: all(records(c.data[stream]) for stream in streams))
    for n, stream in enumerate(streams):
        assert [base64.b64decode(record["Data"]) for record in records(client.data[stream])] == [str(n).encode() * 1000]
    client.close()
    eventually(lambda: kinesis.sidecar.subscriptions() == [], 10, why="all have left")


def test_a_subscription_asked_for_in_cbor_is_told_in_json_and_its_refusal_in_cbor(kinesis):
    make_stream(kinesis, "orders")
    arn = register(kinesis, "orders")
    put(kinesis, "orders", "x")
    client = Http2(kinesis.sidecar.ports["kinesis"])
    refused = subscribe_over_http2(client, arn + "1", kind="cbor")
    status, body = client.answer(refused)
    assert status == 400 and cbor.loads(body)["__type"] == "ResourceNotFoundException"
    assert client.headers[refused]["content-type"] == cbor.TYPE
    accepted = subscribe_over_http2(client, arn, kind="cbor")
    client.wait(lambda c: records(c.data.get(accepted, b"")))
    assert client.headers[accepted]["content-type"] == "application/vnd.amazon.eventstream"
    assert [base64.b64decode(record["Data"]) for record in records(client.data[accepted])] == [b"x"]
    client.close()


def test_events_have_what_the_services_model_has(kinesis):
    make_stream(kinesis, "orders")
    arn = register(kinesis, "orders")
    put(kinesis, "orders", "x")
    client = Http2(kinesis.sidecar.ports["kinesis"])
    stream = subscribe_over_http2(client, arn)
    client.wait(lambda c: records(c.data.get(stream, b"")))
    kinesis.split_shard(StreamName="orders", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**127))
    client.answer(stream)
    (_, first), *told = messages(client.data[stream])
    shape = kinesis.meta.service_model.shape_for("SubscribeToShardEvent")
    assert first == {}
    for _, event in told:
        # At the shard's end there is nothing to be gone on from, though the model says that there always is.
        event.setdefault("ContinuationSequenceNumber", "")
        assert_of_shape(event, shape, "event")
    client.close()


def test_subscribers_that_read_nothing_hold_one_event_each(kinesis):
    """Of 30 MB, which each of twenty could be sent."""
    make_stream(kinesis, "orders")
    arns = [register(kinesis, "orders", f"c{n}") for n in range(20)]
    for _ in range(30):
        kinesis.put_record(StreamName="orders", Data=b"x" * 1_000_000, PartitionKey="k")
    before = kinesis.sidecar.resident_kilobytes()
    client = kinesis.sidecar.boto3(max_pool_connections=20)
    streams = [subscribe(client, arn) for arn in arns]
    reader = streams.pop()
    # Whoever reads gets all meanwhile.
    count = 0
    for event in events(reader):
        count += len(event["Records"])
        if count == 30:
            break
    grown = kinesis.sidecar.resident_kilobytes() - before
    assert grown < 150_000, f"{grown} KB"
    for stream in [*streams, reader]:
        stream.close()
    eventually(lambda: kinesis.sidecar.subscriptions() == [], 10, why="all have left")
