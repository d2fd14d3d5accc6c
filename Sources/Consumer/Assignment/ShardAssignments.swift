import Bytes
import Kinesis
import State

/// Decides which of a consumer's readers reads which shard, and what each shard is at. Performs no I/O.
///
///     idle ──▸ reading ──▸ revoking ──▸ idle        it moves: what is in flight is settled first, until a deadline
///              │  ▴ ▴  └──▸ restarting ──▸ reading   its task is replaced, and its reader hears nothing of it
///              ▾  │ └────── revoking                 it stays after all
///             evicted                                its buffers are given up until its reader takes what it has
///
/// Facts come in; `next` gives the actions that follow, one at a time, so that whoever performs them may do so in slices:
/// what is asked of a shard twice in between is done once, and what was taken back is not done at all. Every fact takes
/// time by what it moves, and the two that may concern every shard (`readable`, `left`) by the number of shards.
struct ShardAssignments: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// What one shard is at.
    enum Slot: Equatable, Sendable {
        /// Nothing reads it. Left by `next`, when it has an owner.
        case idle
        /// A task reads it for the reader. Left by `next`, when it has another owner or none; by `stalled`, `evicted`,
        /// `withdrawn`, `depleted`.
        case reading(ReaderID)
        /// As `reading`; what was buffered for it was given up. Left by `tookAll`, and as `reading`.
        case evicted(ReaderID)
        /// Its task delivers nothing more: it is to be another reader's, or another member's of the group, once what is in
        /// flight is settled, or then. Left by `next`, by `withdrawn`.
        case revoking(from: ReaderID, until: Instant)
        /// Its task delivers nothing more: another one takes its place, for the same reader, once what is in flight is
        /// settled, or then. Left by `next`, by `withdrawn`.
        case restarting(ReaderID, until: Instant)

        /// For whom the shard's task reads; nil without a task.
        var reader: ReaderID? {
            switch self {
            case .idle: nil
            case .reading(let reader), .evicted(let reader), .revoking(let reader, _), .restarting(let reader, _):
                reader
            }
        }
    }

    /// What is to be done.
    enum Action: Equatable, Sendable {
        /// A task begins at the shard's position, and the reader is told that the shard is its own.
        case start(ShardID, for: ReaderID)
        /// The task delivers nothing more. `released` follows once what is in flight is settled.
        case revoke(ShardID)
        /// A task that delivers nothing more goes on as if nothing had been.
        case resume(ShardID)
        /// The task ends. `isTold`: the reader is still there, and is told that the shard is not its own any more.
        case stop(ShardID, of: ReaderID, isTold: Bool)
        /// The task ends, and one for the same reader begins in its place; the reader is told nothing.
        case restart(ShardID, for: ReaderID)
    }

    /// How long a shard that moves waits for what is in flight.
    let handOver: Duration
    private(set) var shards: [ShardID: Shard] = [:]
    private var seats = ReaderSeats()
    /// Readable shards that nobody owns, because there is no reader.
    private var unowned: [ShardID] = []
    /// Shards of which `next` has to look whether something is to be done.
    private var due = Fifo<ShardID>()
    /// Of readers that are waited for longer, or shorter, than `handOver` says.
    private var handOvers: [ReaderID: Duration] = [:]
    /// When revocations and restarts are over at the latest, by how long is waited, each in its order; what has ended earlier
    /// stands there still.
    private var deadlines: [Duration: Fifo<(at: Instant, shard: ShardID)>] = [:]
    private var isClosed = false

    struct Shard: Sendable {
        var slot = Slot.idle
        var isReadable = false
        /// Another member of the group is to have it: what is in flight is settled before its task ends.
        var isGivenUp = false
        /// Whose the shard is to be.
        var owner: ReaderSeats.Place?
        /// Among its owner's shards that may move; nil: it may not, or has no owner.
        var index: Int?
        /// Whose replays of it are open, in the order in which they were asked for; the first is under way.
        var replays: [Replay] = []
        var isDue = false

        var isForgettable: Bool { !isReadable && slot == .idle && replays.isEmpty }
    }

    init(handOver: Duration) {
        self.handOver = handOver
    }
}

// MARK: - Queries

extension ShardAssignments {
    /// In the order in which they came.
    var readers: [ReaderID] { seats.readers }

    /// Whose the shard is to be; it may still be on its way there.
    func owner(of shard: ShardID) -> ReaderID? { shards[shard]?.owner.map { seats[$0].reader } }

    func slot(of shard: ShardID) -> Slot { shards[shard]?.slot ?? .idle }

    /// How many shards are to be the reader's.
    func count(of reader: ReaderID) -> Int { seats.place(of: reader).map { seats[$0].count } ?? 0 }

    /// The shards that are to be the reader's, in the order of their names. Takes time by the number of all shards.
    func shards(of reader: ReaderID) -> [ShardID] {
        guard let place = seats.place(of: reader) else { return [] }
        return shards.filter { $0.value.owner == place }.keys.sorted()
    }

    /// The first of them, at most so many. Takes time by the number of the reader's shards, if `most` is small.
    func firstShards(of reader: ReaderID, _ most: Int) -> [ShardID] {
        guard let place = seats.place(of: reader) else { return [] }
        if seats[place].pinned > 0 { return Array(shards(of: reader).prefix(most)) }
        return seats[place].movable.smallest(most)
    }

    /// The readers that are to have shards, in the order in which they came.
    var holders: [(reader: ReaderID, shards: Int)] { seats.holders }

    /// The replay of the shard that is under way.
    func replay(of shard: ShardID) -> Replay? { shards[shard]?.replays.first }

    /// Whether `next` may give an action.
    var hasWork: Bool { !due.isEmpty }

    /// When `handleTimeout` has something to do at the latest.
    var nextDeadline: Instant? { deadlines.values.compactMap { $0.first?.at }.min() }

    /// Whether some shard's buffers were given up and not asked for again.
    var isAnyEvicted: Bool { seats.isAnyEvicted }
}

// MARK: - What to do

extension ShardAssignments {
    /// The next action; nil when nothing is to be done until a fact comes. To be carried out before the next one is asked
    /// for.
    mutating func next(now: Instant) -> Action? {
        while let id = due.popFirst() {
            guard var shard = shards[id] else { continue }
            shard.isDue = false
            let action = action(for: id, &shard, now: now)
            shards[id] = shard.isForgettable ? nil : shard
            if let action { return action }
        }
        return nil
    }

    private mutating func action(for id: ShardID, _ shard: inout Shard, now: Instant) -> Action? {
        let owner = shard.owner.map { seats[$0].reader }
        guard let reader = shard.slot.reader else {
            guard let owner, !isClosed else { return nil }
            shard.slot = .reading(owner)
            return .start(id, for: owner)
        }
        let isThere = seats.place(of: reader) != nil
        // At the end nothing is in flight that is waited for any more.
        guard isThere, owner != nil || shard.isGivenUp && !isClosed else { return stop(id, &shard, isTold: isThere) }
        switch shard.slot {
        case .idle: return nil
        case .reading, .evicted:
            guard owner != reader, !isClosed else { return nil }
            leaveEvicted(id, shard.slot)
            shard.slot = .revoking(from: reader, until: waits(for: reader, id, now))
            return .revoke(id)
        case .revoking(_, let end):
            if owner == reader {
                shard.slot = .reading(reader)
                return .resume(id)
            }
            return end <= now ? stop(id, &shard, isTold: true) : nil
        case .restarting(_, let end):
            guard owner == reader else {
                shard.slot = .revoking(from: reader, until: end)
                return end <= now ? stop(id, &shard, isTold: true) : nil
            }
            guard end <= now else { return nil }
            shard.slot = .reading(reader)
            return .restart(id, for: reader)
        }
    }

    private mutating func stop(_ id: ShardID, _ shard: inout Shard, isTold: Bool) -> Action? {
        guard let reader = shard.slot.reader else { return nil }
        leaveEvicted(id, shard.slot)
        shard.slot = .idle
        shard.isGivenUp = false
        if shard.owner != nil {
            shard.isDue = true
            due.append(id)
        }
        return .stop(id, of: reader, isTold: isTold)
    }
}

// MARK: - Facts

extension ShardAssignments {
    /// The shards that may be read now, all of them.
    mutating func readable(_ ids: [ShardID]) {
        let readable = Set(ids)
        for (id, shard) in shards where shard.isReadable && !readable.contains(id) {
            disown(id)
            shards[id]?.isReadable = false
            look(at: id)
        }
        for id in ids where !(shards[id]?.isReadable ?? false) {
            shards[id, default: Shard()].isReadable = true
            shards[id]?.isGivenUp = false
            own(id)
        }
        balance()
    }

    /// The shard is given up to another member of the group: what is in flight is settled first. Returns whether a task reads
    /// it, whose end follows.
    mutating func givenUp(_ id: ShardID) -> Bool {
        guard shards[id] != nil else { return false }
        shards[id]?.isReadable = false
        disown(id)
        guard slot(of: id).reader != nil else { return false }
        shards[id]?.isGivenUp = true
        look(at: id)
        return true
    }

    /// A reader has come.
    /// - Parameter handOver: how long its shards that move wait for what is in flight; nil: as for all.
    mutating func joined(_ reader: ReaderID, handOver: Duration? = nil) {
        handOvers[reader] = handOver
        let isFirst = seats.isEmpty
        seats.append(reader)
        guard isFirst else { return balance() }
        let waiting = unowned
        unowned = []
        for id in waiting where shards[id]?.isReadable ?? false { own(id) }
        balance()
    }

    /// What a reader that has gone leaves of its replays, which are over with it. One that was under way goes on with
    /// whoever reads the shard next.
    struct Departure: Equatable, Sendable {
        /// Those whose turn had not come: of these shards nothing was sent again.
        var unserved: [ShardID: Replay] = [:]
        /// Those of other readers whose turn it is now.
        var begun: [ShardID: Replay] = [:]
    }

    /// A reader has gone; its shards go to the others.
    mutating func left(_ reader: ReaderID) -> Departure {
        guard let place = seats.place(of: reader) else { return Departure() }
        var departure = Departure()
        var lost: [ShardID] = []
        for at in shards.indices {
            let (id, shard) = shards[at]
            if shard.owner == place {
                lost.append(id)
                shards.values[at].owner = nil
                shards.values[at].index = nil
            }
            if shard.slot.reader == reader, !shard.isDue {
                shards.values[at].isDue = true
                due.append(id)
            }
            guard let open = shard.replays.first(where: { $0.reader == reader }) else { continue }
            let kept = shard.replays.filter { $0.reader != reader }
            shards.values[at].replays = kept
            if open != shard.replays.first { departure.unserved[id] = open } else { departure.begun[id] = kept.first }
        }
        seats.remove(place)
        handOvers[reader] = nil
        for id in lost.sorted() { own(id) }
        balance()
        return departure
    }

    /// Nothing of the shard is in flight any more.
    mutating func released(_ id: ShardID, now: Instant) {
        switch shards[id]?.slot {
        case .revoking(let reader, _)?: shards[id]?.slot = .revoking(from: reader, until: now)
        case .restarting(let reader, _)?: shards[id]?.slot = .restarting(reader, until: now)
        case .idle?, .reading?, .evicted?, nil: return
        }
        look(at: id)
    }

    /// Time has gone on: whoever waited long enough for what is in flight waits no longer.
    mutating func handleTimeout(now: Instant) {
        for wait in deadlines.keys {
            while let next = deadlines[wait]?.first, next.at <= now {
                _ = deadlines[wait]?.popFirst()
                look(at: next.shard)
            }
        }
    }

    /// What of the shard is in flight is waited for from now on. Returns until when.
    private mutating func waits(for reader: ReaderID, _ id: ShardID, _ now: Instant) -> Instant {
        let wait = handOvers[reader] ?? handOver
        deadlines[wait, default: Fifo()].append((now + wait, id))
        return now + wait
    }

    /// The shard's task gets nowhere: another one is to take its place. Returns whether it is one that is waited for.
    mutating func stalled(_ id: ShardID, now: Instant) -> Bool {
        guard let shard = shards[id] else { return false }
        switch shard.slot {
        case .reading(let reader), .evicted(let reader):
            leaveEvicted(id, shard.slot)
            let end = waits(for: reader, id, now)
            shards[id]?.slot = .restarting(reader, until: end)
            return true
        case .idle, .revoking, .restarting: return false
        }
    }

    /// What the shard had buffered was given up for others.
    mutating func evicted(_ id: ShardID) {
        guard case .reading(let reader)? = shards[id]?.slot, let place = seats.place(of: reader) else { return }
        shards[id]?.slot = .evicted(reader)
        seats.evicted(id, of: place)
    }

    /// The reader has taken everything that it was given. Returns its shards whose buffers were given up: they are read on.
    mutating func tookAll(_ reader: ReaderID) -> [ShardID] {
        guard seats.isAnyEvicted, let place = seats.place(of: reader) else { return [] }
        let evicted = seats.takeEvicted(of: place)
        for id in evicted { shards[id]?.slot = .reading(reader) }
        return evicted
    }

    /// What the shard had buffered is asked for again. Returns whether it was given up before.
    mutating func took(_ id: ShardID) -> Bool {
        guard let slot = shards[id]?.slot, case .evicted(let reader) = slot else { return false }
        leaveEvicted(id, slot)
        shards[id]?.slot = .reading(reader)
        return true
    }

    /// The shard's position is another one now, so what its task delivers counts for nothing: the task is to end at once,
    /// and another one begins where that is possible. Returns for whom it read; nil without a task.
    mutating func withdrawn(_ id: ShardID) -> ReaderID? {
        guard let shard = shards[id], let reader = shard.slot.reader else { return nil }
        leaveEvicted(id, shard.slot)
        shards[id]?.slot = .idle
        look(at: id)
        return reader
    }

    /// The shard's task has read it to its end, and is over.
    mutating func depleted(_ id: ShardID) {
        guard let shard = shards[id] else { return }
        leaveEvicted(id, shard.slot)
        shards[id]?.slot = .idle
    }

    /// Nobody gets a shard any more; tasks whose readers go are still ended.
    mutating func close() {
        isClosed = true
    }
}

// MARK: - Replays

extension ShardAssignments {
    /// A reader is to get a part of the shard again. Until it has, the shard is that reader's, whenever it is readable; of
    /// several readers one after the other. Returns whether it is this one's turn.
    mutating func asked(_ replay: Replay, of id: ShardID) -> Bool {
        shards[id, default: Shard()].replays.append(replay)
        guard shards[id]?.replays.count == 1 else { return false }
        reown(id)
        return true
    }

    /// The reader was sent everything of the shard up to here. Returns the replay whose turn it is now, nil when none is
    /// over with this or none waits.
    mutating func sent(_ id: ShardID, to reader: ReaderID, upTo checkpoint: Checkpoint) -> Replay? {
        guard let current = shards[id]?.replays.first, current.reader == reader, current.last <= checkpoint else {
            return nil
        }
        return replayed(id)
    }

    /// The replay that is under way has had all that there is of the shard. Returns the one whose turn it is now.
    mutating func replayed(_ id: ShardID) -> Replay? {
        guard shards[id]?.replays.isEmpty == false else { return nil }
        shards[id]?.replays.removeFirst()
        reown(id)
        return shards[id]?.replays.first
    }

    /// The shards are another stream's, or were put elsewhere: nothing of them is to be sent again.
    mutating func forgetReplays(of ids: some Sequence<ShardID>) {
        for id in ids where shards[id]?.replays.isEmpty == false {
            shards[id]?.replays = []
            reown(id)
        }
    }
}

// MARK: - Owners

extension ShardAssignments {
    private mutating func look(at id: ShardID) {
        guard shards[id]?.isDue == false else { return }
        shards[id]?.isDue = true
        due.append(id)
    }

    /// Gives a shard that nobody owns an owner: the reader to whom it is replayed, or whoever has the fewest.
    /// - Parameter former: whose it stays otherwise; nil: it was nobody's.
    private mutating func own(_ id: ShardID, insteadOf former: ReaderSeats.Place? = nil) {
        guard let at = shards.index(forKey: id), shards.values[at].isReadable, shards.values[at].owner == nil else {
            return
        }
        let pinned = shards.values[at].replays.first.flatMap { seats.place(of: $0.reader) }
        guard let place = pinned ?? former ?? seats.poorest else { return unowned.append(id) }
        shards.values[at].owner = place
        shards.values[at].index = seats.give(id, to: place, isPinned: pinned != nil)
        if !shards.values[at].isDue {
            shards.values[at].isDue = true
            due.append(id)
        }
    }

    private mutating func disown(_ id: ShardID) {
        guard let shard = shards[id], let place = shard.owner else { return }
        // The last one takes its index.
        if let moved = seats.take(at: shard.index, from: place) { shards[moved]?.index = shard.index }
        shards[id]?.owner = nil
        shards[id]?.index = nil
    }

    private mutating func reown(_ id: ShardID) {
        let former = shards[id]?.owner
        disown(id)
        own(id, insteadOf: former)
        balance()
        if shards[id]?.isForgettable ?? false { shards[id] = nil }
    }

    /// Shards move from whoever has the most that may move to whoever has the fewest, while that evens them out. Of equals
    /// who came last gives, and who came first gets: who was there first is disturbed least.
    private mutating func balance() {
        while let (rich, poor) = seats.nextMove {
            let id = seats.takeLast(from: rich)
            guard let at = shards.index(forKey: id) else { continue }
            shards.values[at].owner = poor
            shards.values[at].index = seats.give(id, to: poor, isPinned: false)
            if !shards.values[at].isDue {
                shards.values[at].isDue = true
                due.append(id)
            }
        }
    }

    private mutating func leaveEvicted(_ id: ShardID, _ slot: Slot) {
        guard case .evicted(let reader) = slot, let place = seats.place(of: reader) else { return }
        seats.notEvicted(id, of: place)
    }
}

/// A part of a shard that a reader was sent before, and is to get again: its client came back with the id of an earlier
/// event.
struct Replay: Equatable, Sendable {
    let reader: ReaderID
    let stretch: SentAfter.Stretch

    /// The last record of the part.
    var last: Checkpoint { stretch.last }
}

extension Array where Element: Comparable {
    /// The smallest elements in order, at most so many, in one pass.
    fileprivate func smallest(_ most: Int) -> [Element] {
        var found: [Element] = []
        for element in self where found.count < most || element < found[most - 1] {
            found.insert(element, at: found.firstIndex { element < $0 } ?? found.count)
            if found.count > most { found.removeLast() }
        }
        return found
    }
}
