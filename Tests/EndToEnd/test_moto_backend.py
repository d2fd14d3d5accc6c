"""The sidecar with moto as its Kinesis, by --endpoint: somebody else's idea of the service.

moto never ends a closed shard and knows no limits, so there is no resharding here.
"""

import json
import uuid

from harness.records import make_stream, numbers

QUICK = "pollDelay=20&noRecordsPollDelay=250"


def test_put_follow_and_restart(sidecars, moto, moto_kinesis, tmp_path):
    stream = f"s-{uuid.uuid4().hex[:8]}"
    make_stream(moto_kinesis, stream, 2)
    sidecar = sidecars.start_against(moto.url, data_dir=tmp_path / "data")
    reader = sidecar.follow(stream, QUICK)
    for n in range(10):
        sidecar.put(stream, {"n": n}, partitionKey=str(n))
    assert sorted(numbers(reader.wait_records(10))) == list(range(10))
    assert sidecar.terminate() == 0, sidecar.log
    for n in range(10, 20):
        moto_kinesis.put_record(StreamName=stream, Data=json.dumps({"n": n}).encode(), PartitionKey=str(n))
    sidecar.start()
    reader = sidecar.follow(stream, QUICK)
    reader.wait(lambda r: set(numbers(r.records)) >= set(range(10, 20)), 20, "what was put while it was away")
    assert set(numbers(reader.records)) == set(range(10, 20))


def test_trim_horizon_reads_what_was_there(sidecars, moto, moto_kinesis):
    stream = f"s-{uuid.uuid4().hex[:8]}"
    make_stream(moto_kinesis, stream, 1)
    moto_kinesis.put_record(StreamName=stream, Data=b"\x00\xff", PartitionKey="k")
    sidecar = sidecars.start_against(moto.url)
    reader = sidecar.follow(stream, QUICK + "&initialPositionInStream=TRIM_HORIZON")
    assert reader.wait_records(1)[0]["data"] == "AP8="


def test_many_records_at_once(sidecars, moto, moto_kinesis):
    stream = f"s-{uuid.uuid4().hex[:8]}"
    make_stream(moto_kinesis, stream, 4)
    sidecar = sidecars.start_against(moto.url)
    reader = sidecar.follow(stream, QUICK)
    records = [{"data": {"n": n}, "partitionKey": str(n)} for n in range(600)]
    answer = sidecar.post(f"/streams/{stream}/put", {"records": records})
    assert answer.status == 200, answer
    assert len({(result["shardId"], result["sequenceNumber"]) for result in answer.json["records"]}) == 600
    assert sorted(numbers(reader.wait_records(600))) == list(range(600))


def test_a_stream_that_configuration_lists_is_created(sidecars, moto, moto_kinesis, tmp_path):
    stream = f"s-{uuid.uuid4().hex[:8]}"
    path = tmp_path / "sidecar.yaml"
    path.write_text(f"consumers: [{{streamName: {stream}, shardCount: 2}}]\n")
    sidecar = sidecars.start_against(moto.url, "--config", str(path))
    reader = sidecar.follow(stream)
    assert len(moto_kinesis.list_shards(StreamName=stream)["Shards"]) == 2
    sidecar.put(stream, {"n": 1})
    assert numbers(reader.wait_records(1)) == [1]


def test_without_credentials_the_answer_says_where_it_looked(sidecars, moto):
    sidecar = sidecars.start(
        "--endpoint", moto.url, "--region", "us-east-1", local=False, env={"AWS_EC2_METADATA_DISABLED": "true"})
    answer = sidecar.get("/streams/any/shards")
    assert answer.status in (401, 403, 500, 502, 503) and answer.json["code"] == "noCredentials", answer
    assert "environment" in answer.json["detail"]
