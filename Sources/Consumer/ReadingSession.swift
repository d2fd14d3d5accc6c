import AWS
import Kinesis
import Logging
import Reactor
import State

/// The time in which a consumer has readers: who has which shard, the shards' tasks, and the look-out for new shards.
/// Confined to its loop.
///
/// `ShardDivision` says whose each shard is. A shard that moves is read no further for its former reader; once what that
/// reader was given of it is settled, or `handOverPatience` is over, its new reader gets it from the checkpoint on.
final class ReadingSession: @unchecked Sendable {
    /// How long a shard that moves waits for the reader that has a batch of it in its socket. Afterwards that batch is
    /// delivered again to the new reader.
    static let handOverPatience: Duration = .seconds(5)

    let key: ConsumerKey
    let options: ConsumerOptions
    let logger: Logger
    let counters: ConsumerCounters
    private(set) var positions: Positions
    /// Why new shards cannot be looked for, nil while they can.
    private(set) var problem: String?

    private let context: EngineContext
    private let onEnd: () -> Void
    private let news: Wakeup
    private var readers: [String: RecordsReader] = [:]
    private var division = ShardDivision()
    private var tasks: [ShardID: ShardTask] = [:]
    private var watchdogs: [ShardID: ShardWatchdog] = [:]
    private var watch: TimerToken?
    /// Tasks that are stopped and whose last batch is still in their reader's socket, with the end of the patience.
    private var leaving: [ShardID: TimerToken] = [:]
    /// Shards that leave their task and come back to the same reader.
    private var restarting: Set<ShardID> = []
    private var lookout: Task<Void, Never>?
    private var seeds = SystemRandomNumberGenerator()
    private(set) var isEnding = false

    /// - Parameter onEnd: called once, when the last reader has detached.
    init(
        key: ConsumerKey, options: ConsumerOptions, positions: Positions, counters: ConsumerCounters,
        context: EngineContext, logger: Logger, onEnd: @escaping () -> Void
    ) {
        self.key = key
        self.options = options
        self.positions = positions
        self.counters = counters
        self.context = context
        self.logger = logger
        self.onEnd = onEnd
        news = Wakeup(loop: context.loop)
        lookout = context.loop.spawn { await self.lookOut() }
        watchLater()
    }

    var stream: StreamName { key.stream }

    var encoding: RecordEncoding { RecordEncoding(shouldParseJSON: options.shouldParseJSON) }

    /// In the order in which they came.
    var readerIDs: [String] { division.readers }

    var divisionCounts: [(reader: String, shards: Int)] {
        division.readers.map { ($0, division.shards(of: $0).count) }
    }

    func assignment(of reader: RecordsReader) -> [ShardID] { division.shards(of: reader.id) }

    func task(of shard: ShardID) -> ShardTask? { tasks[shard] }

    func owner(of shard: ShardID) -> String? { division.owners[shard] }

    /// Whether everything that was given out is settled.
    var isSettled: Bool { readers.values.allSatisfy(\.isSettled) }

    // MARK: Readers

    /// Takes a reader in and divides the shards anew.
    func join(_ id: String) -> RecordsReader {
        let reader = RecordsReader(
            id: id, session: self, key: key, holder: context.budget.newHolder(), loop: context.loop)
        readers[id] = reader
        division.readable(positions.book.readable)
        division.joined(id)
        carryOut()
        return reader
    }

    func settled(_ delivery: Delivery, by reader: RecordsReader) {
        let shard = delivery.shard
        counters[shard].delivered(delivery.batch, at: .now())
        // A batch of an earlier stream of this name says nothing about the new one's shard of the same name, and one
        // whose shard was handed over without it is on its way again.
        guard tasks[shard] === delivery.origin else { return }
        if let checkpoint = delivery.origin.settled(delivery.number) { positions.settled(shard, checkpoint) }
        if leaving[shard] != nil, reader.isSettled(shard) { handOver(shard) }
    }

    func detached(_ reader: RecordsReader, _ ending: RecordsReader.Ending) {
        guard readers.removeValue(forKey: reader.id) != nil else { return }
        logger.info("reader detached", metadata: ["reader": "\(reader.id)", "ending": "\(ending)"])
        division.left(reader.id)
        for (id, task) in tasks where task.reader === reader {
            restarting.remove(id)
            drop(id, task)
        }
        if readers.isEmpty { return finish() }
        carryOut()
    }

    /// No batch is given out any more; what was given out may still be settled until its reader detaches.
    func end() {
        isEnding = true
        for task in tasks.values { task.stop() }
        lookout?.cancel()
        if let watch { context.loop.cancel(watch) }
        news.signal()
        for reader in readers.values { reader.end() }
    }

    /// As `end`, because somebody has stopped the consumer.
    func stop() {
        for reader in readers.values { reader.endReason = .stopped }
        end()
    }

    private func finish() {
        end()
        onEnd()
    }

    // MARK: From the shards

    func ended(_ task: ShardTask, _ children: [ChildShard]) {
        logger.info("shard read to its end", metadata: ["shard": "\(task.id)", "children": "\(children.count)"])
        positions.depleted(task.id, children: children)
        tasks[task.id] = nil
        watchdogs[task.id] = nil
        task.reader.notify(task.id, .depleted)
        divideReadable()
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
}

// MARK: Shards that come, go and move

extension ReadingSession {
    private func divideReadable() {
        guard !isEnding else { return }
        division.readable(positions.book.readable)
        carryOut()
    }

    /// Makes what is read what the division says.
    private func carryOut() {
        guard !isEnding else { return }
        for (id, task) in tasks where leaving[id] == nil && division.owners[id] != task.reader.id {
            // Handing one shard over may have carried out the rest.
            if tasks[id] === task { release(id, task) }
        }
        for (id, owner) in division.owners where tasks[id] == nil {
            guard let reader = readers[owner] else { continue }
            start(id, for: reader)
        }
    }

    private func start(_ id: ShardID, for reader: RecordsReader) {
        let machine = ShardReader(
            settings: .init(options, callTimeout: context.times.call), position: positions.book.position(of: id),
            initial: positions.book.start(of: id),
            iterator: positions.takeIterator(of: id), seed: seeds.next(), now: context.loop.now)
        let task = ShardTask(id, machine, reader: reader, session: self, context: context)
        tasks[id] = task
        watchdogs[id] = ShardWatchdog(patience: context.times.patience, now: context.loop.now)
        if restarting.remove(id) == nil { reader.notify(id, .assigned) }
        task.start()
    }

    /// Reads no further for the reader that had the shard, and hands over when it is settled, or in time.
    private func release(_ id: ShardID, _ task: ShardTask) {
        task.stop()
        task.reader.withdraw(id)
        guard !task.reader.isSettled(id) else { return handOver(id) }
        leaving[id] = context.loop.schedule(after: Self.handOverPatience) { [weak self] in
            self?.logger.warning(
                "a shard is handed over before its last batch is settled; that comes again",
                metadata: ["shard": "\(id)", "reader": "\(task.reader.id)"])
            self?.handOver(id)
        }
    }

    private func handOver(_ id: ShardID) {
        guard let task = tasks[id] else { return }
        if division.owners[id] != task.reader.id { restarting.remove(id) }
        if !restarting.contains(id) { task.reader.notify(id, .revoked) }
        drop(id, task)
        carryOut()
    }

    private func drop(_ id: ShardID, _ task: ShardTask) {
        task.stop()
        if let timer = leaving.removeValue(forKey: id) { context.loop.cancel(timer) }
        // A shard that is restarted begins with an iterator of its own: the one it had may be why it stopped.
        if !restarting.contains(id), let iterator = task.machine.iteratorToKeep { positions.keep(iterator, at: id) }
        tasks[id] = nil
        watchdogs[id] = nil
    }
}

// MARK: Watching the shards

extension ReadingSession {
    private func watchLater() {
        watch = context.loop.schedule(after: context.times.patience / 7) { [weak self] in self?.lookAtShards() }
    }

    /// Restarts the shards that have stopped without a reason, each behind what is settled of it.
    private func lookAtShards() {
        guard !isEnding else { return }
        watchLater()
        for (id, task) in tasks where leaving[id] == nil {
            guard let verdict = watchdogs[id]?.look(task.machine.sight, now: context.loop.now) else { continue }
            logger.error(
                "the shard gets nowhere; it is restarted",
                metadata: [
                    "shard": "\(id)", "reason": "\(verdict.activity)", "overdue": "\(verdict.overdue)",
                    "position": "\(task.machine.position)",
                ])
            counters[id].restarted(because: verdict.activity)
            restarting.insert(id)
            release(id, task)
        }
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

    func lookOut() async {
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
        divideReadable()
    }

    /// The stream was deleted and made again while it was being read: all of the new one is news.
    private func beginAnew(_ summary: StreamSummary) async -> Bool {
        logger.error("the stream was made anew; its positions begin anew", metadata: ["stream": "\(stream)"])
        do {
            let listing = try await context.source.shards(of: stream, retry: nil)
            let positions = try await positions.beginAnew(summary, listing, from: options.initialPositionInStream)
            guard !isEnding else { return true }
            restarting.removeAll()
            for (id, task) in tasks { drop(id, task) }
            self.positions = positions
            divideReadable()
            problem = nil
            return true
        } catch {
            problem = "\(error)"
            logger.warning("the new stream cannot be begun; it is tried again", metadata: ["error": "\(error)"])
            return false
        }
    }
}
