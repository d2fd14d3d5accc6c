import Kinesis

/// Decides for which shards children run, and what they are told. Performs no I/O.
///
///     nothing ──assigned──▸ works ──failed──▸ fails ──ended──▸ pauses ──pauseOver──▸ (the shard goes and comes again)
///                             │                 │
///                             └──── goes ───────┴──▸ leaves ──ended──▸ nothing, or its `Successor`
///
/// Facts in: what the reader tells of its shards, and what becomes of children. Each gives the actions that follow. A shard has
/// at most one child, also while the former one of a shard that has come again still ends.
struct ChildPlan: Sendable {
    /// What a shard is at.
    enum Slot: Equatable, Sendable {
        case works
        /// Its child failed, and is being ended. `isLeaving`: the shard is to move, and is let go then.
        case fails(isLeaving: Bool)
        /// No child runs until `pauseOver`.
        case pauses(Pause)
        /// The shard is not this child's any more, which ends.
        case leaves(then: Successor)
    }

    /// Why no child runs.
    enum Pause: Equatable, Sendable {
        /// The last one failed.
        case betweenChildren
        /// Too many have failed one after the other, and nobody else could have the shard.
        case givenUp
        /// Too many have failed, and the shard is left to others.
        case leftToOthers
        /// It is over: the shard goes, and comes again.
        case over
    }

    /// What follows a child that ends.
    enum Successor: Equatable, Sendable {
        /// The shard is not ours.
        case nothing
        /// The shard has come again.
        case child
        /// It has come again, and all of it is given.
        case childAtEnd
        /// It has come again, and is to move.
        case letGo
    }

    enum Action: Equatable, Sendable {
        /// `ended` follows, or `notStarted`.
        case start(ShardID)
        case turn(ShardID, Conversation.Course)
        /// The child is to end by itself within a while: it has nothing more to do.
        case limit(ShardID)
        /// The child's input is to end, whatever it is at.
        case hangUp(ShardID)
        /// `pauseOver` is to follow after this time.
        case pause(ShardID, for: Duration)
        case stopPause(ShardID)
        /// The shard is for another host, if there is any, for this time; `gaveUp` follows.
        case giveUp(ShardID, for: Duration)
        /// As `RecordsReader.letGo`: the shard moves, or goes and comes again.
        case letGo(ShardID)
    }

    private(set) var slots: [ShardID: Slot] = [:]
    /// Of shards that had a child.
    private(set) var restarts: [ShardID: RestartPlan] = [:]
    private let maxRestarts: Int
    private var isDismissed = false

    init(maxRestarts: Int) {
        self.maxRestarts = maxRestarts
    }
}

// MARK: - What the reader tells

extension ChildPlan {
    mutating func assigned(_ shard: ShardID) -> [Action] {
        switch slots[shard] {
        case nil: return start(shard)
        case .leaves: slots[shard] = .leaves(then: .child)
        case .works, .fails, .pauses: break
        }
        return []
    }

    /// The shard is not ours any more, or begins anew.
    mutating func goes(_ shard: ShardID) -> [Action] {
        let actions = leaves(shard)
        return slots[shard] == nil ? actions : actions + [.turn(shard, .lost), .limit(shard)]
    }

    /// The shard is read to its end.
    mutating func depleted(_ shard: ShardID) -> [Action] {
        restarts[shard] = nil
        let actions = leaves(shard)
        return slots[shard] == nil ? actions : actions + [.limit(shard)]
    }

    private mutating func leaves(_ shard: ShardID) -> [Action] {
        switch slots[shard] {
        case nil: return []
        case .works, .fails, .leaves:
            slots[shard] = .leaves(then: .nothing)
            restarts[shard]?.moved()
            return []
        case .pauses(let pause):
            slots[shard] = nil
            switch pause {
            case .betweenChildren, .givenUp: restarts[shard]?.moved()
            case .leftToOthers: restarts[shard]?.begunAnew()
            case .over: break
            }
            return [.stopPause(shard)]
        }
    }

    /// The shard is to move once it is let go: nobody else is to begin while a child of it may still work.
    mutating func leaving(_ shard: ShardID) -> [Action] {
        switch slots[shard] {
        case .works: return [.turn(shard, .leave)]
        case .fails:
            slots[shard] = .fails(isLeaving: true)
            return []
        case .leaves:
            slots[shard] = .leaves(then: .letGo)
            return []
        case .pauses, nil: return [.letGo(shard)]
        }
    }

    /// Everything of the shard was given. Of one whose child failed that is told again, when the next one has had the rest.
    mutating func ending(_ shard: ShardID) -> [Action] {
        switch slots[shard] {
        case .works: return [.turn(shard, .shardEnd)]
        case .leaves(then: .child):
            slots[shard] = .leaves(then: .childAtEnd)
            return []
        case .fails, .leaves, .pauses, nil: return []
        }
    }

    /// All children are to end, and none is started any more.
    /// - Parameter asks: whether they are asked for a last checkpoint.
    mutating func dismiss(asks: Bool) -> [Action] {
        isDismissed = true
        return slots.sorted { $0.key < $1.key }.flatMap { shard, slot in
            let actions = leaves(shard)
            guard slot == .works else { return actions }
            return [asks ? .turn(shard, .leave) : .hangUp(shard)]
        }
    }

    /// The shards are followed again.
    mutating func readmit() { isDismissed = false }
}

// MARK: - What becomes of children

extension ChildPlan {
    /// The shard's child has done with a batch that ends with this record.
    mutating func succeeded(_ shard: ShardID, through last: Checkpoint) { restarts[shard]?.succeeded(through: last) }

    /// Nothing is asked of the shard's child any more: the shard moves, or begins anew where it stays after all.
    func closed(_ shard: ShardID) -> [Action] { slots[shard] == .works ? [.letGo(shard)] : [] }

    /// The shard's child is being ended. Returns whether that is a failure, and no end.
    mutating func failed(_ shard: ShardID) -> Bool {
        guard slots[shard] == .works else { return false }
        slots[shard] = .fails(isLeaving: false)
        return true
    }

    mutating func notStarted(_ shard: ShardID) -> [Action] { slots[shard] == .works ? pause(shard) : [] }

    /// The shard's child is gone.
    mutating func ended(_ shard: ShardID) -> [Action] {
        switch slots[shard] {
        case .fails(isLeaving: false): return pause(shard)
        case .fails(isLeaving: true):
            _ = restarts[shard]?.failed()
            restarts[shard]?.moved()
            slots[shard] = nil
            return [.letGo(shard)]
        case .leaves(then: .child): return start(shard)
        case .leaves(then: .childAtEnd): return start(shard).flatMap { [$0, .turn(shard, .shardEnd)] }
        case .leaves(then: .letGo):
            slots[shard] = nil
            return [.letGo(shard)]
        case .works, .leaves(then: .nothing):
            slots[shard] = nil
            return []
        case .pauses, nil: return []
        }
    }

    mutating func pauseOver(_ shard: ShardID) -> [Action] {
        guard case .pauses(let pause) = slots[shard], pause != .over else { return [] }
        if pause == .leftToOthers { restarts[shard]?.begunAnew() }
        slots[shard] = .pauses(.over)
        restarts[shard]?.restarted()
        return [.letGo(shard)]
    }

    private mutating func start(_ shard: ShardID) -> [Action] {
        guard !isDismissed else {
            slots[shard] = nil
            return []
        }
        slots[shard] = .works
        if restarts[shard] == nil { restarts[shard] = RestartPlan(maxRestarts: maxRestarts) }
        return [.start(shard)]
    }

    private mutating func pause(_ shard: ShardID) -> [Action] {
        switch restarts[shard, default: RestartPlan(maxRestarts: maxRestarts)].failed() {
        case .restart(let after):
            slots[shard] = .pauses(.betweenChildren)
            return [.pause(shard, for: after)]
        case .giveUp(let absence):
            slots[shard] = .pauses(.givenUp)
            return [.giveUp(shard, for: absence)]
        }
    }

    /// What has come of `giveUp`: another host may have the shard for this time, or there is none, and the next child follows as
    /// behind any failure, in the same row.
    mutating func gaveUp(_ shard: ShardID, for absence: Duration, isForOthers: Bool) -> [Action] {
        if isForOthers { slots[shard] = .pauses(.leftToOthers) }
        return [.pause(shard, for: isForOthers ? absence : RestartPlan.pauses.last)]
    }
}
