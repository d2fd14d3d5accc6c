import Consumer
import Kinesis
import Logging
import Reactor
import State

/// One application of record processors: a reader of its consumer, and a child for each shard that the reader has. Confined to its
/// loop.
///
/// What the reader is told of its shards, and what children come to, meets in `slots`: what each shard is at here.
package final class RecordProcessors: @unchecked Sendable {
    /// What a shard is at here.
    enum Slot {
        case works(ShardProcessor)
        /// Its child failed and is being ended; a pause follows.
        case fails(ShardProcessor)
        /// Until the timer fires no child runs. `isGivenUp`: too many have failed one after the other.
        case pauses(TimerToken, isGivenUp: Bool)
        /// Its child ends. `isOurs`: another one begins then.
        case leaves(ShardProcessor, isOurs: Bool)

        var processor: ShardProcessor? {
            switch self {
            case .works(let processor), .fails(let processor), .leaves(let processor, _): processor
            case .pauses: nil
            }
        }
    }

    /// What has come of a shard's children so far.
    struct History {
        var plan: RestartPlan
        var batches = 0
        var processingTime = Duration.zero
        var lastCheckpoint: Checkpoint?
        var lastFailure: String?
    }

    /// From one try to read to the next.
    private static let pauses = (first: Duration.seconds(1), last: Duration.seconds(10))
    /// What children have at the end between the end of their input and SIGTERM, and then SIGKILL.
    private static let exitGrace = Duration.seconds(2)
    /// Bytes of a batch's records, where nobody says so: what one turn of the loop encodes.
    private static let batchBytes = 256 << 10

    package let options: ProcessorOptions
    /// As it is read: without automatic checkpoints.
    private let named: NamedOptions
    let group: String
    private let consumers: ConsumerRegistry
    let loop: EventLoop
    private let logger: Logger
    private let changed: Gate
    private(set) var stream: StreamName
    private var reader: RecordsReader?
    /// What all children have been sent: to the delivery log they are one reader, of which the newest event ends furthest on.
    private var sentBytes = 0
    private(set) var slots: [ShardID: Slot] = [:]
    private(set) var histories: [ShardID: History] = [:]
    private var task: Task<Void, Never>?
    /// From when on no child is started any more, and until when they may run; nil: nobody has said so.
    private var drainDeadline: EventLoop.Instant?

    package init(_ options: ProcessorOptions, consumers: ConsumerRegistry, on loop: EventLoop) {
        self.options = options
        let named = options.options.ofProcessors(batchBytes: Self.batchBytes)
        self.named = named
        group = named.items.first { $0.name == "consumerGroup" }?.text ?? consumers.defaultGroup
        self.consumers = consumers
        self.loop = loop
        stream = options.stream
        changed = Gate(loop: loop)
        var logger = Logger(label: "processor")
        logger[metadataKey: "stream"] = "\(options.stream)"
        logger[metadataKey: "group"] = "\(group)"
        self.logger = logger
    }

    package func start() {
        loop.preconditionOnLoop()
        guard task == nil else { return }
        consumers.start(options.stream, named)
        logger.notice("record processors run", metadata: ["command": "\(options.command.joined(separator: " "))"])
        task = loop.spawn { await self.run() }
    }

    /// Lets every child checkpoint once more and end. Returns when they have, or were killed at the deadline.
    package func drain(deadline: EventLoop.Instant) async {
        loop.preconditionOnLoop()
        guard task != nil, drainDeadline == nil else { return }
        drainDeadline = deadline
        if let reader { reader.leave() } else { task?.cancel() }
        changed.open()
        try? await changed.wait(while: { task != nil })
    }

    /// Ends every child at once.
    package func kill() {
        for slot in slots.values { slot.processor?.kill() }
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
            } catch {
                if drainDeadline == nil, error != .stopped {
                    logger.warning("record processors cannot run yet; it is tried again", metadata: ["error": "\(error)"])
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
        while let event = await reader.next() {
            switch event {
            case .records(let delivery): take(delivery)
            case .shard(let notice): take(notice)
            case .problem(let problem): logger.warning("reading has a problem", metadata: ["problem": "\(problem)"])
            }
        }
        await dismissAll()
        self.reader = nil
        reader.detach(.orderly)
    }

    private func take(_ delivery: Delivery) {
        // Of a child that failed meanwhile the batch comes again.
        if case .works(let processor) = slots[delivery.shard] { processor.give(delivery) }
    }

    private func take(_ notice: ShardNotice) {
        let shard = notice.shard
        switch notice.change {
        case .assigned: assigned(shard)
        case .leaving:
            if case .works(let processor) = slots[shard] { processor.turns(to: .leave) } else { reader?.letGo(shard) }
        case .ending:
            if case .works(let processor) = slots[shard] { processor.turns(to: .shardEnd) }
        case .revoked: goes(shard)
        case .depleted:
            goes(shard)
            histories[shard] = nil
            reader?.problems[shard] = nil
        }
    }

    private func assigned(_ shard: ShardID) {
        switch slots[shard] {
        case nil: start(shard)
        case .leaves(let processor, _): slots[shard] = .leaves(processor, isOurs: true)
        case .works, .fails, .pauses: break
        }
    }

    /// The shard is not ours any more, or begins anew.
    private func goes(_ shard: ShardID) {
        switch slots[shard] {
        case nil: break
        case .works(let processor):
            slots[shard] = .leaves(processor, isOurs: false)
            if !processor.conversation.hasFinished { processor.turns(to: .lost) }
        case .fails(let processor), .leaves(let processor, _): slots[shard] = .leaves(processor, isOurs: false)
        case .pauses(let timer, let isGivenUp):
            loop.cancel(timer)
            slots[shard] = nil
            if isGivenUp { histories[shard]?.plan.begunAnew() }
        }
    }

    // MARK: Children

    private func start(_ shard: ShardID) {
        guard drainDeadline == nil, let reader, let beginning = reader.beginning(of: shard) else { return }
        do throws(ProcessorFailure) {
            slots[shard] = .works(
                try ShardProcessor(
                    shard, at: beginning, options, emptyBatchInterval: emptyBatchInterval, on: loop, logger: logger,
                    lag: { [weak reader] in reader?.lag(of: shard) }, delegate: self))
        } catch {
            pause(shard, because: "\(error)")
        }
        if histories[shard] == nil {
            histories[shard] = History(plan: RestartPlan(maxRestarts: options.maxChildRestarts))
        }
    }

    private var emptyBatchInterval: Duration {
        named.applied(to: ConsumerOptions()).noRecordsPollDelay
    }

    /// A child has failed and is gone: another one follows, or the shard is given up.
    private func pause(_ shard: ShardID, because reason: String) {
        guard drainDeadline == nil else { return slots[shard] = nil }
        var history = histories[shard] ?? History(plan: RestartPlan(maxRestarts: options.maxChildRestarts))
        let step = history.plan.failed()
        history.lastFailure = reason
        histories[shard] = history
        var metadata: Logger.Metadata = [
            "shard": "\(shard)", "error": "\(reason)", "failuresInRow": .stringConvertible(history.plan.failuresInRow),
        ]
        switch step {
        case .restart(let after):
            metadata["milliseconds"] = .stringConvertible(after.wholeMilliseconds)
            logger.error("a record processor failed; another one is started", metadata: metadata)
            waitToRestart(shard, for: after, isGivenUp: false)
        case .giveUp(let absence):
            let isForOthers = reader?.giveUp(shard, for: absence) ?? false
            logger.error(
                isForOthers
                    ? "record processors fail one after the other; the shard is given up, so that another host may try"
                    : "record processors fail one after the other, and nobody else could try; another one is started later",
                metadata: metadata)
            waitToRestart(shard, for: absence, isGivenUp: true)
        }
        reader?.problems[shard] = "its record processor failed \(history.plan.failuresInRow) times in a row: \(reason)"
    }

    private func waitToRestart(_ shard: ShardID, for pause: Duration, isGivenUp: Bool) {
        let timer = loop.schedule(after: pause) { [weak self] in
            guard let self else { return }
            histories[shard]?.plan.restarted()
            // The engine says that the shard has gone and come again: from its checkpoint on.
            reader?.letGo(shard)
        }
        slots[shard] = .pauses(timer, isGivenUp: isGivenUp)
    }

    // MARK: The end

    /// Every child may checkpoint once more and ends. Returns when they are gone.
    private func dismissAll() async {
        let end = drainDeadline ?? loop.now + options.shutdownGrace + Self.exitGrace * 3
        for (shard, slot) in slots {
            switch slot {
            case .works(let processor):
                slots[shard] = .leaves(processor, isOurs: false)
                if options.shutdownGrace > .zero { processor.turns(to: .leave) } else { processor.hangUp() }
            case .fails(let processor), .leaves(let processor, _): slots[shard] = .leaves(processor, isOurs: false)
            case .pauses(let timer, _):
                loop.cancel(timer)
                slots[shard] = nil
            }
        }
        await waitForEnds(until: min(loop.now + options.shutdownGrace, end))
        if !slots.isEmpty { logger.warning("record processors did not end in time; their input ends") }
        for slot in slots.values { slot.processor?.hangUp() }
        await waitForEnds(until: min(loop.now + Self.exitGrace, end))
        for slot in slots.values { slot.processor?.terminate(grace: Self.exitGrace) }
        await waitForEnds(until: min(loop.now + Self.exitGrace * 2, end))
        kill()
        // What got SIGKILL is gone at once, but for what the kernel itself holds up.
        await waitForEnds(until: loop.now + Self.exitGrace)
        slots = [:]
    }

    private func waitForEnds(until deadline: EventLoop.Instant) async {
        while !slots.isEmpty, loop.now < deadline { try? await changed.wait(until: deadline) }
    }
}

// MARK: - From the children

extension RecordProcessors: ShardProcessor.Delegate {
    func wantsBatch(_ processor: ShardProcessor) {
        if isAtWork(processor) { reader?.ask(for: processor.shard) }
    }

    func took(_ delivery: Delivery) {
        sentBytes += delivery.batch.payload.count
        reader?.settle(delivery, sentBytes: sentBytes)
    }

    func processed(_ processor: ShardProcessor, in time: Duration) {
        histories[processor.shard]?.plan.succeeded()
        histories[processor.shard]?.batches += 1
        histories[processor.shard]?.processingTime += time
        if isAtWork(processor) { reader?.problems[processor.shard] = nil }
    }

    func store(_ checkpoint: Checkpoint, by processor: ShardProcessor) async -> CheckpointFault? {
        do throws(ConsumerError) {
            try await acknowledge(checkpoint, of: processor.shard)
            return nil
        } catch {
            return fault(error, "a checkpoint is not stored", processor)
        }
    }

    func finish(_ checkpoint: Checkpoint?, by processor: ShardProcessor) async -> CheckpointFault? {
        do throws(ConsumerError) {
            if let checkpoint { try await acknowledge(checkpoint, of: processor.shard) }
        } catch .checkpointBehind {
            // The shard is done further than the processor can say.
        } catch {
            return fault(error, "a shard's last checkpoint is not stored", processor)
        }
        do throws(ConsumerError) {
            try await consumers.confirmEnd(of: processor.shard, stream, group: group)
            return nil
        } catch {
            return fault(error, "a shard's end is not stored", processor)
        }
    }

    private func acknowledge(_ checkpoint: Checkpoint, of shard: ShardID) async throws(ConsumerError) {
        _ = try await consumers.acknowledge(stream, group: group, .record(shard, checkpoint), isForced: false)
        histories[shard]?.lastCheckpoint = checkpoint
    }

    private func fault(
        _ error: ConsumerError, _ message: Logger.Message, _ processor: ShardProcessor
    ) -> CheckpointFault {
        logger.warning(message, metadata: ["shard": "\(processor.shard)", "error": "\(error)"])
        return error.asFault
    }

    func lacksCheckpoint(_ processor: ShardProcessor) {
        let problem = "its record processor answered shardEnded without a checkpoint; it is asked again, and the children wait"
        if reader?.problems.updateValue(problem, forKey: processor.shard) == problem { return }
        logger.error(
            "a record processor answered shardEnded without a checkpoint: the shard's children wait",
            metadata: ["shard": "\(processor.shard)"])
    }

    func closed(_ processor: ShardProcessor) {
        // It was asked to leave, and has: the shard moves, or begins anew where it stays after all.
        if isAtWork(processor) { reader?.letGo(processor.shard) }
    }

    func failed(_ processor: ShardProcessor, _ failure: ProcessorFailure) {
        let shard = processor.shard
        guard isAtWork(processor) else {
            logger.warning(
                "a record processor failed at its end", metadata: ["shard": "\(shard)", "error": "\(failure)"])
            return
        }
        slots[shard] = .fails(processor)
        histories[shard]?.lastFailure = "\(failure)"
    }

    func ended(_ processor: ShardProcessor, _ exit: ChildExit) {
        let shard = processor.shard
        logger.info("a record processor is gone", metadata: ["shard": "\(shard)", "exit": "\(exit)"])
        guard slots[shard]?.processor === processor else { return }
        switch slots[shard] {
        case .fails: pause(shard, because: histories[shard]?.lastFailure ?? "the child \(exit)")
        case .leaves(_, isOurs: true):
            slots[shard] = nil
            start(shard)
        case .works, .leaves, .pauses, nil: slots[shard] = nil
        }
        changed.open()
    }

    private func isAtWork(_ processor: ShardProcessor) -> Bool {
        if case .works(let working) = slots[processor.shard] { working === processor } else { false }
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
    /// The same for record processors: checkpoints are theirs, and batches as long as may be where nobody says how long.
    fileprivate func ofProcessors(batchBytes: Int) -> NamedOptions {
        var pairs = items.map { ($0.name, $0.text) }
        pairs.removeAll { $0.0 == "useAutoCheckpoints" }
        pairs.append(("useAutoCheckpoints", "false"))
        if !pairs.contains(where: { $0.0 == "maxEventBytes" }) { pairs.append(("maxEventBytes", "\(batchBytes)")) }
        guard let named = try? NamedOptions(pairs, from: .configuration) else {
            preconditionFailure("options that were checked are refused with useAutoCheckpoints=false")
        }
        return named
    }
}
