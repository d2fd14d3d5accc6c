/// Which open shard takes which hash keys, as one ListShards told it.
package struct ShardMap: Equatable, Sendable {
    /// The open shards, by the beginning of their ranges.
    private let open: [Shard]
    /// Of closed shards too, which still answer for what came before.
    private let ranges: [ShardID: HashKeyRange]

    package init(_ shards: [Shard]) {
        open = shards.filter(\.isOpen).sorted { $0.hashKeyRange.start < $1.hashKeyRange.start }
        ranges = Dictionary(shards.map { ($0.id, $0.hashKeyRange) }) { first, _ in first }
    }

    /// The shard that takes a record of this key; nil where none does: while a stream is resharded the listing may have gaps.
    package func shard(of key: HashKey) -> ShardID? {
        var low = 0
        var high = open.count
        while low < high {
            let middle = (low + high) / 2
            if open[middle].hashKeyRange.start <= key { low = middle + 1 } else { high = middle }
        }
        guard low > 0, open[low - 1].hashKeyRange.contains(key) else { return nil }
        return open[low - 1].id
    }

    /// nil where the shard was not listed.
    package func range(of shard: ShardID) -> HashKeyRange? { ranges[shard] }
}

extension PutRecordEntry {
    /// Where the record lies on the ring.
    package var hashKey: HashKey { explicitHashKey ?? HashKey(partitionKey: partitionKey) }
}
