"""What the SDKs of JavaScript, Java, Go, Rust and Python, the AWS CLI and KCL were recorded to send, played against the embedded
Kinesis up to the first operation of fan-out, and answered as the service would."""

import base64

import pytest

from harness import cbor, sdk_recordings
from harness.sdk_player import Http1Player, Names
from harness.sdk_player_http2 import Http2Player
from harness.waiting import eventually
from local_kinesis import Kinesis

# What names the server, or what it decides for itself.
OWN = {
    "SequenceNumber", "StartingSequenceNumber", "EndingSequenceNumber", "EndingHashKey", "StartingHashKey", "ShardIterator",
    "NextShardIterator", "StreamCreationTimestamp", "ApproximateArrivalTimestamp", "StreamStatus", "message", "ShardLimit",
    "OpenShardCount", "OnDemandStreamCount", "OnDemandStreamCountLimit", "MillisBehindLatest", "NextToken", "StreamNames"}
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
    "kcl3-http2-cbor-fanout.json": ("kcl-r", 2, []),
    "kcl3-http2-cbor-polling.json": ("kcl-r", 2, [(b"rec-%d" % n, f"k{n}") for n in range(6)])}


@pytest.mark.parametrize("name", sdk_recordings.NAMES)
def test_a_recorded_sdk_is_answered(sidecars, name):
    sidecar = sidecars.start("--local-limits", "off")
    kinesis = Kinesis(sidecar.kinesis_url)
    if name in EARLIER:
        prepare(kinesis, *EARLIER[name])
    names, played = Names(), 0
    for connection in sdk_recordings.connections(name):
        player = (Http2Player if connection.frames else Http1Player)(sidecar.ports["kinesis"], names)
        for exchange, status, headers, body in player.play(connection, lambda _: at_rest(kinesis)):
            check(exchange, status, headers, body)
            played += 1
    assert played == len(sdk_recordings.exchanges(name)) > 0


def prepare(kinesis, stream, shards, records):
    kinesis.create(stream, shards)
    for data, key in records:
        kinesis.boto.put_record(StreamName=stream, Data=data, PartitionKey=key)


def at_rest(kinesis):
    """Streams pass through CREATING, UPDATING and DELETING, which the recorded client waited for."""
    def is_so():
        names = kinesis.boto.list_streams()["StreamNames"]
        return all(kinesis.boto.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamStatus"]
                   == "ACTIVE" for name in names) or not names

    eventually(is_so, 20, why="no stream changes")


def check(exchange, status, headers, body):
    told = f"{exchange.operation} {exchange.body[:300]}: {status} {body[:500]}"
    assert headers["content-type"] == exchange.header("content-type") and headers["x-amzn-requestid"], told
    refusal = expected_refusal(exchange)
    assert status == (400 if refusal else 200), told
    if refusal:
        answer = exchange.decode(body)
        assert answer.keys() == {"__type", "message"} and answer["message"], told
        assert answer["__type"] == headers["x-amzn-errortype"] == refusal, told
    elif exchange.operation in WITHOUT_MEMBERS:
        assert body == b""
    elif exchange.length:
        assert len(body) > 240_000, "all of its four records"
    else:
        compare(exchange.answer, exchange.decode(body), exchange.operation)


def expected_refusal(exchange):
    """The code of the service's error; None where it answers 200."""
    piece, code = REFUSED_AT_ALL.get((exchange.operation, exchange.status), (None, None))
    if piece and piece in exchange.body:
        return code
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
            if value is None or (path.endswith("Records[]") and key == "EncryptionType"):
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
