import Kinesis

/// One connection's end of a consumer: batches are pulled, so that a reader that takes nothing stops the reading.
///
/// Confined to its loop. Whoever attached it pulls with `next`, settles what the socket has taken, and detaches once.
package final class RecordsReader: @unchecked Sendable {
    /// How a reader ends.
    package enum Ending: Sendable {
        /// The response was finished in order.
        case orderly
        /// The connection was cut, timed out, or its host vanished.
        case lost
    }

    /// Short and unique; event ids begin with it.
    package let id: String
    package let stream: StreamName
    package let group: String
    /// The shards that this reader has now, for the first comment.
    package var assignment: [ShardID] { fatalError("in progress") }

    init(id: String, stream: StreamName, group: String) {
        self.id = id
        self.stream = stream
        self.group = group
    }

    /// The next batch; nil once the consumer is ending or the reader is detached. One caller at a time.
    package func next() async -> Delivery? { fatalError("in progress") }

    /// Says that the batch's bytes have been taken by the socket: its checkpoint counts from here.
    package func settle(_ delivery: Delivery) { fatalError("in progress") }

    /// Ends the reader: what is not settled is delivered again to the next one. A second call does nothing.
    package func detach(_ ending: Ending) { fatalError("in progress") }
}
