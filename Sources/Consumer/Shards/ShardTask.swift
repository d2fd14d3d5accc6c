import AWS
import Bytes
import Kinesis
import Logging
import Reactor
import State
import Time

/// Carries out what one shard's `ShardReader` decides, for as long as the shard is one reader's. Confined to its loop.
///
/// The task cannot end but by `stop` or at the shard's end: every failure becomes a fact for the machine, which answers
/// with a time to try again.
final class ShardTask: @unchecked Sendable {
    let id: ShardID
    /// Of which incarnation of the stream the shard is.
    let streamCreatedOn: WallTime
    private(set) var machine: ShardReader
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

    init(_ id: ShardID, _ machine: ShardReader, reader: RecordsReader, session: ReadingSession, context: EngineContext)
    {
        self.id = id
        streamCreatedOn = session.positions.book.streamCreatedOn
        self.machine = machine
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

    /// Whether nothing that was handed on needs delivery any more, and no pause is open behind it.
    var isDone: Bool { machine.batches.isDone && !machine.isPaused }

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

    /// Polling goes on behind this batch; nil: behind whatever batch it pauses. Returns whether it paused there.
    func continued(behind number: Int?) -> Bool {
        defer { wakeup.signal() }
        return machine.continued(behind: number)
    }

    /// Lets go what the reader holds back, because others need the room.
    func giveUp() {
        if let number = machine.gaveUp(now: context.loop.now) {
            reader.withdraw(id)
            release(number)
        }
        if let answer { drop(answer) }
        wakeup.signal()
    }

    /// The reader has taken everything that it was given: what was given up is asked for again.
    func readerWaits() {
        machine.readerWaits()
        wakeup.signal()
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
            let encoder = RecordBatchEncoder(
                bytes, stream: session.stream, shard: id, encoding: session.encoding)
            answer = HeldAnswer(bytes, loan: loan, encoder: encoder)
            machine.answered(bytes: bytes.count, now: context.loop.now)
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
                machine.encoded(number: number, records: batch.recordCount, last: last)
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
