import Bytes

/// The records of one put, encoded as the service wants them: what waits in the batcher and is copied into bodies.
///
/// A record's text is the members of its entry without the braces, `"Data":"…","PartitionKey":"…"`, so that it serves a
/// PutRecords entry and a PutRecord alike. Encoded once, however often it is sent. Filled by `PutEncoder`; immutable
/// afterwards.
package final class EncodedPut: @unchecked Sendable {
    /// Where one record lies in `text`, and what it weighs against the service's limits.
    package struct Record: Equatable, Sendable {
        /// Offsets in `text`.
        package var start: Int
        package var end: Int
        /// Bytes of data and partition key: what the service counts.
        package var size: Int
        /// With `sequenceNumberForOrdering`: only PutRecord takes it, so the record travels alone.
        package var isOrdered: Bool

        package init(start: Int, end: Int, size: Int, isOrdered: Bool) {
            self.start = start
            self.end = end
            self.size = size
            self.isOrdered = isOrdered
        }
    }

    package let text: ByteBuffer
    package internal(set) var records: [Record] = []

    package init(capacity: Int) {
        text = ByteBuffer(capacity: capacity)
    }

    /// The bytes of memory that this put holds while it waits; `maxPutBytes` counts these.
    package var heldBytes: Int { text.count }

    /// The largest record's index and size, or nil without records.
    package var largest: (index: Int, size: Int)? {
        guard let index = records.indices.max(by: { records[$0].size < records[$1].size }) else { return nil }
        return (index, records[index].size)
    }

    /// The encoded members of one record.
    package func bytes(of index: Int) -> UnsafeRawBufferPointer {
        let record = records[index]
        return UnsafeRawBufferPointer(rebasing: text.bytes[record.start..<record.end])
    }
}
