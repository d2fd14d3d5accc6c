import AWS
import Bytes
import Kinesis
import Logging
import Reactor
import State

/// Carries out what one shard's `ShardReader` decides, for as long as the shard is one reader's. Confined to its loop.
///
/// The task cannot end but by `stop` or at the shard's end: every failure becomes a fact for the machine, which answers
/// with a time to try again.
final class ShardTask: @unchecked Sendable {
    let id: ShardID
    private var machine: ShardReader
    /// The last failure's text, for as long as the shard is degraded by it.
    private(set) var lastError: String?
    private(set) var isEnded = false
    /// The number that an event of this task has at least.
    let firstNumber: Int
    private(set) var hasHandedOn = false

    let reader: RecordsReader
    /// Held until the task is over: other jobs may end the session while one of its calls is being made.
    private let session: ReadingSession
    private let context: EngineContext
    private let wakeup: Wakeup
    private var logger: Logger
    private var task: Task<Void, Never>?
    private var ticket: BufferBudget.Ticket?
    private var loan: Loan?
    /// Bytes of the answer for which there was no room.
    private var refusedBytes: Int?
    private var answer: HeldAnswer?
    /// Which answer each unsettled batch came from.
    private var origins: [Int: (answer: HeldAnswer, batch: EncodedBatch)] = [:]
    private var isStopped = false

    /// - Parameters:
    ///   - progress: how far the shard is done.
    ///   - initial: where it begins without progress, and goes on when the service refuses its progress.
    ///   - iterator: one that is held already and stands right behind the progress.
    ///   - pausedBehind: the event, also an earlier reader's, that has to be continued before anything is fetched.
    init(
        _ id: ShardID, progress: ShardProgress, initial: StartingPosition, iterator: ShardIterator?,
        pausedBehind: EventID? = nil, reader: RecordsReader, session: ReadingSession, context: EngineContext
    ) {
        self.id = id
        machine = ShardReader(
            settings: .init(session.options, callTimeout: context.times.call),
            position: ShardBook.position(behind: progress.checkpoint, initial: initial), progress: progress,
            initial: initial, iterator: iterator, pausedBehind: pausedBehind, seed: UInt64.random(in: 0...UInt64.max),
            now: context.loop.now)
        self.reader = reader
        firstNumber = reader.lastNumber + 1
        self.session = session
        self.context = context
        wakeup = Wakeup(loop: context.loop)
        logger = session.logger
        logger[metadataKey: "shard"] = "\(id)"
    }

    func start() {
        task = context.loop.spawn { await self.run() }
    }

    /// Ends the reading. What is on its way is cancelled, room is given back; `settled` is still heard.
    func stop() {
        guard !isStopped else { return }
        isStopped = true
        if let ticket { context.budget.withdraw(ticket) }
        ticket = nil
        loan = nil
        answer = nil
        task?.cancel()
        wakeup.signal()
    }

    /// Bytes that the shard holds of the budget.
    var bufferedBytes: Int {
        (loan?.bytes ?? 0) + (answer?.heldBytes ?? 0)
            + origins.values.reduce(0) { $0 + ($1.answer === answer ? 0 : $1.batch.payloadBytes) }
    }

    // MARK: Queries

    /// Whether nothing that was handed on needs delivery any more. A pause may be open behind it (`openPause`).
    var isDone: Bool { machine.batches.isDone }

    /// The event behind which the shard waits until somebody says that polling goes on. Whoever reads the shard next
    /// waits behind it too.
    var openPause: EventID? { machine.batches.pausedBehind }

    /// Whether the shard waits until somebody says that polling goes on.
    var isPaused: Bool { machine.isPaused }

    /// Where an iterator that is asked for now begins.
    var position: StartingPosition { machine.position }

    /// An iterator that stands exactly behind the last record that is done, for whoever goes on here later.
    var iteratorToKeep: ShardIterator? { machine.iteratorToKeep }

    /// Whether nothing that was sent waits for its acknowledgement.
    var isAcknowledged: Bool { machine.batches.isAcknowledged }

    /// How far the shard is settled without a gap.
    var settledProgress: ShardProgress { machine.batches.settled }

    /// How far the shard is handed on.
    var deliveredProgress: ShardProgress { machine.batches.last }

    /// Whether the last failure may mean that the stream is not the one that the position is of.
    var doubtsStream: Bool { machine.doubtsStream }

    /// What the watchdog looks at.
    var sight: ShardWatchdog.Sight { machine.sight }

    /// Whether the reader, or a pause, makes the shard hold what `evict` would let go.
    var holdsForReader: Bool { machine.holdsForReader }

    /// Milliseconds by which reading is behind the shard's tip, nil before the first response.
    func lag(now: EventLoop.Instant) -> Int? { machine.lag(now: now) }

    /// Whether everything was handed on, and some of it is not done.
    var isClosing: Bool {
        if case .closing = machine.state { true } else { false }
    }

    // MARK: From the reader

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

    /// Polling goes on behind this event; nil: behind whatever event it pauses. Returns whether it paused there.
    func continued(behind event: EventID?) -> Bool {
        defer { wakeup.signal() }
        return machine.continued(behind: event)
    }

    /// Lets go what the reader holds back, because others need the room.
    func evict() {
        if let number = machine.gaveUp(now: context.loop.now) { takeBack(number) }
        if let answer { drop(answer) }
        wakeup.signal()
    }

    /// The reader has taken everything that it was given: what was evicted is asked for again.
    func readerWaits() {
        machine.readerWaits()
        wakeup.signal()
    }

    /// The shard is about to move to another reader: nothing more is fetched or offered, the batch that waits is taken
    /// back. Batches in flight still settle.
    func beginRevoke() {
        if let number = machine.beginRevoke(now: context.loop.now) { takeBack(number) }
        if let ticket { context.budget.withdraw(ticket) }
        ticket = nil
        if !machine.isCalling { loan = nil }
        if let answer { drop(answer) }
        wakeup.signal()
    }

    /// The shard stays with its reader after all: reading goes on behind what was handed on.
    func cancelRevoke() {
        machine.cancelRevoke()
        wakeup.signal()
    }

    private func takeBack(_ number: Int) {
        reader.withdraw(id)
        release(number)
    }

    /// A batch is not held any more.
    private func release(_ number: Int) {
        if let origin = origins.removeValue(forKey: number) { origin.answer.settled(origin.batch) }
    }

    /// A listing does not show the shard any more. It ends if the service says the same to its own requests.
    func missingFromListing() {
        guard machine.degradation == .notFound else { return }
        logger.error("the shard is no longer in its stream; what was not read of it is lost")
        session.lost(self)
        machine.vanished()
        wakeup.signal()
    }
}

// MARK: Running

extension ShardTask {
    private func run() async {
        while !isStopped {
            switch machine.next(now: context.loop.now) {
            case .wait(let deadline): await wakeup.wait(until: deadline)
            case .askIterator(let position): await askIterator(position)
            case .takePermit(let bytes): takePermit(bytes)
            case .getRecords(let iterator, let limit): await read(iterator, limit)
            case .encode:
                encode()
                await context.loop.nextTurn()
            case .end(let children):
                isEnded = true
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

    private func takePermit(_ bytes: Int) {
        ticket = context.budget.request(bytes, least: AnswerSize.least, for: reader.holder) { [weak self] loan in
            // Unreferenced, the loan goes back at once.
            guard let self, !isStopped else { return }
            ticket = nil
            self.loan = loan
            machine.permitted(room: loan.bytes)
            wakeup.signal()
        }
        if loan != nil { ticket = nil }
    }

    private func read(_ iterator: ShardIterator, _ limit: Int) async {
        refusedBytes = nil
        do throws(AWSError) {
            let bytes = try await context.source.records(of: session.stream, at: iterator, limit: limit) {
                [weak self] in self?.takesAnswer($0) ?? false
            }
            guard !isStopped, let loan else { return }
            self.loan = nil
            guard machine.answered(bytes: bytes.count, now: context.loop.now) else { return }
            let encoder = RecordBatchEncoder(
                bytes, stream: session.stream, shard: id, encoding: session.encoding)
            answer = HeldAnswer(bytes, loan: loan, encoder: encoder)
            session.counters[id].progressed(at: .now())
        } catch {
            loan = nil
            if let refusedBytes, case .cancelled = error {
                machine.refusedAnswer(bytes: refusedBytes, now: context.loop.now)
            } else {
                failed(error)
            }
        }
    }

    /// The size of an answer is a guess until its head is there, and records may be much larger than those before.
    private func takesAnswer(_ bytes: Int) -> Bool {
        guard let loan else { return false }
        if loan.fit(bytes) { return true }
        guard machine.mustTakeAnswer else {
            refusedBytes = bytes
            return false
        }
        loan.resize(to: bytes)
        return true
    }

    /// Makes one slice of the answer a batch. The slice that is the last one ends the answer, so that it does not stay
    /// in memory until the reader has taken the slice.
    private func encode() {
        guard let answer else { return machine.broken(now: context.loop.now) }
        do throws(GetRecordsError) {
            if let batch = try answer.next() {
                let last = Checkpoint(sequenceNumber: batch.lastSequenceNumber, arrival: batch.lastArrival)
                let before = machine.batches.last.checkpoint ?? Checkpoint(before: batch.firstSequenceNumber)
                let number = reader.offer(batch, behind: before, last: last, from: self)
                origins[number] = (answer, batch)
                hasHandedOn = true
                machine.encoded(
                    EventID(reader: reader.id, number: number), records: batch.recordCount, last: last)
                guard batch.isLast else { return }
            }
            finish(answer)
        } catch {
            report("\(error)")
            drop(answer)
            machine.broken(now: context.loop.now)
        }
    }

    private func finish(_ answer: HeldAnswer) {
        let envelope = answer.envelope
        drop(answer)
        guard let envelope else { return machine.broken(now: context.loop.now) }
        machine.exhausted(envelope, now: context.loop.now)
        if let lastError {
            logger.notice("the shard is read again", metadata: ["after": "\(lastError)"])
            self.lastError = nil
        }
    }

    private func drop(_ answer: HeldAnswer) {
        answer.drop()
        self.answer = nil
    }
}

// MARK: Failures

extension ShardTask {
    private func failed(_ error: AWSError) {
        guard !isStopped else { return }
        let failure = ReadFailure(error)
        if let refused = machine.failed(failure, now: context.loop.now) {
            logger.error(
                "the service refuses the checkpoint: records behind it may be lost, and others come again",
                metadata: ["position": "\(refused)", "continuingAt": "\(machine.position)", "error": "\(error)"])
            session.checkpointRefused(self, at: refused)
        } else {
            report(failure, "\(error)")
        }
        if failure == .notFound || failure == .refused { session.lookAgain() }
    }

    /// Says what keeps the shard from getting on: passing faults quietly until they last.
    private func report(_ failure: ReadFailure, _ text: String) {
        let level: Logger.Level =
            switch failure {
            case .throttled: session.options.supressThroughputWarnings ? .debug : .warning
            case .expiredIterator: .debug
            case .passing, .limitExceeded: machine.degradation == nil ? .debug : .warning
            case .denied, .notFound, .refused, .unexpected: .warning
            }
        logger.log(level: level, "reading the shard fails; it is tried again", metadata: ["error": "\(text)"])
        if machine.degradation != nil { degraded(by: text) }
    }

    /// The reader is told once, until the shard is read again.
    private func degraded(by text: String) {
        if lastError == nil { session.degraded(self, text) }
        lastError = text
    }

    private func report(_ text: String) {
        logger.error("an answer cannot be read; it is asked for again", metadata: ["error": "\(text)"])
        degraded(by: text)
    }
}
