import Bytes
import JSON

/// PutRecords: writes the request of up to 500 entries, reads the results without a tree. Performs no I/O.
package struct PutRecords: Sendable {
    package static let name = "PutRecords"
    package let stream: StreamName
    package let entries: [PutRecordEntry]

    package init(stream: StreamName, entries: [PutRecordEntry]) {
        self.stream = stream
        self.entries = entries
    }

    package func write(_ json: inout JSONWriter) {
        fatalError("in progress")
    }

    /// - Parameter count: entries of the request; another number of results is a bad answer.
    package static func read(_ answer: ByteBuffer, count: Int) throws(KinesisAnswerError) -> PutRecordsAnswer {
        fatalError("in progress")
    }
}

/// PutRecord: one record, the only call that takes SequenceNumberForOrdering.
package struct PutRecord: Sendable {
    package static let name = "PutRecord"
    package let stream: StreamName
    package let entry: PutRecordEntry
    package let sequenceNumberForOrdering: SequenceNumber?

    package init(stream: StreamName, entry: PutRecordEntry, sequenceNumberForOrdering: SequenceNumber? = nil) {
        self.stream = stream
        self.entry = entry
        self.sequenceNumberForOrdering = sequenceNumberForOrdering
    }

    package func write(_ json: inout JSONWriter) {
        fatalError("in progress")
    }

    package static func read(_ answer: ByteBuffer) throws(KinesisAnswerError) -> PutRecordAnswer {
        fatalError("in progress")
    }
}
