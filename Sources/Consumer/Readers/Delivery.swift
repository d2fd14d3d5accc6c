import Kinesis
import Reactor
import State

/// One batch on its way to a reader: one event.
package struct Delivery: Sendable {
    /// `<reader>-<n>`: n counts the reader's deliveries from 1.
    package let id: EventID
    package let batch: EncodedBatch
    /// Where the shard goes on if this batch was not read.
    let before: Checkpoint
    /// The batch's last record.
    let last: Checkpoint
    /// When the response that had it was there whole.
    let receivedOn: EventLoop.Instant
    /// Where the batch came from, and who hears what becomes of it.
    let origin: ShardTask

    package var shard: ShardID { origin.id }
}
