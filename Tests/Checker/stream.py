"""The stream that is checked, as boto3 sees it and aws-kinesis-agg opens it."""

import base64
import hashlib
import re

from aws_kinesis_agg.deaggregator import iter_deaggregate_records

from harness.records import wait_active
from ledger import Sequence


class Stream:
    def __init__(self, boto, name, text):
        """`text`: what a record's data is, however it was written."""
        self.boto, self.name, self.text = boto, name, text

    def shards(self):
        answer = self.boto.list_shards(StreamName=self.name)
        assert "NextToken" not in answer
        return answer["Shards"]

    def ranges(self):
        """Shard → its first and last hash key, and whether it is open."""
        return {
            shard["ShardId"]: (
                int(shard["HashKeyRange"]["StartingHashKey"]), int(shard["HashKeyRange"]["EndingHashKey"]),
                "EndingSequenceNumber" not in shard["SequenceNumberRange"])
            for shard in self.shards()}

    def reshard(self, kind, choice):
        """Splits or merges; `choice`: any number, which says what."""
        shards = [shard for shard in self.shards() if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]
        shards.sort(key=lambda shard: int(shard["HashKeyRange"]["StartingHashKey"]))
        if kind == "split":
            shard = shards[choice % len(shards)]
            start, end = (int(shard["HashKeyRange"][f"{side}HashKey"]) for side in ("Starting", "Ending"))
            self.boto.split_shard(
                StreamName=self.name, ShardToSplit=shard["ShardId"], NewStartingHashKey=str((start + end) // 2))
        else:
            place = choice % (len(shards) - 1)
            self.boto.merge_shards(
                StreamName=self.name, ShardToMerge=shards[place]["ShardId"],
                AdjacentShardToMerge=shards[place + 1]["ShardId"])
        wait_active(self.boto, self.name)

    def read(self):
        """The truth: (shard, sequence) → (n, arrival time) of what the stream holds, and each shard's parents. What lies in
        an aggregate of a shard that does not have its hash key is nothing, as for the Kinesis Client Library."""
        stored, parents, ranges = {}, {}, self.ranges()
        for shard in self.shards():
            name = shard["ShardId"]
            parents[name] = [shard[key] for key in ("ParentShardId", "AdjacentParentShardId") if key in shard]
            iterator = self.boto.get_shard_iterator(
                StreamName=self.name, ShardId=name, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
            while iterator:
                answer = self.boto.get_records(ShardIterator=iterator)
                for each in iter_deaggregate_records(answer["Records"], data_format="Boto3"):
                    record = each["kinesis"]
                    if _is_inside(record, *ranges[name]):
                        data = base64.b64decode(record["data"]) if record.get("aggregated") else record["data"]
                        stored[name, Sequence.of(record)] = (
                            int(re.search(rb'"n":\s*(\d+)', self.text(data))[1]),
                            record["approximateArrivalTimestamp"].timestamp())
                iterator = answer.get("NextShardIterator")
                if not answer["Records"] and answer["MillisBehindLatest"] == 0:
                    break
        return stored, parents


def _is_inside(record, first, last, _):
    """Whether it came alone, or has a hash key of the shard."""
    if not record.get("aggregated"):
        return True
    key = record["explicitHashKey"] or int(hashlib.md5(record["partitionKey"].encode()).hexdigest(), 16)
    return first <= int(key) <= last
