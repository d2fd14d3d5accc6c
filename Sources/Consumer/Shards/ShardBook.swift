import Kinesis
import State
import Time

/// What one consumer knows of its stream's shards: which may be read, from where, and what is to be stored when
/// something becomes known. Performs no I/O.
///
/// Shards come from listings and from the last response of a shard that ended; a shard that the service has announced
/// there counts as listed until a listing shows it.
struct ShardBook: Sendable {
    let streamCreatedOn: WallTime
    /// Where a shard without a checkpoint is begun.
    private(set) var initialPosition: InitialPosition
    private(set) var latestSince: WallTime?
    private var states: [ShardID: ShardState] = [:]
    private var listed: [ShardID: Shard] = [:]
    private var announced: [ShardID: Shard] = [:]
    private(set) var lineage = ShardLineage(shards: [])
    /// The shards that this member of the group leases; nil: it is alone, and all are its own.
    private var leases: [ShardID: LeaseUse]?
    /// The only shards that are read (`shardIds`); empty: all.
    private var wanted: Set<ShardID> = []

    /// A consumer that begins now.
    /// - Parameters:
    ///   - moment: when the reader asked; LATEST reads from here. nil: the group's item says from where.
    ///   - isNewStream: the stream was made for this reader, and all of it is news.
    init(
        begunAt moment: WallTime?, of listing: [Shard], createdOn: WallTime, from initial: InitialPosition,
        isNewStream: Bool
    ) {
        streamCreatedOn = createdOn
        initialPosition = initial
        for shard in listing {
            let start = isNewStream ? ShardStart.trimHorizon : .initial
            states[shard.id] = ShardState(id: shard.id, parents: shard.parents, start: start)
        }
        _ = update(listing)
        if let moment { _ = begin(from: initial, at: moment) }
    }

    /// A consumer whose state was kept.
    init(_ state: ConsumerState, from initial: InitialPosition) {
        streamCreatedOn = state.streamCreatedOn
        latestSince = state.latestSince
        initialPosition = initial
        for shard in state.shards { states[shard.id] = shard }
        derive()
    }

    // MARK: Queries

    /// What is to be kept of all this.
    var state: ConsumerState {
        ConsumerState(
            streamCreatedOn: streamCreatedOn, latestSince: latestSince, shards: states.values.sorted { $0.id < $1.id })
    }

    /// Shards whose records may be asked for now, in the order of their names.
    var readable: [ShardID] { lineage.readable.map(\.id).filter(isOurs) }

    /// Whether the shard's records may be asked for now.
    func isReadable(_ id: ShardID) -> Bool { lineage.isReadable(id) && isOurs(id) }

    /// What a shard's lease is for.
    enum LeaseUse {
        /// The shard is read.
        case reading
        /// Another member is to have it; what was sent of it may still be acknowledged.
        case givingUp
    }

    /// Whether the shard is read here, if anywhere.
    func isOurs(_ id: ShardID) -> Bool { leases.map { $0[id] == .reading } ?? true }

    /// Whether this member has the shard's lease.
    func isLeased(_ id: ShardID) -> Bool { leases?[id] != nil }

    /// Whether the shard's position is for this member to say: it leases the shard, or has read it to its end.
    func mayMove(_ id: ShardID) -> Bool {
        leases.map { $0[id] != nil } ?? true || states[id].map { $0.isDepleted && $0.run != nil } ?? false
    }

    func shard(_ id: ShardID) -> ShardState? { states[id] }

    /// Whether something of the shard was read: then its beginning is behind it.
    func hasBegun(_ id: ShardID) -> Bool { states[id].map { $0.isDepleted || $0.checkpoint != nil } ?? false }

    /// All shards that go on where these end, and where those end. Takes time by the number of all shards.
    func descendants(of ids: some Sequence<ShardID>) -> Set<ShardID> {
        var children: [ShardID: [ShardID]] = [:]
        for (id, state) in states { for parent in state.parents { children[parent, default: []].append(id) } }
        var found: Set<ShardID> = []
        var left = Array(ids)
        while let id = left.popLast() {
            for child in children[id] ?? [] where found.insert(child).inserted { left.append(child) }
        }
        return found
    }

    /// Every shard that is listed, or kept although it is not.
    var shards: [ShardState] { states.values.sorted { $0.id < $1.id } }

    var shardCount: Int { states.count }

    func isListed(_ id: ShardID) -> Bool { lineage.shard(id) != nil }

    func progress(of id: ShardID) -> ShardProgress { ShardProgress(states[id]?.checkpoint) }

    /// Where reading the shard goes on.
    func position(of id: ShardID) -> ReadPosition {
        ReadPosition(behind: states[id]?.checkpoint, initial: start(of: id))
    }

    /// Where reading the shard begins without a checkpoint.
    func start(of id: ShardID) -> StartingPosition {
        switch states[id]?.start {
        case .initial, .initialClosed: return initialMoment.map(StartingPosition.atTimestamp) ?? .trimHorizon
        case .since(let moment): return .atTimestamp(moment)
        case .trimHorizon, nil: return .trimHorizon
        }
    }

    /// The moment from which a shard is read that nobody has begun; nil: from its beginning.
    private var initialMoment: WallTime? {
        switch initialPosition {
        case .latest: latestSince
        case .atTimestamp(let moment): moment
        case .trimHorizon: nil
        }
    }

    /// Shards to which LATEST applies in this moment: nothing of them was read yet.
    var shardsAtLatest: [ShardID] {
        guard initialPosition == .latest else { return [] }
        return readable.filter { states[$0]?.start == .initial && states[$0]?.checkpoint == nil }
    }

    // MARK: Facts

    /// The option in force, for a new reader. Returns whether the state to keep has changed: the moment of LATEST is
    /// taken once and then stands, and so does that of AT_TIMESTAMP for each shard that nobody has begun.
    mutating func begin(from initial: InitialPosition, at moment: WallTime) -> Bool {
        initialPosition = initial
        defer { derive() }
        switch initial {
        case .latest: return beginAtLatest(moment)
        case .atTimestamp(let since): return begin(since: since)
        case .trimHorizon: return false
        }
    }

    private mutating func begin(since moment: WallTime) -> Bool {
        let unbegun = states.values.filter {
            ($0.start == .initial || $0.start == .initialClosed) && $0.checkpoint == nil && !$0.isDepleted
        }
        for shard in unbegun { states[shard.id]?.start = .since(moment) }
        return !unbegun.isEmpty
    }

    private mutating func beginAtLatest(_ moment: WallTime) -> Bool {
        guard latestSince == nil else { return false }
        latestSince = moment
        for (id, shard) in states where shard.start == .initial && shard.checkpoint == nil {
            // Records of a shard that was closed before the reader came are not news.
            if let known = listed[id], !known.isOpen { states[id]?.start = .initialClosed }
        }
        return true
    }

    /// A whole listing. Returns the shards that were not known: they are read from their beginning, because they
    /// appeared while the consumer was following the stream.
    mutating func update(_ listing: [Shard]) -> [ShardState] {
        listed = Dictionary(listing.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
        for id in listed.keys { announced[id] = nil }
        let added = listed.values.filter { states[$0.id] == nil }.map {
            ShardState(id: $0.id, parents: $0.parents, start: .trimHorizon)
        }
        for shard in added { states[shard.id] = shard }
        derive()
        return added.sorted { $0.id < $1.id }
    }

    /// Shards that are read out and no longer listed: nothing will ever ask for them again.
    mutating func forgetTrimmed() -> [ShardID] {
        // One behind all that are listed is news to a listing that is older than it is: names grow.
        guard let newest = listed.keys.max() else { return [] }
        let trimmed = states.values.filter { $0.isDepleted && !isListed($0.id) && $0.id < newest }.map(\.id).sorted()
        for id in trimmed { states[id] = nil }
        return trimmed
    }

    /// Shards with something left to read that the service no longer lists: their records are gone.
    var vanished: [ShardID] {
        states.values.filter { !$0.isDepleted && !isPassedOver($0) && !isListed($0.id) }.map(\.id).sorted()
    }

    /// The shard is read to its end and settled. Returns its children that are to be kept: those that its last response
    /// announced for the first time, and those that were never read and go on from its end now, whatever the initial
    /// position says.
    mutating func depleted(_ id: ShardID, children: [ChildShard]) -> [ShardState] {
        states[id]?.isDepleted = true
        for child in children where states[child.id] == nil {
            states[child.id] = ShardState(id: child.id, parents: child.parents, start: .initial)
            // The response names no starting sequence number; nothing here asks for one.
            announced[child.id] = Shard(
                id: child.id, parent: child.parents.first, adjacentParent: child.parents.dropFirst().first,
                hashKeyRange: child.hashKeyRange, startingSequenceNumber: SequenceNumber(0))
        }
        var kept: [ShardState] = []
        for (child, state) in states where state.parents.contains(id) {
            guard state.checkpoint == nil else { continue }
            switch state.start {
            case .initial, .initialClosed: break
            // A moment that was asked for is the child's as well as its parent's: it may lie behind the parent's end.
            case .trimHorizon, .since: continue
            }
            states[child]?.start = .trimHorizon
            kept.append(states[child] ?? state)
        }
        derive()
        return kept.sorted { $0.id < $1.id }
    }

    /// Moves the shard's checkpoint. Returns false, and moves nothing, when it is not ahead of the one there is.
    mutating func checkpoint(_ id: ShardID, _ checkpoint: Checkpoint) -> Bool {
        guard var state = states[id] else { return false }
        if let held = state.checkpoint, checkpoint <= held { return false }
        state.checkpoint = checkpoint
        states[id] = state
        return true
    }

    /// The shards go on from here, further back or further on, nil: from where they were begun; those that were read out
    /// are not any more.
    mutating func reset(_ places: [ShardID: Checkpoint?]) {
        for (id, checkpoint) in places where states[id] != nil {
            states[id]?.checkpoint = checkpoint
            states[id]?.isDepleted = false
        }
        derive()
    }

    /// The shards that are read from now on, empty: all. The others hold nobody up.
    mutating func want(_ ids: Set<ShardID>) {
        wanted = ids
        derive()
    }

    func isWanted(_ id: ShardID) -> Bool { wanted.isEmpty || wanted.contains(id) }

    // MARK: The group

    /// What this host knows of a shard, for the group's item; nil: nothing.
    func local(_ id: ShardID) -> LocalShard? {
        guard let state = states[id] else { return nil }
        return LocalShard(place: place(of: state), isDepleted: state.isDepleted || isPassedOver(state), run: state.run)
    }

    private func place(of state: ShardState) -> ShardRecord.Place {
        if let checkpoint = state.checkpoint { return .behind(checkpoint) }
        switch state.start {
        case .since(let moment): return .since(moment)
        case .initial, .initialClosed: return initialMoment.map(ShardRecord.Place.since) ?? .initial
        case .trimHorizon:
            guard initialPosition != .trimHorizon, let shard = listed[state.id] else { return .initial }
            return .behind(Checkpoint(sequenceNumber: shard.startingSequenceNumber))
        }
    }

    /// The member is in a group, and leases none of the shards yet.
    mutating func shareOut(from initial: InitialPosition) {
        initialPosition = initial
        leases = leases ?? [:]
        derive()
    }

    /// The shard is leased, and stands where the item says. Returns what is to be kept of it.
    mutating func adopt(_ record: ShardRecord, run: MemberRun) -> ShardState {
        leases?[record.id] = .reading
        var state =
            states[record.id]
            ?? ShardState(id: record.id, parents: listed[record.id]?.parents ?? [], start: .trimHorizon)
        state.take(record)
        state.run = run
        state.seek = record.seek
        states[record.id] = state
        derive()
        return state
    }

    /// Somebody has put the shards here. Returns what is to be kept of them. Of those that this member does not lease the
    /// group's item knows best from here on.
    mutating func seek(_ moves: [SeekPlan.Move], _ seek: SeekID) -> [ShardState] {
        for move in moves where states[move.shard] != nil {
            states[move.shard]?.put(move.place)
            states[move.shard]?.isDepleted = move.isDepleted
            states[move.shard]?.seek = seek
            if leases?[move.shard] == nil { states[move.shard]?.run = nil }
        }
        derive()
        return moves.compactMap { states[$0.shard] }
    }

    /// Another member is to have the shard once what was sent of it is settled.
    mutating func giveUp(_ id: ShardID) {
        if leases?[id] != nil { leases?[id] = .givingUp }
    }

    /// The shard is not leased any more.
    mutating func disown(_ id: ShardID, isLost: Bool) {
        leases?[id] = nil
        if isLost { states[id]?.run = nil }
    }

    /// What others have written of shards that this member does not lease. What it may know better itself stays.
    mutating func follow(_ item: GroupItem) {
        var isOtherLineage = false
        for record in item.shards.values where !isOurs(record.id) {
            guard var state = states[record.id], !record.isOlder(than: state.run) else { continue }
            let wasDepleted = state.isDepleted
            state.take(record)
            state.run = nil
            states[record.id] = state
            isOtherLineage = isOtherLineage || wasDepleted != state.isDepleted
        }
        if isOtherLineage { derive() }
    }

    // MARK: Deriving

    private func isPassedOver(_ shard: ShardState) -> Bool {
        shard.start == .initialClosed && shard.checkpoint == nil && initialPosition == .latest
    }

    private mutating func derive() {
        let done = states.values.filter { $0.isDepleted || isPassedOver($0) || !isWanted($0.id) }.map(\.id)
        lineage = ShardLineage(shards: Array(listed.values) + announced.values, depleted: Set(done))
    }
}

extension ShardState {
    /// Stands where the item says.
    fileprivate mutating func take(_ record: ShardRecord) {
        isDepleted = record.isDepleted
        put(record.place)
    }

    fileprivate mutating func put(_ place: ShardRecord.Place) {
        checkpoint = place.checkpoint
        switch place {
        case .behind: break
        case .since(let moment): start = .since(moment)
        case .initial: start = .initial
        case .unreadable: start = .trimHorizon
        }
    }
}
