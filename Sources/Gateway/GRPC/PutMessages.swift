import Bytes
import Kinesis
import Producer
import Protobuf

/// The requests that put records, and their responses. Data is never copied: a record's lies where the message came. Performs no
/// I/O.
struct PutMessage: Sendable {
    private(set) var stream = ""
    private(set) var values = PutRecordValues()
    private(set) var isOrdered = false

    /// A `PutRequest` or a `PutStreamRequest`.
    init(_ message: ProtobufReader) throws(ProtobufError) {
        var message = message
        while let field = try message.next() {
            switch field.number {
            case 1: stream = try field.text()
            case 2...5: try values.take(field, as: field.number - 1)
            case 6: isOrdered = try field.bool()
            default: break
            }
        }
    }
}

struct PutRecordsMessage: Sendable {
    private(set) var stream = ""
    private(set) var records: [PutRecordValues] = []
    private(set) var isOrdered = false
    /// Whether there are more records than were wanted, which are not read.
    private(set) var hasMore = false

    /// - Parameter mostRecords: an empty one has two bytes in the message, and some tens here.
    init(_ message: ProtobufReader, mostRecords: Int) throws(ProtobufError) {
        var message = message
        while let field = try message.next() {
            switch field.number {
            case 1: stream = try field.text()
            case 2 where records.count == mostRecords:
                hasMore = true
                return
            case 2: records.append(try Self.record(field.message()))
            case 3: isOrdered = try field.bool()
            default: break
            }
        }
    }

    private static func record(_ message: ProtobufReader) throws(ProtobufError) -> PutRecordValues {
        var message = message
        var record = PutRecordValues()
        while let field = try message.next() {
            if field.number <= 3 { try record.take(field, as: field.number) }
        }
        return record
    }
}

extension PutRecordValues {
    /// - Parameter place: the field's number in `PutRecord`, and 4 for `sequence_number_for_ordering`.
    fileprivate mutating func take(_ field: ProtobufField, as place: Int) throws(ProtobufError) {
        switch place {
        case 1: data = try field.bytes()
        case 2: partitionKey = try field.text()
        case 3: explicitHashKey = try field.text()
        default: sequenceNumberForOrdering = try field.text()
        }
    }
}

extension PutResult {
    /// The fields of a `PutResult`.
    func write(_ writer: ProtobufWriter) {
        switch self {
        case .accepted(let shard, let sequenceNumber, let subSequenceNumber):
            writer.text(1, sequenceNumber.text)
            writer.text(2, shard.text)
            if let subSequenceNumber { writer.int(5, subSequenceNumber) }
        case .failed(let code, let message):
            writer.text(3, code)
            writer.text(4, message)
        }
    }
}

// MARK: - Unary methods

extension Gateway {
    func putCall(_ call: GRPCCall) async throws(Problem) -> ByteBuffer {
        try await traced(call.exchange, GRPCMethod.put.rawValue) { (trace) async throws(Problem) in
            try await putCall(call, trace)
        }
    }

    func putRecordsCall(_ call: GRPCCall) async throws(Problem) -> ByteBuffer {
        try await traced(call.exchange, GRPCMethod.putRecords.rawValue) { (trace) async throws(Problem) in
            try await putRecordsCall(call, trace)
        }
    }

    private func putCall(_ call: GRPCCall, _ trace: PutTrace?) async throws(Problem) -> ByteBuffer {
        let message = try await call.request()
        let options = services.producer.options
        let (put, name) = try await parsePut(message) { () throws(ProtobufError) in
            let request = try PutMessage(message)
            let put = Result { () throws(PutBodyError) in
                try EncodedPut(
                    [request.values], in: message.buffer, request.isOrdered, options, to: request.stream, isMany: false)
            }
            return (put, request.stream)
        }
        let stream = try stream(name, of: call)
        let answer = try await write(put, to: stream, call.exchange, trace)
        let place = try answer.lone(stream)
        let writer = ProtobufWriter(ByteBuffer(capacity: 128))
        if let type = answer.encryptionType { writer.text(1, type) }
        writer.text(2, place.sequenceNumber.text)
        writer.text(3, place.shard.text)
        if let subSequenceNumber = place.subSequenceNumber { writer.int(4, subSequenceNumber) }
        return writer.buffer
    }

    private func putRecordsCall(_ call: GRPCCall, _ trace: PutTrace?) async throws(Problem) -> ByteBuffer {
        let message = try await call.request()
        let options = services.producer.options
        let memory = options.maxPutBytes
        let (put, name) = try await parsePut(message) { () throws(ProtobufError) in
            // The list doubles as it grows.
            let most = memory / (2 * MemoryLayout<PutRecordValues>.stride)
            let request = try PutRecordsMessage(message, mostRecords: most)
            let put = Result { () throws(PutBodyError) in
                if request.hasMore { throw PutBodyError(.overMemory(limit: memory)) }
                return try EncodedPut(
                    request.records, in: message.buffer, request.isOrdered, options, to: request.stream, isMany: true)
            }
            return (put, request.stream)
        }
        let answer = try await write(put, to: try stream(name, of: call), call.exchange, trace)
        let writer = ProtobufWriter(ByteBuffer(capacity: 32 + 96 * answer.results.count))
        if let type = answer.encryptionType { writer.text(1, type) }
        for result in answer.results { writer.message(2) { result.write($0) } }
        return writer.buffer
    }

    private typealias Parsed = (put: Result<EncodedPut, PutBodyError>, stream: String)

    private func parsePut(
        _ message: ProtobufReader, _ read: @escaping @Sendable () throws(ProtobufError) -> Parsed
    ) async throws(Problem) -> (EncodedPut, String) {
        let parsed = await parse(message.count) { Result { () throws(ProtobufError) in try read() } }
        let result: Parsed
        do throws(ProtobufError) { result = try parsed.get() } catch { throw .grpc(.malformed(error)) }
        do throws(PutBodyError) {
            return (try result.put.get(), result.stream)
        } catch {
            throw .putBody(error, namesStream: true)
        }
    }
}

extension EncodedPut {
    /// The records of a message, checked as those of a body of JSON are.
    fileprivate convenience init(
        _ records: [PutRecordValues], in buffer: ByteBuffer, _ isOrdered: Bool, _ options: ProducerOptions,
        to stream: String, isMany: Bool
    ) throws(PutBodyError) {
        if records.isEmpty { throw PutBodyError(.noRecords) }
        let memory = options.maxPutBytes
        var encoder = PutEncoder(capacity: 0, StreamName(stream).map(options.encoding) ?? PutEncoding())
        for record in records {
            let index = isMany ? encoder.count : nil
            do throws(PutFieldError) { try encoder.add(record, in: buffer) } catch {
                throw PutBodyError(.badField(error), at: index)
            }
            if encoder.heldBytes > memory { throw PutBodyError(.overMemory(limit: memory)) }
        }
        self.init(encoder.records, isOrdered: isOrdered)
    }
}
