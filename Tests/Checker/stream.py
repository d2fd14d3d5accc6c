"""The stream that is checked, as boto3 sees it."""

import re

from harness.records import wait_active


class Stream:
    def __init__(self, boto, name):
        self.boto, self.name = boto, name

    def shards(self):
        answer = self.boto.list_shards(StreamName=self.name)
        assert "NextToken" not in answer
        return answer["Shards"]

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
        """The truth: (shard, sequence number) → (n, arrival time) of what the stream holds, and each shard's parents."""
        stored, parents = {}, {}
        for shard in self.shards():
            name = shard["ShardId"]
            parents[name] = [shard[key] for key in ("ParentShardId", "AdjacentParentShardId") if key in shard]
            iterator = self.boto.get_shard_iterator(
                StreamName=self.name, ShardId=name, ShardIteratorType="TRIM_HORIZON")["ShardIterator"]
            while iterator:
                answer = self.boto.get_records(ShardIterator=iterator)
                for record in answer["Records"]:
                    stored[name, int(record["SequenceNumber"])] = (
                        int(re.search(rb'"n":\s*(\d+)', record["Data"])[1]),
                        record["ApproximateArrivalTimestamp"].timestamp())
                iterator = answer.get("NextShardIterator")
                if not answer["Records"] and answer["MillisBehindLatest"] == 0:
                    break
        return stored, parents
