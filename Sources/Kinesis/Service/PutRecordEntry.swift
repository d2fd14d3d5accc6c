import Bytes

/// One record on its way to the service. The data is a range of a buffer that is shared, not copied.
package struct PutRecordEntry: Sendable {
    /// Limits of one PutRecords call. Source: the service's API reference, PutRecords.
    package static let maximumRecords = 500
    /// Data and keys of one call together; half of it where the stream takes records of 1 MiB at most.
    package static let maximumBytes = 10 * 1024 * 1024
    /// Characters (Unicode scalars) of a partition key: 1…256.
    package static let maximumPartitionKeyLength = 256

    package let buffer: ByteBuffer
    package let range: Range<Int>
    package let key: PartitionKey
    package let explicitHashKey: HashKey?

    /// - Precondition: the range lies within the buffer.
    package init(
        _ buffer: ByteBuffer, range: Range<Int>? = nil, _ key: PartitionKey, explicitHashKey: HashKey? = nil
    ) {
        let range = range ?? 0..<buffer.count
        precondition(range.upperBound <= buffer.count)
        self.buffer = buffer
        self.range = range
        self.key = key
        self.explicitHashKey = explicitHashKey
    }

    package init(
        _ buffer: ByteBuffer, range: Range<Int>? = nil, partitionKey: String, explicitHashKey: HashKey? = nil
    ) {
        self.init(buffer, range: range, .given(partitionKey), explicitHashKey: explicitHashKey)
    }

    /// The same for a stream that takes records without a partition key: one that nobody has given is left out.
    package var withoutDigest: PutRecordEntry {
        guard hasDigest else { return self }
        return PutRecordEntry(buffer, range: range, .none, explicitHashKey: explicitHashKey)
    }

    /// Whether its key is the data's.
    package var hasDigest: Bool { if case .digest = key { true } else { false } }

    /// The text of the key; empty where there is none.
    package var partitionKey: String {
        switch key {
        case .given(let text), .digest(let text): text
        case .none: ""
        }
    }

    package var data: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: buffer.bytes[range])
    }

    /// What the service counts: bytes of data and of partition key.
    package var byteCount: Int { range.count + partitionKey.utf8.count }
}

/// By what a record's shard is found.
package enum PartitionKey: Hashable, Sendable {
    /// 1…256 characters, by whoever puts.
    case given(String)
    /// Nobody has given one: of the data, as lifion-kinesis has it.
    case digest(String)
    /// Only streams that are distributed automatically take such records.
    case none
}

/// What became of one record.
package enum PutResult: Equatable, Sendable {
    /// - Parameter subSequenceNumber: its place in the aggregate that carried it; nil: it came alone.
    case accepted(shard: ShardID, sequenceNumber: SequenceNumber, subSequenceNumber: Int? = nil)
    /// `ProvisionedThroughputExceededException` or `InternalFailure`: may be tried again.
    case failed(code: String, message: String)
}

/// PutRecords' answer: one result for each entry, in the request's order.
package struct PutRecordsAnswer: Equatable, Sendable {
    /// `NONE` where the service leaves it out.
    package let encryptionType: String
    package let results: [PutResult]

    package init(encryptionType: String, results: [PutResult]) {
        self.encryptionType = encryptionType
        self.results = results
    }
}

/// PutRecord's answer.
package struct PutRecordAnswer: Equatable, Sendable {
    package let encryptionType: String
    package let shard: ShardID
    package let sequenceNumber: SequenceNumber

    package init(encryptionType: String, shard: ShardID, sequenceNumber: SequenceNumber) {
        self.encryptionType = encryptionType
        self.shard = shard
        self.sequenceNumber = sequenceNumber
    }
}
