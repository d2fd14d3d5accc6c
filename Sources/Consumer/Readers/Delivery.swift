import Kinesis

/// One batch on its way to a reader: one event.
package struct Delivery: Sendable {
    /// The reader that it is for.
    let readerID: String
    /// Counts the reader's deliveries from 1.
    let number: Int
    package let batch: EncodedBatch
    /// Where the batch came from, and who hears what becomes of it.
    let origin: ShardTask

    /// `<reader>-<n>`, the event's id.
    package var eventID: String { "\(readerID)-\(number)" }
    package var shard: ShardID { origin.id }
}
