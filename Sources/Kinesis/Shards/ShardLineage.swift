/// Decides which shards of a stream may be read now: a child only after all of its parents have been read out.
///
/// Of all shards that the service lists (closed ones too) and of those that are depleted for this consumer. A parent
/// that is no longer listed was trimmed away with its records: it holds nobody up. A pure value; performs no I/O.
package struct ShardLineage: Equatable, Sendable {
    /// All listed shards, in the order of their names.
    package let shards: [Shard]
    private let depleted: Set<ShardID>
    private let byID: [ShardID: Int]

    /// - Parameter depleted: shards that were read to their end and checkpointed there; unlisted ones may be named.
    package init(shards: [Shard], depleted: Set<ShardID> = []) {
        let sorted = shards.sorted { $0.id < $1.id }
        var unique: [Shard] = []
        var byID: [ShardID: Int] = [:]
        // A page that is read again after an expired token may bring a shard twice: the later word counts.
        for shard in sorted {
            if let known = byID[shard.id] {
                unique[known] = shard
            } else {
                byID[shard.id] = unique.count
                unique.append(shard)
            }
        }
        self.shards = unique
        self.byID = byID
        self.depleted = depleted
    }

    package func shard(_ id: ShardID) -> Shard? {
        byID[id].map { shards[$0] }
    }

    /// Whether the service lists the shard no more. One behind all that are listed is news to a listing that is older than it
    /// is: names grow.
    package func isTrimmed(_ id: ShardID) -> Bool {
        byID[id] == nil && shards.last.map { id < $0.id } ?? false
    }

    package func isDepleted(_ id: ShardID) -> Bool {
        depleted.contains(id)
    }

    /// Shards that may be read now: not depleted, and every parent is depleted or gone.
    package var readable: [Shard] { shards.filter(isReadable) }

    package func isReadable(_ id: ShardID) -> Bool { shard(id).map(isReadable) ?? false }

    private func isReadable(_ shard: Shard) -> Bool {
        !depleted.contains(shard.id) && waitsFor(shard).isEmpty
    }

    /// The parents that still hold this shard up; of a merge there may be two.
    private func waitsFor(_ shard: Shard) -> [ShardID] {
        shard.parents.filter { byID[$0] != nil && !depleted.contains($0) }
    }
}
