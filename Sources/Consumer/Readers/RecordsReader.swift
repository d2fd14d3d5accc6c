import Kinesis
import Reactor
import State

/// One connection's end of a consumer: events are pulled, so that a reader that takes nothing stops the reading of its
/// shards, and of no others.
///
/// Confined to its loop. Whoever attached it pulls with `next`, settles what the socket has taken, and detaches once.
/// At most one batch of each of its shards waits here.
package final class RecordsReader: @unchecked Sendable {
    /// How a reader ends.
    package enum Ending: Sendable {
        /// The response was finished in order.
        case orderly
        /// The connection was cut, timed out, or its host vanished: its last bytes may never have been read.
        case lost
    }

    /// Why `next` gives nil, as the event `end` says it.
    package enum EndReason: String, Sendable {
        /// The process is ending.
        case draining
        /// Somebody has stopped the consumer.
        case stopped
    }

    /// Event ids begin with it.
    package let id: ReaderID
    package let stream: StreamName
    /// nil: it watches, and belongs to no group.
    package let group: String?
    /// As what its events' records are written.
    let format: RecordFormat
    /// Whether record processors read, one for each shard: a shard's next batch is given out when its processor asks for it, and
    /// the processor has work of its own when the shard ends or moves (RecordsReader+Processors).
    let isOfProcessors: Bool
    /// Its account with the buffer budget: one that stalls holds only its own share.
    let holder: BufferBudget.Holder

    package internal(set) var endReason = EndReason.draining
    /// Called once when the reader is ended while its connection may stand: its client has connected anew, or it takes
    /// nothing and others need the room. The connection is of no use.
    package var onCut: (() -> Void)?
    /// Whether `next` gives records, or only what is told beside them: a client may say how many it wants.
    package var takesRecords = true {
        didSet {
            guard takesRecords, !oldValue, waiter != nil else { return }
            session?.waits(self)
            announce()
        }
    }

    /// What is wrong with the work on its shards, for people.
    package var problems: [ShardID: String] = [:]
    /// What the record processors of its shards are at, as far as they take records.
    var turns: [ShardID: ProcessorTurn] = [:]
    private(set) weak var session: ReadingSession?
    let loop: EventLoop
    var notices = NoticeQueue()
    private var ready: [Delivery] = []
    private var waiter: Suspension<ReaderEvent?>?
    /// Of its events with records.
    private(set) var lastNumber = 0
    /// The longest event that `next` gave; of equal ones the first.
    private(set) var longestEvent: GivenEvent?
    /// Taken by `next`, not settled, by number.
    var unsettled: [Int: Delivery] = [:]
    /// When the connection was last given something to write.
    private var lastPull: EventLoop.Instant
    private var isEnding = false
    /// Whether the delivery log knows the reader: until then it gets no event with an id, with which its client could come
    /// back after a crash.
    private var isLogged = false
    /// Its client is connecting anew: nothing is given out any more, and nothing that was counts as sent.
    private var isQuiet = false

    init(
        id: ReaderID, format: RecordFormat, session: ReadingSession, holder: BufferBudget.Holder, loop: EventLoop
    ) {
        self.id = id
        self.format = format
        isOfProcessors = format == .processRecords
        stream = session.stream
        group = session.scope.isTail ? nil : session.scope.key.group
        self.session = session
        self.holder = holder
        self.loop = loop
        lastPull = loop.now
    }

    /// The shards that are this reader's, or on their way to it, in the order of their names. Takes time by the number of
    /// the consumer's shards.
    package var assignment: [ShardID] { session?.assignments.shards(of: id) ?? [] }

    /// The first of them by name, at most so many. Does not sort the rest.
    package func firstShards(_ most: Int) -> [ShardID] { session?.assignments.firstShards(of: id, most) ?? [] }

    /// How many these are.
    package var shardCount: Int { session?.assignments.count(of: id) ?? 0 }

    /// The consumer's readers that have shards, in the order in which they came.
    package var holders: [(reader: ReaderID, shards: Int)] { session?.assignments.holders ?? [] }

    /// The members of the group that lease shards, this process too; empty where it is alone.
    package var members: [GroupSnapshot.Member] {
        session?.group?.snapshot?.members.filter { !$0.shards.isEmpty } ?? []
    }

    /// How often the reader is told the consumer's stats.
    package var statsInterval: Duration { session?.options.statsInterval ?? ConsumerOptions().statsInterval }

    /// The next event; nil once the consumer is ending or the reader is detached. One caller at a time.
    package func next() async -> ReaderEvent? {
        loop.preconditionOnLoop()
        precondition(waiter == nil, "two callers wait for the same reader's batches")
        if isEnding { return nil }
        if !isQuiet, let event = takeFirst() { return event }
        if takesRecords { session?.waits(self) }
        return await withSuspension { waiter = $0 }
    }

    /// Says that the event's bytes have been taken by the socket, once of each event; also of one whose shard has gone meanwhile.
    /// - Parameter sentBytes: what the socket has taken of the whole response, this event included.
    package func settle(_ delivery: Delivery, sentBytes: Int) {
        guard !isQuiet else { return }
        unsettled[delivery.id.number] = nil
        session?.settled(delivery, by: self, sentBytes: sentBytes)
    }

    /// The client wants nothing more: `next` gives nil from here on. What was given out may still be settled.
    package func leave() {
        loop.preconditionOnLoop()
        end()
    }

    /// Ends the reader: what is not settled is delivered again to whoever reads its shards then. A second call does
    /// nothing.
    package func detach(_ ending: Ending) {
        loop.preconditionOnLoop()
        end()
        unsettled.removeAll()
        session?.detached(self, ending)
        session = nil
    }

    // MARK: From the session

    /// Whether nothing that was given out is still to be settled.
    var isSettled: Bool { unsettled.isEmpty }

    /// Whether nothing was taken of the shard since then.
    func isStalled(_ shard: ShardID, since moment: EventLoop.Instant) -> Bool {
        isOfProcessors ? isBusy(shard, since: moment) : isStalled(since: moment)
    }

    /// Whether the connection has had something to write since then, and has not got rid of it.
    func isStalled(since moment: EventLoop.Instant) -> Bool { !isWaiting && lastPull <= moment }

    /// Whether records would be taken at once.
    var isWaiting: Bool { waiter != nil && takesRecords }

    /// Puts a batch at the end of what waits. Returns its number.
    func offer(
        _ batch: EncodedBatch, behind before: Checkpoint, last: Checkpoint, receivedOn: EventLoop.Instant,
        from origin: ShardTask
    ) -> Int {
        lastNumber += 1
        guard !isEnding, !isQuiet else { return lastNumber }
        ready.append(
            Delivery(
                id: EventID(reader: id, number: lastNumber), batch: batch, before: before, last: last,
                receivedOn: receivedOn, origin: origin))
        announce()
        return lastNumber
    }

    /// The delivery log knows the reader, or cannot be told of it.
    func logged() {
        isLogged = true
        announce()
    }

    /// What waits because its shard's lease had come to its end may be given out again.
    func leasesRenewed() {
        if !ready.isEmpty { announce() }
    }

    /// What became of a shard is told before any batch that waits.
    func notify(_ shard: ShardID, _ change: ShardNotice.Change) {
        guard !isEnding, !isQuiet else { return }
        if isOfProcessors { noteTurn(of: shard, change) }
        notices.append(ShardNotice(shard: shard, change: change))
        announce()
    }

    func notify(_ problem: ReaderProblem) {
        guard !isEnding, !isQuiet else { return }
        notices.append(problem)
        announce()
    }

    /// The batches of this shard that wait are not given out any more.
    func withdraw(_ shard: ShardID) {
        ready.removeAll { $0.shard == shard }
    }

    /// Nothing is given out from here on; what was given out may still be settled.
    func end() {
        isEnding = true
        ready.removeAll()
        notices.removeAll()
        let waiter = waiter
        self.waiter = nil
        waiter?.resume(returning: nil)
    }

    /// Its client is connecting anew. Until `cut` the shards stay with it, and it gets no more of them.
    func quiesce() {
        isQuiet = true
        ready.removeAll()
        notices.removeAll()
        unsettled.removeAll()
    }

    /// The connection is cut: its client has connected anew, or it takes nothing and others need the room.
    func cut() {
        detach(.lost)
        onCut?()
        onCut = nil
    }

    // MARK: Handing over

    /// Handed over at the end of the turn: a shard's machine hears that a batch waits before it hears that it was taken.
    func announce() {
        if waiter != nil { loop.endOfTurn { [weak self] in self?.handOver() } }
    }

    private func handOver() {
        guard let waiter, let event = takeFirst() else { return }
        self.waiter = nil
        waiter.resume(returning: event)
    }

    private func takeFirst() -> ReaderEvent? {
        lastPull = loop.now
        if let notice = notices.popFirst() { return notice }
        guard isLogged, takesRecords else { return nil }
        // A process that slept may hold what is another member's by now. That is withdrawn once it knows; what is its own
        // all the same, because a renewal was on its way, is given out then.
        let index = ready.firstIndex { isAsked(for: $0.shard) && session?.mayGiveOut($0.shard) ?? true }
        guard let index else { return nil }
        let delivery = ready.remove(at: index)
        if isOfProcessors { turns[delivery.shard] = .busy(since: lastPull) }
        unsettled[delivery.id.number] = delivery
        note(delivery)
        delivery.origin.taken()
        return .records(delivery)
    }

    private func note(_ delivery: Delivery) {
        let bytes = delivery.batch.payloadBytes
        guard bytes > longestEvent?.bytes ?? 0 else { return }
        longestEvent = GivenEvent(shard: delivery.shard, last: delivery.last, bytes: bytes, at: loop.now)
    }
}
