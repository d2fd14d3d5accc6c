import Kinesis
import State

/// Shards that a member leaves to others because its own work on them fails, and those that it has beyond its share because
/// nobody else took them. Performs no I/O.
///
/// Each member keeps this for itself, by what it sees in the item: the item says nothing of it, and lifion-kinesis processes need
/// not know.
struct Takeovers: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// How long a free shard is there for those that lack it: sidecars look about once a second.
    static let patience: Duration = .seconds(5)
    /// The same where a lifion-kinesis process is a member, which looks each 20 s.
    static let lifionPatience: Duration = .seconds(30)
    /// For how long a shard beyond the share does not count for it. Without that it would be given up at once for the member
    /// whose work on it fails, and which has one less for that.
    static let stay: Duration = .seconds(60)

    /// For how long a shard that somebody else has is left to others at most: whoever fails with it each time comes back ever
    /// later.
    static let longestAbsence: Duration = .seconds(960)
    /// How long nobody has a shard at most because every member leaves it to the others.
    static let longestFree: Duration = .seconds(60)

    private struct Absence {
        let until: Instant
        let length: Duration
        /// Why the work on the shard fails here.
        let reason: String
    }

    private var leftToOthers: [ShardID: Absence] = [:]
    /// When this member first saw that nobody has them.
    private var freeSince: [ShardID: Instant] = [:]
    /// Those that were taken beyond the share, until when they do not count for it, and beside whom: once others come or go,
    /// everything counts.
    private var extra: [ShardID: (until: Instant, others: Set<MemberID>)] = [:]

    func leavesToOthers(_ shard: ShardID, now: Instant) -> Bool {
        guard let absence = leftToOthers[shard], now < absence.until else { return false }
        return !isFree(shard, for: Self.longestFree, now)
    }

    /// Nobody has taken it, although somebody could have.
    func isOverdue(_ shard: ShardID, besideLifion: Bool, now: Instant) -> Bool {
        isFree(shard, for: besideLifion ? Self.lifionPatience : Self.patience, now)
    }

    /// The shards that this member has left to others and that none of them has taken, and why the work on each fails here.
    func untaken(besideLifion: Bool, now: Instant) -> [ShardID: String] {
        leftToOthers.filter { isOverdue($0.key, besideLifion: besideLifion, now: now) }.mapValues(\.reason)
    }

    private func isFree(_ shard: ShardID, for time: Duration, _ now: Instant) -> Bool {
        freeSince[shard].map { now >= $0 + time } ?? false
    }

    func counts(_ shard: ShardID, now: Instant) -> Bool { extra[shard].map { now >= $0.until } ?? true }

    /// Whoever has more than its share gives up the last ones of these first: others failed with what it took beyond the share.
    func inOrder(_ shards: [ShardID]) -> [ShardID] {
        let (own, others) = (shards.filter { extra[$0] == nil }, shards.filter { extra[$0] != nil })
        return others.sorted { (extra[$1]!.until, $0) < (extra[$0]!.until, $1) } + own
    }

    /// The shards that nobody has at this look, those that this member has, and the other members.
    mutating func looked(free: Set<ShardID>, mine: Set<ShardID>, others: Set<MemberID>, now: Instant) {
        // Whoever got on with it for as long as it was away begins anew.
        leftToOthers = leftToOthers.filter { now < $0.value.until + $0.value.length }
        extra = extra.filter { mine.contains($0.key) }
        // Whoever lacked it may have been about to end, and not to fail with it.
        for (shard, taken) in extra where taken.others != others { extra[shard]?.until = min(taken.until, now) }
        freeSince = freeSince.filter { free.contains($0.key) }
        for shard in free where freeSince[shard] == nil { freeSince[shard] = now }
    }

    /// - Parameter absence: the first time; each time in a row twice as long.
    mutating func leaveToOthers(_ shard: ShardID, for absence: Duration, because reason: String, now: Instant) {
        let length = leftToOthers[shard].map { min($0.length * 2, Self.longestAbsence) } ?? absence
        leftToOthers[shard] = Absence(until: now + length, length: length, reason: reason)
    }

    /// It is not left to others any more; a row of failures with it goes on.
    mutating func took(_ shard: ShardID, now: Instant) {
        guard let absence = leftToOthers[shard] else { return }
        leftToOthers[shard] = Absence(until: min(absence.until, now), length: absence.length, reason: absence.reason)
    }

    mutating func takesBeyondShare(_ shard: ShardID, beside others: Set<MemberID>, now: Instant) {
        extra[shard] = (now + Self.stay, others)
    }
}
