import Kinesis
import State
import Time

/// A consumer's group at one moment, by its item as this process saw it last.
package struct GroupSnapshot: Sendable {
    package struct Member: Sendable {
        package let record: GroupMember
        /// Those that it leases and that are not read to their ends, in the order of their names.
        package let shards: [ShardID]
    }

    /// This process.
    package let me: MemberID
    /// In the order of their ids.
    package let members: [Member]
    /// Who leases each shard that is not read to its end; none where nobody does.
    package let owners: [ShardID: GroupMember]
    /// Bytes of the item, as the service counts them. It takes at most 400 KB.
    package let itemBytes: Int
    /// From one write of checkpoints to the next, at present.
    package let writeInterval: Duration
    package let counters: GroupCounters
    /// Why the item cannot be read or written; nil while it can.
    package let problem: String?
}

/// What became of leases since the consumer is in this process.
package struct GroupCounters: Equatable, Sendable {
    package var taken = 0
    package var renewed = 0
    package var givenUp = 0
    package var lost = 0

    package init() {}
}

extension GroupKeeper {
    /// nil before the item was seen.
    var snapshot: GroupSnapshot? {
        guard let membership, let item = membership.item else { return nil }
        // What the item gives to this member and has ended by its own clock is nobody's.
        let held = Set(membership.plan.leases)
        let leases = item.shards.values.filter { shard in
            !shard.isDepleted && shard.lease.map { $0.owner != membership.me || held.contains(shard.id) } ?? false
        }.sorted { $0.id < $1.id }
        let shards = Dictionary(grouping: leases) { $0.lease!.owner }
        return GroupSnapshot(
            me: membership.me,
            members: item.members.values.sorted { $0.id < $1.id }.map {
                .init(record: $0, shards: shards[$0.id, default: []].map(\.id))
            },
            owners: Dictionary(
                uniqueKeysWithValues: leases.compactMap { shard in
                    item.members[shard.lease!.owner].map { (shard.id, $0) }
                }), itemBytes: item.bytes, writeInterval: membership.writeInterval, counters: counters,
            problem: trouble)
    }
}
