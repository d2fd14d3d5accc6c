import Kinesis
import State
import Time

/// When this member saw the others' heartbeats and leases move. Performs no I/O.
///
/// Clocks may be wrong: whoever keeps moving its times is alive, whatever they say. What was never seen to move is over when
/// its time is past by more than clocks are apart, or when it has been watched for as long as it may stand still; what lies in
/// the future, when it has been watched for longer than that by what clocks may be apart.
struct Sightings: Sendable {
    typealias Instant = ContinuousClock.Instant

    private struct Sighting<Value: Equatable & Sendable>: Sendable {
        private var value: Value
        /// When it moved, or was first seen.
        private var since: Instant
        private var hasMoved = false

        init(_ value: Value, now: Instant) {
            self.value = value
            since = now
        }

        mutating func look(at value: Value, now: Instant) {
            guard value != self.value else { return }
            self = Sighting(value, now: now)
            hasMoved = true
        }

        /// Whether what ends at a time, by somebody's clock, counts.
        /// - Parameters:
        ///   - duration: how long it may stand still.
        ///   - tolerance: how far that clock may be from ours.
        func counts(until end: WallTime, _ duration: Duration, tolerance: Duration, now: GroupMoment) -> Bool {
            // A clock may be far ahead: whoever was watched for longer than that says nothing any more.
            if now.wall < end { return now.instant < since + duration + tolerance }
            return now.instant < since + duration && (hasMoved || now.wall < end.advanced(by: tolerance))
        }
    }

    /// What lifion-kinesis allows for: its leases, and its members without a heartbeat.
    static let lifionLease: Duration = .seconds(300)
    static let lifionHeartbeat: Duration = .seconds(40)
    /// How far the clock of a lifion-kinesis process may be from ours, and that of a sidecar, which goes by the service's.
    static let lifionTolerance: Duration = .seconds(300)
    static let tolerance: Duration = .seconds(10)

    private var heartbeats: [MemberID: Sighting<WallTime?>] = [:]
    private var leases: [ShardID: Sighting<ShardRecord.Lease?>] = [:]

    mutating func look(at item: GroupItem, now: Instant) {
        heartbeats = heartbeats.filter { item.members[$0.key] != nil }
        leases = leases.filter { item.shards[$0.key] != nil }
        for (id, member) in item.members {
            heartbeats[id, default: Sighting(member.heartbeat, now: now)].look(at: member.heartbeat, now: now)
        }
        for (id, shard) in item.shards {
            leases[id, default: Sighting(shard.lease, now: now)].look(at: shard.lease, now: now)
        }
    }

    /// Whether a member of the item is still there: one of ours for as long as its leases, a lifion-kinesis process for
    /// 40 s without a heartbeat.
    func isAlive(_ member: GroupMember, now: GroupMoment) -> Bool {
        guard let heartbeat = member.heartbeat else { return false }
        let patience = member.leaseDuration ?? Self.lifionHeartbeat
        return heartbeats[member.id]?.counts(
            until: heartbeat.advanced(by: patience), patience, tolerance: Self.tolerance(of: member), now: now) ?? false
    }

    /// Who may read the shard now; nil where nobody may. An owner that is not in the group owns nothing.
    func owner(of shard: ShardRecord, in item: GroupItem, now: GroupMoment) -> MemberID? {
        guard let lease = shard.lease, let owner = item.members[lease.owner] else { return nil }
        guard let expiration = lease.expiration else { return owner.id }
        let counts = leases[shard.id]?.counts(
            until: expiration, owner.leaseDuration ?? Self.lifionLease, tolerance: Self.tolerance(of: owner), now: now)
        return counts == true ? owner.id : nil
    }

    private static func tolerance(of member: GroupMember) -> Duration {
        member.leaseDuration == nil ? lifionTolerance : tolerance
    }
}
