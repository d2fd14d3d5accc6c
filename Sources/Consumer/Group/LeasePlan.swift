import Kinesis
import State
import Time

/// Decides which shards of a stream this member of a consumer group leases. Performs no I/O.
///
///     free ──take──▸ taking ──took──▸ held ──▸ givingUp ──settled──▸ settled ──gaveUp──▸ free
///                      │               │           │                   │
///                      └── refused ────┴── lost ───┴───────────────────┴──▸ free
///
/// Facts in: the group's item whenever it was read or written, the service's listing, what came of a write. Out: what to
/// write, and which shards are to be read no longer. Leases outlive readers: a consumer without one keeps them until it is
/// told to give them up.
struct LeasePlan: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// What this member has of a shard.
    enum Hold: Equatable, Sendable {
        /// A lease was asked for; until then it would hold. Left by `took`, `refused`.
        case taking(until: Instant)
        /// It is ours, and may be read until then. Left by `giveUp`, `lost`, and by the end of the lease.
        case held(until: Instant)
        /// Ours still; the engine settles what is in flight. Left by `settled`, `lost`.
        case givingUp(until: Instant)
        /// Ours until the release is written, of which nothing may be heard: nobody reads it here. Left by `gaveUp`, `lost`.
        case settled(until: Instant)

        /// When a lease that is ours ends; nil: it is not ours yet.
        var end: Instant? {
            switch self {
            case .taking: nil
            case .held(let until), .givingUp(let until), .settled(let until): until
            }
        }
    }

    enum Action: Equatable, Sendable {
        /// This member's record is missing.
        case register
        /// Whether this member counts for a share has changed.
        case setActive(Bool)
        /// These members have not been heard of.
        case clear([MemberID])
        /// The item does not have these shards.
        case add([Shard])
        /// Leases of these shards, as they stand in the item.
        case take([ShardRecord])
        /// Reading the shard comes to an end: what is in flight settles, then the lease is released.
        case giveUp(ShardID)
        /// The shard is not ours any more: what is in flight of it counts for nothing.
        case lost(ShardID)
    }

    let me: MemberID
    let leaseDuration: Duration
    /// The only shards that are leased; nil: whichever the stream has.
    let wanted: Set<ShardID>?
    /// Whether this member counts for a share.
    private(set) var takesPart = false
    private(set) var holds: [ShardID: Hold] = [:]
    private var sightings = Sightings()
    private var takeovers = Takeovers()
    /// By the item as it was seen last.
    private var lastOwners: [ShardID: MemberID] = [:]
    /// Whose leases the item had when it was lost, and until when they may hold: their owners may not know it yet.
    private var lostWithItem: [ShardID: (owner: MemberID, until: Instant)] = [:]

    init(me: MemberID, leaseDuration: Duration, wanted: Set<ShardID>? = nil) {
        self.me = me
        self.leaseDuration = leaseDuration
        self.wanted = wanted
    }

    // MARK: Queries

    /// Whether records of the shard may be given out now. A process that slept has to ask before it gives out what it holds.
    func mayRead(_ shard: ShardID, now: Instant) -> Bool {
        switch holds[shard] {
        case .held(let until), .givingUp(let until): now < until
        case .taking, .settled, nil: false
        }
    }

    /// How long a lease is, as it is written, that is taken or renewed now: as long as lifion-kinesis's while such a process
    /// is in the group, which takes over by its own clock.
    func duration(in item: GroupItem) -> Duration {
        Self.hasLifion(item.members.values) ? Sightings.lifionLease : leaseDuration
    }

    /// Leases that are renewed.
    var leases: [ShardID] {
        holds.filter { if case .taking = $0.value { false } else { true } }.keys.sorted()
    }

    /// When a lease of ours ends that is not renewed until then; nil: there is none.
    var nextEnd: Instant? {
        holds.values.compactMap(\.end).min()
    }

    /// How long may be read after a write that took or renewed a lease: whoever has not heard of us for that long clears us,
    /// and what a member had that is not in the group is anybody's.
    func patience(in item: GroupItem) -> Duration {
        Self.hasLifion(item.members.values) ? min(leaseDuration, Sightings.lifionHeartbeat) : leaseDuration
    }

    /// The shards that this member has left to others and that none of them has taken, and why the work on each fails here.
    func untaken(in item: GroupItem, now: Instant) -> [ShardID: String] {
        // Who takes no part looks no more.
        guard takesPart else { return [:] }
        return takeovers.untaken(besideLifion: Self.hasLifion(item.members.values), now: now)
    }

    private static func hasLifion(_ members: some Sequence<GroupMember>) -> Bool {
        members.contains { $0.leaseDuration == nil }
    }

    // MARK: Facts

    /// Somebody reads here, or nobody does any more.
    mutating func takePart(_ takesPart: Bool) { self.takesPart = takesPart }

    /// The item as it is now, after a read or a write, with what the service lists.
    mutating func looked(at item: GroupItem, _ lineage: ShardLineage, now: GroupMoment) -> [Action] {
        sightings.look(at: item, now: now.instant)
        lastOwners = item.shards.compactMapValues { sightings.owner(of: $0, in: item, now: now) }
        lostWithItem = lostWithItem.filter { now.instant < $0.value.until && item.shards[$0.key]?.lease == nil }
        var actions = lost(item, now: now.instant).map(Action.lost)
        guard let member = item.members[me] else { return actions + [.register] }
        if member.isActive != takesPart { actions.append(.setActive(takesPart)) }
        let gone = item.members.values.filter { $0.id != me && !sightings.isAlive($0, now: now) }
        if !gone.isEmpty { actions.append(.clear(gone.map(\.id).sorted())) }
        let unknown = lineage.shards.filter { item.shards[$0.id] == nil }
        if !unknown.isEmpty { actions.append(.add(unknown)) }
        guard takesPart else {
            // What is free is no concern of this member.
            noteFree([], beside: [], now: now.instant)
            return actions + giveUp(held.count).map(Action.giveUp)
        }
        let free = item.shards.values.filter { isFree($0, item, lineage, now) }.sorted { $0.id < $1.id }
        let others = others(in: item, now)
        noteFree(free, beside: others, now: now.instant)
        // What the item gives to this member others leave alone, and count as its own.
        var taken = free.filter { member.isStandalone || $0.lease?.owner == me }
        take(taken, now: now)
        if !member.isStandalone {
            let share = share(item, others, now)
            actions += giveUp(share.surplus[me] ?? 0).map(Action.giveUp)
            let eligible = free.filter {
                holds[$0.id] == nil && (others.isEmpty || !takeovers.leavesToOthers($0.id, now: now.instant))
            }
            var more = Array(eligible.prefix(max(0, share.allowances[me] ?? 0)))
            if more.isEmpty, let overdue = overdue(eligible, others, now.instant) { more = [overdue] }
            take(more, now: now)
            taken += more
        }
        return taken.isEmpty ? actions : actions + [.take(taken)]
    }

    /// Work on the shard fails here: others of the group are to have it, and this member does not take it for so long, each time
    /// in a row twice as long, unless it is alone by then or nobody has the shard for too long (`Takeovers.longestFree`). Returns
    /// what is given up with that; nil: nobody else could have the shard, and it stays.
    mutating func leaveToOthers(
        _ shard: ShardID, for absence: Duration, because reason: String, _ item: GroupItem, now: GroupMoment
    ) -> [ShardID]? {
        guard item.members[me]?.isStandalone == false, !others(in: item, now).isEmpty, let hold = holds[shard] else {
            return nil
        }
        takeovers.leaveToOthers(shard, for: absence, because: reason, now: now.instant)
        guard case .held(let until) = hold else { return [] }
        holds[shard] = .givingUp(until: until)
        return [shard]
    }

    /// A shard that was read to its end is to be read again: its lease is asked for.
    mutating func reopen(_ shard: ShardID, now: Instant) { holds[shard] = .taking(until: now + leaseDuration) }

    /// A write that takes these shards has taken place; it was sent at this moment.
    mutating func took(_ shards: [ShardID], sentAt: Instant, for duration: Duration) {
        for shard in shards {
            takeovers.took(shard, now: sentAt)
            if case .taking = holds[shard] { holds[shard] = .held(until: sentAt + duration) }
        }
    }

    /// A write that renews the leases of these shards has taken place; it was sent at this moment. One that had come to its
    /// end by our own clock meanwhile stays lost: whoever reads here was told so, and it is being taken again.
    mutating func renewed(_ shards: [ShardID], sentAt: Instant, for duration: Duration) {
        for shard in shards {
            switch holds[shard] {
            case .held: holds[shard] = .held(until: sentAt + duration)
            case .givingUp: holds[shard] = .givingUp(until: sentAt + duration)
            case .settled: holds[shard] = .settled(until: sentAt + duration)
            case .taking, nil: break
            }
        }
    }

    /// The item is gone, and will be made anew without a lease.
    mutating func itemGone(now: Instant) {
        for (shard, owner) in lastOwners where owner != me { lostWithItem[shard] = (owner, now + leaseDuration) }
        lastOwners = [:]
    }

    /// Nothing is ours any more. Returns what was.
    mutating func loseAll() -> [ShardID] {
        let lost = leases
        holds = [:]
        return lost
    }

    /// Leases that have come to their end by our own clock, whether or not anything was heard of the item since.
    mutating func ended(now: Instant) -> [ShardID] {
        let ended = leases.filter { holds[$0]?.end.map { now >= $0 } ?? false }
        for shard in ended { holds[shard] = nil }
        return ended
    }

    /// A write that would have taken these shards has not taken place.
    mutating func refused(_ shards: [ShardID]) {
        for shard in shards { if case .taking = holds[shard] { holds[shard] = nil } }
    }

    /// Nothing of a shard that is given up is in flight any more. Returns whether its lease is to be released.
    mutating func settled(_ shard: ShardID) -> Bool {
        guard case .givingUp(let until) = holds[shard] else { return false }
        holds[shard] = .settled(until: until)
        return true
    }

    /// The lease of a shard that was given up is released, or the shard is read to its end.
    mutating func gaveUp(_ shard: ShardID) { holds[shard] = nil }

    /// Stop: everything is given up.
    mutating func giveUpAll() -> [ShardID] {
        takesPart = false
        return giveUp(held.count)
    }

    // MARK: Deciding

    /// Shards that are ours or about to be, and stay so.
    private var mine: [ShardID] {
        holds.filter {
            switch $0.value {
            case .taking, .held: true
            case .givingUp, .settled: false
            }
        }.keys.sorted()
    }

    private var held: [ShardID] {
        holds.filter { if case .held = $0.value { true } else { false } }.keys.sorted()
    }

    /// What the item gives to somebody else, or to nobody, and what has come to its end by our own clock.
    private mutating func lost(_ item: GroupItem, now: Instant) -> [ShardID] {
        let gone = holds.filter { id, hold in
            hold.end.map { now >= $0 || item.shards[id]?.lease?.owner != me } ?? false
        }
        for id in gone.keys { holds[id] = nil }
        return gone.keys.sorted()
    }

    /// Members that count for a share, but for this one.
    private func others(in item: GroupItem, _ now: GroupMoment) -> [GroupMember] {
        item.members.values.filter {
            $0.id != me && $0.isActive && !$0.isStandalone && sightings.isAlive($0, now: now)
        }
    }

    /// Counts what each member has: what this one is about to have, and what others hold by the item.
    private func share(_ item: GroupItem, _ others: [GroupMember], _ now: GroupMoment) -> ShareOut {
        var held = Dictionary(uniqueKeysWithValues: others.map { ($0.id, 0) })
        let open = item.shards.values.filter { !$0.isDepleted }
        for shard in open {
            guard let owner = sightings.owner(of: shard, in: item, now: now), owner != me else { continue }
            held[owner]? += 1
        }
        let beyondShare = mine.count { !takeovers.counts($0, now: now.instant) }
        held[me] = mine.count - beyondShare
        let sidecars = others.filter { $0.leaseDuration != nil }.map(\.id)
        return ShareOut(shards: open.count, held: held, sidecars: Set(sidecars + [me]))
    }

    private mutating func noteFree(_ free: [ShardRecord], beside others: [GroupMember], now: Instant) {
        // What is being taken is free until it is taken.
        let taking = holds.filter { if case .taking = $0.value { true } else { false } }.keys
        takeovers.looked(
            free: Set(free.map(\.id)).union(taking), mine: Set(holds.keys), others: Set(others.map(\.id)), now: now)
    }

    /// A shard that stays free although everybody has its share: whoever lacks one leaves it to others. One at a time, so that
    /// several members share what several of them are.
    private mutating func overdue(_ free: [ShardRecord], _ others: [GroupMember], _ now: Instant) -> ShardRecord? {
        let overdue = free.first { takeovers.isOverdue($0.id, besideLifion: Self.hasLifion(others), now: now) }
        if let overdue { takeovers.takesBeyondShare(overdue.id, beside: Set(others.map(\.id)), now: now) }
        return overdue
    }

    /// The last ones by name, so that all members that look twice say the same; what was taken beyond the share after all others.
    private mutating func giveUp(_ count: Int) -> [ShardID] {
        let shards = Array(takeovers.inOrder(held).suffix(count))
        for shard in shards {
            if case .held(let until) = holds[shard] { holds[shard] = .givingUp(until: until) }
        }
        return shards
    }

    private mutating func take(_ shards: some Sequence<ShardRecord>, now: GroupMoment) {
        for shard in shards { holds[shard.id] = .taking(until: now.instant + leaseDuration) }
    }

    /// Not read out, listed, behind all of its parents, and nobody's; or this member's by the item alone, as after a
    /// restart.
    private func isFree(_ shard: ShardRecord, _ item: GroupItem, _ lineage: ShardLineage, _ now: GroupMoment) -> Bool {
        guard !shard.isDepleted, holds[shard.id] == nil, wanted?.contains(shard.id) ?? true,
            let listed = lineage.shard(shard.id)
        else { return false }
        // A parent that is not read by choice holds nobody up.
        let isBehindParents = listed.parents.allSatisfy { parent in
            lineage.shard(parent) == nil || item.shards[parent]?.isDepleted == true
                || !(wanted?.contains(parent) ?? true)
        }
        guard isBehindParents else { return false }
        let owner = lostWithItem[shard.id]?.owner ?? sightings.owner(of: shard, in: item, now: now)
        return owner == nil || owner == me
    }
}
