"""What the sidecar makes of a stream: encryption, tags, mode; large records; streams by their ARNs; streams without keys."""

import base64
import hashlib
import json
from urllib.parse import quote

import pytest

from harness.records import make_stream, read_stream, wait_active
from harness.sidecar import fetch, run_program
from harness.waiting import eventually
from test_local_kinesis_wire import signed

ACCOUNT = "000000000000"
OTHER = "999999999999"


def arn(name, account=ACCOUNT, region="us-east-1"):
    return f"arn:aws:kinesis:{region}:{account}:stream/{name}"


def config(tmp_path, text):
    path = tmp_path / "sidecar.yaml"
    path.write_text(text)
    return path


def summary(kinesis, name):
    return kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]


def tags(kinesis, name):
    return {tag["Key"]: tag["Value"] for tag in kinesis.list_tags_for_stream(StreamName=name)["Tags"]}


# Set-up


def test_a_listed_stream_is_made_on_demand_encrypted_and_tagged(sidecars, tmp_path):
    sidecar = sidecars.start("--config", config(tmp_path, """
        consumers:
          - streamName: orders
            streamMode: ON_DEMAND
            encryption: {type: KMS, keyId: alias/aws/kinesis}
            tags: {team: orders, stage: test}
        """))
    kinesis = sidecar.boto3()
    eventually(lambda: "orders" in kinesis.list_streams()["StreamNames"], 15)
    eventually(lambda: tags(kinesis, "orders") == {"team": "orders", "stage": "test"}, 15)
    eventually(lambda: summary(kinesis, "orders")["EncryptionType"] == "KMS", 15)
    made = summary(kinesis, "orders")
    assert made["StreamModeDetails"]["StreamMode"] == "ON_DEMAND" and made["KeyId"] == "alias/aws/kinesis"
    shown = sidecar.get("/streams").json["consumers"][0]["options"]
    assert shown["streamMode"] == "ON_DEMAND" and shown["encryption.type"] == "KMS"
    assert shown["tags"] == "stage=test,team=orders"


def test_tags_are_merged_and_another_key_stays(sidecars, tmp_path):
    first = sidecars.start()
    kinesis = first.boto3()
    make_stream(kinesis, "orders")
    kinesis.start_stream_encryption(StreamName="orders", EncryptionType="KMS", KeyId="mine")
    wait_active(kinesis, "orders")
    kinesis.add_tags_to_stream(StreamName="orders", Tags={"mine": "yes", "team": "other"})
    second = sidecars.start_against(first.kinesis_url, "--config", config(tmp_path, """
        encryption: {type: KMS, keyId: theirs}
        tags: [team=orders]
        consumers: [{streamName: orders}]
        """))
    eventually(lambda: tags(kinesis, "orders") == {"mine": "yes", "team": "orders"}, 15)
    assert summary(kinesis, "orders")["KeyId"] == "mine"
    second.follow("orders").close()


def test_moto_is_tagged_and_encrypted_too(sidecars, tmp_path, moto, moto_kinesis):
    make_stream(moto_kinesis, "set-up")
    sidecars.start_against(moto.url, "--config", config(tmp_path, """
        consumers: [{streamName: set-up, encryption: {type: KMS, keyId: alias/aws/kinesis}, tags: {team: orders}}]
        """))
    eventually(lambda: tags(moto_kinesis, "set-up") == {"team": "orders"}, 20)
    described = moto_kinesis.describe_stream(StreamName="set-up")["StreamDescription"]
    assert described["EncryptionType"] == "KMS"


@pytest.mark.parametrize("query", ["encryption.type=KMS", "encryption.keyId=k", "tags=a%3Db", "streamMode=ON_DEMAND"])
def test_what_changes_a_stream_is_no_query_parameter(sidecar, query):
    answer = sidecar.get(f"/streams/s/records?{query}")
    assert answer.status == 400 and answer.json["code"] == "configurationOnlyOption", answer
    assert answer.json["option"] == query.split("=")[0]


# Large records


@pytest.mark.parametrize("wire_format", ["json", "cbor"])
def test_a_record_of_ten_mebibytes_is_put_and_read(sidecars, wire_format):
    sidecar = sidecars.start("--wire-format", wire_format)
    kinesis = sidecar.boto3(parameter_validation=False)
    make_stream(kinesis, "large")
    kinesis.update_max_record_size(StreamARN=arn("large"), MaxRecordSizeInKiB=10240)
    wait_active(kinesis, "large")
    assert sidecar.get("/streams/large").json["maxRecordSizeInKiB"] == 10240
    data = hashlib.shake_256(b"large").digest(10 * 1024 * 1024 - 3)
    reader = sidecar.follow("large", "initialPositionInStream=TRIM_HORIZON")
    put = sidecar.post(
        "/streams/large/put?partitionKey=key", data, headers={"Content-Type": "application/octet-stream"})
    assert put.status == 200, put
    reader.wait_records(1, within=40)
    record = reader.records[0]
    assert record["dataEncoding"] == "base64" and base64.b64decode(record["data"]) == data
    over = sidecar.post(
        "/streams/large/put?partitionKey=keys", data, headers={"Content-Type": "application/octet-stream"})
    assert over.status == 413 and over.json["limit"] == 10 * 1024 * 1024, over
    envelope = {"data": base64.b64encode(data).decode(), "dataEncoding": "base64", "partitionKey": "key"}
    assert sidecar.post("/streams/large/put", envelope).status == 200


def test_records_that_one_call_cannot_hold_go_in_several(sidecars):
    sidecar = sidecars.start("--local-limits", "off")
    kinesis = sidecar.boto3(parameter_validation=False)
    make_stream(kinesis, "large")
    kinesis.update_max_record_size(StreamARN=arn("large"), MaxRecordSizeInKiB=10240)
    wait_active(kinesis, "large")
    records = [{"data": f"{number}" * (3 * 1024 * 1024), "partitionKey": "k"} for number in range(5)]
    put = sidecar.post("/streams/large/put", {"records": records})
    assert put.status == 200 and len(put.json["records"]) == 5, put
    assert sorted(record["Data"][:1] for record in read_stream(kinesis, "large")) == [b"0", b"1", b"2", b"3", b"4"]


def test_a_stream_that_takes_a_mebibyte_refuses_more(sidecar, kinesis):
    make_stream(kinesis, "small")
    answer = sidecar.post("/streams/small/put", {"data": "x" * (1024 * 1024), "partitionKey": "k"})
    assert answer.status == 413 and answer.json["limit"] == 1024 * 1024, answer


# By ARN


def test_a_stream_by_its_own_arn_is_the_consumer_of_its_name(sidecars):
    first = sidecars.start()
    kinesis = first.boto3()
    make_stream(kinesis, "orders")
    second = sidecars.start_against(first.kinesis_url)
    path = f"/streams/{quote(arn('orders'), safe='')}"
    reader = second.follow(quote(arn("orders"), safe=""))
    assert [consumer["streamName"] for consumer in second.get("/streams").json["consumers"]] == ["orders"]
    assert second.post(path + "/put", {"data": "by ARN"}).status == 200
    assert second.put("orders", "by name")
    assert fetch(second.url + "/put", "POST", {"streamName": arn("orders"), "data": "in the body"}).status == 200
    reader.wait_records(3)
    assert sorted(record["data"] for record in reader.records) == ["by ARN", "by name", "in the body"]
    assert second.get(path).json["streamArn"] == arn("orders")
    assert len(second.get(path + "/shards").json["shards"]) == 1
    assert second.get(path + "/stats").status == 200 and second.get(path + "/assignments").status == 200
    assert second.post(path + "/stop", None).json["streamName"] == "orders"


def test_a_stream_of_another_account_has_consumers_of_its_own(sidecars, tmp_path):
    # The embedded Kinesis has every account's streams as one.
    first = sidecars.start()
    kinesis = first.boto3()
    make_stream(kinesis, "orders")
    foreign = arn("orders", OTHER)
    second = sidecars.start_against(first.kinesis_url, "--config", config(tmp_path, f"""
        consumers:
          - {{streamArn: '{foreign}', initialPositionInStream: TRIM_HORIZON}}
          - {{streamName: orders, initialPositionInStream: TRIM_HORIZON}}
        """), data_dir=tmp_path / "data")
    eventually(lambda: len(second.get("/streams").json["consumers"]) == 2, 15)
    names = [consumer["streamName"] for consumer in second.get("/streams").json["consumers"]]
    assert sorted(names) == [foreign, "orders"]
    second.put("orders", "a")
    for name in (quote(foreign, safe=""), "orders"):
        reader = second.follow(name)
        reader.wait_records(1)
        event = next(event for event in reader.events if event.name == "records")
        assert event.data["streamName"] == (foreign if "%" in name else "orders")
        reader.close()
    second.restart()
    reader = second.follow(quote(foreign, safe=""))
    second.put("orders", "b")
    reader.wait_records(1)
    assert [record["data"] for record in reader.records] == ["b"], "its checkpoint is kept"


def test_an_arn_of_another_region_is_refused(sidecars, tmp_path):
    first = sidecars.start()
    second = sidecars.start_against(first.kinesis_url)
    path = f"/streams/{quote(arn('orders', region='eu-west-1'), safe='')}"
    for answer in (second.get(path + "/records"), second.post(path + "/put", {"data": 1}), second.get(path + "/shards")):
        assert answer.status == 400 and answer.json["code"] == "badStreamName", answer
        assert "us-east-1" in answer.json["detail"]
    ended = run_program(
        "--region", "us-east-1", "--config",
        config(tmp_path, f"consumers: [{{streamArn: '{arn('orders', region='eu-west-1')}'}}]"),
        env={"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"})
    assert ended.returncode == 64 and "eu-west-1" in ended.stderr and "us-east-1" in ended.stderr, ended


@pytest.mark.parametrize("name", ["arn:aws:kinesis:us-east-1:1:stream/s", "arn:aws:dynamodb:us-east-1:1:table/t", "a:b"])
def test_what_is_neither_a_name_nor_an_arn_is_refused(sidecar, name):
    answer = sidecar.get(f"/streams/{quote(name, safe='')}/records")
    assert answer.status == 400 and answer.json["code"] == "badStreamName" and "arn:aws:kinesis" in answer.json["detail"]


# Records that are distributed automatically


def make_auto(sidecar, name):
    answer = signed(sidecar.kinesis_url, "CreateStream", {
        "StreamName": name, "StreamModeDetails": {"StreamMode": "ON_DEMAND"}, "RecordDistributionStrategy": "AUTO"})
    assert answer.status == 200, answer
    wait_active(sidecar.boto3(), name)


@pytest.mark.parametrize("wire_format", ["json", "cbor"])
def test_records_without_keys_are_put_and_read(sidecars, wire_format):
    sidecar = sidecars.start("--wire-format", wire_format, "--local-limits", "off")
    make_auto(sidecar, "auto")
    assert sidecar.get("/streams/auto").json["recordDistributionStrategy"] == "AUTO"
    reader = sidecar.follow("auto", "initialPositionInStream=TRIM_HORIZON")

    def keyless():
        sidecar.put("auto", "no key")
        return any("partitionKey" not in record for record in reader.records)

    eventually(keyless, 15, every=0.1)
    sidecar.put("auto", "a key", partitionKey="mine")
    eventually(lambda: [r["partitionKey"] for r in reader.records if r["data"] == "a key"] == ["mine"], 15)


def test_the_embedded_kinesis_knows_how_records_are_distributed(sidecar, kinesis):
    url = sidecar.kinesis_url
    make_stream(kinesis, "s")
    wanted = {"StreamARN": arn("s"), "RecordDistributionStrategy": "AUTO"}
    refused = signed(url, "UpdateStreamRecordDistributionStrategy", wanted)
    assert refused.status == 400 and refused.json["__type"] == "InvalidArgumentException"
    kinesis.update_stream_mode(StreamARN=arn("s"), StreamModeDetails={"StreamMode": "ON_DEMAND"})
    wait_active(kinesis, "s")
    keyless = {"StreamName": "s", "Data": base64.b64encode(b"x").decode()}
    assert signed(url, "PutRecord", keyless).status == 400
    assert signed(url, "UpdateStreamRecordDistributionStrategy", wanted).status == 200
    assert signed(url, "PutRecord", keyless).status == 200
    assert signed(url, "PutRecord", {**keyless, "SequenceNumberForOrdering": "1"}).status == 400
    described = signed(url, "DescribeStreamSummary", {"StreamName": "s"}).json["StreamDescriptionSummary"]
    assert described["RecordDistributionStrategy"] == "AUTO"
    shard = kinesis.list_shards(StreamName="s")["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(StreamName="s", ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    records = signed(url, "GetRecords", {"ShardIterator": iterator["ShardIterator"]}).json["Records"]
    assert len(records) == 1 and "PartitionKey" not in records[0], json.dumps(records)


# States


def test_a_stream_that_is_being_changed_is_read_and_one_that_goes_is_made_again(sidecars, tmp_path):
    sidecar = sidecars.start("--config", config(tmp_path, "consumers: [{streamName: orders, shardCount: 2}]"))
    kinesis = sidecar.boto3()
    eventually(lambda: "orders" in kinesis.list_streams()["StreamNames"], 15)
    wait_active(kinesis, "orders")
    kinesis.increase_stream_retention_period(StreamName="orders", RetentionPeriodHours=48)
    reader = sidecar.follow("orders")
    sidecar.put("orders", "a")
    reader.wait_records(1)
    reader.close()
    kinesis.delete_stream(StreamName="orders")
    assert sidecar.put("orders", "b")["shardId"]
    wait_active(kinesis, "orders")
    assert summary(kinesis, "orders")["OpenShardCount"] == 2
