"""Splits and merges, and what a reader was told of the shards."""

from .records import wait_active


def split(kinesis, stream, shard_id="shardId-000000000000"):
    """Splits the shard in the middle; returns its children."""
    shard = next(shard for shard in _shards(kinesis, stream) if shard["ShardId"] == shard_id)
    start, end = (int(shard["HashKeyRange"][name]) for name in ("StartingHashKey", "EndingHashKey"))
    kinesis.split_shard(StreamName=stream, ShardToSplit=shard_id, NewStartingHashKey=str((start + end) // 2))
    wait_active(kinesis, stream)
    return [shard["ShardId"] for shard in _shards(kinesis, stream) if shard.get("ParentShardId") == shard_id]


def merge(kinesis, stream, shard_id, neighbour):
    """Merges two shards; returns their child."""
    kinesis.merge_shards(StreamName=stream, ShardToMerge=shard_id, AdjacentShardToMerge=neighbour)
    wait_active(kinesis, stream)
    [child] = [shard["ShardId"] for shard in _shards(kinesis, stream) if shard.get("AdjacentParentShardId") == neighbour]
    return child


def _shards(kinesis, stream):
    return kinesis.list_shards(StreamName=stream)["Shards"]


def shards_of(reader):
    """The shards that the reader has, as its `shard` events say."""
    held = set()
    for event in list(reader.events):
        if event.name == "shard":
            change = held.add if event.data["change"] == "assigned" else held.discard
            change(event.data["shardId"])
    return held
