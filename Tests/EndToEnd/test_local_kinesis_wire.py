"""What the embedded Kinesis says to requests that boto3 would not send: formats, signatures, origins."""

import json
import time

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

from harness.sidecar import Answer, fetch
from local_kinesis import Kinesis

JSON_TYPE = "application/x-amz-json-1.1"


def signed(url, operation, body, key="local", secret="local", **more):
    """A signed request; `more` are headers that are changed or, with None, taken away after signing."""
    request = botocore.awsrequest.AWSRequest("POST", url + "/", data=json.dumps(body).encode(), headers={
        "Content-Type": JSON_TYPE, "X-Amz-Target": "Kinesis_20131202." + operation})
    credentials = botocore.credentials.Credentials(key, secret)
    botocore.auth.SigV4Auth(credentials, "kinesis", "us-east-1").add_auth(request)
    headers = {**dict(request.headers.items()), **{name.replace("_", "-"): value for name, value in more.items()}}
    return fetch(
        url + "/", method="POST", body=request.body,
        headers={name: value for name, value in headers.items() if value is not None})


def refused(answer: Answer, status, code):
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == JSON_TYPE
    assert answer.headers["x-amzn-RequestId"]
    told = answer.json
    assert told["__type"].split("#")[-1] == code
    assert answer.headers["x-amzn-ErrorType"].split(":")[0] == code
    return told.get("message") or told.get("Message")


def test_a_signed_request_is_answered(sidecar):
    answer = signed(sidecar.kinesis_url, "ListStreams", {})
    assert answer.status == 200 and answer.json["StreamNames"] == []
    assert answer.headers["Content-Type"] == JSON_TYPE and answer.headers["x-amzn-RequestId"]


def test_the_secret_of_key_local_is_checked(sidecar):
    answer = signed(sidecar.kinesis_url, "ListStreams", {}, secret="wrong")
    assert refused(answer, 403, "InvalidSignatureException")


def test_a_body_that_was_changed_after_signing_is_refused(sidecar):
    url = sidecar.kinesis_url
    request = botocore.awsrequest.AWSRequest("POST", url + "/", data=b'{"Limit": 10}', headers={
        "Content-Type": JSON_TYPE, "X-Amz-Target": "Kinesis_20131202.ListStreams"})
    botocore.auth.SigV4Auth(
        botocore.credentials.Credentials("local", "local"), "kinesis", "us-east-1").add_auth(request)
    answer = fetch(url + "/", method="POST", body=b'{"Limit": 11}', headers=dict(request.headers.items()))
    refused(answer, 403, "InvalidSignatureException")


def test_an_old_signature_is_refused(sidecar):
    # Signed now, dated in 2015: the signature no longer fits, or is too old; either way it is refused.
    answer = signed(sidecar.kinesis_url, "ListStreams", {}, X_Amz_Date="20150830T123600Z")
    assert answer.status == 403


@pytest.mark.parametrize("headers, code", [
    ({"Authorization": None}, "MissingAuthenticationTokenException"),
    ({"Authorization": "AWS4-HMAC-SHA256 Credential=local/20150830/us-east-1/kinesis/aws4_request"},
     "IncompleteSignatureException"),
])
def test_what_is_missing_of_a_signature_is_told(sidecar, headers, code):
    assert refused(signed(sidecar.kinesis_url, "ListStreams", {}, **headers), 403, code)


def test_other_key_ids_are_taken_unverified(sidecar):
    assert signed(sidecar.kinesis_url, "ListStreams", {}, key="AKIDOTHER", secret="whatever").status == 200


def test_another_content_type_is_refused(sidecar):
    message = refused(signed(sidecar.kinesis_url, "ListStreams", {}, Content_Type="text/plain"), 415,
                      "UnsupportedMediaTypeException")
    assert JSON_TYPE in message and "application/x-amz-cbor-1.1" in message


@pytest.mark.parametrize("members, name, kind", [
    ({"Data": 1234, "PartitionKey": "k"}, "Data", "NUMBER_VALUE cannot be converted to Blob"),
    ({"Data": True, "PartitionKey": "k"}, "Data", "cannot be converted to Blob"),
    ({"Data": ["eA=="], "PartitionKey": "k"}, "Data", "Start of list"),
    ({"Data": {"B": "eA=="}, "PartitionKey": "k"}, "Data", "Start of structure or map"),
    ({"Data": "eA==", "PartitionKey": 7}, "PartitionKey", "NUMBER_VALUE cannot be converted to String"),
    ({"Data": "eA==", "PartitionKey": "k", "ExplicitHashKey": 7}, "ExplicitHashKey", "NUMBER_VALUE"),
])
def test_a_value_of_another_kind_is_told_as_such(sidecar, members, name, kind):
    Kinesis(sidecar.kinesis_url).create("s")
    for operation, body in [("PutRecord", members), ("PutRecords", {"Records": [members]})]:
        answer = signed(sidecar.kinesis_url, operation, {"StreamName": "s", **body})
        message = refused(answer, 400, "SerializationException")
        assert name in message and kind in message and "null" not in message, message


def test_milliseconds_for_a_timestamp_are_told_as_such(sidecar):
    Kinesis(sidecar.kinesis_url).create("s")
    now = time.time()
    body = {"StreamName": "s", "ShardId": "shardId-000000000000", "ShardIteratorType": "AT_TIMESTAMP"}
    assert signed(sidecar.kinesis_url, "GetShardIterator", {**body, "Timestamp": now - 1}).status == 200
    answer = signed(sidecar.kinesis_url, "GetShardIterator", {**body, "Timestamp": int(now * 1000)})
    message = refused(answer, 400, "InvalidArgumentException")
    assert "seconds" in message and "milliseconds" in message and str(int(now * 1000)) in message


def test_streams_have_tags_as_resources_too(sidecar):
    kinesis = Kinesis(sidecar.kinesis_url)
    kinesis.hold_to_the_model()
    arn = kinesis.create("s")["StreamARN"]
    kinesis.call("TagResource", ResourceARN=arn, Tags={"b": "2", "a": "1"})
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    assert kinesis.call("ListTagsForResource", ResourceARN=arn)["Tags"] == tags
    assert kinesis.call("ListTagsForStream", StreamName="s")["Tags"] == tags
    kinesis.call("UntagResource", ResourceARN=arn, TagKeys=["a", "none"])
    assert kinesis.call("ListTagsForResource", ResourceARN=arn)["Tags"] == tags[1:]
    missing = arn.replace("/s", "/none")
    for operation, more in [
        ("TagResource", {"Tags": {"a": "b"}}), ("UntagResource", {"TagKeys": ["a"]}), ("ListTagsForResource", {}),
    ]:
        assert kinesis.fails(operation, ResourceARN=missing, **more)[0] == "ResourceNotFoundException"
        code, message = kinesis.fails(operation, ResourceARN="arn:aws:kinesis:us-east-1:1:table/x", **more)
        assert code == "ValidationException" and "resourceARN" in message


def test_an_unknown_operation_and_bad_json_are_told_apart(sidecar):
    url = sidecar.kinesis_url
    refused(signed(url, "InventStream", {}), 400, "UnknownOperationException")
    credentials = botocore.credentials.Credentials("local", "local")
    for body in (b"{", b"[]", b'{"Limit": "ten"}', b'{"Limit": 1.5}'):
        request = botocore.awsrequest.AWSRequest("POST", url + "/", data=body, headers={
            "Content-Type": JSON_TYPE, "X-Amz-Target": "Kinesis_20131202.ListStreams"})
        botocore.auth.SigV4Auth(credentials, "kinesis", "us-east-1").add_auth(request)
        answer = fetch(url + "/", method="POST", body=body, headers=dict(request.headers.items()))
        refused(answer, 400, "SerializationException")


def test_bad_base64_is_refused(sidecar):
    kinesis = Kinesis(sidecar.kinesis_url)
    kinesis.create("s")
    for data in ("a", "ab=c", "*&^%"):
        for operation, body in [
            ("PutRecord", {"Data": data, "PartitionKey": "k"}),
            ("PutRecords", {"Records": [{"Data": "YQ==", "PartitionKey": "k"}, {"Data": data, "PartitionKey": "k"}]}),
        ]:
            refused(signed(sidecar.kinesis_url, operation, {"StreamName": "s", **body}), 400, "SerializationException")
    assert kinesis.read_shard("s", "shardId-000000000000") == []


@pytest.mark.parametrize("operation, body", [
    ("PutRecord", {"StreamName": "s", "Data": "eA==", "PartitionKey": ""}),
    ("PutRecord", {"StreamName": "s", "PartitionKey": "k"}),
    ("PutRecord", {"StreamName": "s", "Data": "eA=="}),
    ("PutRecords", {"StreamName": "s", "Records": []}),
    ("PutRecords", {"StreamName": "s"}),
    ("PutRecords", {"StreamName": "s", "Records": [{"Data": "eA==", "PartitionKey": "k"}, {"PartitionKey": "k"}]}),
    ("ListShards", {"StreamName": "s", "MaxResults": 0}),
    ("ListShards", {"StreamName": "a stream"}),
    ("GetRecords", {}),
    ("GetRecords", {"ShardIterator": ""}),
    ("CreateStream", {"ShardCount": 1}),
    ("CreateStream", {"StreamName": "t", "ShardCount": 0}),
])
def test_what_boto3_would_not_send_is_refused(sidecar, operation, body):
    Kinesis(sidecar.kinesis_url).create("s")
    message = refused(signed(sidecar.kinesis_url, operation, body), 400, "ValidationException")
    assert "validation error detected" in message


@pytest.mark.parametrize("headers, status", [
    ({"Host": "attacker.example"}, 421),
    ({"Origin": "http://attacker.example"}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403),
])
def test_a_browsers_page_of_another_origin_is_refused(sidecar, headers, status):
    answer = fetch(sidecar.kinesis_url + "/", method="POST", body=b"{}", headers={
        "Content-Type": JSON_TYPE, "X-Amz-Target": "Kinesis_20131202.ListStreams", **headers})
    assert answer.status == status
    faults = fetch(sidecar.kinesis_url + "/_faults", method="POST", body={"kind": "fail"}, headers=headers)
    assert faults.status == status


def test_the_aws_cli_works(sidecar, aws_cli, tmp_path):
    def aws(*arguments):
        done = aws_cli(sidecar.kinesis_url, "kinesis", *arguments, "--output", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) if done.stdout.strip() else None

    aws("create-stream", "--stream-name", "s", "--shard-count", "1")
    aws("wait", "stream-exists", "--stream-name", "s")
    (tmp_path / "data").write_bytes(b"hello")
    put = aws("put-record", "--stream-name", "s", "--partition-key", "k", "--data", "fileb://%s" % (tmp_path / "data"))
    assert put["ShardId"] == "shardId-000000000000"
    shards = aws("list-shards", "--stream-name", "s")["Shards"]
    iterator = aws(
        "get-shard-iterator", "--stream-name", "s", "--shard-id", shards[0]["ShardId"],
        "--shard-iterator-type", "TRIM_HORIZON")["ShardIterator"]
    page = aws("get-records", "--shard-iterator", iterator)
    assert [(r["Data"], r["SequenceNumber"]) for r in page["Records"]] == [("aGVsbG8=", put["SequenceNumber"])]
    assert aws("describe-stream-summary", "--stream-name", "s")["StreamDescriptionSummary"]["OpenShardCount"] == 1
    wrong = aws_cli(sidecar.kinesis_url, "kinesis", "describe-stream-summary", "--stream-name", "none")
    assert wrong.returncode != 0 and "ResourceNotFoundException" in wrong.stderr
