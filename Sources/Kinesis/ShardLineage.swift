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

    package func isDepleted(_ id: ShardID) -> Bool {
        depleted.contains(id)
    }

    /// Shards that may be read now: not depleted, and every parent is depleted or gone.
    package var readable: [Shard] {
        shards.filter { !depleted.contains($0.id) && waitsFor($0).isEmpty }
    }

    /// Shards that must wait.
    package var waiting: [Shard] {
        shards.filter { !depleted.contains($0.id) && !waitsFor($0).isEmpty }
    }

    /// The parents that still hold this shard up; of a merge there may be two.
    package func waitsFor(_ shard: Shard) -> [ShardID] {
        shard.parents.filter { byID[$0] != nil && !depleted.contains($0) }
    }

    /// Whether nothing older than this shard is left to read, so that the initial position applies to it. A child of
    /// a listed parent is read from its beginning (TRIM_HORIZON), never from LATEST.
    package func isRoot(_ shard: Shard) -> Bool {
        shard.parents.allSatisfy { byID[$0] == nil }
    }

    /// Listed shards that came from this one, a merge's child for both of its parents.
    package func children(of id: ShardID) -> [Shard] {
        shards.filter { $0.parents.contains(id) }
    }

    /// Shards that are listed here and were not in `earlier`: what a new listing brought.
    package func added(since earlier: ShardLineage) -> [Shard] {
        shards.filter { earlier.byID[$0.id] == nil }
    }

    /// Shards of `earlier` that are no longer listed: trimmed away, their state can be forgotten.
    package func trimmed(since earlier: ShardLineage) -> [Shard] {
        earlier.shards.filter { byID[$0.id] == nil }
    }

    /// The same listing after a shard was read to its end.
    package func depleting(_ id: ShardID) -> ShardLineage {
        ShardLineage(shards: shards, depleted: depleted.union([id]))
    }
}
