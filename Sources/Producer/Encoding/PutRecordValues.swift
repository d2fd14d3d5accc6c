import AWS
import Bytes
import Kinesis

/// The members of one record of a put that came as values, not as JSON; not checked yet. An empty text is as none.
package struct PutRecordValues: Sendable {
    /// The data lies in a buffer that is shared, not copied.
    package var data: Range<Int> = 0..<0
    package var partitionKey = ""
    package var explicitHashKey = ""
    package var sequenceNumberForOrdering = ""

    package init() {}
}

extension PutEncoder {
    /// Adds a record whose data lies in the buffer. After an error the encoder is as it was before.
    package mutating func add(_ values: PutRecordValues, in buffer: ByteBuffer) throws(PutFieldError) {
        let hashKey = try values.hashKey
        let ordering = try values.ordering
        let key = values.partitionKey.isEmpty ? nil : PartitionKey.given(values.partitionKey)
        if key != nil { try Self.check(partitionKey: values.partitionKey) }
        try add(buffer, values.data, key, hashKey, ordering)
    }
}

extension PutRecordValues {
    fileprivate var hashKey: HashKey? {
        get throws(PutFieldError) {
            if explicitHashKey.isEmpty { return nil }
            guard let key = HashKey(explicitHashKey) else { throw PutFieldError("explicitHashKey", .notHashKey) }
            return key
        }
    }

    fileprivate var ordering: SequenceNumber? {
        get throws(PutFieldError) {
            if sequenceNumberForOrdering.isEmpty { return nil }
            guard let number = SequenceNumber(sequenceNumberForOrdering) else {
                throw PutFieldError("sequenceNumberForOrdering", .notSequenceNumber)
            }
            return number
        }
    }
}
