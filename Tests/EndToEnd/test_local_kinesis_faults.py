"""Troubles on order, see FaultPlan: how tests make the embedded Kinesis misbehave."""

import time

import botocore.exceptions
import pytest

from harness.sidecar import fetch
from local_kinesis import Kinesis

SHARD = "shardId-000000000000"


@pytest.fixture
def embedded(sidecars):
    sidecar = sidecars.start("--local-limits", "off")
    kinesis = Kinesis(sidecar.kinesis_url)
    kinesis.create("s", 2)

    def order(**fault):
        answer = fetch(sidecar.kinesis_url + "/_faults", method="POST", body=fault)
        assert answer.status in (200, 204), answer

    kinesis.order = order
    kinesis.url = sidecar.kinesis_url
    return kinesis


def test_a_throttle_hits_the_calls_it_names_and_no_more(embedded):
    embedded.order(operation="GetRecords", shardId=SHARD, kind="throttle", count=2)
    iterators = [embedded.iterator("s", shard["ShardId"]) for shard in embedded.shards("s")]
    embedded.boto.get_records(ShardIterator=iterators[1])
    for _ in range(2):
        assert embedded.fails("GetRecords", ShardIterator=iterators[0])[0] == "ProvisionedThroughputExceededException"
    embedded.boto.get_records(ShardIterator=iterators[0])


def test_a_failure_is_a_500(embedded):
    embedded.order(operation="PutRecord", kind="fail")
    code, _, status = embedded.failure("PutRecord", StreamName="s", Data=b"x", PartitionKey="k")
    assert status == 500 and code.startswith("InternalFailure")
    embedded.boto.put_record(StreamName="s", Data=b"x", PartitionKey="k")
    assert sum(map(len, embedded.read_all("s").values())) == 1


def test_entries_of_a_put_fail_and_the_others_are_stored(embedded):
    embedded.order(operation="PutRecords", kind="failEntries", fraction=0.5)
    answer = embedded.boto.put_records(
        StreamName="s", Records=[{"Data": b"%d" % index, "PartitionKey": "k%d" % index} for index in range(10)])
    failed = [index for index, result in enumerate(answer["Records"]) if "ErrorCode" in result]
    assert answer["FailedRecordCount"] == len(failed) == 5
    stored = sorted(int(r["Data"]) for records in embedded.read_all("s").values() for r in records)
    assert stored == [index for index in range(10) if index not in failed]


def test_an_answer_comes_late(embedded):
    embedded.order(operation="ListShards", kind="delay", milliseconds=300)
    began = time.monotonic()
    embedded.shards("s")
    assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize("kind, stored", [("cut", 0), ("cutAfter", 1)])
def test_a_connection_is_cut(embedded, kind, stored):
    embedded.order(operation="PutRecord", kind=kind)
    with pytest.raises(botocore.exceptions.HTTPClientError):
        embedded.boto.put_record(StreamName="s", Data=b"x", PartitionKey="k")
    assert sum(map(len, embedded.read_all("s").values())) == stored


def test_iterators_expire_on_order(embedded):
    iterator = embedded.iterator("s", SHARD)
    embedded.order(kind="expireIterators")
    code, message, status = embedded.failure("GetRecords", ShardIterator=iterator)
    assert (code, status) == ("ExpiredIteratorException", 400) and "300000 milliseconds" in message
    embedded.boto.get_records(ShardIterator=embedded.iterator("s", SHARD))


def test_faults_are_taken_back(embedded):
    embedded.order(kind="fail", count=-1)
    assert embedded.failure("ListStreams")[2] == 500
    assert fetch(embedded.url + "/_faults", method="DELETE").status in (200, 204)
    embedded.boto.list_streams()


def test_an_order_that_cannot_be_read_is_refused(embedded):
    for wrong in ({"kind": "explode"}, {"kind": "fail", "count": "many"}, {"kind": "fail", "colour": "red"}, {}):
        answer = fetch(embedded.url + "/_faults", method="POST", body=wrong)
        assert answer.status == 400, (wrong, answer)
    embedded.boto.list_streams()
