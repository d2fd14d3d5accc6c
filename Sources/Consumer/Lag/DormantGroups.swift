import Kinesis
import State
import Time

/// A group that nobody has asked for since the process began, or that the process has forgotten since: its positions are
/// stored, and it may be far behind.
struct DormantGroup {
    let id: String
    let positions: Positions
    let lastUsed: WallTime
}

/// The dormant groups, within their bounds. Performs no I/O.
struct DormantGroups {
    /// Those that were used last are kept.
    static let mostGroups = 1_000
    /// Of all of them together; a shard takes some 300 bytes.
    static let mostShards = 10_000

    private(set) var groups: [ConsumerKey: DormantGroup] = [:]
    private var shards = 0

    init() {}

    subscript(_ key: ConsumerKey) -> DormantGroup? { groups[key] }

    /// Whether another group with so many shards has room without any other going for it.
    func hasRoom(for more: Int) -> Bool {
        groups.count < Self.mostGroups && shards + more <= Self.mostShards
    }

    /// Takes a group in; those that were used longest ago go for it.
    mutating func add(_ key: ConsumerKey, _ group: DormantGroup) {
        _ = take(key)
        let more = group.positions.book.shardCount
        while !hasRoom(for: more), let oldest = groups.min(by: { $0.value.lastUsed < $1.value.lastUsed })?.key {
            _ = take(oldest)
        }
        groups[key] = group
        count()
    }

    /// Hands a group out: somebody uses it, or nobody ever will.
    mutating func take(_ key: ConsumerKey) -> DormantGroup? {
        guard let group = groups.removeValue(forKey: key) else { return nil }
        count()
        return group
    }

    /// Lets those go that nobody has used for longer than their stream keeps records, where it is known how long that is.
    mutating func forgetUnused(now: WallTime, _ streams: StreamRetentions) {
        groups = groups.filter { key, group in
            streams.retention(of: key.stream).map { now.duration(since: group.lastUsed) <= $0 } ?? true
        }
        count()
    }

    private mutating func count() {
        shards = groups.values.reduce(0) { $0 + $1.positions.book.shardCount }
    }
}
