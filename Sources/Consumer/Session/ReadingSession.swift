import AWS
import Kinesis
import Logging
import Reactor
import State

/// The time in which a consumer has readers: it carries out what `ShardAssignments` decides, and tells it what becomes of
/// shards and readers. Confined to its loop.
///
/// ReadingSession+Assignments performs the actions, +Replays takes shards back, +Tasks hears what the shards' tasks find,
/// +Watch restarts and evicts, +Checkpoints takes acknowledgements, +Placement asks how the stream distributes records.
final class ReadingSession: @unchecked Sendable {
    /// A shard's task, and who sees whether it gets on.
    struct Reading {
        let task: ShardTask
        var watchdog: ShardWatchdog
    }

    private enum Phase {
        case open
        /// No batch is given out any more; what was given out may still be settled until its reader detaches.
        case ending
        case ended
    }

    let scope: ConsumerScope
    let options: ConsumerOptions
    /// nil: this process is alone in the group.
    let group: GroupKeeper?
    var positions: Positions
    var readers: [ReaderID: RecordsReader] = [:]
    var assignments: ShardAssignments
    var readings: [ShardID: Reading] = [:]
    /// Of `assignments`' next deadline.
    var handOverTimer: TimerToken?
    var watchTimer: TimerToken?
    /// Whether the rest of the actions is performed in a turn to come, or further up the stack.
    var isCarryingOut = false
    private(set) var discovery: ShardDiscovery?
    /// What asks for the stream's distribution.
    var placementLook: Task<Void, Never>?
    private var phase = Phase.open
    private let onEnd: () -> Void

    /// - Parameter onEnd: called once, when the last reader has detached.
    init(
        _ scope: ConsumerScope, options: ConsumerOptions, positions: Positions, group: GroupKeeper? = nil,
        onEnd: @escaping () -> Void
    ) {
        self.scope = scope
        self.group = group
        self.options = options
        self.positions = positions
        self.onEnd = onEnd
        assignments = ShardAssignments(handOver: scope.engine.times.handOver)
        assignments.readable(positions.book.readable)
        positions.unacknowledged.removeAll()
        discovery = ShardDiscovery(of: self)
        watchLater()
    }

    // MARK: Queries

    var loop: EventLoop { scope.engine.loop }
    var logger: Logger { scope.logger }
    var counters: ConsumerCounters { scope.counters }
    var stream: StreamName { scope.key.stream }
    /// How shards that begin now are read.
    var way: ReadingWay { scope.fanOut.way }
    /// - Parameter givesAll: also user records whose hash keys lie outside of the shard's range.
    func encoding(of shard: ShardID, for reader: RecordsReader, givesAll: Bool) -> RecordEncoding {
        let mayLeaveOut = !givesAll && !positions.placement.isAutomatic
        let range = mayLeaveOut ? positions.book.lineage.shard(shard)?.hashKeyRange : nil
        return RecordEncoding(
            format: reader.format, shouldParseJSON: options.shouldParseJSON, maxEventBytes: options.maxEventBytes,
            deaggregation: options.shouldDeaggregate == .never ? .never : .auto(keeping: range == .all ? nil : range),
            compression: options.compression,
            resolvesItems: options.useS3ForLargeItems && scope.engine.items != nil)
    }
    var isEnding: Bool { phase != .open }

    /// Why new shards cannot be looked for, nil while they can.
    var problem: String? { discovery?.problem }

    /// A shard that does not get on, by what its last failure says; nil while all do. Looks at every shard.
    var degradation: String? {
        let ofProcessors = readers.values.lazy.flatMap(\.problems).map { "\($0): \($1)" }.min()
        return ofProcessors
            ?? readings.lazy.compactMap { shard, reading in reading.task.lastError.map { "\(shard): \($0)" } }.min()
    }

    func task(of shard: ShardID) -> ShardTask? { readings[shard]?.task }

    /// Whether records of the shard may be given out in this moment. Asks the clock itself: a lease may have come to its end
    /// while the process slept, before the loop has seen it.
    func mayGiveOut(_ shard: ShardID) -> Bool { group?.mayRead(shard) ?? true }

    /// Where reading each of the reader's shards goes on.
    func places(of reader: RecordsReader) -> [ShardPlace] {
        assignments.shards(of: reader.id).map { ShardPlace(shard: $0, position: positions.book.position(of: $0).start) }
    }

    /// Whether everything that was given out is settled.
    var isSettled: Bool { readers.values.allSatisfy(\.isSettled) }

    /// Whether everything that was sent is acknowledged, where readers do that.
    var isAcknowledged: Bool {
        positions.unacknowledged.isEmpty && readings.values.allSatisfy(\.task.isAcknowledged)
    }

    // MARK: Readers

    /// Takes a reader in; shards move to it.
    /// - Parameters:
    ///   - resumption: what its client had before, where that is known.
    ///   - formers: the client's former connections that have not ended yet.
    func join(
        _ id: ReaderID, format: RecordFormat = .json, resuming resumption: Resumption? = nil,
        replacing formers: [RecordsReader] = []
    ) -> RecordsReader {
        let reader = RecordsReader(
            id: id, format: format, session: self, holder: scope.engine.budget.newHolder(), loop: loop)
        readers[id] = reader
        scope.sent.joined(
            id, unreadBytes: options.useAutoCheckpoints && !scope.isTail ? options.unreadBytes : 0,
            following: resumption?.readers.first)
        loop.spawn { [sent = scope.sent] in
            await sent.commitJoined()
            reader.logged()
        }
        if let reason = sqliteProblem { reader.notify(.deliveryLogOff(reason: reason)) }
        for former in formers where readers[former.id] === former {
            logger.info("a client has connected anew", metadata: ["reader": "\(id)", "was": "\(former.id)"])
            leave(former, .lost)
            former.cut()
        }
        if let resumption { scope.sent.settle(resumption.readers) }
        provideForLosses()
        if let news = positions.takeNews(of: options.initialPositionInStream) { reader.notify(news) }
        assignments.joined(id, handOver: reader.isOfProcessors ? scope.engine.times.processorHandOver : nil)
        if let resumption { replay(resumption.stretches, to: id) }
        carryOut()
        return reader
    }

    /// What is sent is not kept any more, or is again.
    func stateChanged() {
        guard group != nil else { return }
        let problem = sqliteProblem.map(ReaderProblem.deliveryLogOff(reason:)) ?? .deliveryLogOn
        for reader in readers.values { reader.notify(problem) }
    }

    /// Why SQLite keeps nothing of a group that goes on without it; nil while it does, or where the group is this process's
    /// own.
    private var sqliteProblem: String? {
        guard group != nil, case .failed(let reason, _) = scope.engine.state.health else { return nil }
        return reason
    }

    /// The reader has ended.
    func detached(_ reader: RecordsReader, _ ending: RecordsReader.Ending) {
        guard readers[reader.id] === reader else { return }
        logger.info("reader detached", metadata: ["reader": "\(reader.id)", "ending": "\(ending)"])
        leave(reader, ending)
        if readers.isEmpty { return endAlone() }
        provideForLosses()
        carryOut()
    }

    private func leave(_ reader: RecordsReader, _ ending: RecordsReader.Ending) {
        readers[reader.id] = nil
        scope.sent.ended(reader.id, isLost: ending == .lost)
        if ending == .lost { lookForStreak(reader) }
        let departure = assignments.left(reader.id)
        // What was to be sent to it again does not count as lost any more, and would come to nobody.
        rewind(departure.unserved.mapValues(\.stretch.before))
        begin(departure.begun)
    }

    /// Says once that a client may not get over an event: most libraries do not tell their users so.
    private func lookForStreak(_ reader: RecordsReader) {
        guard let event = reader.longestEvent, let streak = scope.sent.lost(event, now: loop.now) else { return }
        logger.warning(
            "readers are lost again and again at the same event; maybe it is longer than their client takes",
            metadata: [
                "reader": "\(reader.id)", "shard": "\(event.shard)", "sequenceNumber": "\(event.last.sequenceNumber)",
                "bytes": .stringConvertible(event.bytes), "times": .stringConvertible(streak),
            ])
    }

    // MARK: Ending

    /// No batch is given out any more; what was given out may still be settled until its reader detaches.
    func end() {
        guard phase == .open else { return }
        phase = .ending
        assignments.close()
        for reading in readings.values { reading.task.stop() }
        discovery?.stop()
        if let watchTimer { loop.cancel(watchTimer) }
        if let handOverTimer { loop.cancel(handOverTimer) }
        for reader in readers.values { reader.end() }
    }

    /// As `end`, because somebody has stopped the consumer.
    func stop() {
        for reader in readers.values { reader.endReason = .stopped }
        end()
    }

    /// With the last reader gone the session is over, in this turn: a reader that came to an ending one would get nothing.
    private func endAlone() {
        end()
        carryOutAll()
        guard phase == .ending else { return }
        phase = .ended
        discovery = nil
        onEnd()
    }
}

/// What a client that connects again had before: its former readers, that of its last event first, and what they were
/// sent after it.
struct Resumption: Equatable, Sendable {
    let readers: [ReaderID]
    let stretches: [ShardID: SentAfter.Stretch]
}
