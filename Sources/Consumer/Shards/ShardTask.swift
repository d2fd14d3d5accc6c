import AWS
import Bytes
import Kinesis
import Logging
import Reactor
import State
import Time

/// Carries out what one shard's `ShardReader` decides, for as long as the shard is one reader's. Confined to its loop.
///
/// The task cannot end but by `stop` or at the shard's end: every failure becomes a fact for the machine, which sets a
/// time to try again.
final class ShardTask: @unchecked Sendable {
    /// What the next call has of the budget.
    private enum Room {
        case none
        case requested(BufferBudget.Ticket)
        case granted(Loan)
    }

    let id: ShardID
    /// Of which incarnation of the stream the shard is.
    let streamCreatedOn: WallTime
    /// Under which seek of the shard it reads.
    let seek: SeekID?
    let reader: RecordsReader
    /// The number that an event of this task has at least.
    let firstNumber: Int
    /// Whether a batch of this task was ever offered to the reader.
    private(set) var hasOffered = false
    /// The last failure's text, for as long as the shard is degraded by it.
    private(set) var lastError: String?

    private var machine: ShardReader
    /// Held until the task is over: other jobs may end the session while one of its calls is being made.
    private let session: ReadingSession
    private let context: EngineContext
    private let wakeup: Wakeup
    private var logger: Logger
    private var task: Task<Void, Never>?
    private var room = Room.none
    private var response: HeldResponse?
    /// Whether it waits for a large item.
    private var isFetchingItem = false
    /// The present one; its source knows the number.
    private var subscription: (any ShardSubscription)?
    /// Which response each unsettled batch came from.
    private var origins: [Int: (response: HeldResponse, batch: EncodedBatch)] = [:]
    private var isStopped = false

    /// - Parameters:
    ///   - progress: how far the shard is done.
    ///   - initial: where it begins without progress, and goes on when the service refuses its progress.
    ///   - kept: stands right behind the progress.
    ///   - pausedBehind: the event, also an earlier reader's, that has to be continued before anything is fetched.
    init(
        _ id: ShardID, progress: ShardProgress, initial: StartingPosition, from kept: KeptSource?,
        pausedBehind: EventID? = nil, reader: RecordsReader, session: ReadingSession, context: EngineContext
    ) {
        self.id = id
        streamCreatedOn = session.positions.book.streamCreatedOn
        seek = session.positions.book.shard(id)?.seek
        self.reader = reader
        firstNumber = reader.lastNumber + 1
        self.session = session
        self.context = context
        let options = session.options
        machine = ShardReader(
            window: DeliveryWindow(
                from: progress, initial: initial, needsAcknowledgement: !options.useAutoCheckpoints,
                pausesAfterBatch: options.usePausedPolling, confirmsEnd: reader.isOfProcessors,
                openPause: pausedBehind),
            source: Self.source(id, kept, session, context))
        if case .subscription(_, let subscription) = kept, machine.source.subscription != nil {
            self.subscription = subscription
        }
        wakeup = Wakeup(loop: context.loop)
        logger = session.logger
        logger[metadataKey: "shard"] = "\(id)"
    }

    private static func source(
        _ id: ShardID, _ kept: KeptSource?, _ session: ReadingSession, _ context: EngineContext
    ) -> ShardSource {
        let (seed, now) = (UInt64.random(in: 0...UInt64.max), context.loop.now)
        let polling = PollingSource.Settings(session.options, callTimeout: context.times.call)
        switch session.way {
        case .polling:
            let iterator: ShardIterator? = if case .iterator(let iterator) = kept { iterator } else { nil }
            return .polling(
                PollingSource(
                    shard: ReadPaces.Key(stream: session.stream, shard: id), settings: polling, iterator: iterator,
                    seed: seed, now: now))
        case .fanOut(let consumer):
            let key = SubscriptionPaces.Key(consumer, id)
            if case .subscription(let source, _) = kept, source.key == key { return .subscription(source.goingOn) }
            let settings = SubscriptionSource.Settings(
                session.options, callTimeout: KinesisClient.controlTimeout, polling: polling)
            return .subscription(
                SubscriptionSource(key, of: session.stream, settings: settings, seed: seed, now: now))
        }
    }

    func start() {
        if let subscription { listen(to: subscription, machine.source.subscription!) }
        task = context.loop.spawn { await self.run() }
    }

    /// Ends the reading. What is on its way is cancelled, room is given back; `settled` is still heard.
    func stop() {
        guard !isStopped else { return }
        isStopped = true
        machine.stop(now: context.loop.now, paces: &context.paces.paces)
        giveRoomBack()
        dropResponse()
        // One that somebody may go on with stays for as long as this task does.
        subscription?.onArrival = nil
        if case .subscription? = sourceToKeep {} else { subscription = nil }
        task?.cancel()
        wakeup.signal()
    }
}

// MARK: - What the session reads

extension ShardTask {
    /// Where an iterator that is asked for now begins.
    var position: StartingPosition { machine.window.position.start }

    /// How far the shard is offered to the reader, apart from what was taken back.
    var deliveredProgress: ShardProgress { machine.window.delivered }

    /// As `DeliveryWindow.reached`.
    func reached(by checkpoint: Checkpoint) -> Checkpoint { machine.window.reached(by: checkpoint) }

    /// How far the shard is settled without a gap.
    var settledProgress: ShardProgress { machine.window.settled }

    /// Whether nothing that was offered needs delivery any more. A pause may be open behind it (`openPause`).
    var isDone: Bool { machine.window.isDone }

    /// Whether nothing that was sent waits for its acknowledgement.
    var isAcknowledged: Bool { machine.window.isAcknowledged }

    /// Whether everything was offered, and some of it is not done.
    var isClosing: Bool { machine.window.isClosing }

    /// The event behind which the shard waits until somebody says that polling goes on. Whoever reads the shard next
    /// waits behind it too.
    var openPause: EventID? { machine.window.openPause }

    /// Whether the shard waits until somebody says that polling goes on.
    var isPaused: Bool { openPause != nil }

    /// What stands exactly behind the last record that is done, for whoever goes on here later.
    var sourceToKeep: KeptSource? {
        switch machine.sourceToKeep {
        case .polling(let source): return source.iterator.map(KeptSource.iterator)
        case .subscription(let source):
            guard source.isAtRest, let subscription else { return nil }
            return .subscription(source, subscription)
        case .bridging, nil: return nil
        }
    }

    /// Whether the last failure may mean that the stream is not the one that the position is of.
    var doubtsStream: Bool { machine.source.failures?.doubtsStream ?? false }

    /// Whether the reader, or a pause, makes the shard hold what `evict` would let go.
    var holdsForReader: Bool { machine.holdsForReader }

    /// What the watchdog looks at.
    var sight: ShardWatchdog.Sight {
        var sight = machine.sight
        // It has deadlines of its own, and waits for its turn among those of all shards.
        if isFetchingItem { sight.isHeldBack = true }
        return sight
    }

    /// Milliseconds by which reading is behind the shard's tip, nil before the first response.
    func lag(now: EventLoop.Instant) -> Int? { machine.lag(now: now) }

    /// Whether the last response says how far what is done is behind: everything that was offered is done, and the shard is
    /// asked again and again.
    var followsTip: Bool { isDone && !isHeldBack && machine.source.failures == nil }

    /// Whether it is our own back-pressure that keeps the shard from getting on.
    var isHeldBack: Bool { machine.isHeldBack }

    /// When the first record arrived of what was offered and is not settled.
    var firstUnsettledArrival: WallTime? {
        origins.min { $0.key < $1.key }?.value.batch.first.arrival
    }

    /// Bytes that the shard holds of the budget.
    var bufferedBytes: Int {
        let granted = if case .granted(let loan) = room { loan.bytes } else { 0 }
        return granted + (response?.heldBytes ?? 0)
            + origins.values.reduce(0) { $0 + ($1.response === response ? 0 : $1.batch.payloadBytes) }
    }
}

// MARK: - From the reader and the session

extension ShardTask {
    /// The reader has taken the batch that waited.
    func taken() {
        machine.taken()
        wakeup.signal()
    }

    /// A batch's bytes have been taken by the socket. Returns how far the shard is settled now, when that moved.
    func settled(_ number: Int) -> Checkpoint? {
        release(number)
        let checkpoint = machine.settled(number)
        wakeup.signal()
        return checkpoint
    }

    /// A checkpoint says that everything up to here needs no delivery any more.
    func acknowledged(_ checkpoint: Checkpoint) {
        machine.acknowledged(checkpoint)
        wakeup.signal()
    }

    /// The reader has done with the shard's end. Returns whether the reading is over with it.
    func confirmedEnd() -> Bool {
        guard let children = machine.confirmedEnd() else { return false }
        stop()
        session.ended(self, children)
        return true
    }

    /// Polling goes on behind this event; nil: behind whatever event it pauses. Returns whether it paused there.
    func continued(behind event: EventID?) -> Bool {
        defer { wakeup.signal() }
        return machine.resumed(behind: event)
    }

    /// Lets go what the reader holds back, because others need the room.
    func evict() {
        letGo(machine.evict(now: context.loop.now, paces: &context.paces.paces))
    }

    /// The reader has taken everything that it was given: what was evicted is asked for again.
    func readerWaits() {
        machine.readerWaits()
        wakeup.signal()
    }

    /// The service can be reached again.
    func serviceReturned() {
        machine.serviceReturned(now: context.loop.now)
        wakeup.signal()
    }

    /// The shard is about to move to another reader: nothing more is fetched or offered, the batch that waits is taken
    /// back. Batches in flight still settle.
    func beginRevoke() {
        letGo(machine.beginRevoke(now: context.loop.now, paces: &context.paces.paces))
    }

    /// The shard stays with its reader after all: reading goes on behind what was delivered.
    func cancelRevoke() {
        machine.cancelRevoke()
        wakeup.signal()
    }

    /// A listing does not show the shard any more. It ends if the service says the same to its own requests.
    func missingFromListing() {
        guard machine.degradation == .notFound else { return }
        logger.error("the shard is no longer in its stream; what was not read of it is lost")
        session.lost(self)
        machine.vanished()
        wakeup.signal()
    }

    /// - Parameter number: of the batch that waited and is taken back.
    private func letGo(_ number: Int?) {
        if let number {
            reader.withdraw(id)
            release(number)
        }
        // Of a call that is on its way the room stays taken: what the service sends lies in memory until it is over.
        if !machine.source.isReading { giveRoomBack() }
        dropResponse()
        wakeup.signal()
    }

    /// A batch is not held any more.
    private func release(_ number: Int) {
        if let origin = origins.removeValue(forKey: number) { origin.response.settled(origin.batch) }
    }

    private func giveRoomBack() {
        if case .requested(let ticket) = room { context.budget.withdraw(ticket) }
        room = .none
    }

    private func dropResponse() {
        response?.drop()
        response = nil
    }
}

// MARK: - Running

extension ShardTask {
    private func run() async {
        while !isStopped {
            let step = machine.next(now: context.loop.now, paces: &context.paces.paces)
            if machine.source.subscription == nil { subscription = nil }
            if machine.degradation == .fruitless, lastError == nil {
                report(.fruitless, "subscriptions end, or are silent, and bring nothing, not even an empty event")
            }
            switch step {
            case .wait(let deadline): await wakeup.wait(until: deadline)
            case .askIterator(let position): await askIterator(position)
            case .takePermit(let bytes, let least): takePermit(bytes, least)
            case .getRecords(let iterator, let limit): await read(iterator, limit)
            case .subscribe(let position, let generation): await subscribe(at: position, generation)
            case .receive(let generation): receive(generation)
            case .encode:
                if let pointer = await encode() { await fetch(pointer) }
                await context.loop.nextTurn()
            case .announceEnd: reader.notify(id, .ending)
            case .end(let children):
                session.ended(self, children)
                return
            }
        }
    }

    private func askIterator(_ position: StartingPosition) async {
        do throws(AWSError) {
            let iterator = try await context.source.iterator(of: id, in: session.stream, at: position)
            machine.iteratorReceived(iterator, now: context.loop.now)
        } catch {
            failed(error)
        }
    }

    private func takePermit(_ bytes: Int, _ least: Int) {
        var isGranted = false
        let ticket = context.budget.request(bytes, least: least, for: reader.holder) { [weak self] loan in
            // Unreferenced, the loan goes back at once.
            guard let self, !isStopped else { return }
            isGranted = true
            room = .granted(loan)
            machine.permitted(room: loan.bytes, now: context.loop.now)
            wakeup.signal()
        }
        // The room may have been there at once.
        if !isGranted { room = .requested(ticket) }
    }

    private func read(_ iterator: ShardIterator, _ limit: Int) async {
        do throws(AWSError) {
            let bytes = try await context.source.records(of: session.stream, at: iterator, limit: limit) {
                [weak self] in self?.takesResponse($0) ?? false
            }
            guard !isStopped, case .granted(let loan) = room else { return }
            room = .none
            hold(bytes, loan)
        } catch {
            room = .none
            failed(error)
        }
    }

    private func subscribe(at position: StartingPosition, _ generation: UInt64) async {
        guard case .fanOut(let consumer) = session.way else { preconditionFailure("a subscription without a consumer") }
        do throws(AWSError) {
            let subscription = try await context.source.subscribe(
                to: id, of: session.stream, as: consumer, at: position)
            machine.pushed(.began, generation: generation, now: context.loop.now)
            guard !isStopped, machine.source.subscription == generation else { return }
            session.counters[id].subscribed(after: machine.source.lastEnding)
            self.subscription = subscription
            listen(to: subscription, generation)
        } catch {
            failed(error)
        }
    }

    private func listen(to subscription: any ShardSubscription, _ generation: UInt64) {
        subscription.onArrival = { [weak self] in self?.arrived(generation) }
    }

    private func arrived(_ generation: UInt64) {
        machine.pushed(.news, generation: generation, now: context.loop.now)
        wakeup.signal()
    }

    /// Looks at what has come of the subscription.
    private func receive(_ generation: UInt64) {
        let now = context.loop.now
        guard let subscription else { return machine.pushed(.end, generation: generation, now: now) }
        if machine.source.isReading { subscription.permit() }
        switch subscription.next() {
        case .nothing: machine.pushed(.nothing, generation: generation, now: now)
        case .arriving(let bytes): machine.pushed(.arriving(bytes: bytes), generation: generation, now: now)
        case .other:
            giveRoomBack()
            machine.pushed(.other, generation: generation, now: now)
        case .event(let payload):
            guard case .granted(let loan) = room else { return machine.pushed(.end, generation: generation, now: now) }
            room = .none
            loan.resize(to: payload.count)
            session.counters[id].pushed(bytes: payload.count)
            hold(payload, loan)
        case .end:
            giveRoomBack()
            machine.pushed(.end, generation: generation, now: now)
        case .failed(let error):
            giveRoomBack()
            failed(error)
        }
    }

    /// The size of a response is a guess until its head is there, and records may be much larger than those before. One
    /// that is not taken ends the call, and is no failure.
    private func takesResponse(_ bytes: Int) -> Bool {
        guard case .granted(let loan) = room else { return false }
        guard loan.fit(bytes) else {
            machine.responseTooLarge(bytes: bytes, now: context.loop.now)
            return false
        }
        return true
    }

    private func hold(_ bytes: ByteBuffer, _ loan: Loan) {
        session.counters[id].progressed(at: .now())
        guard machine.responseReceived(bytes: bytes.count, now: context.loop.now) else { return }
        response = HeldResponse(bytes, at: context.loop.now, loan: loan, encoder: encoder(of: bytes, givesAll: false))
    }

    private func encoder(of bytes: ByteBuffer, givesAll: Bool) -> RecordBatchEncoder {
        RecordBatchEncoder(
            bytes, stream: session.stream, shard: id,
            encoding: session.encoding(of: id, for: reader, givesAll: givesAll), skip: machine.window.position.skip)
    }

    /// Makes one slice of the response a batch. The slice that is the last one ends the response, so that it does not stay
    /// in memory until the reader has taken the slice. Returns the large item that is needed first.
    private func encode() async -> ItemPointer? {
        guard let response else {
            machine.responseBroken(now: context.loop.now)
            return nil
        }
        do throws(GetRecordsError) {
            let batch = try response.next()
            guard await mayLeaveOut(by: response, besides: batch) else { return nil }
            noteDropped(by: response)
            if let batch {
                offer(batch, of: response)
                guard batch.isLast else { return nil }
            } else if let pointer = response.neededItem {
                return pointer
            }
            finish(response)
        } catch {
            logger.error("a response cannot be read; it is asked for again", metadata: ["error": "\(error)"])
            degraded(by: "\(error)")
            dropResponse()
            machine.responseBroken(now: context.loop.now)
        }
        return nil
    }

    /// Gives the response the item that its next record needs, unless the response is let go meanwhile.
    private func fetch(_ pointer: ItemPointer) async {
        guard let response, let items = context.items else { preconditionFailure("an item without a response") }
        isFetchingItem = true
        let ending = await response.fetch(pointer, items, context)
        isFetchingItem = false
        guard self.response === response, !isStopped else { return }
        switch ending {
        case .outcome(let outcome, let loan):
            if case .unavailable(let error) = outcome {
                logger.warning(
                    "a large item cannot be had; its record is given out as its pointer",
                    metadata: ["code": "\(error.code)", "error": "\(error.detail)"])
            }
            response.give(outcome, loan)
        case .noRoom, .cancelled:
            // What it holds is what others may wait for; it is asked for again soon.
            dropResponse()
            machine.responseBroken(now: context.loop.now)
        }
    }

    /// Whether what the response's encoder has left out may be left out. If not, the response is encoded anew, behind what was
    /// offered of it; unless it is let go meanwhile.
    private func mayLeaveOut(by response: HeldResponse, besides batch: EncodedBatch?) async -> Bool {
        guard response.doubtsLeavingOut else { return true }
        let mayLeaveOut = await session.mayLeaveOut(receivedAt: response.receivedAt)
        guard self.response === response, !isStopped else { return false }
        if mayLeaveOut {
            response.confirmLeavingOut()
        } else {
            response.encodeAgain(batch) { encoder(of: $0, givesAll: true) }
        }
        return mayLeaveOut
    }

    /// Counts user records that belong to another shard, and says so once.
    private func noteDropped(by response: HeldResponse) {
        let count = response.takeDroppedCount()
        guard count > 0 else { return }
        if session.counters[id].droppedUserRecords == 0 {
            logger.warning(
                "an aggregated record has user records of another shard's hash range, as after a resharding; they are left out",
                metadata: ["records": .stringConvertible(count)])
        }
        session.counters[id].dropped(userRecords: count)
    }

    private func offer(_ batch: EncodedBatch, of response: HeldResponse) {
        let before = machine.window.delivered.checkpoint ?? batch.first.preceding
        let number = reader.offer(
            batch, behind: before, last: batch.last, receivedOn: response.receivedAt, from: self)
        origins[number] = (response, batch)
        hasOffered = true
        machine.offered(
            EventID(reader: reader.id, number: number), records: batch.readCount, last: batch.last,
            named: batch.lastNamed, now: context.loop.now)
    }

    private func finish(_ response: HeldResponse) {
        let (envelope, passed) = (response.envelope, response.passed)
        dropResponse()
        guard let envelope else { return machine.responseBroken(now: context.loop.now) }
        if let passed, let done = machine.passed(through: passed) { session.passed(self, through: done) }
        machine.responseEnded(envelope, now: context.loop.now)
        if let lastError, machine.degradation == nil || envelope.next == nil {
            logger.notice("the shard is read again", metadata: ["error": "\(lastError)"])
            self.lastError = nil
        }
    }
}

// MARK: - Failures

extension ShardTask {
    private func failed(_ error: AWSError) {
        guard !isStopped else { return }
        let failure = ReadFailure(error)
        switch machine.failed(failure, now: context.loop.now) {
        case .nothing: return
        case .again: report(failure, "\(error)")
        case .refused(let refused):
            logger.error(
                "the service refuses the checkpoint: records behind it may be lost, and others come again",
                metadata: ["was": "\(refused)", "position": "\(position)", "error": "\(error)"])
            session.checkpointRefused(self, at: refused.start)
        }
        if failure == .notFound || failure == .refused { session.lookAgain() }
        if failure == .denied, case .subscription = machine.source { session.subscriptionDenied("\(error)") }
    }

    /// Says what keeps the shard from getting on: passing faults quietly until they last.
    private func report(_ failure: ReadFailure, _ text: String) {
        let level: Logger.Level =
            switch failure {
            case .throttled: session.options.supressThroughputWarnings ? .debug : .warning
            case .expiredIterator: .debug
            case .passing, .failing, .unreachable, .unexplained, .limitExceeded, .inUse, .fruitless:
                machine.degradation == nil ? .debug : .warning
            case .denied, .notFound, .refused, .unexpected: .warning
            }
        if level == .debug {
            logger.debug("reading the shard fails; it is tried again", metadata: ["error": "\(text)"])
        } else {
            session.scope.failures.warn(of: "\(failure)", ["shard": "\(id)", "error": "\(text)"])
        }
        if machine.degradation != nil { degraded(by: text) }
    }

    /// The reader is told once, until the shard is read again.
    private func degraded(by text: String) {
        if lastError == nil { session.degraded(self, text) }
        lastError = text
    }
}
