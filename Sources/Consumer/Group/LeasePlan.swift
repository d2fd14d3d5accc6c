import Kinesis
import State
import Time

/// Decides which shards of a stream this member of a consumer group leases. Performs no I/O.
///
///     free ──take──▸ taking ──took──▸ held ──▸ givingUp ──gaveUp──▸ free
///                      │               │           │
///                      └── refused ────┴── lost ───┴──▸ free
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
        /// Ours still; the engine settles what is in flight. Left by `gaveUp`, `lost`.
        case givingUp(until: Instant)
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
    /// Whether this member counts for a share.
    private(set) var takesPart = false
    private(set) var holds: [ShardID: Hold] = [:]
    private var sightings = Sightings()

    init(me: MemberID, leaseDuration: Duration) {
        self.me = me
        self.leaseDuration = leaseDuration
    }

    // MARK: Queries

    /// Whether records of the shard may be given out now. A process that slept has to ask before it gives out what it holds.
    func mayRead(_ shard: ShardID, now: Instant) -> Bool {
        switch holds[shard] {
        case .held(let until), .givingUp(let until): now < until
        case .taking, nil: false
        }
    }

    /// How long a lease is that is taken or renewed now: as long as lifion-kinesis's while such a process is in the group,
    /// which takes over by its own clock.
    func duration(in item: GroupItem) -> Duration {
        item.members.values.contains { $0.leaseDuration == nil } ? Sightings.lifionLease : leaseDuration
    }

    // MARK: Facts

    /// Somebody reads here, or nobody does any more.
    mutating func takePart(_ takesPart: Bool) { self.takesPart = takesPart }

    /// The item as it is now, after a read or a write, with what the service lists.
    mutating func looked(at item: GroupItem, _ lineage: ShardLineage, now: GroupMoment) -> [Action] {
        sightings.look(at: item, now: now.instant)
        var actions = lost(item, now: now.instant).map(Action.lost)
        guard let member = item.members[me] else { return actions + [.register] }
        if member.isActive != takesPart { actions.append(.setActive(takesPart)) }
        let gone = item.members.values.filter { $0.id != me && !sightings.isAlive($0, now: now) }
        if !gone.isEmpty { actions.append(.clear(gone.map(\.id).sorted())) }
        let unknown = lineage.shards.filter { item.shards[$0.id] == nil }
        if !unknown.isEmpty { actions.append(.add(unknown)) }
        guard takesPart else { return actions + giveUp(held.count) }
        guard !member.isStandalone else { return actions + take(.max, item, lineage, now) }
        let share = share(item, now)
        actions += giveUp(share.surplus[me] ?? 0)
        return actions + take(share.allowances[me] ?? 0, item, lineage, now)
    }

    /// A write with leases of these shards has taken place; it was sent at this moment.
    mutating func took(_ shards: [ShardID], sentAt: Instant, for duration: Duration) {
        for shard in shards {
            switch holds[shard] {
            case .taking, .held: holds[shard] = .held(until: sentAt + duration)
            case .givingUp: holds[shard] = .givingUp(until: sentAt + duration)
            case nil: break
            }
        }
    }

    /// A write that would have taken these shards has not taken place.
    mutating func refused(_ shards: [ShardID]) {
        for shard in shards { if case .taking = holds[shard] { holds[shard] = nil } }
    }

    /// The lease of a shard that was given up is released, or the shard is read to its end.
    mutating func gaveUp(_ shard: ShardID) { holds[shard] = nil }

    /// Stop: everything is given up.
    mutating func giveUpAll() -> [Action] {
        takesPart = false
        return giveUp(held.count)
    }

    // MARK: Deciding

    /// Shards that are ours or about to be, and stay so.
    private var mine: [ShardID] {
        holds.filter { if case .givingUp = $0.value { false } else { true } }.keys.sorted()
    }

    private var held: [ShardID] {
        holds.filter { if case .held = $0.value { true } else { false } }.keys.sorted()
    }

    /// What the item gives to somebody else, or to nobody, and what has come to its end by our own clock.
    private mutating func lost(_ item: GroupItem, now: Instant) -> [ShardID] {
        let gone = holds.filter { id, hold in
            switch hold {
            case .taking: false
            case .held(let until), .givingUp(let until): now >= until || item.shards[id]?.lease?.owner != me
            }
        }
        for id in gone.keys { holds[id] = nil }
        return gone.keys.sorted()
    }

    /// Counts what each member has: what this one is about to have, and what others hold by the item.
    private func share(_ item: GroupItem, _ now: GroupMoment) -> ShareOut {
        let counting = item.members.values.filter {
            $0.id == me || ($0.isActive && !$0.isStandalone && sightings.isAlive($0, now: now))
        }
        var held = Dictionary(uniqueKeysWithValues: counting.map { ($0.id, 0) })
        let open = item.shards.values.filter { !$0.isDepleted }
        for shard in open {
            guard let owner = sightings.owner(of: shard, in: item, now: now), owner != me else { continue }
            held[owner]? += 1
        }
        held[me] = mine.count
        let sidecars = counting.filter { $0.leaseDuration != nil || $0.id == me }.map(\.id)
        return ShareOut(shards: open.count, held: held, sidecars: Set(sidecars))
    }

    /// The last ones by name, so that all members that look twice say the same.
    private mutating func giveUp(_ count: Int) -> [Action] {
        let shards = held.suffix(count)
        for shard in shards {
            if case .held(let until) = holds[shard] { holds[shard] = .givingUp(until: until) }
        }
        return shards.map(Action.giveUp)
    }

    private mutating func take(
        _ count: Int, _ item: GroupItem, _ lineage: ShardLineage, _ now: GroupMoment
    ) -> [Action] {
        let free = item.shards.values.filter { isFree($0, item, lineage, now) }.sorted { $0.id < $1.id }
        let taken = Array(free.prefix(max(0, count)))
        for shard in taken { holds[shard.id] = .taking(until: now.instant + leaseDuration) }
        return taken.isEmpty ? [] : [.take(taken)]
    }

    /// Not read out, listed, behind all of its parents, and nobody's; or this member's by the item alone, as after a
    /// restart.
    private func isFree(_ shard: ShardRecord, _ item: GroupItem, _ lineage: ShardLineage, _ now: GroupMoment) -> Bool {
        guard !shard.isDepleted, holds[shard.id] == nil, let listed = lineage.shard(shard.id) else { return false }
        guard listed.parents.allSatisfy({ lineage.shard($0) == nil || item.shards[$0]?.isDepleted == true }) else {
            return false
        }
        let owner = sightings.owner(of: shard, in: item, now: now)
        return owner == nil || owner == me
    }
}
