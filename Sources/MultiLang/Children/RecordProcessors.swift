import Consumer
import Kinesis
import Logging
import Reactor
import State

/// One application of record processors: a reader of its consumer, and a child for each shard that the reader has. Confined to its
/// loop.
///
/// `ChildPlan` decides; here its facts are gathered and its actions carried out.
package final class RecordProcessors: @unchecked Sendable {
    /// What has come of a shard's children so far.
    struct History {
        var batches = 0
        var processingTime = Duration.zero
        var lastCheckpoint: Checkpoint?
        var lastFailure: String?
    }

    /// From one try to read to the next.
    private static let pauses = (first: Duration.seconds(1), last: Duration.seconds(10))
    /// What children have at the end between the end of their input and SIGTERM, and then SIGKILL.
    private static let exitGrace = Duration.seconds(2)
    /// What they have behind `shutdownGrace` before SIGKILL.
    package static let timeToEnd = exitGrace * 2

    package let options: ProcessorOptions
    /// As it is read: checkpoints and pace are the processors'.
    private let named: NamedOptions
    let group: String
    private let consumers: ConsumerRegistry
    let loop: EventLoop
    private let logger: Logger
    private let log: ChildLog
    private let changed: Gate
    private(set) var stream: StreamName
    private var reader: RecordsReader?
    /// What all children have been sent: to the delivery log they are one reader, of which the newest event ends furthest on.
    private var sentBytes = 0
    private(set) var plan: ChildPlan
    /// The shards' children whose processes are there.
    private(set) var processors: [ShardID: ShardProcessor] = [:]
    private var pauses: [ShardID: TimerToken] = [:]
    private(set) var histories: [ShardID: History] = [:]
    private var task: Task<Void, Never>?
    /// From when on no child is started any more, and until when they may run; nil: nobody has said so.
    private var drainDeadline: EventLoop.Instant?

    package init(_ options: ProcessorOptions, consumers: ConsumerRegistry, on loop: EventLoop) {
        self.options = options
        let named = options.options.ofProcessors
        self.named = named
        group = named.items.first { $0.name == "consumerGroup" }?.text ?? consumers.defaultGroup
        self.consumers = consumers
        self.loop = loop
        stream = options.stream
        plan = ChildPlan(maxRestarts: options.maxChildRestarts)
        changed = Gate(loop: loop)
        var logger = Logger(label: "processor")
        logger[metadataKey: "stream"] = "\(options.stream)"
        logger[metadataKey: "consumerGroup"] = "\(group)"
        self.logger = logger
        log = ChildLog(logger, on: loop)
    }

    package func start() {
        loop.preconditionOnLoop()
        guard task == nil else { return }
        consumers.start(options.stream, named)
        logger.notice("record processors run", metadata: ["command": "\(options.command.joined(separator: " "))"])
        task = loop.spawn { await self.run() }
    }

    /// Lets every child checkpoint once more and end. Returns when they have, or were killed, or at the deadline. Whoever says it
    /// again joins, with the nearer of the two deadlines.
    package func drain(deadline: EventLoop.Instant) async {
        loop.preconditionOnLoop()
        let isFirst = drainDeadline == nil
        drainDeadline = min(drainDeadline ?? deadline, deadline)
        if isFirst {
            if let reader { reader.leave() } else { task?.cancel() }
        }
        changed.open()
        let timer = loop.schedule(at: deadline) { [changed] in changed.open() }
        defer { loop.cancel(timer) }
        try? await changed.wait(while: { task != nil && loop.now < deadline })
    }

    /// Ends every child at once.
    package func kill() {
        for processor in processors.values { processor.kill() }
    }

    // MARK: Reading

    private func run() async {
        var pause = Self.pauses.first
        while drainDeadline == nil {
            do throws(ConsumerError) {
                stream = try await consumers.identify(options.stream)
                let reader = try await consumers.attach(stream, named, format: .processRecords)
                pause = Self.pauses.first
                await follow(reader)
            } catch .shuttingDown {
                // POST /drain: no reader comes any more.
                break
            } catch {
                if drainDeadline == nil, error != .stopped {
                    logger.warning(
                        "record processors cannot run yet; it is tried again", metadata: ["error": "\(error)"])
                }
            }
            guard drainDeadline == nil else { break }
            // A consumer that was stopped is started by somebody again.
            try? await loop.sleep(for: pause)
            pause = min(pause * 2, Self.pauses.last)
        }
        task = nil
        changed.open()
    }

    private func follow(_ reader: RecordsReader) async {
        self.reader = reader
        plan.readmit()
        while let event = await reader.next() {
            switch event {
            // Of a child that failed, or of a shard that goes, meanwhile the batch comes again.
            case .records(let delivery):
                if plan.slots[delivery.shard] == .works { processors[delivery.shard]?.give(delivery) }
            case .shard(let notice): take(notice)
            case .problem(let problem):
                logger.warning(
                    "reading has a problem",
                    metadata: ["error": "\(problem)", "shard": "\(problem.shard.map { "\($0)" } ?? "none")"])
            }
        }
        await dismissAll()
        self.reader = nil
        reader.detach(.orderly)
    }

    private func take(_ notice: ShardNotice) {
        let shard = notice.shard
        switch notice.change {
        case .assigned: perform(plan.assigned(shard))
        case .leaving: perform(plan.leaving(shard))
        case .ending: perform(plan.ending(shard))
        case .revoked:
            perform(plan.goes(shard))
            reader?.problems[shard] = nil
        case .depleted:
            perform(plan.depleted(shard))
            histories[shard] = nil
            reader?.problems[shard] = nil
        }
    }

    // MARK: What the plan says

    private func perform(_ actions: [ChildPlan.Action]) {
        for action in actions {
            switch action {
            case .start(let shard): start(shard)
            case .turn(let shard, let course): processors[shard]?.turns(to: course)
            case .limit(let shard): processors[shard]?.limitItsEnd()
            case .hangUp(let shard): processors[shard]?.hangUp()
            case .pause(let shard, let time): pause(shard, for: time)
            case .stopPause(let shard):
                if let timer = pauses.removeValue(forKey: shard) { loop.cancel(timer) }
            case .giveUp(let shard, let absence): giveUp(shard, for: absence)
            case .letGo(let shard): reader?.letGo(shard)
            }
        }
    }

    private func start(_ shard: ShardID) {
        guard let reader, let beginning = reader.beginning(of: shard) else {
            // It has gone meanwhile, which is told next.
            return perform(plan.ended(shard))
        }
        do throws(ProcessorFailure) {
            // One failure is over with the next child, a row of them with a batch that none has done before.
            if plan.restarts[shard]?.failuresInRow ?? 0 > 1 { tellFailures(of: shard) }
            processors[shard] = try ShardProcessor(
                shard, at: beginning, options, emptyBatchInterval: reader.noRecordsPollDelay, on: loop, log: log,
                lag: { [weak reader] in reader?.lag(of: shard) }, delegate: self)
        } catch {
            histories[shard, default: History()].lastFailure = "\(error)"
            perform(plan.notStarted(shard))
        }
    }

    private func pause(_ shard: ShardID, for time: Duration) {
        if plan.slots[shard] != .pauses(.leftToOthers) {
            logger.error(
                "a record processor failed; another one is started",
                metadata: [
                    "shard": "\(shard)", "error": "\(histories[shard]?.lastFailure ?? "")",
                    "failuresInRow": .stringConvertible(plan.restarts[shard]?.failuresInRow ?? 0),
                    "milliseconds": .stringConvertible(time.wholeMilliseconds),
                ])
        }
        tellFailures(of: shard)
        pauses[shard] = loop.schedule(after: time) { [weak self] in
            guard let self else { return }
            pauses[shard] = nil
            perform(plan.pauseOver(shard))
        }
    }

    private func tellFailures(of shard: ShardID) {
        let failures = plan.restarts[shard]?.failuresInRow ?? 0
        let reason = histories[shard]?.lastFailure ?? ""
        reader?.problems[shard] = "its record processor failed \(failures) times in a row: \(reason)"
    }

    private func giveUp(_ shard: ShardID, for absence: Duration) {
        let reason = histories[shard]?.lastFailure ?? ""
        let isForOthers = reader?.giveUp(shard, for: absence, because: reason) ?? false
        if isForOthers {
            logger.error(
                "record processors fail one after the other; the shard is for another host now",
                metadata: ["shard": "\(shard)", "error": "\(reason)"])
        }
        perform(plan.gaveUp(shard, for: absence, isForOthers: isForOthers))
    }

    // MARK: The end

    /// Every child may checkpoint once more and ends. Returns when they are gone.
    private func dismissAll() async {
        perform(plan.dismiss(asks: options.shutdownGrace > .zero))
        await waitForEnds(within: options.shutdownGrace)
        if !processors.isEmpty { logger.warning("record processors did not end in time; their input ends") }
        for processor in processors.values { processor.hangUp() }
        await waitForEnds(within: Self.exitGrace)
        for processor in processors.values { processor.terminate(grace: Self.exitGrace) }
        await waitForEnds(within: Self.exitGrace * 2)
        kill()
        // What got SIGKILL is gone at once, but for what the kernel itself holds up.
        await waitForEnds(within: Self.exitGrace, heedsDrain: false)
    }

    private func waitForEnds(within time: Duration, heedsDrain: Bool = true) async {
        let latest = loop.now + time
        var end: EventLoop.Instant { heedsDrain ? min(latest, drainDeadline ?? latest) : latest }
        while !processors.isEmpty, loop.now < end { try? await changed.wait(until: end) }
    }
}

// MARK: - From the children

extension RecordProcessors: ShardProcessor.Delegate {
    func wantsBatch(_ processor: ShardProcessor) {
        if plan.slots[processor.shard] == .works { reader?.ask(for: processor.shard) }
    }

    func took(_ delivery: Delivery) {
        sentBytes += delivery.batch.payload.count
        reader?.settle(delivery, sentBytes: sentBytes)
    }

    func processed(_ processor: ShardProcessor, through last: Checkpoint?, in time: Duration) {
        let shard = processor.shard
        if let last { plan.succeeded(shard, through: last) }
        histories[shard, default: History()].batches += 1
        histories[shard, default: History()].processingTime += time
        // Of a row that goes on the problem stays.
        if plan.slots[shard] == .works, plan.restarts[shard]?.failuresInRow ?? 0 < 2 { reader?.problems[shard] = nil }
    }

    func store(_ progress: Conversation.Progress, by processor: ShardProcessor) async -> CheckpointFault? {
        let shard = processor.shard
        do throws(ConsumerError) {
            switch progress {
            case .record(let checkpoint): try await acknowledge(checkpoint, of: shard)
            case .shardEnd(let checkpoint):
                if let checkpoint { try await acknowledgeEnd(checkpoint, of: shard) }
                // One that began anew meanwhile comes to its end once more.
                guard try await consumers.confirmEnd(of: shard, stream, group: group) else { return .throttling }
            }
            return nil
        } catch {
            let fault = error.asFault
            log.notStored(error, fault, of: shard)
            return fault
        }
    }

    private func acknowledgeEnd(_ checkpoint: Checkpoint, of shard: ShardID) async throws(ConsumerError) {
        do throws(ConsumerError) {
            try await acknowledge(checkpoint, of: shard)
        } catch .checkpointBehind {
            // The shard is done further than the processor can say.
        }
    }

    private func acknowledge(_ checkpoint: Checkpoint, of shard: ShardID) async throws(ConsumerError) {
        _ = try await consumers.acknowledge(stream, group: group, .record(shard, checkpoint), isForced: false)
        histories[shard, default: History()].lastCheckpoint = checkpoint
    }

    func lacksCheckpoint(_ processor: ShardProcessor) {
        guard plan.slots[processor.shard] == .works else { return }
        let problem =
            "its record processor answered shardEnded without a checkpoint; it is asked again, and the children wait"
        if reader?.problems.updateValue(problem, forKey: processor.shard) == problem { return }
        logger.error(
            "a record processor answered shardEnded without a checkpoint: the shard's children wait",
            metadata: ["shard": "\(processor.shard)"])
    }

    func closed(_ processor: ShardProcessor) { perform(plan.closed(processor.shard)) }

    func failed(_ processor: ShardProcessor, _ failure: ProcessorFailure) {
        let shard = processor.shard
        if !plan.failed(shard) { tellLast(failure, of: shard) }
    }

    /// No other child follows it here.
    private func tellLast(_ failure: ProcessorFailure, of shard: ShardID) {
        logger.warning(
            "a record processor failed at its end", metadata: ["shard": "\(shard)", "error": "\(failure)"])
    }

    func ended(_ processor: ShardProcessor, _ exit: ChildExit) {
        let shard = processor.shard
        logger.info("a record processor is gone", metadata: ["shard": "\(shard)", "exit": "\(exit)"])
        processors[shard] = nil
        if case .fails(let isLeaving)? = plan.slots[shard], let failure = processor.failure {
            histories[shard, default: History()].lastFailure = failure.text(exit)
            if isLeaving { tellLast(failure, of: shard) }
        }
        perform(plan.ended(shard))
        changed.open()
    }
}

extension ConsumerError {
    /// As the client libraries know it.
    fileprivate var asFault: CheckpointFault {
        switch self {
        case .shardsNotHeld, .leaseLost, .unknownShard, .checkpointBeforeSeek, .shuttingDown, .stopped, .cancelled,
            .streamMissing, .unknownGroup:
            .shutdown
        case .checkpointBehind, .checkpointAhead, .unknownSequenceNumber: .illegalArgument
        default: .throttling
        }
    }
}

extension NamedOptions {
    /// What record processors do by themselves, whatever the configuration says for all consumers.
    private static let fixed = [("useAutoCheckpoints", "false"), ("usePausedPolling", "false")]

    /// The same for record processors.
    fileprivate var ofProcessors: NamedOptions {
        let pairs = items.map { ($0.name, $0.text) }.filter { pair in !Self.fixed.contains { $0.0 == pair.0 } }
        guard let named = try? NamedOptions(pairs + Self.fixed, from: .configuration) else {
            preconditionFailure("options that were checked are refused with those of record processors")
        }
        return named
    }
}
