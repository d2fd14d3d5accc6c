import AWS
import Kinesis
import Reactor
import State
import Time

/// Puts the reading of groups elsewhere, whether or not somebody reads them here.
extension ConsumerRegistry {
    /// Puts a group's reading elsewhere, or says what that would be, and returns once it is stored. Throws without moving
    /// anything, but for `.state`: then it has moved here, and is stored as soon as that is possible; and for `.group` of a
    /// stream whose shards take several writes.
    /// - Parameter group: nil means the group that a request without one belongs to.
    package func seek(_ stream: StreamName, group: String?, _ request: SeekRequest) async throws(ConsumerError)
        -> [SoughtShard]
    {
        context.loop.preconditionOnLoop()
        guard !isEnding else { throw .shuttingDown }
        let key = key(stream, group)
        let deadline = context.loop.now + Self.patienceWithPreparing
        let id = SeekID(Consumer.newID())
        while true {
            let (createdOn, listing) = try await shards(of: stream)
            try await verify(request.target, in: stream)
            do throws(ConsumerError) {
                // What a dry run says is said by the same steps.
                let inGroup = try await seekInGroup(request, id, key, createdOn, listing)
                if let inGroup { return await told(inGroup, of: stream) }
                if !isBeginning(key) {
                    return await told(try await seekHere(request, id, key, createdOn, listing), of: stream)
                }
            } catch {
                guard case .unknownGroup = error, isBeginning(key) else { throw error }
            }
            // A group's item may be there once its first positions are.
            try await waitWhileBeginning(key, until: deadline)
        }
    }

    /// Moves what is known here.
    private func seekHere(
        _ request: SeekRequest, _ id: SeekID, _ key: ConsumerKey, _ createdOn: WallTime, _ listing: [Shard]
    ) async throws(ConsumerError) -> SeekPlan {
        let positions = try await standing(of: key, createdOn: createdOn)
        let plan = try plan(request, listing, positions)
        guard !request.isDryRun else { return plan }
        // In the turn in which it was decided: what is told takes its time.
        apply(plan, id, listing, to: positions, of: key)
        do throws(StateError) { try await context.state.commitNoted() } catch { throw .state(error) }
        return plan
    }

    private func apply(_ plan: SeekPlan, _ id: SeekID, _ listing: [Shard], to positions: Positions, of key: ConsumerKey)
    {
        _ = positions.listed(listing)
        positions.seek(plan.moves, id)
        consumers[key]?.sought(plan.moves.map(\.shard))
        logger.notice(
            "a group's reading goes on elsewhere",
            metadata: [
                "stream": "\(key.stream)", "consumerGroup": "\(key.group)",
                "shards": .stringConvertible(plan.moves.count),
            ])
        if consumers[key]?.session == nil { prober?.hurry(key) }
    }

    // MARK: Where it stands

    private func shards(of stream: StreamName) async throws(ConsumerError) -> (createdOn: WallTime, [Shard]) {
        let retry = Retrying(Preparation.bounded(settings.defaults.retry)) { _ in }
        do throws(AWSError) {
            let summary = try await context.source.summary(of: stream, retry: retry)
            return (summary.creation, try await context.source.shards(of: stream, retry: retry))
        } catch {
            if error.disposition == .notFound { throw .streamMissing(stream) }
            throw ConsumerError(error)
        }
    }

    /// A number that no record has would be given up by whoever reads next, and the shard begun anew.
    private func verify(_ target: SeekTarget, in stream: StreamName) async throws(ConsumerError) {
        guard case .record(let number, let shard) = target else { return }
        do throws(AWSError) {
            _ = try await context.source.iterator(of: shard, in: stream, at: .atSequenceNumber(number))
        } catch {
            switch error.disposition {
            case .invalidArgument: throw .unknownSequenceNumber(shard, number)
            case .notFound: throw .unknownShard(shard)
            default: throw ConsumerError(error)
            }
        }
    }

    /// The positions that a seek moves.
    private func standing(of key: ConsumerKey, createdOn: WallTime) async throws(ConsumerError) -> Positions {
        let known = try await knownPositions(of: key)
        // One that is being prepared has read what is stored already, and would not see what changes there.
        if positions(of: key) == nil, let consumer = consumers[key], consumer.isInUse { throw .notPrepared }
        guard let known, known.book.streamCreatedOn == createdOn else { throw .unknownGroup(key.group) }
        return known
    }

    /// The group's positions here, or what is stored of them, which nobody has asked for yet; nil: nothing is.
    func knownPositions(of key: ConsumerKey) async throws(ConsumerError) -> Positions? {
        if let positions = positions(of: key) { return positions }
        let stored: Positions?
        do throws(StateError) { stored = try await storedPositions(of: key) } catch { throw .state(error) }
        // Somebody may have asked for it meanwhile.
        return positions(of: key) ?? stored
    }

    private func plan(_ request: SeekRequest, _ listing: [Shard], _ positions: Positions) throws(ConsumerError)
        -> SeekPlan
    {
        let standings = Dictionary(
            uniqueKeysWithValues: positions.book.shards.compactMap { shard in
                positions.book.local(shard.id).map {
                    (shard.id, SeekPlan.Standing(place: $0.place, isDepleted: $0.isDepleted, holder: .us))
                }
            })
        do throws(SeekPlan.Refusal) {
            return try SeekPlan(
                request, listing: listing, standings: standings, createdOn: positions.book.streamCreatedOn, now: .now())
        } catch { throw ConsumerError(error) }
    }

    // MARK: The group's item

    /// nil: the group is this process's own, or has no item yet, which would be made from what is stored here.
    private func seekInGroup(
        _ request: SeekRequest, _ id: SeekID, _ key: ConsumerKey, _ createdOn: WallTime, _ listing: [Shard]
    ) async throws(ConsumerError) -> SeekPlan? {
        guard let group = context.group else { return nil }
        if let outcome = try await consumers[key]?.group?.seek(request, id, listing) { return outcome.plan }
        let seek = GroupSeek(
            request: request, id: id, key: key, listing: listing, streamCreatedOn: createdOn, context: group,
            member: nil, subscribes: false)
        do throws(ConsumerError) {
            let plan = try await seek.perform(now: context.loop.clock).plan
            if !request.isDryRun, let positions = positions(of: key), positions.book.streamCreatedOn == createdOn {
                apply(plan, id, listing, to: positions, of: key)
            }
            return plan
        } catch {
            if case .unknownGroup = error { return nil }
            throw error
        }
    }

    // MARK: What it is

    /// Shards that are asked about at the same time.
    private static let parallelProbes = 16

    private func told(_ plan: SeekPlan, of stream: StreamName) async -> [SoughtShard] {
        let probe = ShardProbe(context, logger)
        var milliseconds: [ShardID: Int] = [:]
        var waiting = plan.moves[...]
        await withTaskGroup(of: (ShardID, Int?).self) { group in
            for move in waiting.prefix(Self.parallelProbes) {
                group.addTask { await self.timeBehind(move, of: stream, probe) }
            }
            waiting = waiting.dropFirst(Self.parallelProbes)
            for await (shard, lag) in group {
                milliseconds[shard] = lag
                if let next = waiting.popFirst() { group.addTask { await self.timeBehind(next, of: stream, probe) } }
            }
        }
        return plan.moves.map { move in
            SoughtShard(
                shard: move.shard, from: move.from?.text, to: move.isDepleted ? "DEPLETED" : "\(move.start)",
                milliseconds: milliseconds[move.shard])
        }
    }

    private func timeBehind(_ move: SeekPlan.Move, of stream: StreamName, _ probe: ShardProbe) async -> (ShardID, Int?)
    {
        if move.isDepleted || move.start == .latest { return (move.shard, 0) }
        do throws(AWSError) {
            let iterator = try await context.source.iterator(of: move.shard, in: stream, at: move.start)
            return (move.shard, try await probe.ask(iterator, of: move.shard, in: stream)?.lag(now: .now()))
        } catch {
            logger.debug(
                "what lies behind a place cannot be told", metadata: ["shard": "\(move.shard)", "error": "\(error)"])
            return (move.shard, nil)
        }
    }
}
