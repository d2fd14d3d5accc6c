import AWS
import Kinesis
import Logging
import Reactor
import State
import Time

/// One group's reading of one stream in this process. Confined to its loop.
///
/// `ConsumerLifecycle` says where it stands. Its positions are prepared before a reader gets them, and outlive the readers,
/// who share its shards. It holds its shards for as long as it has a reader, and for `readerGracePeriod` after the last one
/// has gone. Checkpoints that are asked for are in Consumer+Checkpoints, how it looks from outside in Consumer+Snapshot.
final class Consumer: @unchecked Sendable {
    /// One try to fix the positions. Confined to the loop.
    final class Attempt: @unchecked Sendable {
        enum Outcome {
            case fixed
            case failed(ConsumerError)
            /// Somebody has stopped the consumer, or begun to read, meanwhile: what was found counts for nothing.
            case superseded
        }

        fileprivate(set) var outcome: Outcome?
        /// What stands in its way while it goes on, as far as that is known.
        fileprivate(set) var obstacle: ConsumerError?
        fileprivate var task: Task<Void, Never>?
    }

    let scope: ConsumerScope
    /// Names this consumer among those of its group, also in other processes.
    let id = Consumer.newID()
    /// Whether configuration lists it: then its options are kept, and its stream may be created.
    let isConfigured: Bool
    /// When it was started last.
    private(set) var startedOn = WallTime.now()
    private(set) var options: ConsumerOptions
    private(set) var lifecycle = ConsumerLifecycle<ReadingSession, Attempt>()
    /// As they were when the last session ended; nil before they were fixed for the first time.
    private var ownPositions: Positions?
    /// Of the dormant group that this consumer was before.
    private let rememberedPositions: Positions?
    /// When somebody last did something with it; a consumer with readers is in use whatever this says.
    private(set) var lastUsed = WallTime.now()

    var checks = CheckpointChecks()
    /// nil: this process is alone in the group.
    let group: GroupKeeper?
    private let preparation: Preparation
    private let changed: Gate
    private let serviceReturns: Gate
    private var grace: TimerToken?
    /// Called once a reader has gone and none is left.
    var onIdle: (() -> Void)?
    /// Called when an attempt to prepare has failed, for which nobody may wait any more.
    var onFailedAttempt: (() -> Void)?

    /// - Parameters:
    ///   - isTail: it only watches: no group, and nothing is kept.
    ///   - rememberedPositions: of the dormant group that it was before.
    init(
        _ key: ConsumerKey, options: ConsumerOptions, isConfigured: Bool = false, isTail: Bool = false,
        rememberedPositions: Positions? = nil, mayCreateStream: Bool, context: EngineContext, logger: Logger
    ) {
        self.options = options
        self.rememberedPositions = rememberedPositions
        self.isConfigured = isConfigured
        let scope = ConsumerScope(key, isTail: isTail, engine: context, logger: logger)
        self.scope = scope
        group = isTail ? nil : GroupKeeper(scope)
        preparation = Preparation(
            key: key, mayCreateStream: mayCreateStream, store: scope.store, group: group, fanOut: scope.fanOut,
            care: scope.care, context: context, logger: scope.logger)
        changed = Gate(loop: context.loop)
        serviceReturns = Gate(loop: context.loop)
        group?.delegate = self
        if let group { scope.fanOut.onGone = { [weak group] in group?.isGone($0) } }
        scope.fanOut.onChange = { [weak self] in self?.session?.wayChanged() }
    }

    var key: ConsumerKey { scope.key }
    var session: ReadingSession? { lifecycle.session }
    var positions: Positions? { session?.positions ?? ownPositions }
    /// Also where this process has not looked yet whether they still hold.
    var knownPositions: Positions? { positions ?? rememberedPositions }
    var holdsShards: Bool { lifecycle.holdsShards }

    /// Whether its options are in use: then they stand.
    var isInUse: Bool { lifecycle.isInUse }

    /// Whether its positions are being fixed.
    var isPreparing: Bool { lifecycle.isPreparing }

    /// Whether nothing is lost when this process forgets the consumer.
    var isForgettable: Bool { !isConfigured && lifecycle.isForgettable }

    /// Whether somebody has stopped it before it was ever used here.
    var isStoppedUnused: Bool { lifecycle.isStopped && !isPrepared && !isConfigured }

    /// Whether positions were fixed at least once.
    var isPrepared: Bool { positions != nil }

    private var loop: EventLoop { scope.engine.loop }
    private var logger: Logger { scope.logger }

    static func newID() -> String {
        let digits = String(UInt64.random(in: 0...UInt64.max), radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}

// MARK: - Starting and stopping

extension Consumer {
    /// Fixes the positions in the background, and tries again until it has.
    func startInBackground() {
        let moment = WallTime.now()
        loop.spawn { await self.keepPreparing(moment) }
    }

    private func keepPreparing(_ moment: WallTime) async {
        var failures = 0
        var cause: AWSError?
        var random = SplitMix64(seed: UInt64.random(in: 0...UInt64.max))
        while !isPrepared {
            do throws(ConsumerError) {
                try await prepare(moment)
                return
            } catch {
                // Somebody has stopped it, or the process is ending.
                if case .refused = lifecycle.need { return }
                failures += 1
                if case .service(let error) = error { cause = error } else { cause = nil }
                logger.warning("the consumer cannot start yet; it is tried again", metadata: ["error": "\(error)"])
            }
            let pause = ShardDiscovery.pause(after: cause, failures: failures, random: random.fraction())
            try? await serviceReturns.wait(until: loop.now + pause)
        }
    }

    /// The service can be reached again: whoever waits because it could not goes on.
    func serviceReturned() {
        lifecycle.serviceReturned()
        serviceReturns.open()
        session?.serviceReturned()
    }

    /// Starts it, again where it was stopped, and returns once its positions are fixed. One that runs stays as it is; one
    /// that others are about to start ends as for them.
    func start(options: ConsumerOptions) async throws(ConsumerError) {
        let moment = WallTime.now()
        lastUsed = moment
        self.options = options
        if lifecycle.starts() {
            startedOn = moment
            try await prepare(moment)
        } else {
            // Shards that were let go have to be leased anew.
            if isPrepared, group == nil { lifecycle.holds() }
            if case .holding = lifecycle.state { waitForReader() } else { try await prepare(moment) }
        }
        lifecycle.started()
    }

    /// Ends the readers in order: each gets what is on its way, and an end. Positions stay. Returns once they have
    /// gone, or at the deadline; whoever has not taken what is on its way by then goes later.
    func stop(deadline: ContinuousClock.Instant) async {
        lifecycle.stops()
        session?.stop()
        changed.open()
        let timer = loop.schedule(at: deadline) { [changed] in changed.open() }
        try? await changed.wait(while: {
            if case .stopping(_, isRestarting: false) = lifecycle.state { loop.now < deadline } else { false }
        })
        loop.cancel(timer)
    }

    // MARK: Positions

    /// Returns once the positions are fixed and stored, as of now or later. All who ask while an attempt is under way get
    /// what comes of it, or what stands in its way at their deadline.
    private func prepare(_ moment: WallTime, until deadline: EventLoop.Instant? = nil) async throws(ConsumerError) {
        while true {
            switch lifecycle.need {
            case .nothing: return
            case .refused(let error): throw error
            case .waitForEnd:
                try await wait(until: deadline) {
                    if case .stopping(_, isRestarting: true) = lifecycle.state { true } else { false }
                }
            case .attempt: if try await isFixed(by: begin(moment), until: deadline) { return }
            case .join(let attempt): if try await isFixed(by: attempt, until: deadline) { return }
            }
        }
    }

    /// The attempt goes on when the caller who began it has gone: others may wait for it.
    private func begin(_ moment: WallTime) -> Attempt {
        let attempt = Attempt()
        lifecycle.attemptBegins(attempt)
        attempt.task = loop.spawn { [self] in
            do throws(ConsumerError) {
                let prepared = try await preparation.positions(
                    ownPositions ?? rememberedPositions, options: options, moment: moment
                ) { attempt.obstacle = $0 }
                try await loadSent(streamCreatedOn: prepared.book.streamCreatedOn)
                if lifecycle.attemptSucceeds(attempt) {
                    ownPositions = prepared
                    waitForReader()
                    attempt.outcome = .fixed
                } else {
                    // It may have found new shards for a session that began meanwhile.
                    session?.takeReadable()
                    attempt.outcome = .superseded
                }
            } catch {
                attempt.outcome = lifecycle.isCurrent(attempt) ? .failed(error) : .superseded
                if lifecycle.attemptFails(attempt, because: error) { waitForReader() } else { leaveShards() }
                onFailedAttempt?()
            }
            changed.open()
        }
        return attempt
    }

    private func loadSent(streamCreatedOn: WallTime) async throws(ConsumerError) {
        do throws(StateError) {
            try await scope.sent.load(streamCreatedOn: streamCreatedOn)
        } catch {
            guard group != nil else { throw .state(error) }
            logger.warning(
                "what readers of an earlier process may not have read is not known, and does not come again",
                metadata: ["error": "\(error)"])
            scope.sent.begin(streamCreatedOn: streamCreatedOn)
        }
    }

    /// Waits for what comes of the attempt; false: nothing, and the caller has to ask again.
    private func isFixed(by attempt: Attempt, until deadline: EventLoop.Instant?) async throws(ConsumerError) -> Bool {
        do throws(ConsumerError) {
            try await wait(until: deadline) { attempt.outcome == nil && !isRefused }
        } catch {
            if case .notPrepared = error, let obstacle = attempt.obstacle { throw obstacle }
            throw error
        }
        switch attempt.outcome {
        case .fixed?: return true
        case .failed(let error)?: throw error
        case .superseded?, nil: return false
        }
    }

    /// Returns once no attempt to fix the positions is under way, whatever has come of it.
    func waitWhilePreparing(until deadline: EventLoop.Instant) async throws(ConsumerError) {
        try await wait(until: deadline) { lifecycle.isPreparing }
    }

    private var isRefused: Bool {
        if case .refused = lifecycle.need { true } else { false }
    }

    private func wait(until deadline: EventLoop.Instant?, while condition: () -> Bool) async throws(ConsumerError) {
        let timer = deadline.map { loop.schedule(at: $0) { [changed] in changed.open() } }
        defer { if let timer { loop.cancel(timer) } }
        let isOver = { deadline.map { self.loop.now >= $0 } ?? false }
        do { try await changed.wait(while: { condition() && !isOver() }) } catch { throw .cancelled }
        if condition() { throw .notPrepared }
    }

    /// Holds the shards for a reader that comes soon, and lets them go when none does.
    private func waitForReader() {
        guard !scope.isTail else { return }
        if let grace { loop.cancel(grace) }
        grace = loop.schedule(after: options.readerGracePeriod) { [weak self] in self?.letGo() }
    }

    /// What lost readers may not have read comes again wherever the shards are read next: before another member has them. Not
    /// earlier, as a client may still come back and say what it had.
    func provideForLosses() {
        if group != nil { _ = positions?.rewind(scope.sent.takeLosses()) }
    }

    /// Other members of the group may have the shards, if nobody holds them here.
    private func leaveShards() {
        if !lifecycle.holdsShards { group?.takePart(false) }
    }

    private func letGo() {
        guard lifecycle.graceIsOver() else { return }
        provideForLosses()
        ownPositions?.letGo()
        leaveShards()
        logger.info("no reader has come; the shards are let go")
    }
}

// MARK: - Readers

extension Consumer {
    /// Somebody does something with the consumer.
    func use() {
        lastUsed = .now()
    }

    /// A reader is about to be attached: the options stand from here on.
    func admit(_ options: ConsumerOptions) {
        use()
        lifecycle.readerArrives()
        self.options = options
    }

    /// Attaches a reader that was admitted.
    /// - Parameters:
    ///   - lastEvent: the Last-Event-ID with which its client comes back; nil: it has said none.
    ///   - deadline: until when it waits for the positions; nil: as long as that takes. What fixes them goes on behind it.
    func attach(
        _ readerID: ReaderID, format: RecordFormat = .json, lastEvent: String?, until deadline: EventLoop.Instant?
    ) async throws(ConsumerError) -> RecordsReader {
        defer { lifecycle.readerArrived() }
        // LATEST means: since the request came, not since the service has answered.
        try await prepare(.now(), until: deadline)
        // Of a connection that has not ended yet nothing more is to come, or it would be missing in what the log says.
        let formers = await formerReaders(lastEvent)
        for former in formers { former.quiesce() }
        let known = await lookUp(lastEvent)
        do throws(ConsumerError) {
            if case .refused(let error) = lifecycle.need { throw error }
            if Task.isCancelled { throw .cancelled }
            return try join(readerID, format, known, replacing: formers)
        } catch {
            for former in formers { former.cut() }
            throw error
        }
    }

    /// Apart from `attach`: a connection's task keeps the memory of its deepest frames.
    @inline(never)
    private func join(
        _ readerID: ReaderID, _ format: RecordFormat, _ lastEvent: LastEvent?, replacing formers: [RecordsReader]
    ) throws(ConsumerError) -> RecordsReader {
        guard let session = openSession else { throw .streamMissing(key.stream) }
        let reader = session.join(
            readerID, format: format, resuming: lastEvent?.resumption, replacing: formers)
        if let lastEvent { session.tell(reader, lastEvent) }
        logger.info(
            "reader attached", metadata: ["reader": "\(readerID)", "shards": .stringConvertible(reader.shardCount)])
        return reader
    }

    private var openSession: ReadingSession? {
        if case .reading(let session) = lifecycle.state { return session }
        guard let ownPositions else { return nil }
        let session = ReadingSession(scope, options: options, positions: ownPositions, group: group) { [weak self] in
            self?.sessionEnded()
        }
        lifecycle.sessionBegins(session)
        if let grace { loop.cancel(grace) }
        return session
    }

    private func sessionEnded() {
        // A stream that was made anew under the reader has positions of its own.
        ownPositions = session?.positions
        use()
        lifecycle.sessionEnds()
        if lifecycle.holdsShards { waitForReader() }
        changed.open()
        onIdle?()
    }

    // MARK: Ending

    /// Nobody will use it any more: what it holds for a reader goes.
    func abandon() {
        if let grace { loop.cancel(grace) }
        scope.care.stop()
        provideForLosses()
        if let group { loop.spawn { await group.leave(deadline: self.loop.now + GroupKeeper.patience) } }
    }

    /// Gives no batch out any more.
    func end() {
        if case .preparing(let attempt, _) = lifecycle.state { attempt.task?.cancel() }
        scope.care.stop()
        lifecycle.processEnds()
        session?.end()
        changed.open()
    }

    /// Whether everything that was given out is settled, or its readers are gone.
    var isSettled: Bool { session?.isSettled ?? true }

    /// Whether everything that was sent is acknowledged, where readers do that.
    var isAcknowledged: Bool { session?.isAcknowledged ?? (ownPositions?.unacknowledged.isEmpty ?? true) }
}
