import Kinesis
import Logging
import Reactor
import State
import Time

/// One group's reading of one stream in this process. Confined to its loop.
///
/// Its positions are prepared before a reader gets them, and outlive the readers, who share its shards. It holds its
/// shards for as long as it has a reader, and for `readerGracePeriod` after the last one has gone. Checkpoints that are
/// asked for are in Consumer+Checkpoints, how it looks from outside in Consumer+Snapshot.
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
    /// Whether other members of the group leave its shards alone.
    private(set) var holdsShards = false

    let context: EngineContext
    let sent: SentLog
    let counters = ConsumerCounters()
    private let isTail: Bool
    private let preparation: Preparation
    private let logger: Logger
    private let changed: Gate
    private(set) var positions: Positions?
    /// The last record that was sent of shards whose reader left before it was acknowledged.
    var unacknowledged: [ShardID: Checkpoint] = [:]
    /// Readers that are being attached.
    private var arriving = 0
    private var isPreparing = false
    private var isEnding = false
    private var release: TimerToken?
    /// Called once a reader has gone and none is left.
    var onIdle: (() -> Void)?
    /// Somebody has stopped it: no reader, until somebody starts it.
    private(set) var isStopped = false
    /// Somebody has started it, and it was not stopped since.
    private var isStarted = false

    /// - Parameter isTail: it only watches: no group, and nothing is kept.
    init(
        _ key: ConsumerKey, options: ConsumerOptions, isConfigured: Bool = false, isTail: Bool = false,
        mayCreateStream: Bool, context: EngineContext, logger: Logger
    ) {
        self.key = key
        self.options = options
        self.isConfigured = isConfigured
        self.isTail = isTail
        self.context = context
        var logger = logger
        logger[metadataKey: "stream"] = "\(key.stream)"
        logger[metadataKey: "consumerGroup"] = isTail ? nil : "\(key.group)"
        self.logger = logger
        let store = isTail ? nil : context.state
        sent = SentLog(of: key, in: store)
        preparation = Preparation(
            key: key, mayCreateStream: mayCreateStream, store: store, context: context, logger: logger)
        changed = Gate(loop: context.loop)
    }

    /// Whether there is a reader, or one is being attached: then the options stand.
    var hasReaders: Bool { session != nil || arriving > 0 }

    /// Whether nothing is lost when this process forgets the consumer: neither configuration nor somebody has asked for
    /// it, or for its end.
    var isForgettable: Bool { !isConfigured && !hasReaders && !isStarted && !isStopped }

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
            let prepared = try await preparation.positions(positions, options: options, moment: moment)
            do throws(StateError) { try await sent.load(streamCreatedOn: prepared.book.streamCreatedOn) } catch {
                throw .state(error)
            }
            positions = prepared
            problem = nil
            holdForNow()
        } catch {
            problem = "\(error)"
            throw error
        }
    }

    /// Starts it, again where it was stopped, and fixes the positions. One that runs stays as it is.
    func start(options: ConsumerOptions) async throws(ConsumerError) {
        let moment = WallTime.now()
        let isRunning = !isStopped && (isPrepared || hasReaders)
        self.options = options
        if isStopped { startedOn = moment }
        isStopped = false
        if isRunning { holdForNow() } else { try await prepare(moment) }
        isStarted = true
    }

    /// Ends the readers in order: each gets what is on its way, and an end. Positions stay. Returns once they have
    /// gone, or at the deadline; whoever has not taken what is on its way by then goes later.
    func stop(deadline: ContinuousClock.Instant) async {
        isStopped = true
        isStarted = false
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
    /// - Parameter lastEvent: the Last-Event-ID with which its client comes back; nil: it has said none.
    func attach(_ readerID: ReaderID, lastEvent: String?) async throws(ConsumerError) -> RecordsReader {
        defer { arriving -= 1 }
        if isStopped { throw .stopped }
        // A consumer that was stopped and started again takes a reader once those before have gone.
        do { try await changed.wait(while: { session?.isEnding ?? false }) } catch { throw .cancelled }
        // LATEST means: since the request came, not since the service has answered.
        let moment = WallTime.now()
        if session == nil { try await prepare(moment) }
        // Of a connection that has not ended yet nothing more is to come, or it would be missing in the log's answer.
        let formers = await formerReaders(lastEvent)
        for former in formers { former.quiesce() }
        let comeback = await comeback(lastEvent)
        do throws(ConsumerError) {
            try checkStillWanted()
        } catch {
            for former in formers { former.cut() }
            throw error
        }
        return try join(readerID, comeback, replacing: formers)
    }

    /// Apart from `attach`: a connection's task keeps the memory of its deepest frames.
    @inline(never)
    private func join(_ readerID: ReaderID, _ comeback: Comeback?, replacing formers: [RecordsReader])
        throws(ConsumerError) -> RecordsReader
    {
        guard let session = session ?? newSession() else { throw .streamMissing(key.stream) }
        let reader = session.join(readerID, resuming: comeback?.resumption, replacing: formers)
        if let comeback { session.tell(reader, comeback) }
        logger.info(
            "reader attached", metadata: ["reader": "\(readerID)", "shards": "\(reader.assignment.count)"])
        return reader
    }

    private func checkStillWanted() throws(ConsumerError) {
        if isEnding { throw .shuttingDown }
        if isStopped { throw .stopped }
        if Task.isCancelled { throw .cancelled }
    }

    private func newSession() -> ReadingSession? {
        guard let positions else { return nil }
        let session = ReadingSession(
            key: key, options: options, isTail: isTail, positions: positions, sent: sent, counters: counters,
            context: context, logger: logger
        ) { [weak self] in self?.sessionEnded() }
        self.session = session
        if let release { context.loop.cancel(release) }
        holdsShards = true
        unacknowledged.removeAll()
        return session
    }

    private func sessionEnded() {
        // A stream that was made anew under the reader has positions of its own.
        positions = session?.positions
        unacknowledged = session?.unacknowledged ?? [:]
        session = nil
        changed.open()
        holdForNow()
        onIdle?()
    }

    /// Holds the shards for a reader that comes soon, and lets them go when none does.
    private func holdForNow() {
        guard session == nil, !isTail else { return }
        holdsShards = true
        if let release { context.loop.cancel(release) }
        release = context.loop.schedule(after: options.readerGracePeriod) { [weak self] in self?.letGo() }
    }

    private func letGo() {
        guard session == nil else { return }
        holdsShards = false
        unacknowledged.removeAll()
        positions?.dropIterators()
        logger.info("no reader has come; the shards are let go")
    }

    // MARK: Ending

    /// Gives no batch out any more.
    func end() {
        isEnding = true
        session?.end()
    }

    /// Whether everything that was given out is settled, or its readers are gone.
    var isSettled: Bool { session?.isSettled ?? true }

    /// Whether everything that was sent is acknowledged, where readers do that.
    var isAcknowledged: Bool { session?.isAcknowledged ?? unacknowledged.isEmpty }
}
