import Kinesis

/// One thing that became true of a consumer and is to be kept.
package enum StateChange: Sendable, Equatable {
    /// Everything of the shard up to here needs no delivery any more. Never moves a checkpoint backwards.
    case checkpoint(ShardID, Checkpoint)
    /// The shard goes on without a checkpoint: the service does not accept it any more.
    case dropCheckpoint(ShardID)
    /// Shards that were not known; a shard that is stays as it is.
    case add([ShardState])
    /// The shard is read to its end and settled; these children are known from here on, and begin as they say unless
    /// they have a checkpoint.
    case deplete(ShardID, children: [ShardState])
    /// Shards that are read out and no longer in the stream.
    case forget([ShardID])
}

/// What waits to be committed, in the order in which it became true. Performs no I/O.
///
/// Of a shard's checkpoints only the newest is kept, so what waits is bounded by the number of shards however long the
/// database cannot be written. It keeps the place of the oldest: a checkpoint may be late, never early.
struct ChangeQueue {
    struct Entry: Equatable, Sendable {
        let key: ConsumerKey
        var change: StateChange
    }

    private struct Place: Hashable {
        let key: ConsumerKey
        let shard: ShardID
    }

    private(set) var entries: [Entry] = []
    private var checkpoints: [Place: Int] = [:]

    var isEmpty: Bool { entries.isEmpty }

    mutating func append(_ change: StateChange, of key: ConsumerKey) {
        switch change {
        case .checkpoint(let shard, let checkpoint):
            let place = Place(key: key, shard: shard)
            if let index = checkpoints[place], case .checkpoint(_, let waiting) = entries[index].change {
                if waiting < checkpoint { entries[index].change = change }
                return
            }
            checkpoints[place] = entries.count
        case .dropCheckpoint(let shard):
            // A checkpoint that comes after this one must not slip into the place before it.
            checkpoints[Place(key: key, shard: shard)] = nil
        case .add, .deplete, .forget:
            break
        }
        entries.append(Entry(key: key, change: change))
    }

    mutating func takeAll() -> [Entry] {
        defer {
            entries.removeAll()
            checkpoints.removeAll()
        }
        return entries
    }

    /// Puts entries that could not be committed before those that came meanwhile.
    mutating func putBack(_ failed: [Entry]) {
        let newer = takeAll()
        for entry in failed + newer { append(entry.change, of: entry.key) }
    }

    /// Drops what waits for a consumer: its state begins anew.
    mutating func drop(_ key: ConsumerKey) {
        let kept = takeAll().filter { $0.key != key }
        for entry in kept { append(entry.change, of: entry.key) }
    }
}
