"""What a Kinesis refuses, as scenarios that run against the embedded one and against moto."""

import base64
import datetime

from local_kinesis import TOP


def what_is_missing_is_not_found(kinesis, stream):
    kinesis.create(stream)
    shard = "shardId-000000000007"
    for operation, parameters in [
        ("DescribeStream", {}), ("DescribeStreamSummary", {}), ("DeleteStream", {}), ("ListShards", {}),
        ("PutRecord", {"Data": b"x", "PartitionKey": "k"}),
        ("PutRecords", {"Records": [{"Data": b"x", "PartitionKey": "k"}]}),
        ("GetShardIterator", {"ShardId": "shardId-000000000000", "ShardIteratorType": "LATEST"}),
        ("SplitShard", {"ShardToSplit": "shardId-000000000000", "NewStartingHashKey": "7"}),
        ("MergeShards", {"ShardToMerge": "shardId-000000000000", "AdjacentShardToMerge": "shardId-000000000001"}),
        ("UpdateShardCount", {"TargetShardCount": 2, "ScalingType": "UNIFORM_SCALING"}),
        ("AddTagsToStream", {"Tags": {"a": "b"}}), ("ListTagsForStream", {}),
        ("IncreaseStreamRetentionPeriod", {"RetentionPeriodHours": 48}),
        ("StartStreamEncryption", {"EncryptionType": "KMS", "KeyId": "k"}),
    ]:
        code, message, status = kinesis.failure(operation, StreamName="no-such-stream", **parameters)
        assert (code, status) == ("ResourceNotFoundException", 400), operation
        assert "no-such-stream" in message
    code, message = kinesis.fails("GetShardIterator", StreamName=stream, ShardId=shard, ShardIteratorType="LATEST")
    assert code == "ResourceNotFoundException" and shard in message
    code, message = kinesis.fails("SplitShard", StreamName=stream, ShardToSplit=shard, NewStartingHashKey="7")
    assert code == "ResourceNotFoundException" and shard in message


def wrong_arguments_are_refused(kinesis, stream):
    kinesis.create(stream, 3)
    first, third = "shardId-000000000000", "shardId-000000000002"
    wrong = [
        ("InvalidArgumentException", "SplitShard", {"ShardToSplit": first, "NewStartingHashKey": "0"}),
        ("InvalidArgumentException", "SplitShard", {"ShardToSplit": first, "NewStartingHashKey": str(TOP - 1)}),
        ("InvalidArgumentException", "MergeShards", {"ShardToMerge": first, "AdjacentShardToMerge": third}),
        ("ResourceInUseException", "CreateStream", {"ShardCount": 1}),
        ("ValidationException", "PutRecords", {"Records": [{"Data": b"x", "PartitionKey": "k"}] * 501}),
    ]
    if not kinesis.is_moto:
        # moto answers these, or with another code than the service does.
        wrong += [
            ("InvalidArgumentException", "PutRecord", {"Data": b"x", "PartitionKey": "k", "ExplicitHashKey": str(TOP)}),
            ("ValidationException", "PutRecord", {"Data": b"x", "PartitionKey": "k" * 257}),
            ("ValidationException", "PutRecord", {"Data": b"x", "PartitionKey": "k", "ExplicitHashKey": "-1"}),
            ("ValidationException", "GetShardIterator", {"ShardId": first, "ShardIteratorType": "SOMEWHERE"}),
            ("InvalidArgumentException", "GetShardIterator",
                {"ShardId": first, "ShardIteratorType": "AT_SEQUENCE_NUMBER"}),
            ("InvalidArgumentException", "GetShardIterator",
                {"ShardId": first, "ShardIteratorType": "LATEST", "StartingSequenceNumber": "1"}),
            ("InvalidArgumentException", "GetShardIterator", {"ShardId": first, "ShardIteratorType": "AT_TIMESTAMP"}),
            ("InvalidArgumentException", "GetShardIterator",
                {"ShardId": first, "ShardIteratorType": "AT_SEQUENCE_NUMBER", "StartingSequenceNumber": "12345"}),
            ("InvalidArgumentException", "GetShardIterator", {
                "ShardId": first, "ShardIteratorType": "AT_TIMESTAMP",
                "Timestamp": datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)}),
            ("ValidationException", "AddTagsToStream", {"Tags": {"k" * 129: "v"}}),
            ("InvalidArgumentException", "PutRecord",
                {"Data": b"x", "PartitionKey": "k", "SequenceNumberForOrdering": "7"}),
            ("InvalidArgumentException", "PutRecord",
                {"Data": b"x", "PartitionKey": "k", "SequenceNumberForOrdering": "4959" + "1" * 52}),
        ]
    for expected, operation, parameters in wrong:
        code, message, status = kinesis.failure(operation, StreamName=stream, **parameters)
        assert (code, status) == (expected, 400), (operation, parameters.keys(), message)
        assert message


def an_empty_list_of_tags_is_too_short(kinesis, stream):
    kinesis.create(stream)
    if kinesis.is_moto:
        return  # moto takes it.
    code, message = kinesis.fails("AddTagsToStream", StreamName=stream, Tags={})
    assert code == "ValidationException"
    assert "Value '{}' at 'tags'" in message and "length greater than or equal to 1" in message


def a_garbled_iterator_is_refused(kinesis, stream):
    kinesis.create(stream)
    good = kinesis.iterator(stream, "shardId-000000000000")
    garbled = ["garbage", good[:-4], base64.b64encode(b"x" * 60).decode()]
    if kinesis.is_moto:
        return  # moto answers a garbled iterator with 500.
    flipped = good[:20] + ("A" if good[20] != "A" else "B") + good[21:]
    for token in [*garbled, flipped]:
        code, message, status = kinesis.failure("GetRecords", ShardIterator=token)
        assert (code, status) == ("InvalidArgumentException", 400), (token, message)
    kinesis.boto.get_records(ShardIterator=good)


def too_much_data_is_refused(kinesis, stream):
    kinesis.create(stream)
    kinesis.boto.put_record(StreamName=stream, Data=bytes(2**20 - 1), PartitionKey="k")
    if not kinesis.is_moto:  # moto looks at the size in PutRecords only.
        code, message = kinesis.fails("PutRecord", StreamName=stream, Data=bytes(2**20 + 1), PartitionKey="k")
        assert code == "ValidationException" and "1048576" in message
    code, message = kinesis.fails("PutRecords", StreamName=stream, Records=[
        {"Data": b"small", "PartitionKey": "k"}, {"Data": bytes(2**20 + 1), "PartitionKey": "k"}])
    assert code == "ValidationException" and "records.2" in message.lower()
    code, message = kinesis.fails("PutRecords", StreamName=stream, Records=[
        {"Data": bytes(2**20 - 10), "PartitionKey": "k"}] * 11)
    assert code == "InvalidArgumentException", message
    # Of a refused request nothing is stored.
    assert len(kinesis.read_shard(stream, "shardId-000000000000", count=1)) == 1


ALL = [
    what_is_missing_is_not_found, wrong_arguments_are_refused, an_empty_list_of_tags_is_too_short,
    a_garbled_iterator_is_refused, too_much_data_is_refused,
]
