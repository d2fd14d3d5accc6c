"""A Kinesis (the embedded one, or moto) through boto3, and how answers of two of them are compared."""

import json
import re

import botocore.exceptions

from harness.sidecar import boto3_kinesis
from harness.waiting import eventually

SECONDS = 30
# The ring of hash keys ends below.
TOP = 2**128


class Kinesis:
    """A boto3 client that tries nothing again and notes its answers under a label, to compare their shapes."""

    def __init__(self, endpoint, is_moto=False, **config):
        self.is_moto = is_moto
        self.boto = boto3_kinesis(endpoint, **config)
        self.answers = {}

    def call(self, operation, label=None, **parameters):
        answer = getattr(self.boto, method(operation))(**parameters)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
        assert answer["ResponseMetadata"]["RequestId"]
        del answer["ResponseMetadata"]
        self.answers.setdefault(label or operation, []).append(answer)
        return answer

    def failure(self, operation, **parameters):
        """The error that the service answers: (code, message, status)."""
        try:
            answer = getattr(self.boto, method(operation))(**parameters)
        except botocore.exceptions.ClientError as error:
            told = error.response
            return told["Error"]["Code"], told["Error"]["Message"], told["ResponseMetadata"]["HTTPStatusCode"]
        raise AssertionError("%s(%.200s) was answered: %.500s" % (operation, parameters, answer))

    def fails(self, operation, **parameters):
        return self.failure(operation, **parameters)[:2]

    def hold_to_the_model(self):
        """From now on an answer with a member that the service's model does not have, or without one that it must
        have, fails the call: boto3 by itself drops the one and does not miss the other."""
        def check(operation_model, response_dict, **_):
            if response_dict["status_code"] == 200:
                text = response_dict["body"]
                assert_of_shape(json.loads(text) if text else {}, operation_model.output_shape, operation_model.name)

        self.boto.meta.events.register("before-parse.kinesis", check)

    # What the scenarios share.

    def create(self, stream, shards=1):
        self.boto.create_stream(StreamName=stream, ShardCount=shards)
        return self.wait_active(stream)

    def wait_active(self, stream):
        def active():
            summary = self.boto.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
            return summary if summary["StreamStatus"] == "ACTIVE" else None

        return eventually(active, SECONDS, why="stream %s is ACTIVE" % stream)

    def shards(self, stream):
        return self.boto.list_shards(StreamName=stream)["Shards"]

    def open_shards(self, stream):
        found = [s for s in self.shards(stream) if "EndingSequenceNumber" not in s["SequenceNumberRange"]]
        return sorted(found, key=lambda s: int(s["HashKeyRange"]["StartingHashKey"]))

    def iterator(self, stream, shard, kind="TRIM_HORIZON", **more):
        return self.boto.get_shard_iterator(
            StreamName=stream, ShardId=shard, ShardIteratorType=kind, **more)["ShardIterator"]

    def read_shard(self, stream, shard, kind="TRIM_HORIZON", count=None, **more):
        """Reads on until `count` records are there, or else until the shard ends or is read up to its tip."""
        iterator = self.iterator(stream, shard, kind, **more)
        records = []

        def enough():
            nonlocal iterator
            try:
                answer = self.boto.get_records(ShardIterator=iterator)
            except self.boto.exceptions.ProvisionedThroughputExceededException:
                return None
            records.extend(answer["Records"])
            iterator = answer.get("NextShardIterator")
            at_tip = count is None and not answer["Records"] and answer["MillisBehindLatest"] == 0
            return iterator is None or at_tip or (count is not None and len(records) >= count)

        eventually(enough, SECONDS, why="%s records of %s/%s" % (count, stream, shard))
        return records

    def read_all(self, stream):
        return {s["ShardId"]: self.read_shard(stream, s["ShardId"]) for s in self.shards(stream)}

    def end_of(self, stream, shard):
        """The answer without NextShardIterator with which a closed shard ends."""
        answer = {"NextShardIterator": self.iterator(stream, shard)}
        while "NextShardIterator" in answer:
            answer = self.boto.get_records(ShardIterator=answer["NextShardIterator"])
        return answer


def method(operation):
    return re.sub("(?<!^)([A-Z])", r"_\1", operation).lower()


# Members of the service that the model of the installed boto3 does not have yet.
NEWER = {"RecordDistributionStrategy": str}


def assert_of_shape(value, shape, path):
    if shape is None:
        assert value == {}, "%s answers %s" % (path, value)
    elif shape.type_name == "structure":
        newer = {key: value[key] for key in (value.keys() - shape.members.keys()) & NEWER.keys()}
        assert all(isinstance(inner, NEWER[key]) for key, inner in newer.items()), "%s has %s" % (path, newer)
        value = {key: inner for key, inner in value.items() if key not in newer}
        assert value.keys() <= shape.members.keys(), "%s has %s" % (path, value.keys() - shape.members.keys())
        assert value.keys() >= set(shape.required_members), "%s has only %s" % (path, value.keys())
        for key, inner in value.items():
            assert_of_shape(inner, shape.members[key], path + "." + key)
    elif shape.type_name == "list":
        for element in value:
            assert_of_shape(element, shape.member, path + "[]")
    else:
        kinds = {"integer": int, "long": int, "boolean": bool, "timestamp": (int, float)}
        assert isinstance(value, kinds.get(shape.type_name, str)), "%s is %r" % (path, value)


def members(value, path=""):
    """What an answer is made of: "Records[].SequenceNumber: str" and so on. Elements of a list count together."""
    if isinstance(value, dict):
        return {found for key, inner in value.items() for found in members(inner, path + "." + key if path else key)}
    if isinstance(value, list):
        return {path + ": list"}.union(*(members(element, path + "[]") for element in value))
    return {"%s: %s" % (path, type(value).__name__)}
