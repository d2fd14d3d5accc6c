import Bytes
import JSON
import Protobuf

/// Writes one record of an answer as a message of gRPC: `Record` in proto/kinesis_sidecar/v1/sidecar.proto. Performs no I/O and
/// allocates nothing per record.
///
/// Base64 is decoded straight into the output: its length, which stands before it, is known from the text's. Bytes that came in
/// CBOR are copied once.
struct RecordMessageEncoder {
    /// The fields of `Records` and of `Record`, by their numbers.
    private enum Field {
        static let (streamName, shardID, millisBehindLatest, records) = (2, 3, 4, 5)
        static let (sequenceNumber, partitionKey, arrival, encryptionType, data) = (1, 2, 3, 4, 5)
        static let (subSequenceNumber, explicitHashKey, dataError, itemPointer) = (6, 7, 8, 9)
        /// Of `DataError`.
        static let (code, detail) = (1, 2)
        /// Of google.protobuf.Timestamp.
        static let (seconds, nanos) = (1, 2)
    }

    /// Bytes of data, as Kinesis holds them, of the records since this was set to 0.
    var dataBytes = 0

    private let answer: ByteBuffer
    // What has escapes in the answer's JSON passes through here.
    private let key = ByteBuffer()
    private let type = ByteBuffer()
    private let text = ByteBuffer()

    init(_ answer: ByteBuffer) {
        self.answer = answer
    }

    /// What stands before the records.
    func appendHead(_ stream: StreamName, _ shard: ShardID, millisBehindLatest: Int, to out: ByteBuffer) {
        let writer = ProtobufWriter(out)
        writer.text(Field.streamName, stream.text)
        writer.text(Field.shardID, shard.text)
        writer.int(Field.millisBehindLatest, millisBehindLatest)
    }

    /// Throws when a text or the data cannot be read; the output is as before then.
    /// - Parameters:
    ///   - given: what is given as the data; nil: the record's own.
    ///   - pointer: to the large item that is given as the data.
    mutating func append(
        _ record: RecordFields, _ given: UnsafeRawBufferPointer?, _ error: DataError?, _ pointer: ByteBuffer? = nil,
        to out: ByteBuffer
    ) throws(GetRecordsError) {
        let start = out.count
        let data = given ?? piece(record.dataStart, record.dataEnd)
        let message = Message(
            number: piece(record.sequenceNumberStart, record.sequenceNumberEnd),
            partitionKey: try string(
                record.partitionKeyStart, record.partitionKeyEnd, isEscaped: record.isEscaped, key, "PartitionKey"),
            encryptionType: try encryptionType(record), arrival: record.arrival, itemPointer: pointer)
        if append(message, data, isBase64: record.isBase64 && given == nil, error, to: out) { return }
        out.setCount(start)
        text.removeAll()
        guard Base64Data.unescape(data, to: text), append(message, text.bytes, isBase64: true, error, to: out) else {
            out.setCount(start)
            throw GetRecordsError(.badField("Data"), at: record.dataStart)
        }
    }

    /// One of an aggregated record's user records. Throws when a text cannot be read; the output is as before then.
    mutating func append(
        _ user: AggregatedRecords.UserRecord, in aggregate: ByteBuffer, _ data: UnsafeRawBufferPointer,
        _ error: DataError?, _ pointer: ByteBuffer? = nil, of record: RecordFields, to out: ByteBuffer
    ) throws(GetRecordsError) {
        let message = Message(
            number: piece(record.sequenceNumberStart, record.sequenceNumberEnd),
            partitionKey: UnsafeRawBufferPointer(rebasing: aggregate.bytes[user.partitionKey]),
            encryptionType: try encryptionType(record), arrival: record.arrival,
            subSequenceNumber: UInt64(user.subSequenceNumber),
            explicitHashKey: user.explicitHashKey.map { UnsafeRawBufferPointer(rebasing: aggregate.bytes[$0]) },
            itemPointer: pointer)
        _ = append(message, data, isBase64: false, error, to: out)
    }

    /// A record's fields but for its data.
    private struct Message {
        let number: UnsafeRawBufferPointer
        let partitionKey: UnsafeRawBufferPointer
        let encryptionType: UnsafeRawBufferPointer
        let arrival: Int64
        var subSequenceNumber: UInt64?
        var explicitHashKey: UnsafeRawBufferPointer?
        var itemPointer: ByteBuffer?
    }

    /// False, and part of it written, where the data is not base64.
    private mutating func append(
        _ message: Message, _ data: UnsafeRawBufferPointer, isBase64: Bool, _ error: DataError?, to out: ByteBuffer
    ) -> Bool {
        let time = Self.time(message.arrival)
        let count = isBase64 ? Base64Data.decodedCount(data) : data.count
        let note = error.map(Self.message(of:))
        let writer = ProtobufWriter(out)
        writer.beginBytes(
            Field.records,
            ProtobufWriter.size(Field.sequenceNumber, bytes: message.number.count)
                + ProtobufWriter.size(Field.partitionKey, bytes: message.partitionKey.count)
                + (time.map { ProtobufWriter.size(Field.arrival, bytes: $0.size) } ?? 0)
                + ProtobufWriter.size(Field.encryptionType, bytes: message.encryptionType.count)
                + (message.subSequenceNumber.map { 1 + ProtobufWriter.size($0) } ?? 0)
                + (message.explicitHashKey.map { ProtobufWriter.size(Field.explicitHashKey, bytes: $0.count) } ?? 0)
                + (note.map { ProtobufWriter.size(Field.dataError, bytes: $0.count) } ?? 0)
                + (message.itemPointer.map { ProtobufWriter.size(Field.itemPointer, bytes: $0.count) } ?? 0)
                + ProtobufWriter.size(Field.data, bytes: count))
        writer.bytes(Field.sequenceNumber, message.number)
        writer.bytes(Field.partitionKey, message.partitionKey)
        if let time {
            writer.beginBytes(Field.arrival, time.size)
            writer.unsigned(Field.seconds, time.seconds)
            writer.unsigned(Field.nanos, time.nanos)
        }
        writer.bytes(Field.encryptionType, message.encryptionType)
        if let number = message.subSequenceNumber { writer.unsigned(Field.subSequenceNumber, number) }
        if let key = message.explicitHashKey { writer.bytes(Field.explicitHashKey, key) }
        if let note { writer.bytes(Field.dataError, note) }
        if let pointer = message.itemPointer { writer.bytes(Field.itemPointer, pointer) }
        writer.beginBytes(Field.data, count)
        if isBase64 { return decode(data, count, to: out) }
        out.append(data)
        dataBytes &+= count
        return true
    }

    private static func message(of error: DataError) -> ByteBuffer {
        let writer = ProtobufWriter(ByteBuffer())
        writer.text(Field.code, error.code.description)
        writer.text(Field.detail, error.detail)
        return writer.buffer
    }

    private mutating func decode(_ data: UnsafeRawBufferPointer, _ count: Int, to out: ByteBuffer) -> Bool {
        guard let start = data.baseAddress, !data.isEmpty else { return true }
        out.reserve(count + Base64.decodeSlack)
        let source = start.assumingMemoryBound(to: UInt8.self)
        guard Base64.decode(source, data.count, to: out.base + out.count) == count else { return false }
        out.setCount(out.count + count)
        dataBytes &+= count
        return true
    }

    /// Bytes that the record takes in an event, as far as its places tell: it takes fewer where a key has escapes.
    func estimatedBytes(_ record: RecordFields) -> Int {
        let data = record.dataEnd &- record.dataStart
        return (record.isBase64 ? data / 4 &* 3 : data) &+ (record.sequenceNumberEnd &- record.sequenceNumberStart)
            &+ (record.partitionKeyEnd &- max(record.partitionKeyStart, 0)) &+ Self.bytesAround
    }

    /// The same of a user record.
    func estimatedBytes(_ user: AggregatedRecords.UserRecord, of record: RecordFields) -> Int {
        user.data.count &+ user.partitionKey.count &+ (user.explicitHashKey?.count ?? 0)
            &+ (record.sequenceNumberEnd &- record.sequenceNumberStart) &+ Self.bytesAround
    }

    /// Tags, lengths, and the values that are always as long.
    private static let bytesAround = 48

    // MARK: Values

    private static func time(_ milliseconds: Int64) -> (seconds: UInt64, nanos: UInt64, size: Int)? {
        guard milliseconds != RecordFields.noArrival else { return nil }
        let rest = (milliseconds % 1000 + 1000) % 1000
        let seconds = UInt64(bitPattern: (milliseconds - rest) / 1000)
        let nanos = UInt64(rest) * 1_000_000
        return (seconds, nanos, 2 + ProtobufWriter.size(seconds) + ProtobufWriter.size(nanos))
    }

    private func encryptionType(_ record: RecordFields) throws(GetRecordsError) -> UnsafeRawBufferPointer {
        try string(
            record.encryptionTypeStart, record.encryptionTypeEnd, isEscaped: record.isEscaped, type, "EncryptionType")
    }

    /// A string of the answer with its escapes resolved; one that is absent is empty, but for the encryption type, which the
    /// service leaves out of records that it holds unencrypted.
    private func string(
        _ start: Int, _ end: Int, isEscaped: Bool, _ scratch: ByteBuffer, _ name: String
    ) throws(GetRecordsError) -> UnsafeRawBufferPointer {
        scratch.removeAll()
        guard start >= 0 else {
            if scratch === type { scratch.append("NONE") }
            return scratch.bytes
        }
        let raw = piece(start, end)
        guard isEscaped, raw.contains(UInt8(ascii: "\\")) else { return raw }
        guard JSONText.appendUnescaped(raw, to: scratch) == nil else {
            throw GetRecordsError(.badField(name), at: start)
        }
        return scratch.bytes
    }

    private func piece(_ start: Int, _ end: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: answer.base + start, count: end &- start)
    }
}
