import AWS
import Kinesis
import Logging
import Reactor
import State

/// The time in which a consumer has readers: who has which shard, the shards' tasks, and the look-out for new shards.
/// Confined to its loop.
///
/// `ShardDivision` says whose each shard is. A shard that moves is read no further for its former reader; once what that
/// reader was given of it is done, or `ShardTimes.handOver` is over, its new reader gets it from the checkpoint on. A shard
/// whose checkpoint goes back, because a reader was lost or comes back with an earlier event's id, begins again there.
///
/// Readers coming and going; what their shards do (+Shards), checkpoints (+Checkpoints), the watchdog and what is given up
/// for others (+Watch), new shards (+Lookout).
final class ReadingSession: @unchecked Sendable {
    let key: ConsumerKey
    let options: ConsumerOptions
    /// Whether it only watches: no group, and nothing is kept.
    let isTail: Bool
    let logger: Logger
    let counters: ConsumerCounters
    var positions: Positions
    /// Why new shards cannot be looked for, nil while they can.
    var problem: String?

    let context: EngineContext
    let sent: SentLog
    let news: Wakeup
    var readers: [ReaderID: RecordsReader] = [:]
    var division = ShardDivision()
    var resends = ResendQueue()
    var tasks: [ShardID: ShardTask] = [:]
    var watchdogs: [ShardID: ShardWatchdog] = [:]
    var watch: TimerToken?
    /// Tasks that are stopped and whose last batch is not done, with the end of the patience.
    var leaving: [ShardID: TimerToken] = [:]
    /// Shards that leave their task and come back to the same reader.
    var restarting: Set<ShardID> = []
    /// The last record that was sent of shards whose reader left before it was acknowledged.
    var unacknowledged: [ShardID: Checkpoint] = [:]
    /// Events behind which shards pause that have moved and not begun.
    var pauses: [ShardID: EventID] = [:]
    /// Shards whose buffers were given up until their reader takes what it has.
    var withheld: Set<ShardID> = []
    var lookout: Task<Void, Never>?
    var seeds = SystemRandomNumberGenerator()
    private(set) var isEnding = false
    private let onEnd: () -> Void

    /// - Parameter onEnd: called once, when the last reader has detached.
    init(
        key: ConsumerKey, options: ConsumerOptions, isTail: Bool, positions: Positions, sent: SentLog,
        counters: ConsumerCounters, context: EngineContext, logger: Logger, onEnd: @escaping () -> Void
    ) {
        self.key = key
        self.options = options
        self.isTail = isTail
        self.positions = positions
        self.sent = sent
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
    var readerIDs: [ReaderID] { division.readers }

    /// The readers that have shards, in the order in which they came.
    var holders: [(reader: ReaderID, shards: Int)] { division.holders }

    func assignment(of reader: RecordsReader) -> [ShardID] { division.shards(of: reader.id) }

    /// Where reading each of the reader's shards goes on.
    func places(of reader: RecordsReader) -> [ShardPlace] {
        assignment(of: reader).map { ShardPlace(shard: $0, position: positions.book.position(of: $0).start) }
    }

    func task(of shard: ShardID) -> ShardTask? { tasks[shard] }

    func owner(of shard: ShardID) -> ReaderID? { division.owners[shard] }

    /// Whether everything that was given out is settled.
    var isSettled: Bool { readers.values.allSatisfy(\.isSettled) }

    /// Whether everything that was sent is acknowledged, where readers do that.
    var isAcknowledged: Bool { unacknowledged.isEmpty && tasks.values.allSatisfy(\.isAcknowledged) }

    // MARK: Readers

    /// Takes a reader in and divides the shards anew.
    /// - Parameters:
    ///   - resume: what its client had before, where that is known.
    ///   - formers: the client's former connections that have not ended yet.
    func join(_ id: ReaderID, resuming resume: Resumption? = nil, replacing formers: [RecordsReader] = [])
        -> RecordsReader
    {
        let reader = RecordsReader(id: id, session: self, holder: context.budget.newHolder(), loop: context.loop)
        readers[id] = reader
        sent.joined(
            id, unreadBytes: options.useAutoCheckpoints && !isTail ? options.unreadBytes : 0,
            following: resume?.readers.first)
        for former in formers where readers[former.id] === former {
            logger.info("a client has connected anew", metadata: ["reader": "\(id)", "before": "\(former.id)"])
            leave(former, .lost)
            former.cut()
        }
        if let resume { sent.settle(resume.readers) }
        provideForLosses()
        division.readable(positions.book.readable)
        division.joined(id)
        if let resume { resend(resume.stretches, to: id) }
        carryOut()
        return reader
    }

    func settled(_ delivery: Delivery, by reader: RecordsReader, sentBytes: Int) {
        let shard = delivery.shard
        counters[shard].delivered(delivery.batch, at: .now())
        sent.sent(
            DeliveredEvent(
                id: delivery.id, shard: shard, before: delivery.before, last: delivery.last, endOffset: sentBytes))
        // A batch of an earlier stream of this name says nothing about the new one's shard of the same name, and one
        // whose shard was handed over without it, or begins again further back, is on its way again.
        guard tasks[shard] === delivery.origin else { return }
        if let checkpoint = delivery.origin.settled(delivery.id.number), options.useAutoCheckpoints {
            positions.settled(shard, checkpoint)
        }
        if leaving[shard] != nil, delivery.origin.isDone { handOver(shard) }
        if resends.sent(shard, to: reader.id, upTo: delivery.last) { resendEnded(shard) }
    }

    func detached(_ reader: RecordsReader, _ ending: RecordsReader.Ending) {
        guard readers[reader.id] === reader else { return }
        logger.info("reader detached", metadata: ["reader": "\(reader.id)", "ending": "\(ending)"])
        leave(reader, ending)
        if readers.isEmpty { return finish() }
        provideForLosses()
        divideReadable()
    }

    private func leave(_ reader: RecordsReader, _ ending: RecordsReader.Ending) {
        readers[reader.id] = nil
        sent.ended(reader.id, isLost: ending == .lost)
        division.left(reader.id)
        for (id, task) in tasks where task.reader === reader {
            restarting.remove(id)
            keepIterator(of: id, task)
            drop(id, task)
            if !task.isAcknowledged { unacknowledged[id] = task.settledProgress.checkpoint }
        }
        for shard in resends.left(reader.id) { beginResend(shard) }
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
}

/// What a client that connects again had before: its former readers, that of its last event first, and what they were
/// sent after it.
struct Resumption: Equatable, Sendable {
    let readers: [ReaderID]
    let stretches: [ShardID: SentAfter.Stretch]
}
