import AWS
import Kinesis
import Logging
import Reactor
import State

/// The time in which a consumer has a reader: its shards' tasks, and the look-out for new shards. Confined to its loop.
///
/// Shards are divided among readers here; in this version there is one reader, which has them all.
final class ReadingSession: @unchecked Sendable {
    let stream: StreamName
    let options: ConsumerOptions
    let holder: BufferBudget.Holder
    let logger: Logger
    let counters: ConsumerCounters
    private(set) var reader: RecordsReader!
    private(set) var positions: Positions
    /// Why new shards cannot be looked for, nil while they can.
    private(set) var problem: String?

    private let context: EngineContext
    private let onEnd: () -> Void
    private let news: Wakeup
    private var tasks: [ShardID: ShardTask] = [:]
    private var lookout: Task<Void, Never>?
    private var seeds = SystemRandomNumberGenerator()
    private var isEnding = false

    /// - Parameter onEnd: called once, when the reader has detached.
    init(
        readerID: String, key: ConsumerKey, options: ConsumerOptions, positions: Positions, counters: ConsumerCounters,
        context: EngineContext, logger: Logger, onEnd: @escaping () -> Void
    ) {
        stream = key.stream
        self.options = options
        self.positions = positions
        self.counters = counters
        self.context = context
        self.logger = logger
        self.onEnd = onEnd
        holder = context.budget.newHolder()
        news = Wakeup(loop: context.loop)
        reader = RecordsReader(
            id: readerID, stream: key.stream, group: key.group, session: self, loop: context.loop)
    }

    var encoding: RecordEncoding { RecordEncoding(shouldParseJSON: options.shouldParseJSON) }

    var assignment: [ShardID] { tasks.keys.sorted() }

    func task(of shard: ShardID) -> ShardTask? { tasks[shard] }

    func start() {
        startReadable()
        lookout = context.loop.spawn { await self.lookOut() }
    }

    /// No batch is given out any more; what was given out may still be settled until the reader detaches.
    func end() {
        isEnding = true
        stopTasks()
        lookout?.cancel()
        news.signal()
        reader.end()
    }

    /// As `end`, because somebody has stopped the consumer.
    func stop() {
        reader.endReason = .stopped
        end()
    }

    // MARK: From the reader

    func settled(_ delivery: Delivery) {
        // A batch of an earlier stream of this name says nothing about the new one's shard of the same name.
        counters[delivery.shard].delivered(delivery.batch, at: .now())
        guard tasks[delivery.shard] === delivery.origin, let checkpoint = delivery.origin.settled(delivery.number)
        else { return }
        positions.settled(delivery.shard, checkpoint)
    }

    func detached(_ ending: RecordsReader.Ending) {
        end()
        for task in tasks.values {
            if let iterator = task.machine.iteratorToKeep { positions.keep(iterator, at: task.id) }
        }
        tasks.removeAll()
        logger.debug("reader detached", metadata: ["reader": "\(reader.id)", "ending": "\(ending)"])
        onEnd()
    }

    // MARK: From the shards

    func ended(_ task: ShardTask, _ children: [ChildShard]) {
        logger.info("shard read to its end", metadata: ["shard": "\(task.id)", "children": "\(children.count)"])
        positions.depleted(task.id, children: children)
        tasks[task.id] = nil
        startReadable()
        // The listing may know of children that the answer did not name.
        lookAgain()
    }

    func checkpointRefused(_ task: ShardTask) {
        positions.checkpointRefused(task.id)
    }

    /// The stream may not be what it was: look now instead of at the next round.
    func lookAgain() {
        news.signal()
    }

    // MARK: Tasks

    private func startReadable() {
        guard !isEnding else { return }
        for id in positions.book.readable where tasks[id] == nil {
            let machine = ShardReader(
                settings: .init(options), position: positions.book.position(of: id),
                initial: positions.book.start(of: id), iterator: positions.takeIterator(of: id),
                seed: seeds.next(), now: context.loop.now)
            let task = ShardTask(id, machine, session: self, context: context)
            tasks[id] = task
            task.start()
        }
    }

    private func stopTasks() {
        for task in tasks.values { task.stop() }
    }
}

// MARK: Looking for new shards

extension ReadingSession {
    /// The pause between two listings. A shard's end is told by its own last answer; this finds the shards of a
    /// reshard whose parents were trimmed, and streams that were made anew.
    static let listingInterval: Duration = .seconds(30)
    /// The least pause, also when the shards ask for a look.
    static let leastPause: Duration = .milliseconds(500)
    static let failurePause = Backoff(first: .seconds(1), longest: .seconds(30))

    private func lookOut() async {
        var failures = 0
        var random = SplitMix64(seed: seeds.next())
        while !isEnding {
            let pause =
                failures == 0
                ? Self.listingInterval : Self.failurePause.delay(failures: failures, random: random.fraction())
            await news.wait(until: context.loop.now + pause)
            if isEnding { return }
            failures = await look() ? 0 : failures + 1
            // Signals that come in this pause are answered by one look.
            try? await context.loop.sleep(for: Self.leastPause)
        }
    }

    /// Returns whether the service answered.
    private func look() async -> Bool {
        do throws(AWSError) {
            // A shard that is not found, or does not know its checkpoint, may be another stream's of the same name.
            if tasks.values.contains(where: \.machine.doubtsStream) {
                let summary = try await context.source.summary(of: stream, retry: nil)
                if summary.creation != positions.book.streamCreatedOn { return await beginAnew(summary) }
            }
            take(try await context.source.shards(of: stream, retry: nil))
            problem = nil
            return true
        } catch {
            if isEnding { return true }
            problem = "\(error)"
            logger.warning("the stream's shards cannot be listed; it is tried again", metadata: ["error": "\(error)"])
            return false
        }
    }

    private func take(_ listing: [Shard]) {
        guard !isEnding else { return }
        let added = positions.listed(listing)
        counters.keep(positions.book.shards.map(\.id))
        if !added.isEmpty {
            logger.info("new shards", metadata: ["shards": "\(added.map(\.id.text).joined(separator: " "))"])
        }
        for id in positions.book.vanished { tasks[id]?.missingFromListing() }
        startReadable()
    }

    /// The stream was deleted and made again while it was being read: all of the new one is news.
    private func beginAnew(_ summary: StreamSummary) async -> Bool {
        logger.error("the stream was made anew; its positions begin anew", metadata: ["stream": "\(stream)"])
        do {
            let listing = try await context.source.shards(of: stream, retry: nil)
            let positions = try await positions.beginAnew(summary, listing, from: options.initialPositionInStream)
            guard !isEnding else { return true }
            stopTasks()
            tasks.removeAll()
            self.positions = positions
            startReadable()
            problem = nil
            return true
        } catch {
            problem = "\(error)"
            logger.warning("the new stream cannot be begun; it is tried again", metadata: ["error": "\(error)"])
            return false
        }
    }
}
