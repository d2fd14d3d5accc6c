import AWS
import Kinesis
import State

/// What a client has done with, in its own words.
package enum Acknowledgement: Hashable, Sendable {
    /// This event, and all before it that its reader got, of shards that were not taken from it since.
    case event(EventID)
    /// As `event`; but the event's own records cannot be processed, and are passed over.
    case skipped(EventID)
    /// Everything of the shard up to this record.
    case record(ShardID, Checkpoint)
}

/// Which pause is over.
package enum Continuation: Hashable, Sendable {
    /// Whatever the shard pauses behind.
    case shard(ShardID)
    /// The one behind this event; it is not when another event came since.
    case event(EventID)
}

/// A shard's checkpoint after it was asked to move.
package struct StoredCheckpoint: Hashable, Sendable {
    package let shard: ShardID
    /// nil: there is none.
    package let checkpoint: Checkpoint?
}

extension Consumer {
    /// Moves checkpoints as a client says, and returns them once they are stored.
    ///
    /// They move back only when `isForced`; reading then begins again there, and of the descendants that have begun at their
    /// beginnings. Of an event, those that are further on
    /// already stay. Automatic checkpoints are moved by force only: they may have gone back for another reader, and what
    /// lies between would be passed over. Throws without moving anything, but for `.state`: then they have moved here,
    /// and are stored as soon as that is possible.
    func acknowledge(_ acknowledgement: Acknowledgement, isForced: Bool) async throws(ConsumerError)
        -> [StoredCheckpoint]
    {
        guard holdsShards, positions != nil else { throw .shardsNotHeld }
        guard isForced || !options.useAutoCheckpoints else { throw .checkpointsAreAutomatic }
        use()
        let seeks = positions?.seeks
        let wanted = try await wanted(acknowledgement, isForced: isForced)
        // The log was asked meanwhile.
        guard holdsShards, let positions else { throw .shardsNotHeld }
        if positions.seeks != seeks, let shard = wanted.keys.min() { throw .checkpointBeforeSeek(shard) }
        for (shard, place) in wanted {
            guard positions.book.shard(shard) != nil, positions.book.mayMove(shard) else { continue }
            if positions.book.progress(of: shard) < .through(place.checkpoint) {
                positions.settled(shard, place.checkpoint)
                session?.acknowledged(shard, place.checkpoint)
                scope.counters[shard].skipped(place.skippedRecords)
            }
        }
        let places = wanted.mapValues(\.checkpoint)
        if isForced { stepBack(places, positions) }
        try await store(places, isBack: isForced)
        return wanted.keys.sorted().map {
            StoredCheckpoint(shard: $0, checkpoint: positions.book.progress(of: $0).checkpoint)
        }
    }

    /// A record processor has done with the shard's end, all of which is acknowledged: its children may be read. Returns once that
    /// is stored, where it can be, also where it was said before and could not be stored then; false where the shard is not at its
    /// end, because it began anew meanwhile.
    func confirmEnd(of shard: ShardID) async throws(ConsumerError) -> Bool {
        guard holdsShards, let session else { throw .shardsNotHeld }
        guard positions?.book.mayMove(shard) ?? false else { throw .leaseLost(shard, to: group?.owner(of: shard)) }
        guard session.confirmedEnd(shard) || positions?.book.shard(shard)?.isDepleted ?? false else { return false }
        let state = scope.engine.state
        if group == nil {
            try await logged { () throws(StateError) in try await state.commitNoted() }
        } else {
            await state.commitIfPossible()
        }
        return true
    }

    /// Returns once the places are stored: on this host, or where that cannot be in the group's item.
    private func store(_ places: [ShardID: Checkpoint], isBack: Bool) async throws(ConsumerError) {
        let state = scope.engine.state
        guard let group else {
            return try await logged { () throws(StateError) in try await state.commitNoted() }
        }
        await state.commitIfPossible()
        if state.health != .writable { try await group.store(places, isBack: isBack) }
    }

    /// Takes the shards back to these places, where they are further on, and their descendants that have begun to their
    /// beginnings: what was read of them comes again behind their parents' records.
    private func stepBack(_ places: [ShardID: Checkpoint], _ positions: Positions) {
        let moved = positions.rewind(places)
        if !moved.isEmpty { session?.wasReset(moved) }
    }

    /// How far a shard is to be done.
    private struct Wanted {
        let checkpoint: Checkpoint
        /// Records that are done because they are passed over.
        var skippedRecords = 0
    }

    /// The checkpoints that are asked for, checked.
    private func wanted(_ acknowledgement: Acknowledgement, isForced: Bool) async throws(ConsumerError)
        -> [ShardID: Wanted]
    {
        switch acknowledgement {
        case .event(let event), .skipped(let event):
            guard let sent = try await sent(upTo: event) else { throw .unknownEvent(event) }
            let isAnyOurs = sent.keys.contains { positions?.book.mayMove($0) ?? false }
            if let group, let shard = sent.keys.min(), !isAnyOurs {
                throw .leaseLost(shard, to: group.owner(of: shard))
            }
            let before = sent.filter { $0.value.seek != positions?.seek(of: $0.key) }
            if let shard = before.first(where: { $0.value.number == event.number })?.key {
                throw .checkpointBeforeSeek(shard)
            }
            let standing = sent.filter { before[$0.key] == nil }.filter {
                session?.stands($0.value.number, of: $0.key, upTo: event) ?? true
            }
            guard !standing.isEmpty else { throw .unknownEvent(event) }
            return Dictionary(
                uniqueKeysWithValues: standing.map { shard, sent in
                    let isSkipped = acknowledgement == .skipped(event) && sent.number == event.number
                    return (
                        shard,
                        Wanted(
                            checkpoint: reached(shard, by: sent.last), skippedRecords: isSkipped ? sent.records : 0)
                    )
                })
        case .record(let shard, let checkpoint):
            guard let book = positions?.book, book.shard(shard) != nil else { throw .unknownShard(shard) }
            if let group, !book.mayMove(shard) { throw .leaseLost(shard, to: group.owner(of: shard)) }
            if !isForced { try await check(checkpoint, of: shard, in: book) }
            try await verify(checkpoint, of: shard)
            return [shard: Wanted(checkpoint: reached(shard, by: checkpoint))]
        }
    }

    /// How far the shard is done where this much of it is.
    private func reached(_ shard: ShardID, by checkpoint: Checkpoint) -> Checkpoint {
        session?.task(of: shard)?.reached(by: checkpoint) ?? checkpoint
    }

    private func sent(upTo event: EventID) async throws(ConsumerError) -> [ShardID: SentEvent]? {
        do throws(StateError) { return try await scope.sent.sent(upTo: event) } catch {
            throw group == nil ? .state(error) : .logUnreadable(event, error)
        }
    }

    /// Neither back, nor over records that nobody was sent: the one delivers again, the other passes over.
    private func check(_ checkpoint: Checkpoint, of shard: ShardID, in book: ShardBook) async throws(ConsumerError) {
        if let held = book.progress(of: shard).checkpoint, checkpoint < held {
            throw .checkpointBehind(shard, held: held)
        }
        let sentNow = session?.task(of: shard)?.settledProgress ?? .nothing
        guard max(sentNow, book.progress(of: shard)) < .through(checkpoint) else { return }
        let seek = book.shard(shard)?.seek
        let furthest: FurthestSent
        do throws(StateError) { furthest = try await scope.sent.furthestSent(shard, under: seek) } catch {
            // A group goes on without the log: the service says whether there is such a record. It cannot say whether that was
            // sent before the shard was put elsewhere.
            if group != nil, seek == nil { return }
            throw .state(error)
        }
        guard ShardProgress(furthest.now) < .through(checkpoint) else { return }
        if ShardProgress(furthest.before) >= .through(checkpoint) { throw .checkpointBeforeSeek(shard) }
        throw .checkpointAhead(shard, furthest: max(sentNow, ShardProgress(furthest.now)).checkpoint)
    }

    /// Whether there is such a record: a checkpoint that the service does not know would be given up by whoever reads next, and
    /// the shard begun anew. What the delivery log cannot tell is asked of the service.
    private func verify(_ checkpoint: Checkpoint, of shard: ShardID) async throws(ConsumerError) {
        let number = checkpoint.sequenceNumber
        guard let positions, positions.book.progress(of: shard).checkpoint?.sequenceNumber != number else { return }
        var known = positions.unacknowledgedEvents[shard]?.knows(number) ?? .unknown
        if known == .unknown {
            do throws(StateError) { known = try await scope.sent.record(number, of: shard) } catch {
                if group == nil { throw .state(error) }
            }
        }
        guard checks.mustAsk(known, of: shard, now: scope.engine.loop.now) else { return }
        let place = ReadPosition(behind: checkpoint, initial: positions.book.start(of: shard)).start
        do throws(AWSError) {
            _ = try await scope.engine.source.iterator(of: shard, in: key.stream, at: place)
            checks.confirmed(shard, now: scope.engine.loop.now)
        } catch {
            switch error.disposition {
            case .invalidArgument: throw .unknownSequenceNumber(shard, number)
            case .notFound: throw .unknownShard(shard)
            default:
                // The service says nothing: the log says that it may well be.
                if known == .unknown { throw ConsumerError(error) }
            }
        }
    }

    private func logged<T>(_ question: () async throws(StateError) -> T) async throws(ConsumerError) -> T {
        do throws(StateError) { return try await question() } catch { throw .state(error) }
    }

    // MARK: Pauses

    /// Lets a shard that pauses go on. Returns which one it is, nil when none pauses there.
    func goOn(_ continuation: Continuation) throws(ConsumerError) -> ShardID? {
        guard options.usePausedPolling else { throw .pollingNeverPauses }
        guard let session else { return nil }
        switch continuation {
        case .shard(let shard):
            guard session.positions.book.shard(shard) != nil else { throw .unknownShard(shard) }
            return session.goOn(shard)
        case .event(let event): return session.goOn(behind: event)
        }
    }
}
