import Kinesis

/// One batch on its way to a reader: one event.
package struct Delivery: Sendable {
    /// `<reader>-<n>`, the event's id.
    package let eventID: String
    package let shard: ShardID
    package let batch: EncodedBatch
    /// Counts the reader's deliveries from 1.
    let number: Int
    /// Where the batch came from, and who hears what becomes of it.
    let origin: ShardTask
}
