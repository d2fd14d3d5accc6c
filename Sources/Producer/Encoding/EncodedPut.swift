import AWS
import Bytes
import Kinesis

extension PartitionKey {
    /// base64(SHA-1(data))
    init(digestOf data: UnsafeRawBufferPointer) { self = .digest(Base64.encode(Digest.sha1(data))) }
}

/// The records of one put as the service takes them: checked, their data decoded, their keys known.
///
/// All data lies in one buffer. Filled by `PutEncoder`; its records are immutable afterwards.
package final class EncodedPut: @unchecked Sendable {
    package struct Record: Sendable {
        package let entry: PutRecordEntry
        /// Only PutRecord takes it, so a record that has one travels alone.
        package let sequenceNumberForOrdering: SequenceNumber?
        /// Whether its data is to be put to S3, and a pointer in its place.
        let isItem: Bool
        /// Bytes of data and partition key: what the service counts.
        package let size: Int

        package init(
            _ entry: PutRecordEntry, sequenceNumberForOrdering: SequenceNumber? = nil, isItem: Bool = false
        ) {
            self.entry = entry
            self.sequenceNumberForOrdering = sequenceNumberForOrdering
            self.isItem = isItem
            size = entry.byteCount
        }
    }

    /// What a record costs in memory beside its data and key.
    static let overheadBytes = 256

    package let records: [Record]
    /// At most one record of a partition key is on its way at a time, so that a key's records keep their order through
    /// retries.
    package let isOrdered: Bool
    /// Its records are requests of their own that only travel together: none fails because of another one, and each has
    /// its own result, whatever befalls.
    package let isGroup: Bool
    /// Bytes of memory that this put holds until it is answered, roughly; `maxPutBytes` counts these.
    package let heldBytes: Int
    /// Gets the calls that carry the records; nil: nobody asks. Set before the put is given to the producer; records that are
    /// put in aggregates tell of none.
    package var trace: PutTrace? {
        didSet { trace?.recordCount = records.count }
    }

    /// - Precondition: at least one record.
    package init(_ records: [Record], isOrdered: Bool = false, isGroup: Bool = false) {
        precondition(!records.isEmpty)
        self.records = records
        self.isOrdered = isOrdered
        self.isGroup = isGroup
        heldBytes = records.reduce(0) { $0 + $1.size + Self.overheadBytes }
    }

    /// One record of the bytes. Without a partition key it is base64(SHA-1(data)).
    package convenience init(
        data: ByteBuffer, partitionKey: String?, explicitHashKey: HashKey?, isOrdered: Bool = false,
        encoding: PutEncoding = PutEncoding()
    ) throws(PutFieldError) {
        var encoder = PutEncoder(capacity: 0, encoding)
        try encoder.add(data, 0..<data.count, partitionKey.map(PartitionKey.given), explicitHashKey)
        self.init(encoder.records, isOrdered: isOrdered)
    }

    /// The largest record.
    package var largest: (index: Int, size: Int) {
        let index = records.indices.max { records[$0].size < records[$1].size } ?? 0
        return (index, records[index].size)
    }
}
