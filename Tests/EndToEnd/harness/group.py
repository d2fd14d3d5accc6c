"""A consumer group of several sidecars: one embedded Kinesis, one table of DynamoDB, members with volumes of their own."""

import json
import uuid

import boto3
from botocore.config import Config

from .clocks import clock_apart
from .sidecar import boto3_kinesis
from .waiting import eventually

QUICK = {"pollDelay": 50, "noRecordsPollDelay": 250, "leaseDuration": 5000, "initialPositionInStream": "TRIM_HORIZON"}


class Group:
    """The stream `s` and the item of the group `g`."""

    def __init__(self, sidecars, dynamodb_url, folder, options=QUICK):
        """`options`: of every member's consumer, where it has no others."""
        self.sidecars, self.url, self.folder, self.options = sidecars, dynamodb_url, folder, options
        self.table = f"groups-{uuid.uuid4().hex[:8]}"
        self.host = sidecars.start("--local-limits", "off")
        self.kinesis = boto3_kinesis(self.host.kinesis_url)
        self.dynamodb = boto3.client(
            "dynamodb", endpoint_url=dynamodb_url, region_name="us-east-1", aws_access_key_id="local",
            aws_secret_access_key="local", config=Config(retries={"total_max_attempts": 1}))

    def member(self, name=None, clock=0, **options):
        """A sidecar of the group; the same name has the same volume. `clock`: how many seconds its wall clock is ahead.
        `options` of the consumer."""
        name = name or uuid.uuid4().hex[:6]
        path = self.folder / f"{uuid.uuid4().hex}.yaml"
        dynamodb = {"endpoint": self.url, "tableName": self.table, **options.pop("dynamoDb", {})}
        # JSON is YAML.
        path.write_text(json.dumps({"dynamoDb": dynamodb, "consumerGroup": "g", **self.options, **options}))
        return self.sidecars.start(
            "--config", path, "--kinesis-endpoint", self.host.kinesis_url, "--region", "us-east-1", local=False,
            data_dir=self.folder / name,
            env={
                "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "NO_PROXY": "127.0.0.1",
                **(clock_apart(clock) if clock else {})})

    def item(self):
        """As boto3 reads it; None while there is none."""
        try:
            response = self.dynamodb.get_item(
                TableName=self.table, Key={"consumerGroup": {"S": "g"}, "streamName": {"S": "s"}}, ConsistentRead=True)
        except self.dynamodb.exceptions.ResourceNotFoundException:
            return None
        return response.get("Item")

    def shards(self):
        """Each shard's record, as boto3 has it."""
        item = self.item()
        return {name: record["M"] for name, record in item["shards"]["M"].items()} if item else {}

    def owners(self):
        """How many of the shards that are not read out each member leases."""
        count = {}
        for record in self.shards().values():
            if not record["depleted"]["BOOL"] and "S" in record["leaseOwner"]:
                count[record["leaseOwner"]["S"]] = count.get(record["leaseOwner"]["S"], 0) + 1
        return count

    def wait_shares(self, *counts, within=20):
        eventually(lambda: sorted(self.owners().values()) == sorted(counts), within, why=f"shares {counts}")

    def put(self, numbers, shards=4):
        """Each number into one of the shards in turn."""
        numbers = list(numbers)
        for start in range(0, len(numbers), 500):
            self.kinesis.put_records(StreamName="s", Records=[
                {"Data": json.dumps({"n": n}).encode(), "PartitionKey": str(n),
                 "ExplicitHashKey": str(2**128 // shards * (n % shards))} for n in numbers[start:start + 500]])


def numbers(*readers):
    return sorted(record["data"]["n"] for reader in readers for record in reader.records)
