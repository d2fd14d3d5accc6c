"""The groups' table as boto3 reads it after a start, with moto and with ministack as DynamoDB."""

import http.server
import json
import threading
import uuid

import boto3
import pytest
from botocore.config import Config

from harness.waiting import eventually

KEYS = [{"AttributeName": "consumerGroup", "KeyType": "HASH"}, {"AttributeName": "streamName", "KeyType": "RANGE"}]
TYPES = [{"AttributeName": "consumerGroup", "AttributeType": "S"}, {"AttributeName": "streamName", "AttributeType": "S"}]


class Table:
    """A table's name that nobody has used, on one of the two."""

    def __init__(self, url):
        self.url = url
        self.name = f"t-{uuid.uuid4().hex[:8]}"
        self.client = boto3.client(
            "dynamodb", endpoint_url=url, region_name="us-east-1", aws_access_key_id="local",
            aws_secret_access_key="local", config=Config(retries={"total_max_attempts": 1}))

    def description(self):
        """None while there is none."""
        try:
            return self.client.describe_table(TableName=self.name)["Table"]
        except self.client.exceptions.ResourceNotFoundException:
            return None

    def wait(self):
        return eventually(self.description, 20, why="the table")

    def make(self, keys=None, types=None):
        made = self.client.create_table(
            TableName=self.name, KeySchema=keys or KEYS, AttributeDefinitions=types or TYPES,
            BillingMode="PAY_PER_REQUEST")
        return made["TableDescription"]["TableArn"]

    def tags(self):
        arn = self.description()["TableArn"]
        return {tag["Key"]: tag["Value"] for tag in self.client.list_tags_of_resource(ResourceArn=arn)["Tags"]}


@pytest.fixture(params=["moto", "ministack"])
def table(request):
    return Table(request.getfixturevalue(request.param).url)


@pytest.fixture
def start(sidecars, table, tmp_path):
    """Starts a sidecar with the embedded Kinesis whose groups are in the table; more of `dynamoDb` as keywords."""

    def start(*arguments, data_dir=None, **more):
        path = tmp_path / f"{uuid.uuid4().hex}.yaml"
        # JSON is YAML.
        path.write_text(json.dumps({"dynamoDb": {"endpoint": table.url, "tableName": table.name, **more}}))
        return sidecars.start("--config", path, *arguments, data_dir=data_dir)

    return start


def is_ready(sidecar):
    return "the table is ready" in sidecar.log


def warnings(sidecar):
    """What /readyz says of the table."""
    told = sidecar.get("/readyz").json["warnings"]
    return [cause["detail"] for cause in told if cause["component"] == "dynamoDb"]


def test_a_missing_table_is_made_with_lifions_keys_on_demand(start, table):
    sidecar = start()
    made = table.wait()
    assert made["KeySchema"] == KEYS
    assert sorted(made["AttributeDefinitions"], key=lambda a: a["AttributeName"]) == TYPES
    assert made["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert made["SSEDescription"]["Status"] == "ENABLED"
    eventually(lambda: is_ready(sidecar))
    eventually(lambda: warnings(sidecar) == [])
    told = sidecar.get("/stats").json["dynamoDb"]
    assert told["lastAwsResponse"] and "problem" not in told
    assert (told["reads"], told["writes"], told["readUnits"], told["writtenUnits"]) == (0, 0, 0, 0)
    assert b'kinesis_sidecar_dynamodb_item_requests_total{kind="read"} 0' in sidecar.get("/metrics").body
    assert table.name in sidecar.log


def test_provisioned_throughput(start, table):
    start(provisionedThroughput={"readCapacityUnits": 2, "writeCapacityUnits": 3})
    made = table.wait()
    throughput = made["ProvisionedThroughput"]
    assert (throughput["ReadCapacityUnits"], throughput["WriteCapacityUnits"]) == (2, 3)
    assert made.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED") == "PROVISIONED"


def test_tags_are_merged_with_those_that_there_are(start, table):
    arn = table.make()
    table.client.tag_resource(
        ResourceArn=arn, Tags=[{"Key": "kept", "Value": "a"}, {"Key": "same", "Value": "b"}])
    start(tags={"same": "b", "cost-center": 7})
    eventually(lambda: table.tags() == {"kept": "a", "same": "b", "cost-center": "7"})
    listed = table.client.list_tags_of_resource(ResourceArn=arn)["Tags"]
    assert len(listed) == 3, "what is right is not written again, which moto would list twice"


def test_a_new_table_is_tagged(start, table):
    start(tags={"team": "orders"})
    table.wait()
    eventually(lambda: table.tags() == {"team": "orders"})


def test_a_table_that_somebody_else_made_is_used_as_it_is(start, table):
    table.make()
    sidecar = start(provisionedThroughput={"readCapacityUnits": 2, "writeCapacityUnits": 3})
    eventually(lambda: is_ready(sidecar))
    assert "the table is created" not in sidecar.log
    assert table.description()["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_a_table_with_other_keys_is_a_problem_that_is_told(start, table):
    table.make(
        [{"AttributeName": "id", "KeyType": "HASH"}], [{"AttributeName": "id", "AttributeType": "N"}])
    sidecar = start()
    [told] = eventually(lambda: warnings(sidecar))
    assert table.name in told and "id (N)" in told and "consumerGroup (S), streamName (S)" in told
    assert told.split(": ", 1)[1][:20] in sidecar.log


def test_several_that_start_at_once_make_one_table(start, table):
    started = [start() for _ in range(3)]
    for sidecar in started:
        eventually(lambda: is_ready(sidecar))
    assert table.description()["KeySchema"] == KEYS


def test_a_service_that_is_not_there_is_told_and_waited_for(sidecars):
    sidecar = sidecars.start("--dynamodb-endpoint", "http://127.0.0.1:1")
    [told] = eventually(lambda: warnings(sidecar))
    assert "DescribeTable" in told and "dynamoDb.enabled" in told
    assert sidecar.get("/readyz").status == 200


class Refusing(http.server.BaseHTTPRequestHandler):
    """A DynamoDB without the table, to whoever must not make it."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        code = "ResourceNotFoundException"
        if self.headers["X-Amz-Target"] != "DynamoDB_20120810.DescribeTable":
            code = "AccessDeniedException"
        body = json.dumps({"__type": f"com.amazon.coral.service#{code}", "Message": "not authorized"}).encode()
        self.send_response(400)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def test_a_right_that_is_missing_is_told_by_its_name(sidecars):
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sidecar = sidecars.start("--dynamodb-endpoint", f"http://127.0.0.1:{server.server_port}")
        [told] = eventually(lambda: warnings(sidecar))
        assert "the right to dynamodb:CreateTable is missing" in told and "dynamoDb.enabled" in told
        eventually(lambda: "dynamodb:CreateTable" in sidecar.log)
        server.shutdown()


def test_without_aws_from_end_to_end(sidecars, table):
    """The sidecar with the embedded Kinesis shares its groups with one that has neither, whatever signs."""
    first = sidecars.start("--dynamodb-endpoint", table.url, env={"KINESIS_SIDECAR_DYNAMO_DB__TABLE_NAME": table.name})
    second = sidecars.start(
        "--kinesis-endpoint", first.kinesis_url, "--dynamodb-endpoint", table.url, local=False,
        env={
            "AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "thing", "AWS_REGION": "us-east-1",
            "KINESIS_SIDECAR_DYNAMO_DB__TABLE_NAME": table.name, "NO_PROXY": "127.0.0.1"})
    for sidecar in (first, second):
        eventually(lambda: is_ready(sidecar))
    assert first.put("orders", 1)
    assert second.get("/streams/orders/shards").status == 200


def test_a_member_keeps_its_name_in_its_folder(start, tmp_path):
    sidecar = start(data_dir=tmp_path / "data")
    name = (tmp_path / "data" / "member-id").read_text().strip()
    assert len(name) == 22
    eventually(lambda: name in sidecar.log)
    sidecar.restart()
    eventually(lambda: name in sidecar.log)
    start(data_dir=tmp_path / "other")
    assert (tmp_path / "other" / "member-id").read_text().strip() != name
