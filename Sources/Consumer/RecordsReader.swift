import Kinesis
import Reactor

/// One connection's end of a consumer: batches are pulled, so that a reader that takes nothing stops the reading.
///
/// Confined to its loop. Whoever attached it pulls with `next`, settles what the socket has taken, and detaches once.
/// At most one batch of each shard waits here.
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

    package internal(set) var endReason = EndReason.draining

    private weak var session: ReadingSession?
    private let loop: EventLoop
    private var ready: [Delivery] = []
    private var waiter: UnsafeContinuation<Delivery?, Never>?
    private var lastNumber = 0
    /// Taken by `next`, not settled.
    private var unsettled: Set<Int> = []
    private var isEnding = false

    init(id: String, stream: StreamName, group: String, session: ReadingSession, loop: EventLoop) {
        self.id = id
        self.stream = stream
        self.group = group
        self.session = session
        self.loop = loop
    }

    /// The shards that are read for this reader now, in the order of their names.
    package var assignment: [ShardID] { session?.assignment ?? [] }

    /// The next batch; nil once the consumer is ending or the reader is detached. One caller at a time.
    package func next() async -> Delivery? {
        loop.preconditionOnLoop()
        precondition(waiter == nil, "two callers wait for the same reader's batches")
        if isEnding { return nil }
        if !ready.isEmpty { return take(ready.removeFirst()) }
        return await withUnsafeContinuation { waiter = $0 }
    }

    /// Says that the batch's bytes have been taken by the socket: its checkpoint counts from here.
    package func settle(_ delivery: Delivery) {
        guard unsettled.remove(delivery.number) != nil else { return }
        session?.settled(delivery)
    }

    /// Ends the reader: what is not settled is delivered again to the next one. A second call does nothing.
    package func detach(_ ending: Ending) {
        loop.preconditionOnLoop()
        end()
        unsettled.removeAll()
        session?.detached(ending)
        session = nil
    }

    // MARK: From the session

    /// Whether nothing that was given out is still to be settled.
    var isSettled: Bool { unsettled.isEmpty }

    /// Puts a batch at the end of what waits. Returns its number.
    func offer(_ batch: EncodedBatch, from origin: ShardTask) -> Int {
        lastNumber += 1
        let delivery = Delivery(
            eventID: "\(id)-\(lastNumber)", shard: origin.id, batch: batch, number: lastNumber, origin: origin)
        guard !isEnding else { return lastNumber }
        ready.append(delivery)
        // Handed over at the end of the turn: the shard's machine hears that the batch waits before it hears that it
        // was taken.
        if waiter != nil { loop.endOfTurn { [weak self] in self?.handOver() } }
        return lastNumber
    }

    /// No batch is given out from here on; what was given out may still be settled.
    func end() {
        isEnding = true
        ready.removeAll()
        let waiter = waiter
        self.waiter = nil
        waiter?.resume(returning: nil)
    }

    private func handOver() {
        guard let waiter, !ready.isEmpty else { return }
        self.waiter = nil
        waiter.resume(returning: take(ready.removeFirst()))
    }

    private func take(_ delivery: Delivery) -> Delivery {
        unsettled.insert(delivery.number)
        delivery.origin.taken()
        return delivery
    }
}
