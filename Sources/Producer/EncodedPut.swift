import Bytes
import Kinesis

/// The records of one put as the service takes them: checked, their data decoded, their keys known.
///
/// All data lies in one buffer. Filled by `PutEncoder`; immutable afterwards.
package final class EncodedPut: @unchecked Sendable {
    package struct Record: Sendable {
        package let entry: PutRecordEntry
        /// Only PutRecord takes it, so a record that has one travels alone.
        package let sequenceNumberForOrdering: SequenceNumber?
        /// Bytes of data and partition key: what the service counts.
        package let size: Int

        package init(_ entry: PutRecordEntry, sequenceNumberForOrdering: SequenceNumber? = nil) {
            self.entry = entry
            self.sequenceNumberForOrdering = sequenceNumberForOrdering
            size = entry.byteCount
        }
    }

    /// What a record costs in memory beside its data and key.
    static let overheadBytes = 256

    package let records: [Record]
    /// Bytes of memory that this put holds until it is answered, roughly; `maxPutBytes` counts these.
    package let heldBytes: Int

    /// - Precondition: at least one record.
    package init(_ records: [Record]) {
        precondition(!records.isEmpty)
        self.records = records
        heldBytes = records.reduce(0) { $0 + $1.size + Self.overheadBytes }
    }

    /// The largest record.
    package var largest: (index: Int, size: Int) {
        let index = records.indices.max { records[$0].size < records[$1].size } ?? 0
        return (index, records[index].size)
    }
}
