import AWS
import Bytes
import JSON
import Kinesis

/// Makes the records of a put out of the members that its body had. Performs no I/O.
///
/// A string is taken as it is; any other value is its JSON text as it was written, without insignificant white space; with
/// `dataEncoding: "base64"` the decoded bytes. Then it is compressed, where the stream's records are. Without a partition
/// key it is base64(SHA-1(data)) of what is put then, as lifion-kinesis has it.
package struct PutEncoder: Sendable {
    private let data: ByteBuffer
    private let compression: Compression
    package private(set) var records: [EncodedPut.Record] = []
    /// What the put will hold in memory; see `EncodedPut.heldBytes`.
    package private(set) var heldBytes = 0

    /// - Parameters:
    ///   - capacity: bytes of data to expect; a body's length is a good guess.
    ///   - compression: of the stream's records.
    package init(capacity: Int, compression: Compression = .none) {
        data = ByteBuffer(capacity: capacity)
        self.compression = compression
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
            if compression != .none {
                let plain = ByteBuffer(data.bytes[start...])
                data.truncate(to: start)
                try compress(plain, 0..<plain.count)
            }
            append(data, start..<data.count, key, hashKey, ordering)
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
        guard compression != .none else {
            return append(plain, range, key, hashKey, ordering)
        }
        let start = data.count
        try compress(plain, range)
        append(data, start..<data.count, key, hashKey, ordering)
    }

    /// - Parameter key: nil where the data's digest is to be taken.
    private mutating func append(
        _ buffer: ByteBuffer, _ range: Range<Int>, _ key: PartitionKey?, _ hashKey: HashKey?,
        _ ordering: SequenceNumber?
    ) {
        let key = key ?? PartitionKey(digestOf: UnsafeRawBufferPointer(rebasing: buffer.bytes[range]))
        let entry = PutRecordEntry(buffer, range: range, key, explicitHashKey: hashKey)
        let record = EncodedPut.Record(entry, sequenceNumberForOrdering: ordering)
        records.append(record)
        heldBytes += record.size + EncodedPut.overheadBytes
    }

    /// - Precondition: at least one record was added.
    package consuming func finish(isOrdered: Bool = false, isGroup: Bool = false) -> EncodedPut {
        EncodedPut(records, isOrdered: isOrdered, isGroup: isGroup)
    }

    // MARK: Data

    private func compress(_ plain: ByteBuffer, _ range: Range<Int>) throws(PutFieldError) {
        let bytes = UnsafeRawBufferPointer(rebasing: plain.bytes[range])
        // Where bytes are no text the format has other meanings for them.
        guard UTF8Text.isValid(bytes) else { throw PutFieldError("data", .notUTF8(for: compression)) }
        LZUTF8.compress(bytes, to: data)
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
