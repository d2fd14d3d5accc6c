"""What a Kinesis must do, as scenarios that run against the embedded one and against moto.

A scenario takes a Kinesis (a recording client) and a stream name of its own. `call` notes the answer for the
comparison of shapes; `boto` is for what is not compared. Where moto is known to be wrong, the scenario says how.
"""

import datetime
import hashlib
import json

from harness.waiting import eventually
from local_kinesis import TOP

BINARY = bytes(range(256)) + b"\x00\xff\xfe"


def hash_of(key):
    return int.from_bytes(hashlib.md5(key.encode()).digest(), "big")


def covers(shard, hash_key):
    bounds = shard["HashKeyRange"]
    return int(bounds["StartingHashKey"]) <= hash_key <= int(bounds["EndingHashKey"])


# Records


def records_come_back_as_they_went_in(kinesis, stream):
    kinesis.create(stream, 2)
    put = kinesis.call("PutRecord", StreamName=stream, Data=BINARY, PartitionKey="schlüssel")
    batch = [
        {"Data": b"", "PartitionKey": "k"},
        {"Data": b'{"a": 1}', "PartitionKey": "k", "ExplicitHashKey": "0"},
        {"Data": "žluťoučký 🐎".encode(), "PartitionKey": "k", "ExplicitHashKey": str(TOP - 2)},
    ]
    answer = kinesis.call("PutRecords", StreamName=stream, Records=batch)
    assert answer["FailedRecordCount"] == 0
    shards = {s["ShardId"]: s for s in kinesis.call("ListShards", StreamName=stream)["Shards"]}
    assert covers(shards[put["ShardId"]], hash_of("schlüssel"))
    for entry, result in zip(batch, answer["Records"], strict=True):
        expected = int(entry.get("ExplicitHashKey", hash_of(entry["PartitionKey"])))
        assert covers(shards[result["ShardId"]], expected)
    found = {}
    for shard in shards:
        iterator = kinesis.call(
            "GetShardIterator", StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
        page = kinesis.call("GetRecords", ShardIterator=iterator, Limit=100)
        numbers = [int(r["SequenceNumber"]) for r in page["Records"]]
        assert numbers == sorted(set(numbers))
        for record in page["Records"]:
            found[shard, record["SequenceNumber"]] = (record["Data"], record["PartitionKey"])
            age = datetime.datetime.now(datetime.timezone.utc) - record["ApproximateArrivalTimestamp"]
            assert abs(age) < datetime.timedelta(minutes=1)
    assert found[put["ShardId"], put["SequenceNumber"]] == (BINARY, "schlüssel")
    for entry, result in zip(batch, answer["Records"], strict=True):
        assert found[result["ShardId"], result["SequenceNumber"]] == (entry["Data"], "k")
    assert len(found) == 4


def sequence_numbers_grow_within_a_shard(kinesis, stream):
    kinesis.create(stream)
    last = None
    for index in range(20):
        more = {"SequenceNumberForOrdering": last} if last else {}
        number = kinesis.boto.put_record(StreamName=stream, Data=b"%d" % index, PartitionKey="k", **more)["SequenceNumber"]
        assert last is None or int(number) > int(last)
        # moto counts 1, 2, 3; the service's numbers have 56 digits.
        assert kinesis.is_moto or len(number) == 56
        last = number
    assert [r["Data"] for r in kinesis.read_shard(stream, "shardId-000000000000", count=20)] == [
        b"%d" % index for index in range(20)]


def a_limit_is_kept_and_the_next_iterator_goes_on(kinesis, stream):
    kinesis.create(stream)
    kinesis.boto.put_records(
        StreamName=stream, Records=[{"Data": b"%d" % index, "PartitionKey": "k"} for index in range(10)])
    iterator = kinesis.iterator(stream, "shardId-000000000000")
    seen = []
    while len(seen) < 10:
        page = kinesis.call("GetRecords", ShardIterator=iterator, Limit=3)
        assert 0 < len(page["Records"]) <= 3
        seen += [r["Data"] for r in page["Records"]]
        iterator = page["NextShardIterator"]
    assert seen == [b"%d" % index for index in range(10)]
    last = kinesis.call("GetRecords", label="GetRecords at the tip", ShardIterator=iterator, Limit=3)
    assert last["Records"] == [] and last["MillisBehindLatest"] == 0
    again = kinesis.boto.get_records(ShardIterator=iterator, Limit=3)
    assert again["Records"] == []


# Iterators


def each_iterator_type_starts_where_it_says(kinesis, stream):
    kinesis.create(stream)
    shard = "shardId-000000000000"
    numbers = [
        kinesis.boto.put_record(StreamName=stream, Data=b"%d" % index, PartitionKey="k")["SequenceNumber"]
        for index in range(3)]

    def read(kind, **more):
        iterator = kinesis.call(
            "GetShardIterator", StreamName=stream, ShardId=shard, ShardIteratorType=kind, **more)["ShardIterator"]
        return [r["Data"] for r in kinesis.boto.get_records(ShardIterator=iterator)["Records"]]

    latest = kinesis.iterator(stream, shard, "LATEST")
    assert read("TRIM_HORIZON") == [b"0", b"1", b"2"]
    assert read("AT_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1]) == [b"1", b"2"]
    assert read("AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[1]) == [b"2"]
    assert read("AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=numbers[2]) == []
    assert read("LATEST") == []
    now = datetime.datetime.now(datetime.timezone.utc)
    assert read("AT_TIMESTAMP", Timestamp=now - datetime.timedelta(days=2)) == [b"0", b"1", b"2"]
    arrivals = [r["ApproximateArrivalTimestamp"] for r in kinesis.read_shard(stream, shard, count=3)]
    at_second = read("AT_TIMESTAMP", Timestamp=arrivals[1])
    assert at_second[-1] == b"2" and b"1" in at_second
    kinesis.boto.put_record(StreamName=stream, Data=b"late", PartitionKey="k")
    assert [r["Data"] for r in kinesis.boto.get_records(ShardIterator=latest)["Records"]] == [b"late"]


# Paging and descriptions


def shards_come_in_pages(kinesis, stream):
    kinesis.create(stream, 5)
    everything = [s["ShardId"] for s in kinesis.shards(stream)]
    assert everything == ["shardId-%012d" % index for index in range(5)]
    first = kinesis.call("ListShards", StreamName=stream, MaxResults=2)
    assert [s["ShardId"] for s in first["Shards"]] == everything[:2]
    if kinesis.is_moto:
        return  # moto refuses MaxResults beside NextToken, and ignores ExclusiveStartShardId.
    second = kinesis.boto.list_shards(NextToken=first["NextToken"], MaxResults=2)
    assert [s["ShardId"] for s in second["Shards"]] == everything[2:4]
    third = kinesis.boto.list_shards(NextToken=second["NextToken"], MaxResults=2)
    assert [s["ShardId"] for s in third["Shards"]] == everything[4:]
    assert "NextToken" not in third
    after = kinesis.boto.list_shards(StreamName=stream, ExclusiveStartShardId=everything[2])
    assert [s["ShardId"] for s in after["Shards"]] == everything[3:]
    for wrong in ({"StreamName": stream}, {"ExclusiveStartShardId": everything[0]}):
        code, message = kinesis.fails("ListShards", NextToken=first["NextToken"], **wrong)
        assert code == "InvalidArgumentException", message
    assert kinesis.fails("ListShards", NextToken="garbage")[0] == "InvalidArgumentException"
    assert kinesis.fails("ListShards")[0] == "InvalidArgumentException"


def hash_ranges_cover_everything_once(kinesis, stream):
    for count in (1, 3, 7):
        name = "%s-%d" % (stream, count)
        kinesis.create(name, count)
        next_start = 0
        for shard in kinesis.open_shards(name):
            assert int(shard["HashKeyRange"]["StartingHashKey"]) == next_start
            next_start = int(shard["HashKeyRange"]["EndingHashKey"]) + 1
        assert next_start == TOP


def a_stream_is_described(kinesis, stream):
    kinesis.create(stream, 2)
    whole = kinesis.call("DescribeStream", StreamName=stream)["StreamDescription"]
    assert whole["StreamName"] == stream and whole["StreamStatus"] == "ACTIVE"
    assert whole["StreamARN"].startswith("arn:aws:kinesis:us-east-1:") and whole["StreamARN"].endswith("stream/" + stream)
    assert whole["HasMoreShards"] is False and len(whole["Shards"]) == 2
    page = kinesis.call("DescribeStream", StreamName=stream, Limit=1)["StreamDescription"]
    assert page["HasMoreShards"] is True and len(page["Shards"]) == 1
    rest = kinesis.boto.describe_stream(
        StreamName=stream, ExclusiveStartShardId=page["Shards"][-1]["ShardId"])["StreamDescription"]
    # moto ignores ExclusiveStartShardId.
    assert kinesis.is_moto or [s["ShardId"] for s in rest["Shards"]] == ["shardId-000000000001"]
    summary = kinesis.call("DescribeStreamSummary", StreamName=stream)["StreamDescriptionSummary"]
    assert summary["OpenShardCount"] == 2 and summary["RetentionPeriodHours"] == 24
    assert summary["EncryptionType"] == "NONE" and summary["StreamModeDetails"] == {"StreamMode": "PROVISIONED"}
    limits = kinesis.call("DescribeLimits")
    # moto always says 0.
    assert limits["ShardLimit"] > 0 and (kinesis.is_moto or limits["OpenShardCount"] >= 2)


def streams_are_listed_and_deleted(kinesis, stream):
    names = ["%s-%d" % (stream, index) for index in range(3)]
    for name in names:
        kinesis.create(name)
    before = stream + "-"
    if kinesis.is_moto:
        return  # moto wants ExclusiveStartStreamName to be there, gives no NextToken, and summaries of all streams.
    page = kinesis.call("ListStreams", ExclusiveStartStreamName=before, Limit=2)
    assert page["StreamNames"] == names[:2] and page["HasMoreStreams"] is True
    assert [s["StreamName"] for s in page["StreamSummaries"]] == names[:2]
    following = kinesis.boto.list_streams(NextToken=page["NextToken"], Limit=1)
    assert following["StreamNames"] == names[2:]
    kinesis.call("DeleteStream", StreamName=names[0])

    eventually(lambda: names[0] not in kinesis.boto.list_streams()["StreamNames"], 30, why="the stream is gone")
    assert kinesis.fails("DescribeStreamSummary", StreamName=names[0])[0] == "ResourceNotFoundException"
    kinesis.create(names[0], 3)
    assert len(kinesis.shards(names[0])) == 3
    assert kinesis.read_shard(names[0], "shardId-000000000000") == []


def an_arn_serves_in_place_of_a_name(kinesis, stream):
    arn = kinesis.create(stream)["StreamARN"]
    kinesis.call("PutRecord", StreamARN=arn, Data=b"one", PartitionKey="k")
    kinesis.call("PutRecords", StreamARN=arn, Records=[{"Data": b"two", "PartitionKey": "k"}])
    shard = kinesis.call("ListShards", StreamARN=arn)["Shards"][0]["ShardId"]
    iterator = kinesis.call(
        "GetShardIterator", StreamARN=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
    page = kinesis.call("GetRecords", StreamARN=arn, ShardIterator=iterator)
    assert [r["Data"] for r in page["Records"]] == [b"one", b"two"]
    assert kinesis.call("DescribeStream", StreamARN=arn)["StreamDescription"]["StreamName"] == stream
    assert kinesis.call("DescribeStreamSummary", StreamARN=arn)["StreamDescriptionSummary"]["StreamName"] == stream
    kinesis.call("AddTagsToStream", StreamARN=arn, Tags={"a": "b"})
    assert kinesis.call("ListTagsForStream", StreamARN=arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    kinesis.call("RemoveTagsFromStream", StreamARN=arn, TagKeys=["a"])
    kinesis.call("DeleteStream", StreamARN=arn)


# What a stream is set to


def tags_come_in_pages(kinesis, stream):
    kinesis.create(stream)
    tags = {"tag-%02d" % index: "value %d" % index for index in range(12)}
    kinesis.call("AddTagsToStream", StreamName=stream, Tags=tags)
    page = kinesis.call("ListTagsForStream", StreamName=stream, Limit=5)
    assert [t["Key"] for t in page["Tags"]] == sorted(tags)[:5] and page["HasMoreTags"] is True
    rest = kinesis.call("ListTagsForStream", StreamName=stream, ExclusiveStartTagKey="tag-04")
    # Exclusive means exclusive, but to moto.
    expected = {k: v for k, v in tags.items() if k > "tag-04" or kinesis.is_moto and k == "tag-04"}
    assert {t["Key"]: t["Value"] for t in rest["Tags"]} == expected
    assert rest["HasMoreTags"] is False
    kinesis.call("RemoveTagsFromStream", StreamName=stream, TagKeys=sorted(tags)[1:])
    kinesis.call("AddTagsToStream", StreamName=stream, Tags={"tag-00": "new"})
    assert kinesis.call("ListTagsForStream", StreamName=stream)["Tags"] == [{"Key": "tag-00", "Value": "new"}]


def retention_goes_up_and_down(kinesis, stream):
    kinesis.create(stream)
    kinesis.call("IncreaseStreamRetentionPeriod", StreamName=stream, RetentionPeriodHours=48)
    assert kinesis.wait_active(stream)["RetentionPeriodHours"] == 48
    kinesis.call("DecreaseStreamRetentionPeriod", StreamName=stream, RetentionPeriodHours=24)
    assert kinesis.wait_active(stream)["RetentionPeriodHours"] == 24
    for operation, hours in [
        ("DecreaseStreamRetentionPeriod", 48), ("DecreaseStreamRetentionPeriod", 23),
        ("IncreaseStreamRetentionPeriod", 8761), ("IncreaseStreamRetentionPeriod", 1),
    ]:
        code, _ = kinesis.fails(operation, StreamName=stream, RetentionPeriodHours=hours)
        assert code == "InvalidArgumentException", (operation, hours)


def encryption_is_switched(kinesis, stream):
    kinesis.create(stream)
    key = "alias/aws/kinesis"
    kinesis.call("StartStreamEncryption", StreamName=stream, EncryptionType="KMS", KeyId=key)
    kinesis.wait_active(stream)
    summary = kinesis.call("DescribeStreamSummary", StreamName=stream)["StreamDescriptionSummary"]
    assert summary["EncryptionType"] == "KMS" and summary["KeyId"] == key
    kinesis.boto.put_record(StreamName=stream, Data=b"x", PartitionKey="k")
    assert kinesis.read_shard(stream, "shardId-000000000000", count=1)[0]["Data"] == b"x"
    kinesis.call("StopStreamEncryption", StreamName=stream, EncryptionType="KMS", KeyId=key)
    assert kinesis.wait_active(stream)["EncryptionType"] == "NONE"


def the_mode_is_switched(kinesis, stream):
    arn = kinesis.create(stream)["StreamARN"]
    kinesis.call("UpdateStreamMode", StreamARN=arn, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    assert kinesis.wait_active(stream)["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}
    assert kinesis.fails(
        "UpdateShardCount", StreamName=stream, TargetShardCount=2, ScalingType="UNIFORM_SCALING",
    )[0] == "ValidationException"


def an_on_demand_stream_has_four_shards(kinesis, stream):
    kinesis.call("CreateStream", StreamName=stream, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    summary = kinesis.wait_active(stream)
    assert summary["OpenShardCount"] == 4 and summary["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}


def metrics_of_shards_are_switched(kinesis, stream):
    arn = kinesis.create(stream)["StreamARN"]

    def switch(operation, *metrics, **named):
        answer = kinesis.call(operation, ShardLevelMetrics=list(metrics), **(named or {"StreamName": stream}))
        assert answer["StreamName"] == stream and answer["StreamARN"] == arn
        wanted = sorted(answer["DesiredShardLevelMetrics"])
        shown = kinesis.wait_active(stream)["EnhancedMonitoring"][0]["ShardLevelMetrics"]
        # moto shows them in DescribeStream only.
        assert kinesis.is_moto or sorted(shown) == wanted
        return sorted(answer["CurrentShardLevelMetrics"]), wanted

    assert switch("EnableEnhancedMonitoring", "IncomingBytes", "OutgoingBytes") == (
        [], ["IncomingBytes", "OutgoingBytes"])
    assert switch("EnableEnhancedMonitoring", "IncomingRecords", StreamARN=arn) == (
        ["IncomingBytes", "OutgoingBytes"], ["IncomingBytes", "IncomingRecords", "OutgoingBytes"])
    described = kinesis.call("DescribeStream", StreamName=stream)["StreamDescription"]["EnhancedMonitoring"]
    assert sorted(described[0]["ShardLevelMetrics"]) == ["IncomingBytes", "IncomingRecords", "OutgoingBytes"]
    assert switch("DisableEnhancedMonitoring", "IncomingBytes", "IteratorAgeMilliseconds") == (
        ["IncomingBytes", "IncomingRecords", "OutgoingBytes"], ["IncomingRecords", "OutgoingBytes"])
    if kinesis.is_moto:
        return  # moto takes ALL for a metric of its own, and every other word.
    assert len(switch("EnableEnhancedMonitoring", "ALL")[1]) == 7
    assert len(switch("DisableEnhancedMonitoring", "ALL")[0]) == 7
    code, message = kinesis.fails("EnableEnhancedMonitoring", StreamName=stream, ShardLevelMetrics=["Bytes"])
    assert code == "ValidationException" and "shardLevelMetrics" in message and "IncomingBytes" in message


def a_policy_is_kept(kinesis, stream):
    arn = kinesis.create(stream)["StreamARN"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "kinesis:PutRecord", "Resource": arn}]})
    assert kinesis.call("GetResourcePolicy", ResourceARN=arn)["Policy"] == "{}"
    assert kinesis.fails("DeleteResourcePolicy", ResourceARN=arn)[0] == "ResourceNotFoundException"
    kinesis.call("PutResourcePolicy", ResourceARN=arn, Policy="{}")
    kinesis.call("PutResourcePolicy", ResourceARN=arn, Policy=policy)
    assert kinesis.call("GetResourcePolicy", ResourceARN=arn)["Policy"] == policy
    kinesis.call("DeleteResourcePolicy", ResourceARN=arn)
    assert kinesis.call("GetResourcePolicy", ResourceARN=arn)["Policy"] == "{}"
    missing = arn.replace(stream, "no-such-stream")
    assert kinesis.fails("GetResourcePolicy", ResourceARN=missing)[0] == "ResourceNotFoundException"
    assert kinesis.fails("DeleteResourcePolicy", ResourceARN=missing)[0] == "ResourceNotFoundException"
    if kinesis.is_moto:
        return  # moto takes every text, for every ARN.
    assert kinesis.fails("PutResourcePolicy", ResourceARN=missing, Policy=policy)[0] == "ResourceNotFoundException"
    for wrong in ("allow", "[]"):
        assert kinesis.fails("PutResourcePolicy", ResourceARN=arn, Policy=wrong)[0] == "InvalidArgumentException"


# Resharding


def a_split_leaves_two_children(kinesis, stream):
    kinesis.create(stream)
    parent = "shardId-000000000000"
    for index in range(4):
        kinesis.boto.put_record(StreamName=stream, Data=b"%d" % index, PartitionKey="k%d" % index)
    kinesis.call("SplitShard", StreamName=stream, ShardToSplit=parent, NewStartingHashKey=str(TOP // 2))
    kinesis.wait_active(stream)
    shards = kinesis.call("ListShards", StreamName=stream)["Shards"]
    assert [s["ShardId"] for s in shards] == ["shardId-%012d" % index for index in range(3)]
    assert "EndingSequenceNumber" in shards[0]["SequenceNumberRange"]
    assert [s.get("ParentShardId") for s in shards] == [None, parent, parent]
    assert shards[1]["HashKeyRange"] == {"StartingHashKey": "0", "EndingHashKey": str(TOP // 2 - 1)}
    assert shards[2]["HashKeyRange"] == {"StartingHashKey": str(TOP // 2), "EndingHashKey": str(TOP - 1)}
    put = kinesis.boto.put_record(StreamName=stream, Data=b"after", PartitionKey="k", ExplicitHashKey="0")
    if kinesis.is_moto:
        # moto goes on to put into the parent, moves its records about, and never ends it.
        assert "NextShardIterator" in kinesis.boto.get_records(ShardIterator=kinesis.iterator(stream, parent))
        return
    assert put["ShardId"] == "shardId-000000000001"
    assert [r["Data"] for r in kinesis.read_shard(stream, parent)] == [b"0", b"1", b"2", b"3"]
    # The last answer of a closed shard has no next iterator, and names the children.
    assert kinesis.end_of(stream, parent)["ChildShards"] == [
        {"ShardId": s["ShardId"], "ParentShards": [parent], "HashKeyRange": s["HashKeyRange"]} for s in shards[1:]]
    assert len(kinesis.read_shard(stream, put["ShardId"])) == 1
    code, message = kinesis.fails(
        "SplitShard", StreamName=stream, ShardToSplit=parent, NewStartingHashKey=str(TOP // 4))
    assert code == "InvalidArgumentException" and "has already been merged or split" in message


def a_merge_leaves_one_child_of_two_parents(kinesis, stream):
    kinesis.create(stream, 2)
    parents = ["shardId-000000000000", "shardId-000000000001"]
    kinesis.boto.put_record(StreamName=stream, Data=b"low", PartitionKey="k", ExplicitHashKey="0")
    kinesis.boto.put_record(StreamName=stream, Data=b"high", PartitionKey="k", ExplicitHashKey=str(TOP - 2))
    kinesis.call("MergeShards", StreamName=stream, ShardToMerge=parents[0], AdjacentShardToMerge=parents[1])
    kinesis.wait_active(stream)
    shards = kinesis.call("ListShards", StreamName=stream)["Shards"]
    child = shards[2]
    assert (child["ParentShardId"], child["AdjacentParentShardId"]) == tuple(parents)
    assert child["HashKeyRange"] == {"StartingHashKey": "0", "EndingHashKey": str(TOP - 1)}
    assert all("EndingSequenceNumber" in s["SequenceNumberRange"] for s in shards[:2])
    if kinesis.is_moto:
        return  # moto moves the records to the child and never ends the parents.
    for parent, data in zip(parents, [b"low", b"high"], strict=True):
        assert [r["Data"] for r in kinesis.read_shard(stream, parent)] == [data]
        assert kinesis.end_of(stream, parent)["ChildShards"] == [
            {"ShardId": child["ShardId"], "ParentShards": parents, "HashKeyRange": child["HashKeyRange"]}]


def the_shard_count_is_updated(kinesis, stream):
    kinesis.create(stream, 2)
    for target in (4, 3, 2):
        current = len(kinesis.open_shards(stream))
        answer = kinesis.call(
            "UpdateShardCount", StreamName=stream, TargetShardCount=target, ScalingType="UNIFORM_SCALING")
        # moto says the new count already here.
        assert kinesis.is_moto or answer["CurrentShardCount"] == current
        assert answer["TargetShardCount"] == target
        kinesis.wait_active(stream)
        shards = kinesis.open_shards(stream)
        assert len(shards) == target
        next_start = 0
        for shard in shards:
            assert int(shard["HashKeyRange"]["StartingHashKey"]) == next_start
            next_start = int(shard["HashKeyRange"]["EndingHashKey"]) + 1
        assert next_start == TOP
    kinesis.boto.put_record(StreamName=stream, Data=b"x", PartitionKey="k")
    assert sum(len(records) for records in kinesis.read_all(stream).values()) == 1


def shard_filters_choose(kinesis, stream):
    created = kinesis.create(stream, 2)["StreamCreationTimestamp"]
    kinesis.boto.split_shard(
        StreamName=stream, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(TOP // 4))
    kinesis.wait_active(stream)

    def filtered(**chosen):
        return [int(s["ShardId"][-4:]) for s in kinesis.call(
            "ListShards", StreamName=stream, ShardFilter=chosen)["Shards"]]

    assert filtered(Type="FROM_TRIM_HORIZON") == [0, 1, 2, 3]
    if kinesis.is_moto:
        return  # moto takes every filter and applies none.
    assert filtered(Type="AT_LATEST") == [1, 2, 3]
    assert filtered(Type="AFTER_SHARD_ID", ShardId="shardId-000000000001") == [2, 3]
    assert filtered(Type="AT_TRIM_HORIZON") == [0, 1]

    def now(kind):
        return filtered(Type=kind, Timestamp=datetime.datetime.now(datetime.timezone.utc))

    # boto3 sends whole seconds.
    eventually(lambda: now("AT_TIMESTAMP") == [1, 2, 3], 5)
    eventually(lambda: now("FROM_TIMESTAMP") == [1, 2, 3], 5)
    assert filtered(Type="FROM_TIMESTAMP", Timestamp=created) == [0, 1, 2, 3]


ALL = [
    records_come_back_as_they_went_in, sequence_numbers_grow_within_a_shard,
    a_limit_is_kept_and_the_next_iterator_goes_on, each_iterator_type_starts_where_it_says, shards_come_in_pages,
    hash_ranges_cover_everything_once, a_stream_is_described, streams_are_listed_and_deleted,
    an_arn_serves_in_place_of_a_name, tags_come_in_pages, retention_goes_up_and_down, encryption_is_switched,
    the_mode_is_switched, metrics_of_shards_are_switched, a_policy_is_kept, an_on_demand_stream_has_four_shards,
    a_split_leaves_two_children, a_merge_leaves_one_child_of_two_parents, the_shard_count_is_updated,
    shard_filters_choose,
]
