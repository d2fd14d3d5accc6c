import Kinesis
import State

/// Shards that nobody reads because somebody has written into the group's item that they are read to their ends, and that the
/// service has as open. Performs no I/O.
struct StrandedShards: Sendable {
    /// In how many listings in a row that was so. The first may be older than what the item says.
    private var listings: [ShardID: Int] = [:]

    var names: [ShardID] { listings.filter { $0.value > 1 }.keys.sorted() }

    /// The service lists these shards, and the item was seen last like this.
    mutating func listed(_ shards: [Shard], _ item: GroupItem?) {
        let ended = shards.filter { $0.isOpen && item?.shards[$0.id]?.isDepleted ?? false }.map(\.id)
        listings = Dictionary(uniqueKeysWithValues: ended.map { ($0, listings[$0, default: 0] + 1) })
    }
}
