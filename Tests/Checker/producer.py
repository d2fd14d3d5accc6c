"""Puts past the sidecars: with boto3, aggregated by aws-kinesis-agg and by the rules of the Kinesis Producer Library, or each
record alone; of `--formats` also compressed, and as pointers to items in S3."""

import hashlib
import json
from bisect import bisect
from collections import defaultdict

from aws_kinesis_agg.aggregator import RecordAggregator
from botocore.exceptions import BotoCoreError, ClientError

from formats import LARGE_EVERY, item
from harness.lz_utf8 import compress
from ledger import Sequence


class Producer:
    """One thread's. Its map of the shards is as old as its last record that lay elsewhere than the map says."""

    def __init__(self, boto, stream, formats, items, chance):
        """`boto`: tries nothing again, so that a lost answer is seen."""
        self.boto, self.stream, self.formats, self.items, self.chance = boto, stream, formats, items, chance
        self.ranges = stream.ranges()

    def put(self, numbers):
        """An outcome and, where acknowledged, a place for each number, as `Writer` has them."""
        keyed = [(n, f"key-{n % 97}") for n in numbers]
        units = self._units(keyed) if self.chance.random() < 0.8 else [([n], None, *self._alone(n, key)) for n, key in keyed]
        entries = [{"PartitionKey": key, "Data": data} | hash_key for _, _, key, hash_key, data in units]
        try:
            results = self.boto.put_records(StreamName=self.stream.name, Records=entries)["Records"]
        except (BotoCoreError, ClientError) as error:
            refused = isinstance(error, ClientError) and error.response["ResponseMetadata"]["HTTPStatusCode"] < 500
            return [("refused" if refused else "unknown", None)] * len(keyed)
        outcomes = {}
        for (its, hash_keys, *_), result in zip(units, results):
            outcomes |= zip(its, self._outcomes(hash_keys, len(its), result))
        return [outcomes[n] for n, _ in keyed]

    def _alone(self, n, key):
        return key, {}, self._data(n)

    def _units(self, keyed):
        """An aggregate for each shard, by the map: (numbers, their hash keys, its key, its hash key, its data)."""
        explicit = self.chance.random() < 0.3  # hash keys of their own: all of an aggregate or none
        by_shard = defaultdict(list)
        for n, key in keyed:
            hash_key = self.chance.randrange(2**128) if explicit else int(hashlib.md5(key.encode()).hexdigest(), 16)
            by_shard[self._predicted(hash_key)].append((n, key, hash_key))
        units = []
        for its in by_shard.values():
            aggregator = RecordAggregator()
            for n, key, hash_key in its:
                full = aggregator.add_user_record(key, self._data(n), str(hash_key) if explicit else None)
                assert full is None, "requests of a writer are far smaller than a record may be"
            key, hash_key, data = aggregator.clear_and_get().get_contents()
            units.append((
                [n for n, _, _ in its], [hash_key for _, _, hash_key in its], key,
                {"ExplicitHashKey": hash_key} if explicit else {}, data))
        return units

    def _predicted(self, hash_key):
        """The shard that takes the hash key: the one with the last range that begins at or before it, as far as is known."""
        open_ranges = sorted((first, shard) for shard, (first, _, is_open) in self.ranges.items() if is_open)
        return open_ranges[bisect(open_ranges, hash_key, key=lambda each: each[0]) - 1][1]

    def _data(self, n):
        is_large = n % LARGE_EVERY == 0
        data = json.dumps(self.items.put(n, exists=self.chance.random() < 0.6) if is_large else item(n)).encode()
        return compress(data) if self.formats.compresses and self.chance.random() < 0.1 else data

    def _outcomes(self, hash_keys, count, result):
        """Of each of a unit's numbers. What lies in a shard that does not have its hash key is no user record of that shard,
        and goes again: the stream was resharded."""
        if "SequenceNumber" not in result:
            return [("failed", None)] * count
        shard, number = result["ShardId"], int(result["SequenceNumber"])
        places = [(shard, Sequence(number, sub)) for sub in range(count)]
        if hash_keys is None:
            return [("acknowledged", place) for place in places]
        if shard not in self.ranges or not self.ranges[shard][2]:
            self.ranges = self.stream.ranges()
        first, last, _ = self.ranges[shard]
        outcomes = [
            ("acknowledged", place) if first <= hash_key <= last else ("astray", None)
            for hash_key, place in zip(hash_keys, places)]
        if ("astray", None) in outcomes:
            self.ranges = self.stream.ranges()
        return outcomes
