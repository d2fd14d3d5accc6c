import DynamoDB
import Kinesis
import Time

/// One write of the group's item, put together of what is to be said at once. Performs no I/O.
///
/// Each part brings its conditions, all of which have to be true: one that is not, and nothing of the write happens.
/// Source: reference/lifion-kinesis-behaviour.md, "The state item".
package struct GroupUpdate: Equatable, Sendable {
    package private(set) var update = ItemUpdate()
    private let place: GroupItem.Place

    package init(_ place: GroupItem.Place) {
        self.place = place
    }

    /// Whether the service takes it in one request.
    package var fits: Bool { ItemExpressions(update).fits }

    // MARK: Members

    /// A member's whole record, if it has none.
    package mutating func register(_ member: GroupMember) {
        update.require(.isAbsent(path(member.id)))
        update.set(path(member.id), .map(member.record))
    }

    /// If its record is there: one that was cleared has to register anew.
    package mutating func heartbeat(_ member: MemberID, at time: WallTime) {
        update.require(.exists(path(member)))
        update.set(path(member).member("heartbeat"), .string(time.iso8601))
    }

    /// Whether the member counts for a share. If its record is there.
    package mutating func setActive(_ member: MemberID, _ isActive: Bool) {
        update.require(.exists(path(member)))
        update.set(path(member).member("isActive"), .bool(isActive))
    }

    /// Removes members that have not been heard of, if nobody else cleared any meanwhile.
    package mutating func clear(_ members: [MemberID], of item: GroupItem, version: String) {
        update.require(.equals(["version"], .string(item.version)))
        for member in members { update.remove(path(member)) }
        update.set(["version"], .string(version))
    }

    /// Removes a member that leaves.
    package mutating func leave(_ member: MemberID) {
        update.require(.exists(path(member)))
        update.remove(path(member))
    }

    // MARK: Shards

    /// A shard that the item does not have.
    package mutating func add(_ shard: ShardRecord) {
        update.require(.isAbsent(path(shard.id)))
        update.set(path(shard.id), .map(shard.record))
    }

    /// A lease of a shard, if nobody has written to it since.
    package mutating func take(_ shard: ShardRecord, _ lease: ShardRecord.Lease, version: String) {
        requireUnchanged(shard)
        set(shard.id, ["leaseOwner": .string(lease.owner.text)].merging(expiration(lease)) { $1 }, version)
    }

    /// Gives a lease up, ours or one that has ended, if nobody has written to the shard since.
    package mutating func release(_ shard: ShardRecord, version: String) {
        requireUnchanged(shard)
        set(shard.id, ["leaseOwner": .null, "leaseExpiration": .null], version)
    }

    /// What the owner of a shard says of it in one write.
    package struct OwnerWrite: Equatable, Sendable {
        /// How far it is read.
        package var checkpoint: Checkpoint?
        /// The new end of the lease.
        package var expiration: WallTime?
        /// It is read to its end.
        package var isDepleted = false
        /// The lease is given up.
        package var isReleased = false

        package init() {}
    }

    /// If the owner has the lease still; whatever else others wrote of the shard stays.
    package mutating func write(_ shard: ShardRecord, _ write: OwnerWrite, by owner: MemberID, version: String) {
        update.require(.equals(path(shard.id).member("leaseOwner"), .string(owner.text)))
        var attributes: Item = [:]
        if let checkpoint = write.checkpoint { attributes = shard.position(checkpoint) }
        if write.isDepleted { attributes["depleted"] = true }
        if write.isReleased {
            attributes["leaseOwner"] = .null
            attributes["leaseExpiration"] = .null
        } else if let expiration = write.expiration {
            attributes["leaseExpiration"] = .string(expiration.iso8601)
        }
        set(shard.id, attributes, version)
    }

    /// A shard that the service does not list any more and that is read out, if nobody has written to it since.
    package mutating func remove(_ shard: ShardRecord) {
        requireUnchanged(shard)
        update.remove(path(shard.id))
    }

    // MARK: Paths

    private mutating func requireUnchanged(_ shard: ShardRecord) {
        update.require(.equals(path(shard.id).member("version"), .string(shard.version)))
    }

    private mutating func set(_ shard: ShardID, _ attributes: Item, _ version: String) {
        for (name, value) in attributes.sorted(by: { $0.key < $1.key }) {
            update.set(path(shard).member(name), value)
        }
        update.set(path(shard).member("version"), .string(version))
    }

    private func expiration(_ lease: ShardRecord.Lease) -> Item {
        ["leaseExpiration": .init(optional: lease.expiration?.iso8601)]
    }

    private func path(_ member: MemberID) -> AttributePath { ["consumers", member.text] }

    private func path(_ shard: ShardID) -> AttributePath { place.path.member(shard.text) }
}
