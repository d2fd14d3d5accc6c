"""An upstream that says null where the service leaves a member out, as most people have one on their desk."""

import pytest

from harness.kinesis_mock import KinesisMock
from harness.records import make_stream, numbers
from harness.resharding import split


@pytest.fixture
def mock(sidecar):
    mock = KinesisMock(sidecar.kinesis_url)
    yield mock
    mock.close()


def test_put_list_and_read_work(sidecars, sidecar, mock):
    make_stream(sidecar.boto3(), "s", 1)
    split(sidecar.boto3(), "s", "shardId-000000000000")
    remote = sidecars.start_against(mock.url)
    assert remote.get("/streams/s").json["maxRecordSizeInKiB"] == 1024
    shards = remote.get("/streams/s/shards").json["shards"]
    assert [shard.get("parentShardId") for shard in shards] == [None] + ["shardId-000000000000"] * 2
    assert ["endingSequenceNumber" in shard["sequenceNumberRange"] for shard in shards] == [True, False, False], shards
    reader = remote.follow("s", "initialPositionInStream=TRIM_HORIZON&pollDelay=20&noRecordsPollDelay=250")
    remote.put("s", {"n": 0}, partitionKey="k")
    many = remote.post("/streams/s/put", {"records": [{"data": {"n": n}, "partitionKey": str(n)} for n in (1, 2, 3)]})
    assert many.status == 200 and all("errorCode" not in result for result in many.json["records"]), many
    reader.wait(lambda r: sorted(numbers(r.records)) == [0, 1, 2, 3], 20)
    assert all("null" not in str(record.get("approximateArrivalTimestamp")) for record in reader.records)
    missing = remote.get("/streams/none")
    assert missing.status == 404 and missing.json["code"] == "streamMissing", missing


def test_iterators_that_it_forgot_are_replaced_and_nothing_is_lost_or_repeated(sidecars, sidecar, mock):
    make_stream(sidecar.boto3(), "s", 1)
    remote = sidecars.start_against(mock.url)
    reader = remote.follow("s", "pollDelay=20&noRecordsPollDelay=250")
    remote.put("s", {"n": 1})
    reader.wait_records(1)
    mock.forget_iterators()
    remote.put("s", {"n": 2})
    reader.wait_records(2, 20)
    assert numbers(reader.records) == [1, 2]
