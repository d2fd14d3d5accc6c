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
        /// The connection was cut, timed out, or its host vanished.
        case lost
    }

    /// Why `next` gives nil, as the event `end` says it.
    package enum EndReason: String, Sendable {
        /// The process is ending.
        case draining
        /// Somebody has stopped the consumer.
        case stopped
    }

    /// Short and unique; event ids begin with it.
    package let id: String
    package let stream: StreamName
    package let group: String
    /// Its account with the buffer budget: one that stalls holds only its own share.
    let holder: BufferBudget.Holder

    package internal(set) var endReason = EndReason.draining

    private weak var session: ReadingSession?
    private let loop: EventLoop
    private var notices = NoticeQueue()
    private var ready: [Delivery] = []
    private var waiter: UnsafeContinuation<ReaderEvent?, Never>?
    private var lastNumber = 0
    /// Taken by `next`, not settled.
    private var unsettled: [Int: ShardID] = [:]
    private var isEnding = false

    init(id: String, session: ReadingSession, key: ConsumerKey, holder: BufferBudget.Holder, loop: EventLoop) {
        self.id = id
        stream = key.stream
        group = key.group
        self.session = session
        self.holder = holder
        self.loop = loop
    }

    /// The shards that are this reader's now, in the order of their names.
    package var assignment: [ShardID] { session?.assignment(of: self) ?? [] }

    /// How many shards each of the consumer's readers has, in the order in which they came.
    package var division: [(reader: String, shards: Int)] { session?.divisionCounts ?? [] }

    /// The next event; nil once the consumer is ending or the reader is detached. One caller at a time.
    package func next() async -> ReaderEvent? {
        loop.preconditionOnLoop()
        precondition(waiter == nil, "two callers wait for the same reader's batches")
        if isEnding { return nil }
        if let event = takeFirst() { return event }
        return await withUnsafeContinuation { waiter = $0 }
    }

    /// Says that the batch's bytes have been taken by the socket: its checkpoint counts from here.
    package func settle(_ delivery: Delivery) {
        guard unsettled.removeValue(forKey: delivery.number) != nil else { return }
        session?.settled(delivery, by: self)
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

    /// Whether nothing of this shard that was given out is still to be settled.
    func isSettled(_ shard: ShardID) -> Bool { !unsettled.values.contains(shard) }

    /// Puts a batch at the end of what waits. Returns its number.
    func offer(_ batch: EncodedBatch, from origin: ShardTask) -> Int {
        lastNumber += 1
        guard !isEnding else { return lastNumber }
        ready.append(Delivery(readerID: id, number: lastNumber, batch: batch, origin: origin))
        announce()
        return lastNumber
    }

    /// What became of a shard is told before any batch that waits.
    func notify(_ shard: ShardID, _ change: ShardNotice.Change) {
        guard !isEnding else { return }
        notices.append(ShardNotice(shard: shard, change: change))
        announce()
    }

    /// The batches of this shard that wait are not given out any more: it moves to another reader.
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

    // MARK: Handing over

    /// Handed over at the end of the turn: a shard's machine hears that a batch waits before it hears that it was taken.
    private func announce() {
        if waiter != nil { loop.endOfTurn { [weak self] in self?.handOver() } }
    }

    private func handOver() {
        guard let waiter, let event = takeFirst() else { return }
        self.waiter = nil
        waiter.resume(returning: event)
    }

    private func takeFirst() -> ReaderEvent? {
        if let notice = notices.popFirst() { return .shard(notice) }
        guard !ready.isEmpty else { return nil }
        let delivery = ready.removeFirst()
        unsettled[delivery.number] = delivery.shard
        delivery.origin.taken()
        return .records(delivery)
    }
}
