import AWS
import Bytes
import JSON
import Kinesis

/// Makes the records of a put out of the members that its body had. Performs no I/O.
///
/// A string is taken as it is; any other value is its JSON text as it was written, without insignificant white space; with
/// `dataEncoding: "base64"` the decoded bytes. Then it is compressed, where the stream's records are; but not what
/// is put to S3. Without a partition key it is base64(SHA-1(data)) of what it is then, as lifion-kinesis has it.
package struct PutEncoder: Sendable {
    private let data: ByteBuffer
    private let encoding: PutEncoding
    package private(set) var records: [EncodedPut.Record] = []
    /// What the put will hold in memory; see `EncodedPut.heldBytes`.
    package private(set) var heldBytes = 0

    /// - Parameters:
    ///   - capacity: bytes of data to expect; a body's length is a good guess.
    ///   - encoding: of the stream's records.
    package init(capacity: Int, _ encoding: PutEncoding = PutEncoding()) {
        data = ByteBuffer(capacity: capacity)
        self.encoding = encoding
    }

    package var count: Int { records.count }

    /// Adds a record. After an error the encoder is as it was before.
    package mutating func add(_ fields: PutRecordFields) throws(PutFieldError) {
        let start = data.count
        do {
            let hashKey = try Self.hashKey(fields.explicitHashKey)
            let ordering = try Self.sequenceNumber(fields.sequenceNumberForOrdering)
            let key = try Self.partitionKey(fields.partitionKey)
            try appendData(fields)
            let isItem = encoding.isItem(bytes: data.count - start)
            if encoding.compression != .none {
                try checkText(data, start..<data.count)
                if !isItem {
                    let plain = ByteBuffer(data.bytes[start...])
                    data.truncate(to: start)
                    LZUTF8.compress(plain.bytes, to: data)
                }
            }
            append(data, start..<data.count, key, hashKey, ordering, isItem)
        } catch {
            data.truncate(to: start)
            throw error
        }
    }

    /// Adds a record whose data is the bytes of this range. They are shared, not copied, where nothing compresses them.
    /// After an error the encoder is as it was before.
    mutating func add(
        _ plain: ByteBuffer, _ range: Range<Int>, _ key: PartitionKey?, _ hashKey: HashKey?,
        _ ordering: SequenceNumber? = nil
    ) throws(PutFieldError) {
        let isItem = encoding.isItem(bytes: range.count)
        if encoding.compression != .none { try checkText(plain, range) }
        guard encoding.compression != .none, !isItem else {
            return append(plain, range, key, hashKey, ordering, isItem)
        }
        let start = data.count
        LZUTF8.compress(UnsafeRawBufferPointer(rebasing: plain.bytes[range]), to: data)
        append(data, start..<data.count, key, hashKey, ordering, isItem)
    }

    /// - Parameter key: nil where the data's digest is to be taken.
    private mutating func append(
        _ buffer: ByteBuffer, _ range: Range<Int>, _ key: PartitionKey?, _ hashKey: HashKey?,
        _ ordering: SequenceNumber?, _ isItem: Bool
    ) {
        let key = key ?? PartitionKey(digestOf: UnsafeRawBufferPointer(rebasing: buffer.bytes[range]))
        let entry = PutRecordEntry(buffer, range: range, key, explicitHashKey: hashKey)
        let record = EncodedPut.Record(entry, sequenceNumberForOrdering: ordering, isItem: isItem)
        records.append(record)
        heldBytes += record.size + EncodedPut.overheadBytes
    }

    /// - Precondition: at least one record was added.
    package consuming func finish(isOrdered: Bool = false, isGroup: Bool = false) -> EncodedPut {
        EncodedPut(records, isOrdered: isOrdered, isGroup: isGroup)
    }

    // MARK: Data

    /// Where bytes are no text LZ-UTF8 has other meanings for them. Of an item's there may be some beside its pointer.
    private func checkText(_ plain: ByteBuffer, _ range: Range<Int>) throws(PutFieldError) {
        guard UTF8Text.isValid(UnsafeRawBufferPointer(rebasing: plain.bytes[range])) else {
            throw PutFieldError("data", .notUTF8(for: encoding.compression))
        }
    }

    private func appendData(_ fields: PutRecordFields) throws(PutFieldError) {
        guard let value = fields.data else { throw PutFieldError("data", .missing) }
        if let encoding = fields.dataEncoding {
            guard encoding.kind == .string else { throw PutFieldError("dataEncoding", .notString) }
            guard encoding.isString("base64") else { throw PutFieldError("dataEncoding", .unknownEncoding) }
            try appendDecoded(value)
        } else if value.kind == .string {
            try appendText(value, to: data)
        } else {
            JSONCompaction.append(value.raw, to: data)
        }
    }

    private func appendDecoded(_ value: JSONSpan) throws(PutFieldError) {
        guard let raw = value.rawString else { throw PutFieldError("data", .notString) }
        let place: Int?
        if value.hasEscapes {  // some writers escape the slash
            let unescaped = ByteBuffer(capacity: raw.count)
            try appendText(value, to: unescaped)
            place = withExtendedLifetime(unescaped) { Base64.decode(unescaped.bytes, to: data) }
        } else {
            place = Base64.decode(raw, to: data)
        }
        if let place { throw PutFieldError("data", .notBase64(at: place)) }
    }

    private func appendText(_ value: JSONSpan, to buffer: ByteBuffer) throws(PutFieldError) {
        do {
            _ = try value.appendString(to: buffer)
        } catch {
            throw PutFieldError("data", .notText(error))
        }
    }

    // MARK: Keys

    /// nil when the data's digest is to be taken.
    private static func partitionKey(_ span: JSONSpan?) throws(PutFieldError) -> PartitionKey? {
        guard let span else { return nil }
        let key = try text(span, "partitionKey")
        try check(partitionKey: key)
        return .given(key)
    }

    static func check(partitionKey key: String) throws(PutFieldError) {
        let length = key.unicodeScalars.count
        guard (1...PutRecordEntry.maximumPartitionKeyLength).contains(length) else {
            throw PutFieldError("partitionKey", .keyLength(length))
        }
    }

    private static func hashKey(_ span: JSONSpan?) throws(PutFieldError) -> HashKey? {
        guard let span else { return nil }
        guard let key = HashKey(try text(span, "explicitHashKey")) else {
            throw PutFieldError("explicitHashKey", .notHashKey)
        }
        return key
    }

    private static func sequenceNumber(_ span: JSONSpan?) throws(PutFieldError) -> SequenceNumber? {
        guard let span else { return nil }
        guard let number = SequenceNumber(try text(span, "sequenceNumberForOrdering")) else {
            throw PutFieldError("sequenceNumberForOrdering", .notSequenceNumber)
        }
        return number
    }

    private static func text(_ span: JSONSpan, _ field: StaticString) throws(PutFieldError) -> String {
        let text: String?
        do {
            text = try span.string()
        } catch {
            throw PutFieldError(field, .notText(error))
        }
        guard let text else { throw PutFieldError(field, .notString) }
        return text
    }
}
