import Kinesis
import Logging
import Reactor
import State
import Time

/// One group's reading of one stream in this process. Confined to its loop.
///
/// Its positions are prepared before a reader gets them, and outlive the readers, who share its shards.
final class Consumer: @unchecked Sendable {
    let key: ConsumerKey
    /// Names this consumer among those of its group, also in other processes.
    let id = Consumer.newID()
    /// When it was started last.
    private(set) var startedOn = WallTime.now()
    /// Whether configuration lists it: then its options are kept, and its stream may be created.
    let isConfigured: Bool
    private(set) var options: ConsumerOptions
    private(set) var session: ReadingSession?
    /// Why the consumer could not be prepared, nil once it was.
    private(set) var problem: String?

    private let context: EngineContext
    private let preparation: Preparation
    private let counters = ConsumerCounters()
    private let logger: Logger
    private let changed: Gate
    private var positions: Positions?
    /// Readers that are being attached.
    private var arriving = 0
    private var isPreparing = false
    private var isEnding = false
    /// Somebody has stopped it: no reader, until somebody starts it.
    private(set) var isStopped = false

    init(
        _ key: ConsumerKey, options: ConsumerOptions, isConfigured: Bool, mayCreateStream: Bool,
        context: EngineContext, logger: Logger
    ) {
        self.key = key
        self.options = options
        self.isConfigured = isConfigured
        self.context = context
        var logger = logger
        logger[metadataKey: "stream"] = "\(key.stream)"
        logger[metadataKey: "consumerGroup"] = "\(key.group)"
        self.logger = logger
        preparation = Preparation(key: key, mayCreateStream: mayCreateStream, context: context, logger: logger)
        changed = Gate(loop: context.loop)
    }

    /// Whether there is a reader, or one is being attached: then the options stand.
    var hasReaders: Bool { session != nil || arriving > 0 }

    /// Whether nothing is lost when this process forgets the consumer.
    var isForgettable: Bool { !isConfigured && !hasReaders }

    /// Whether positions were fixed at least once.
    var isPrepared: Bool { positions != nil }

    // MARK: Starting

    /// Fixes the positions in the background, and tries again until it has.
    func startInBackground() {
        let moment = WallTime.now()
        context.loop.spawn { await self.keepPreparing(moment) }
    }

    private func keepPreparing(_ moment: WallTime) async {
        var failures = 0
        var random = SplitMix64(seed: UInt64.random(in: 0...UInt64.max))
        while positions == nil, !isEnding, !isStopped {
            do throws(ConsumerError) {
                try await prepare(moment)
                return
            } catch {
                failures += 1
                logger.warning("the consumer cannot start yet; it is tried again", metadata: ["error": "\(error)"])
            }
            let pause = ReadingSession.failurePause.delay(failures: failures, random: random.fraction())
            try? await context.loop.sleep(for: pause)
        }
    }

    /// Fixes where reading begins and stores it. One preparation at a time; one that waits for another starts over, so
    /// that it sees the newest shards.
    private func prepare(_ moment: WallTime) async throws(ConsumerError) {
        do { try await changed.wait(while: { isPreparing }) } catch { throw .cancelled }
        // While others read, the session keeps the positions up to date.
        guard session == nil else { return }
        isPreparing = true
        defer {
            isPreparing = false
            changed.open()
        }
        do throws(ConsumerError) {
            positions = try await preparation.positions(positions, options: options, moment: moment)
            problem = nil
        } catch {
            problem = "\(error)"
            throw error
        }
    }

    /// Starts it, again where it was stopped, and fixes the positions. One that runs stays as it is.
    func start(options: ConsumerOptions) async throws(ConsumerError) {
        let moment = WallTime.now()
        if isStopped {
            isStopped = false
            startedOn = moment
        } else if isPrepared || hasReaders {
            self.options = options
            return
        }
        self.options = options
        try await prepare(moment)
    }

    /// Ends the readers in order: each gets what is on its way, and an end. Positions stay. Returns once they have
    /// gone, or at the deadline; whoever has not taken what is on its way by then goes later.
    func stop(deadline: ContinuousClock.Instant) async {
        isStopped = true
        session?.stop()
        let timer = context.loop.schedule(at: deadline) { [changed] in changed.open() }
        try? await changed.wait(while: { isStopped && session != nil && context.loop.now < deadline })
        context.loop.cancel(timer)
    }

    private static func newID() -> String {
        let digits = String(UInt64.random(in: 0...UInt64.max), radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }

    // MARK: Readers

    /// A reader is about to be attached: the options stand from here on.
    func admit(_ options: ConsumerOptions) {
        arriving += 1
        self.options = options
    }

    /// Attaches a reader that was admitted.
    func attach(_ readerID: String) async throws(ConsumerError) -> RecordsReader {
        defer { arriving -= 1 }
        if isStopped { throw .stopped }
        // A consumer that was stopped and started again takes a reader once those before have gone.
        do { try await changed.wait(while: { session?.isEnding ?? false }) } catch { throw .cancelled }
        // LATEST means: since the request came, not since the service has answered.
        let moment = WallTime.now()
        if session == nil { try await prepare(moment) }
        guard !isEnding else { throw .shuttingDown }
        guard !isStopped else { throw .stopped }
        guard !Task.isCancelled else { throw .cancelled }
        guard let session = session ?? newSession() else { throw .streamMissing(key.stream) }
        let reader = session.join(readerID)
        logger.info(
            "reader attached", metadata: ["reader": "\(readerID)", "shards": "\(reader.assignment.count)"])
        return reader
    }

    private func newSession() -> ReadingSession? {
        guard let positions else { return nil }
        let session = ReadingSession(
            key: key, options: options, positions: positions, counters: counters, context: context, logger: logger
        ) { [weak self] in self?.sessionEnded() }
        self.session = session
        return session
    }

    private func sessionEnded() {
        // A stream that was made anew under the reader has positions of its own.
        positions = session?.positions
        session = nil
        changed.open()
    }

    // MARK: Ending

    /// Gives no batch out any more.
    func end() {
        isEnding = true
        session?.end()
    }

    /// Whether everything that was given out is settled, or its readers are gone.
    var isSettled: Bool { session?.isSettled ?? true }

    // MARK: Looking at it

    var snapshot: ConsumerSnapshot {
        let book = (session?.positions ?? positions)?.book
        return ConsumerSnapshot(
            id: id, startedOn: startedOn, stream: key.stream, group: key.group, phase: phase,
            isConfigured: isConfigured, readerIDs: session?.readerIDs ?? [],
            options: options.named, shards: book.map(shards) ?? [], problem: problem ?? session?.problem)
    }

    private var phase: ConsumerSnapshot.Phase {
        if isStopped { return session == nil ? .stopped : .stopping }
        if session != nil { return .reading }
        return positions == nil ? .starting : .idle
    }

    private func shards(of book: ShardBook) -> [ShardSnapshot] {
        book.shards.map { shard in
            let task = session?.task(of: shard.id)
            return ShardSnapshot(
                id: shard.id, parents: shard.parents, phase: phase(of: shard, task, book),
                readerID: session?.owner(of: shard.id),
                checkpoint: shard.checkpoint?.sequenceNumber, checkpointArrival: shard.checkpoint?.arrival,
                millisBehindLatest: task?.machine.millisBehindLatest, bufferedBytes: task?.bufferedBytes ?? 0,
                problem: task?.lastError, counters: counters[shard.id])
        }
    }

    private func phase(of shard: ShardState, _ task: ShardTask?, _ book: ShardBook) -> ShardSnapshot.Phase {
        if shard.isDepleted || book.lineage.isDepleted(shard.id) { return .depleted }
        guard session != nil else { return .idle }
        guard let task else { return .waiting }
        if task.lastError != nil { return .degraded }
        if case .closing = task.machine.state { return .ending }
        return .reading
    }
}
