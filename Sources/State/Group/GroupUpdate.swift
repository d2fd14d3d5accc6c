import DynamoDB
import Kinesis
import Time

/// One write of the group's item, put together of what is to be said at once. Performs no I/O.
///
/// Each part brings its conditions, all of which have to be true: one that is not, and nothing of the write happens. Whatever
/// makes a lease longer is a heartbeat too: nobody takes a member for dead whose leases hold.
/// Source: reference/lifion-kinesis-behaviour.md, "The state item".
package struct GroupUpdate: Equatable, Sendable {
    package internal(set) var update = ItemUpdate()
    private let place: GroupItem.Place
    let me: MemberID
    let time: WallTime
    private var isHeartbeat = false

    /// - Parameters:
    ///   - me: who writes.
    ///   - time: when, as the service says it.
    package init(_ place: GroupItem.Place, by me: MemberID, at time: WallTime) {
        self.place = place
        self.me = me
        self.time = time
    }

    /// Whether the service takes it in one request.
    package var fits: Bool { ItemExpressions(update).fits }

    // MARK: Members

    /// A member's whole record, if it has none.
    package mutating func register(_ member: GroupMember) {
        update.require(.isAbsent(path(member.id)))
        update.set(path(member.id), .map(member.record))
    }

    /// Who this member is by now, if its record is there: one that came back under its name.
    package mutating func introduce(_ member: GroupMember) {
        heartbeat()
        for (name, value) in member.introduction.sorted(by: { $0.key < $1.key }) {
            update.set(path(me).member(name), value)
        }
    }

    /// This member is there, if its record is: one that was cleared has to register anew.
    package mutating func heartbeat() {
        guard !isHeartbeat else { return }
        isHeartbeat = true
        requireMember()
        update.set(path(me).member("heartbeat"), .string(time.iso8601))
    }

    /// Whether this member counts for a share. If its record is there.
    package mutating func setActive(_ isActive: Bool) {
        requireMember()
        update.set(path(me).member("isActive"), .bool(isActive))
    }

    /// Removes members that have not been heard of, if nobody else cleared any meanwhile, and they were not heard of since the
    /// item was seen.
    package mutating func clear(_ members: [MemberID], of item: GroupItem, version: String) {
        update.require(.unchanged(["version"], item.version))
        for member in members {
            if let heartbeat = item.members[member]?.heartbeat {
                update.require(.equals(path(member).member("heartbeat"), .string(heartbeat.iso8601)))
            }
            update.remove(path(member))
        }
        update.set(["version"], .string(version))
    }

    /// Removes this member, which leaves.
    package mutating func leave() {
        requireMember()
        update.remove(path(me))
    }

    /// Makes a map that is missing.
    package mutating func make(_ path: AttributePath, insteadOf value: AttributeValue?) {
        update.require(.unchanged(path, value))
        update.set(path, .map([:]))
    }

    /// Who has no record owns nothing.
    mutating func requireMember() { update.require(.exists(path(me))) }

    // MARK: Shards

    /// A shard that the item does not have.
    /// - Parameter unreadable: what stands where its record should be.
    package mutating func add(_ shard: ShardRecord, insteadOf unreadable: AttributeValue? = nil) {
        update.require(.unchanged(path(shard.id), unreadable))
        update.set(path(shard.id), .map(shard.record))
    }

    /// A lease of a shard, if nobody has written to it since.
    /// - Parameters:
    ///   - place: where it is read from, where the item does not say it.
    ///   - reopening: it is read to its end by the item, and is not any more.
    package mutating func take(
        _ shard: ShardRecord, at place: ShardRecord.Place? = nil, reopening: Bool = false, for duration: Duration,
        version: String
    ) {
        requireUnchanged(shard)
        heartbeat()
        var attributes = place.map { shard.attributes($0) } ?? [:]
        if reopening { attributes["depleted"] = false }
        attributes["leaseOwner"] = .string(me.text)
        attributes["leaseExpiration"] = expiration(duration)
        set(shard.id, attributes, version)
    }

    /// A shard that was read to its end is not any more, and is nobody's, if nobody has written to it since.
    package mutating func reopen(_ shard: ShardRecord, at place: ShardRecord.Place, version: String) {
        requireUnchanged(shard)
        let opened: Item = ["depleted": false, "leaseOwner": .null, "leaseExpiration": .null]
        set(shard.id, shard.attributes(place).merging(opened) { $1 }, version)
    }

    /// Puts a shard somewhere, whoever reads it and however far it is; if its owner is the one that was seen, and of a shard
    /// without one if nobody has written to it since. A lease that is taken away with it is seen by its owner's next write or
    /// look.
    package mutating func seek(
        _ shard: ShardRecord, to place: ShardRecord.Place, isDepleted: Bool, isReleased: Bool, as seek: SeekID,
        version: String
    ) {
        if let owner = shard.lease?.owner {
            update.require(.equals(path(shard.id).member("leaseOwner"), .string(owner.text)))
        } else {
            requireUnchanged(shard)
        }
        var sought = shard
        sought.seek = seek
        var attributes: Item = ["approximateArrivalTimestamp": .null]
        attributes.merge(sought.attributes(place, withNote: true)) { $1 }
        attributes["depleted"] = .bool(isDepleted)
        if isReleased {
            attributes["leaseOwner"] = .null
            attributes["leaseExpiration"] = .null
        }
        set(shard.id, attributes, version)
    }

    /// Where a shard that nobody has begun is to be begun, if nobody has written to it since.
    package mutating func begin(_ shard: ShardRecord, at place: ShardRecord.Place, version: String) {
        requireUnchanged(shard)
        set(shard.id, shard.attributes(place), version)
    }

    /// Gives a lease up, ours or one that has ended, if nobody has written to the shard since.
    package mutating func release(_ shard: ShardRecord, version: String) {
        requireUnchanged(shard)
        set(shard.id, ["leaseOwner": .null, "leaseExpiration": .null], version)
    }

    /// What this member says in one write of a shard that it owns.
    package struct OwnerWrite: Equatable, Sendable {
        /// How far it is read.
        package var place: ShardRecord.Place?
        /// How long the lease is from now on.
        package var renewal: Duration?
        /// Whether it is read to its end; nil: as before.
        package var isDepleted: Bool?
        /// The lease is given up.
        package var isReleased = false

        package init() {}
    }

    /// If this member has the lease still; whatever else others wrote of the shard stays.
    package mutating func write(_ shard: ShardRecord, _ write: OwnerWrite, version: String) {
        update.require(.equals(path(shard.id).member("leaseOwner"), .string(me.text)))
        var attributes: Item = [:]
        if let place = write.place { attributes = shard.attributes(place) }
        if let isDepleted = write.isDepleted { attributes["depleted"] = .bool(isDepleted) }
        if write.isReleased {
            attributes["leaseOwner"] = .null
            attributes["leaseExpiration"] = .null
        } else if let renewal = write.renewal {
            heartbeat()
            attributes["leaseExpiration"] = expiration(renewal)
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
        update.require(.unchanged(path(shard.id).member("version"), shard.versionAttribute))
    }

    private mutating func set(_ shard: ShardID, _ attributes: Item, _ version: String) {
        for (name, value) in attributes.sorted(by: { $0.key < $1.key }) {
            update.set(path(shard).member(name), value)
        }
        update.set(path(shard).member("version"), .string(version))
    }

    private func expiration(_ duration: Duration) -> AttributeValue {
        .string(time.advanced(by: duration).iso8601)
    }

    private func path(_ member: MemberID) -> AttributePath { ["consumers", member.text] }

    private func path(_ shard: ShardID) -> AttributePath { place.path.member(shard.text) }
}
