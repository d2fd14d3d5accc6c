"""A Kinesis (the embedded one, or moto) through boto3, and how answers of two of them are compared."""

import re

import botocore.exceptions

from harness.sidecar import boto3_kinesis
from harness.waiting import eventually

SECONDS = 30


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


def shape(value):
    """Keys and types of an answer. A list's shape is that of all of its elements together."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        merged = None
        for element in value:
            merged = merge(merged, shape(element))
        return [merged]
    return type(value).__name__


def merge(one, other):
    if one is None or one == other:
        return other
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: merge(one.get(key), other[key]) if key in other else one[key] for key in {**one, **other}}
    if isinstance(one, list) and isinstance(other, list):
        return [merge(one[0], other[0])] if other[0] is not None else one
    raise AssertionError("one key, two types: %s and %s" % (one, other))


def without(shaped, path):
    """A shape without the member at `path` (["Records", "EncryptionType"])."""
    if isinstance(shaped, list):
        return [without(shaped[0], path)]
    if not isinstance(shaped, dict):
        return shaped
    if len(path) == 1:
        return {key: inner for key, inner in shaped.items() if key != path[0]}
    return {key: without(inner, path[1:]) if key == path[0] else inner for key, inner in shaped.items()}
