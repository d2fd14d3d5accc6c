import AWS
import Kinesis
import Logging
import Reactor
import State
import Time

/// What happens before a reader is attached: the stream is there, its shards are known, and where each of them begins is
/// stored. Confined to its loop.
struct Preparation: Sendable {
    /// How long calls of the control plane are tried again while a reader waits for its response.
    static let patience: Duration = .seconds(20)
    /// LATEST iterators that are asked for at the same time.
    static let parallelIterators = 16

    let key: ConsumerKey
    let mayCreateStream: Bool
    /// nil: nothing is kept.
    let store: StateStore?
    /// nil: this process is alone in the group.
    let group: GroupKeeper?
    let fanOut: FanOut
    let care: StreamCare
    let context: EngineContext
    let logger: Logger

    /// - Parameters:
    ///   - held: the consumer's positions from its last reader; nil when it had none in this process.
    ///   - moment: from which LATEST reads, if this consumer has not asked for it before.
    ///   - onObstacle: hears what stands in the way while it is waited out; nil: nothing that is known.
    func positions(
        _ held: Positions?, options: ConsumerOptions, moment: WallTime,
        onObstacle: @escaping (ConsumerError?) -> Void
    ) async throws(ConsumerError) -> Positions {
        if let timestamp = options.initialPositionInStream.timestamp, timestamp > .now() {
            throw .initialTimestampAhead(timestamp)
        }
        let retry = Retrying(Self.bounded(options.retry)) { onObstacle(.service($0)) }
        let found = try await usableStream(options, retry, onObstacle)
        care.see(found.summary, wanting: options.wishes)
        try await fanOut.prepare(found.summary, options, retry: retry)
        let listing = try await service { () throws(AWSError) in
            try await context.source.shards(of: key.stream, retry: retry)
        }
        onObstacle(nil)
        let (positions, isMomentNew) = try await stored { () throws(StateError) in
            try await self.positions(held, found, listing, options.initialPositionInStream, moment)
        }
        positions.described(found.summary)
        positions.want(options.shardIDs)
        let unknown = options.shardIDs.subtracting(listing.map(\.id))
        if !unknown.isEmpty {
            logger.warning(
                "the stream has no such shards; they are skipped",
                metadata: ["shardIds": "\(unknown.sorted().map(\.text).joined(separator: " "))"])
        }
        if let group {
            let fresh = try await group.enter(with: positions, listing, options, since: moment)
            if case .polling = fanOut.way { await fixLatest(fresh, positions) }
            return positions
        }
        // Only a moment that was taken just now may be replaced by iterators of now. Two readers can come within one
        // millisecond, so the moment itself does not tell.
        if isMomentNew, case .polling = fanOut.way { await fixLatest(positions.book.shardsAtLatest, positions) }
        return positions
    }

    static func bounded(_ retry: RetryPolicy) -> RetryPolicy {
        var retry = retry
        retry.maxRetryTime = min(retry.maxRetryTime ?? patience, patience)
        // A reader waits: the first attempts follow sooner than lifion's second.
        retry.minTimeout = min(retry.minTimeout, .milliseconds(250))
        return retry
    }

    // MARK: The stream

    private func usableStream(
        _ options: ConsumerOptions, _ retry: Retrying, _ onObstacle: (ConsumerError?) -> Void
    ) async throws(ConsumerError) -> ProvisionedStream {
        // CreateStream takes no ARN: nobody can create a stream in another account.
        let mayCreate = mayCreateStream && options.createStreamIfNeeded && !key.stream.isARN
        let provision = StreamProvision(
            creating: mayCreate ? options.capacity : nil, waitsOutFailures: false, now: context.loop.now)
        do throws(StreamProvisionError) {
            return try await ProvisionedStream(provision, on: context.loop) { () throws(AWSError) in
                let summary = try await context.source.summary(of: key.stream, retry: retry)
                let status = summary.status
                onObstacle(status.isUsable ? nil : .streamNotReady(key.stream, status: status.rawValue))
                return summary
            } create: { capacity throws(AWSError) in
                logger.notice("creating the stream", metadata: ["capacity": "\(capacity)"])
                try await context.source.create(key.stream, capacity, retry: retry)
            }
        } catch {
            switch error {
            case .missing: throw .streamMissing(key.stream)
            case .notReady(let status): throw .streamNotReady(key.stream, status: status)
            case .service(let error): throw ConsumerError(error)
            case .cancelled: throw .cancelled
            }
        }
    }

    // MARK: Positions

    private func positions(
        _ held: Positions?, _ found: ProvisionedStream, _ listing: [Shard], _ initial: InitialPosition,
        _ moment: WallTime
    ) async throws(StateError) -> (Positions, isMomentNew: Bool) {
        let createdOn = found.summary.creation
        if let held, held.book.streamCreatedOn == createdOn {
            return (held, try await begin(held, initial, moment, listing))
        }
        var formerStream = held?.book.streamCreatedOn
        if let stored = try await kept({ store throws(StateError) in try await store.load(key) }) {
            if stored.streamCreatedOn == createdOn {
                let positions = Positions(ShardBook(stored, from: initial), of: key, in: store)
                positions.remember(
                    try await kept { store throws(StateError) in try await store.unacknowledged(of: key) } ?? [:])
                return (positions, try await begin(positions, initial, moment, listing))
            }
            formerStream = stored.streamCreatedOn
            logger.warning(
                "the stream was made anew since this group read it last; its positions begin anew",
                metadata: [
                    "was": "\(stored.streamCreatedOn.iso8601)", "now": "\(createdOn.iso8601)",
                ])
        }
        let book = ShardBook(
            begunAt: group == nil ? moment : nil, of: listing, createdOn: createdOn, from: initial,
            isNewStream: found.isNew)
        let positions = try await Positions.begin(book, of: key, in: store, isShared: group != nil, after: formerStream)
        if group != nil { positions.shareOut(from: initial, listing) }
        return (positions, initial == .latest)
    }

    /// What this host keeps of the consumer; nil: nothing. In a group whose item says where the shards stand, what cannot be
    /// read is nothing.
    private func kept<T>(_ question: (StateStore) async throws(StateError) -> T?) async throws(StateError) -> T? {
        guard let store else { return nil }
        do throws(StateError) { return try await question(store) } catch {
            guard group != nil else { throw error }
            logger.warning("what this host keeps of the group cannot be read", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// Returns whether LATEST means this moment from now on. In a group its item says what it means.
    private func begin(_ positions: Positions, _ initial: InitialPosition, _ moment: WallTime, _ listing: [Shard])
        async throws(StateError) -> Bool
    {
        guard group == nil else {
            positions.shareOut(from: initial, listing)
            return false
        }
        return try await positions.begin(from: initial, at: moment, listing)
    }

    /// Holds an iterator at LATEST for every shard that was never read. The stored moment says the same by our clock;
    /// the iterator says it by the service's. Where none can be had the moment does.
    private func fixLatest(_ shards: [ShardID], _ positions: Positions) async {
        var waiting = shards[...]
        await withTaskGroup(of: (ShardID, ShardIterator?).self) { group in
            for shard in waiting.prefix(Self.parallelIterators) {
                group.addTask { (shard, await latestIterator(of: shard)) }
            }
            waiting = waiting.dropFirst(Self.parallelIterators)
            for await (shard, iterator) in group {
                if let iterator { positions.keep(.init(source: .iterator(iterator)), of: shard) }
                if let next = waiting.popFirst() {
                    group.addTask { (next, await latestIterator(of: next)) }
                }
            }
        }
    }

    private func latestIterator(of shard: ShardID) async -> ShardIterator? {
        do throws(AWSError) {
            return try await context.source.iterator(of: shard, in: key.stream, at: .latest)
        } catch {
            logger.debug("no iterator at LATEST", metadata: ["shard": "\(shard)", "error": "\(error)"])
            return nil
        }
    }

    // MARK: Errors

    private func service<T>(_ call: () async throws(AWSError) -> T) async throws(ConsumerError) -> T {
        do throws(AWSError) { return try await call() } catch { throw ConsumerError(error) }
    }

    private func stored<T>(_ call: () async throws(StateError) -> T) async throws(ConsumerError) -> T {
        do throws(StateError) { return try await call() } catch { throw .state(error) }
    }
}

extension ConsumerError {
    init(_ error: AWSError) {
        self = error.disposition == .cancelled ? .cancelled : .service(error)
    }
}
