import Bytes
import Consumer
import Kinesis
import Logging
import Reactor
import State

/// One child, which runs a shard's record processor: carries out what its `Conversation` decides. Confined to its loop.
final class ShardProcessor: @unchecked Sendable {
    /// What becomes of it, for whoever started it.
    protocol Delegate: AnyObject {
        /// The next batch is wanted; `give` follows.
        func wantsBatch(_ processor: ShardProcessor)
        /// A batch is in the child's standard input whole.
        func took(_ delivery: Delivery)
        /// It has done with a batch, and with everything up to this record; nil: it was given none yet.
        func processed(_ processor: ShardProcessor, through last: Checkpoint?, in time: Duration)
        /// The shard is done so far. Returns once that is stored, or why it is not.
        func store(_ progress: Conversation.Progress, by processor: ShardProcessor) async -> CheckpointFault?
        /// The shard's end has no checkpoint.
        func lacksCheckpoint(_ processor: ShardProcessor)
        /// Nothing is asked of it any more.
        func closed(_ processor: ShardProcessor)
        /// It is being ended; `ended` follows.
        func failed(_ processor: ShardProcessor, _ failure: ProcessorFailure)
        /// Its process is gone. The last that is heard of it.
        func ended(_ processor: ShardProcessor, _ exit: ChildExit)
    }

    private enum Outgoing {
        case line(ByteBuffer)
        case batch(Delivery)
        case end
    }

    /// What a child whose shard is gone has for what it is at, and for `leaseLost`: as long as the engine waits for one whose
    /// shard moves (`processorHandOver`).
    private static let lossGrace = Duration.seconds(30)
    /// What a child has to end once its input is closed, and once it got SIGTERM.
    private static let exitGrace = Duration.seconds(5)
    private static let killGrace = Duration.seconds(5)
    /// A checkpoint is answered within this time, whatever becomes of it: the child stands still meanwhile.
    private static let checkpointPatience = Duration.seconds(5)
    /// From one `shardEnded` that was answered without a checkpoint to the next; doubled each time, up to the last.
    private static let reminders = (first: Duration.seconds(1), last: Duration.seconds(30))
    private static let lineEnd = ByteBuffer("\n")

    let shard: ShardID
    private(set) var conversation: Conversation
    /// Why it is being ended; nil: it is not, or in order.
    private(set) var failure: ProcessorFailure?
    /// Since when the running action runs.
    private(set) var askedOn: EventLoop.Instant
    /// From what it is asked, or from the answer to its checkpoint, to the next that it says.
    private let timeout: Duration?
    /// nil: no empty batches.
    private let emptyBatchInterval: Duration?
    private let loop: EventLoop
    private let log: ChildLog
    private unowned let delegate: any Delegate
    private let lag: () -> Int?
    private var process: ChildProcess?
    private var outbox: [Outgoing] = []
    private var isWriting = false
    /// A batch that came while something else was said.
    private var held: Delivery?
    private var clock: TimerToken?
    private var idleTimer: TimerToken?
    private var exitTimer: TimerToken?
    private var reminder = reminders.first
    /// Of the checkpoint that is being stored: an answer that comes late is nobody's.
    private var checkpoints = 0

    /// Starts a child. Throws `.notStarted`.
    /// - Parameters:
    ///   - emptyBatchInterval: from one empty batch to the next, where the application wants them.
    ///   - lag: milliseconds by which the shard is behind.
    init(
        _ shard: ShardID, at beginning: RecordsReader.Beginning, _ options: ProcessorOptions,
        emptyBatchInterval: Duration, on loop: EventLoop, log: ChildLog, lag: @escaping () -> Int?,
        delegate: any Delegate
    ) throws(ProcessorFailure) {
        self.shard = shard
        timeout = options.timeout
        self.emptyBatchInterval = options.callsForEmptyBatches ? emptyBatchInterval : nil
        self.loop = loop
        self.lag = lag
        self.delegate = delegate
        askedOn = loop.now
        conversation = Conversation(behind: beginning.checkpoint)
        self.log = log
        let child: ChildProcess
        let receiver = Receiver()
        do throws(ChildProcessError) {
            child = try ChildProcess.start(options.command, on: loop) { receiver.hear($0) }
        } catch {
            throw .notStarted("\(options.command[0]): \(error)")
        }
        process = child
        receiver.processor = self
        log.logger.info(
            "a record processor has started",
            metadata: ["shard": "\(shard)", "pid": .stringConvertible(child.pid)])
        let place = beginning.place
        ask(.initialize(shard, sequenceNumber: place.sequenceNumber, subSequenceNumber: place.subSequenceNumber))
    }

    /// Holds the processor for as long as its process is heard of.
    private final class Receiver {
        var processor: ShardProcessor?

        func hear(_ event: ChildProcess.Event) {
            processor?.heard(event)
            if case .ended = event { processor = nil }
        }
    }

    var pid: Int32? { process?.pid }
    var counts: ChildProcess.Counts? { process?.counts }
}

// MARK: - From whoever started it

extension ShardProcessor {
    /// What `wantsBatch` asked for.
    func give(_ delivery: Delivery) {
        if conversation.gave(through: delivery.batch.lastNamed) {
            stopIdling()
            beginAction()
            post(.batch(delivery))
        } else if conversation.course == .batches, conversation.stage != .over {
            held = delivery
        }
    }

    func turns(to course: Conversation.Course) { perform(conversation.turns(to: course)) }

    /// Its shard is gone: it is to end by itself.
    func limitItsEnd() {
        guard exitTimer == nil, conversation.stage != .closing, conversation.stage != .over else { return }
        endsItself(within: Self.lossGrace) { [logger = log.logger, shard] in
            logger.warning(
                "a record processor goes on with a shard that is gone; it is ended", metadata: ["shard": "\(shard)"])
        }
    }

    /// Whatever it is at, its input ends: it is to end by itself.
    func hangUp() {
        conversation.hungUp()
        stopClock()
        stopIdling()
        outbox = []
        process?.closeInput()
    }

    func terminate(grace: Duration) { process?.terminate(grace: grace) }

    func kill() { process?.kill() }
}

// MARK: - What the conversation says

extension ShardProcessor {
    private func perform(_ actions: [Conversation.Action]) {
        for action in actions {
            switch action {
            case .send(.checkpoint(let request, let fault)):
                if let fault { log.refused(request, fault, of: shard) }
                post(.line(MessageToProcessor.checkpoint(request, fault).line))
                if conversation.action != nil, !conversation.isStoring { startClock() }
            case .send(let message): ask(message)
            case .ask: wantBatch()
            case .store(let progress): store(progress)
            case .remind: remind()
            case .closeInput: close()
            case .fail(let failure): fail(failure)
            }
        }
    }

    private func ask(_ message: MessageToProcessor) {
        stopIdling()
        beginAction()
        post(.line(message.line))
    }

    private func beginAction() {
        askedOn = loop.now
        startClock()
    }

    private func wantBatch() {
        if let held {
            self.held = nil
            return give(held)
        }
        delegate.wantsBatch(self)
        // A checkpoint that came in between has it ask once more.
        stopIdling()
        guard let interval = emptyBatchInterval else { return }
        idleTimer = loop.schedule(after: interval) { [weak self] in
            guard let self else { return }
            perform(conversation.gaveNothing(millisBehindLatest: lag() ?? 0))
        }
    }

    private func stopIdling() {
        if let idleTimer { loop.cancel(idleTimer) }
        idleTimer = nil
    }

    private func startClock() {
        stopClock()
        guard let timeout else { return }
        clock = loop.schedule(after: timeout) { [weak self] in
            guard let self else { return }
            perform(conversation.timedOut())
        }
    }

    private func stopClock() {
        if let clock { loop.cancel(clock) }
        clock = nil
    }

    private func store(_ progress: Conversation.Progress) {
        checkpoints += 1
        let number = checkpoints
        let timer = loop.schedule(after: Self.checkpointPatience) { [weak self] in
            self?.stored(number, .throttling)
        }
        loop.spawn { [self] in
            let fault = await delegate.store(progress, by: self)
            loop.cancel(timer)
            stored(number, fault)
        }
    }

    private func stored(_ number: Int, _ fault: CheckpointFault?) {
        guard number == checkpoints, conversation.isStoring else { return }
        perform(conversation.checkpointed(fault))
    }

    private func remind() {
        delegate.lacksCheckpoint(self)
        let pause = reminder
        reminder = min(reminder * 2, Self.reminders.last)
        idleTimer = loop.schedule(after: pause) { [weak self] in
            guard let self else { return }
            perform(conversation.asksAgain())
        }
    }

    private func close() {
        stopClock()
        stopIdling()
        post(.end)
        endsItself(within: Self.exitGrace) { [logger = log.logger, shard] in
            logger.warning(
                "a record processor does not end with its input; it is ended", metadata: ["shard": "\(shard)"])
        }
        delegate.closed(self)
    }

    private func endsItself(within grace: Duration, orElse tell: @escaping () -> Void) {
        if let exitTimer { loop.cancel(exitTimer) }
        exitTimer = loop.schedule(after: grace) { [weak self] in
            tell()
            self?.process?.terminate(grace: Self.killGrace)
        }
    }

    private func fail(_ failure: ProcessorFailure) {
        stopClock()
        stopIdling()
        held = nil
        outbox = []
        self.failure = failure
        process?.closeInput()
        process?.terminate(grace: Self.killGrace)
        delegate.failed(self, failure)
    }
}

// MARK: - Its standard input

extension ShardProcessor {
    private func post(_ outgoing: Outgoing) {
        outbox.append(outgoing)
        guard !isWriting else { return }
        isWriting = true
        loop.spawn { await self.write() }
    }

    private func write() async {
        defer { isWriting = false }
        while !outbox.isEmpty {
            let next = outbox.removeFirst()
            do throws(SystemError) {
                try await write(next)
            } catch {
                // Its end says more, where it has ended.
                await loop.nextTurn()
                perform(conversation.ended(.closedInput))
                return
            }
        }
    }

    private func write(_ outgoing: Outgoing) async throws(SystemError) {
        switch outgoing {
        case .line(let line):
            try await process?.write([line])
        case .batch(let delivery):
            try await process?.write([delivery.batch.payload, Self.lineEnd])
            delegate.took(delivery)
        case .end: process?.closeInput()
        }
    }
}

// MARK: - What is heard of it

extension ShardProcessor {
    private func heard(_ event: ChildProcess.Event) {
        switch event {
        case .line(let line): read(line)
        case .overlongLine(let bytes): log.overlongLine(bytes: bytes, of: shard)
        case .errorLine(let line, let lost): log.errorLine(line, lost: lost, of: shard, pid: pid ?? 0)
        case .outputClosed: perform(conversation.ended(.closedOutput))
        case .ended(let exit): end(exit)
        }
    }

    private func read(_ line: [UInt8]) {
        let message = MessageFromProcessor(line: line)
        if message == .noise, !line.isEmpty { log.noise(line, of: shard, pid: pid ?? 0) }
        if outbox.count > Conversation.mostUnanswered { return perform(conversation.overran()) }
        let before = conversation.stage
        let actions = conversation.received(message)
        // While a checkpoint is being stored the child waits, and not we for it.
        if conversation.isStoring || conversation.action == nil { stopClock() }
        if conversation.stage != before, before == .asked(.processRecords), conversation.stage != .over {
            delegate.processed(self, through: conversation.delivered, in: loop.now - askedOn)
        }
        perform(actions)
    }

    private func end(_ exit: ChildExit) {
        stopClock()
        stopIdling()
        if let exitTimer { loop.cancel(exitTimer) }
        perform(conversation.ended(.ended("\(exit)")))
        outbox = []
        delegate.ended(self, exit)
    }
}

extension RecordsReader.Beginning {
    /// As the protocol names it in `initialize`.
    fileprivate var place: (sequenceNumber: String, subSequenceNumber: Int) {
        if let checkpoint, !checkpoint.isBeforeRecord {
            return (checkpoint.sequenceNumber.text, checkpoint.subSequenceNumber ?? 0)
        }
        switch initial {
        case .trimHorizon: return ("TRIM_HORIZON", 0)
        case .latest: return ("LATEST", 0)
        case .atTimestamp: return ("AT_TIMESTAMP", 0)
        case .atSequenceNumber(let number), .afterSequenceNumber(let number): return (number.text, 0)
        }
    }
}
