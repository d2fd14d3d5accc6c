"""What the SDKs of JavaScript, Java, Go, Rust and Python, the AWS CLI and KCL were recorded to send, played against the embedded
Kinesis and answered as the service would."""

import base64
import json

import pytest

from harness import cbor, sdk_recordings
from harness.sdk_player import Http1Player, play
from harness.sdk_player_http2 import Http2Player
from harness.waiting import eventually
from local_kinesis import Kinesis

EVENT_STREAM = "application/vnd.amazon.eventstream"
# What names the server, or what it decides for itself.
OWN = {
    "SequenceNumber", "StartingSequenceNumber", "EndingSequenceNumber", "EndingHashKey", "StartingHashKey", "ShardIterator",
    "NextShardIterator", "StreamCreationTimestamp", "ApproximateArrivalTimestamp", "StreamStatus", "message", "ShardLimit",
    "OpenShardCount", "OnDemandStreamCount", "OnDemandStreamCountLimit", "MillisBehindLatest", "NextToken", "StreamNames", "ConsumerARN", "ConsumerStatus",
    "ConsumerCreationTimestamp"}
# What the recording's server shows and the service does not, by path.
NOT_SHOWN = {"DescribeStreamConsumer.ConsumerDescription.Tags", "ListStreamConsumers.NextToken"}
# What the service refuses otherwise than the recording's server, by a piece of that one's message …
REFUSED_OTHERWISE = {
    "contains invalid characters": "ValidationException",
    "shard count must be between": "ValidationException",
    "Limit must be between": "ValidationException",
    "Partition key must be between": "ValidationException",
    "Unable to find record with provided SequenceNumber": "InvalidArgumentException",
    "is not active": "InvalidArgumentException",
    "beyond 2x current shard count": "LimitExceededException"}
# … and what that one does not refuse, or has no words for, by operation and status.
REFUSED_AT_ALL = {
    ("GetRecords", 500): (b"bad", "InvalidArgumentException"),
    ("PutRecords", 200): (b'"Records":[]', "ValidationException"),
    ("UpdateStreamWarmThroughput", 200): (b"WarmThroughputMiBps", "ValidationException")}
# Without members; the recording's server answers some.
WITHOUT_MEMBERS = {"UpdateMaxRecordSize"}
# The stream that was there before a recording began, its shards and its records (data, partition key).
EARLIER = {
    "java-v2-http2-large-answer.json": ("flow", 1, [(b"x" * 60_000, "k")] * 4),
    "js-v3-http2-large-answer.json": ("flow", 1, [(b"x" * 60_000, "k")] * 4),
    **dict.fromkeys(
        ("kcl3-http2-cbor-fanout.json", "kcl3-http2-cbor-polling.json"),
        ("kcl-r", 2, [(b"rec-%d" % n, f"k{n}") for n in range(6)]))}


@pytest.mark.parametrize("name", sdk_recordings.NAMES)
def test_a_recorded_sdk_is_answered(sidecars, name):
    sidecar = sidecars.start("--local-limits", "off")
    kinesis = Kinesis(sidecar.kinesis_url)
    if name in EARLIER:
        prepare(kinesis, *EARLIER[name])
    answers = play(
        sidecar.ports["kinesis"], sdk_recordings.connections(name), lambda c: Http2Player if c.frames else Http1Player,
        lambda exchange: get_ready(kinesis, exchange), lambda exchange: is_left(sidecar, exchange))
    for answer in answers:
        check(*answer)
    assert len(answers) == len(sdk_recordings.exchanges(name)) > 0


def prepare(kinesis, stream, shards, records):
    kinesis.create(stream, shards)
    for data, key in records:
        kinesis.boto.put_record(StreamName=stream, Data=data, PartitionKey=key)


def get_ready(kinesis, exchange):
    """Streams and consumers pass through CREATING, UPDATING and DELETING, which the recorded client waited for."""
    def is_at_rest():
        states = []
        for name in kinesis.boto.list_streams()["StreamNames"]:
            try:
                stream = kinesis.boto.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]
                consumers = kinesis.boto.list_stream_consumers(StreamARN=stream["StreamARN"])["Consumers"]
            except kinesis.boto.exceptions.ResourceNotFoundException:
                return False  # It was going.
            states += [stream["StreamStatus"], *(consumer["ConsumerStatus"] for consumer in consumers)]
        return set(states) <= {"ACTIVE"}

    eventually(is_at_rest, 20, why="nothing changes")
    if exchange.operation == "DeleteStream" and exchange.status == 400 and "Consumers exist" in exchange.answer["message"]:
        # Of the recorded stream the consumer was still going.
        arn = kinesis.boto.describe_stream_summary(StreamName=json.loads(exchange.body)["StreamName"])
        kinesis.boto.register_stream_consumer(StreamARN=arn["StreamDescriptionSummary"]["StreamARN"], ConsumerName="other")


def is_left(sidecar, exchange):
    """The embedded Kinesis goes on for nobody who has left."""
    shard = json.loads(exchange.body)["ShardId"]
    eventually(
        lambda: all(open["shardId"] != shard for open in sidecar.subscriptions()), 10, why=f"{shard} is nobody's any more")


def check(exchange, status, headers, body):
    told = f"{exchange.operation} {exchange.body[:300]}: {status} {body[:500]}"
    refusal = expected_refusal(exchange)
    kind = exchange.header("content-type") if refusal or not exchange.is_subscription else EVENT_STREAM
    assert headers["content-type"] == kind and headers["x-amzn-requestid"], told
    assert status == (400 if refusal else 200), told
    if refusal:
        answer = exchange.decode(body)
        assert answer.keys() == {"__type", "message"} and answer["message"], told
        assert answer["__type"] == headers["x-amzn-errortype"] == refusal, told
    elif exchange.operation in WITHOUT_MEMBERS:
        assert body == b""
    elif exchange.is_subscription:
        check_events(exchange, body)
    elif exchange.length:
        assert len(body) > 240_000, "all of its four records"
    else:
        compare(exchange.answer, exchange.decode(body), exchange.operation)


def check_events(exchange, body):
    """An initial response, and the recorded records; how many events they are in, and how many are empty, is the server's."""
    assert sdk_recordings.covers(body, exchange.answer)
    (head, payload), *events = sdk_recordings.messages(body)
    assert (head[":event-type"], payload) == ("initial-response", {})
    if events and events[-1][0][":message-type"] == "exception":
        # Of who did not leave when the consumer went.
        assert events.pop()[0][":exception-type"] == "ResourceNotFoundException"
    for headers, payload in events:
        assert headers == {
            ":message-type": "event", ":event-type": "SubscribeToShardEvent",
            ":content-type": "application/x-amz-json-1.1"}
        assert payload["MillisBehindLatest"] >= 0
        assert ("ChildShards" in payload) != ("ContinuationSequenceNumber" in payload)
        if payload["Records"]:
            assert payload["ContinuationSequenceNumber"] == payload["Records"][-1]["SequenceNumber"]
    compare(sdk_recordings.records(exchange.answer), sdk_recordings.records(body), "Records")
    children = [[c for _, payload in sdk_recordings.messages(answer) for c in payload.get("ChildShards") or []]
                for answer in (exchange.answer, body)]
    compare(*children, "ChildShards")


def expected_refusal(exchange):
    """The code of the service's error; None where it answers 200."""
    piece, code = REFUSED_AT_ALL.get((exchange.operation, exchange.status), (None, None))
    if piece and piece in exchange.body:
        return code
    if exchange.is_subscription:
        # The recording's server refuses in the response's first message.
        return sdk_recordings.messages(exchange.answer)[0][0].get(":exception-type")
    if exchange.status == 200:
        return None
    message = exchange.answer["message"]
    return next((code for piece, code in REFUSED_OTHERWISE.items() if piece in message), exchange.answer["__type"])


def compare(recorded, ours, path):
    """Ours has what the recorded answer has. That one says null where the service leaves a member out, and base64 where it
    sends bytes."""
    if isinstance(recorded, dict):
        for key, value in recorded.items():
            # The service leaves out of a record that it is not encrypted.
            if value is None or f"{path}.{key}" in NOT_SHOWN or (path.endswith("Records[]") and key == "EncryptionType"):
                continue
            assert key in ours, f"{path} has no {key}: {ours}"
            if key == "Data" and isinstance(ours[key], bytes):
                assert base64.b64decode(value) == ours[key]
            elif key not in OWN and (path, key) != ("PutRecord", "ShardId"):
                compare(value, ours[key], f"{path}.{key}")
    elif isinstance(recorded, list):
        assert len(recorded) == len(ours), f"{path}: {recorded} {ours}"
        for pair in zip(recorded, ours):
            compare(*pair, path + "[]")
    else:
        assert recorded == ours, path
