"""The embedded Kinesis in CBOR: Python's cbor2 on one side and boto3's JSON on the other."""

import time

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

from harness import cbor
from harness.sidecar import fetch
from harness.waiting import eventually
from local_kinesis import Kinesis

SHARD = "shardId-000000000000"
BINARY = bytes(range(256))


def send(url, operation, body, secret="local"):
    """A signed request; `body` is encoded unless it is bytes."""
    data = body if isinstance(body, bytes) else cbor.dumps(body)
    request = botocore.awsrequest.AWSRequest("POST", url + "/", data=data, headers={
        "Content-Type": cbor.TYPE, "X-Amz-Target": "Kinesis_20131202." + operation})
    botocore.auth.SigV4Auth(botocore.credentials.Credentials("local", secret), "kinesis", "us-east-1").add_auth(request)
    return fetch(url + "/", method="POST", body=data, headers=dict(request.headers.items()))


def call(url, operation, **members):
    answer = send(url, operation, members)
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"] == cbor.TYPE and answer.headers["x-amzn-RequestId"]
    return cbor.loads(answer.body)


def refused(answer, status, code):
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == cbor.TYPE and answer.headers["x-amzn-RequestId"]
    told = cbor.loads(answer.body)
    assert told.keys() == {"__type", "message"}
    assert told["__type"] == answer.headers["x-amzn-ErrorType"] == code
    return told["message"]


def test_what_cbor_puts_json_reads(sidecar):
    url, kinesis = sidecar.kinesis_url, Kinesis(sidecar.kinesis_url)
    assert call(url, "CreateStream", StreamName="s", ShardCount=1) is None
    created = kinesis.wait_active("s")["StreamCreationTimestamp"]
    one = call(url, "PutRecord", StreamName="s", Data=BINARY, PartitionKey="schlüssel")
    many = call(url, "PutRecords", StreamName="s", Records=[
        {"Data": b"", "PartitionKey": "\"\n"}, {"Data": b"x" * 100_000, "PartitionKey": "k", "ExplicitHashKey": "0"}])
    assert many["FailedRecordCount"] == 0 and many["EncryptionType"] == one["EncryptionType"] == "NONE"
    records = kinesis.read_shard("s", SHARD, count=3)
    assert [(r["Data"], r["PartitionKey"]) for r in records] == [
        (BINARY, "schlüssel"), (b"", "\"\n"), (b"x" * 100_000, "k")]
    assert [r["SequenceNumber"] for r in records] == [r["SequenceNumber"] for r in [one, *many["Records"]]]
    summary = call(url, "DescribeStreamSummary", StreamName="s")["StreamDescriptionSummary"]
    assert summary["StreamCreationTimestamp"] == cbor.Time(round(created.timestamp() * 1000))
    assert summary["OpenShardCount"] == 1 and "KeyId" not in summary


def test_what_json_puts_cbor_reads(sidecar):
    url, kinesis = sidecar.kinesis_url, Kinesis(sidecar.kinesis_url)
    kinesis.create("s")
    began = time.time() * 1000 - 1
    for data in (b"", b"a", b"ab", BINARY):
        kinesis.boto.put_record(StreamName="s", Data=data, PartitionKey="k\\")
    iterator = call(url, "GetShardIterator", StreamName="s", ShardId=SHARD, ShardIteratorType="TRIM_HORIZON")
    page = call(url, "GetRecords", ShardIterator=iterator["ShardIterator"], Limit=100)
    assert [(r["Data"], r["PartitionKey"]) for r in page["Records"]] == [
        (data, "k\\") for data in (b"", b"a", b"ab", BINARY)]
    assert all(began <= r["ApproximateArrivalTimestamp"].milliseconds <= time.time() * 1000 for r in page["Records"])
    assert page["MillisBehindLatest"] == 0 and "ChildShards" not in page
    assert call(url, "GetRecords", ShardIterator=page["NextShardIterator"])["Records"] == []


def test_an_iterator_begins_at_a_time_in_milliseconds(sidecar):
    url, kinesis = sidecar.kinesis_url, Kinesis(sidecar.kinesis_url)
    kinesis.create("s")
    kinesis.boto.put_record(StreamName="s", Data=b"early", PartitionKey="k")
    first = kinesis.read_shard("s", SHARD, count=1)[0]["ApproximateArrivalTimestamp"]

    def late():
        kinesis.boto.put_record(StreamName="s", Data=b"late", PartitionKey="k")
        arrival = kinesis.read_shard("s", SHARD)[-1]["ApproximateArrivalTimestamp"]
        return arrival if arrival > first else None

    arrival = eventually(late, why="a record of a later millisecond")
    milliseconds = round(arrival.timestamp() * 1000)
    for time_ in (cbor.Time(milliseconds), milliseconds / 1000):
        iterator = call(
            url, "GetShardIterator", StreamName="s", ShardId=SHARD, ShardIteratorType="AT_TIMESTAMP", Timestamp=time_)
        records = call(url, "GetRecords", ShardIterator=iterator["ShardIterator"])["Records"]
        assert records and {r["Data"] for r in records} == {b"late"}


def test_an_error_is_cbor(sidecar):
    url = sidecar.kinesis_url
    message = refused(send(url, "DescribeStreamSummary", {"StreamName": "none"}), 400, "ResourceNotFoundException")
    assert "none" in message
    refused(send(url, "InventStream", {}), 400, "UnknownOperationException")
    refused(send(url, "ListStreams", {}, secret="wrong"), 403, "InvalidSignatureException")
    refused(send(url, "CreateStream", {"StreamName": "s", "ShardCount": 0}), 400, "ValidationException")
    sidecar.fault("fail", operation="ListStreams")
    refused(send(url, "ListStreams", {}), 500, "InternalFailure")


@pytest.mark.parametrize("body, place", [
    (b"\xbf\x61", 2), (b"\xbf\x65Limit\x1c\xff", 7), (b"\xbf\x5a\xff\xff\xff\xff", 1), (b"\xa0\xa0", 1), (b"\x9f" * 100, 64),
    (b"\xa1\x61\xff\x00", 2)])
@pytest.mark.parametrize("operation", ["ListStreams", "PutRecords"])
def test_what_is_no_cbor_is_told_with_its_place(sidecar, operation, body, place):
    message = refused(send(sidecar.kinesis_url, operation, body), 400, "SerializationException")
    # A put looks for a map before it looks into anything.
    assert message.endswith(f"at byte {place}") or (operation == "PutRecords" and message.endswith("at byte 0"))
