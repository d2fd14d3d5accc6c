import Bytes
import HTTP
import HTTPServer
import JSON
import Kinesis
import Producer

extension Gateway {
    /// Bodies up to this many bytes are read on the loop, which takes about 0.5 ms with the digests; a larger one would
    /// hold everybody else up, so it is read on another thread.
    private static let parsedOnLoop = 256 * 1024

    /// `POST /streams/{s}/put` and `POST /put`.
    func put(_ exchange: HTTPExchange, _ named: StreamName?, _ principal: Principal) async throws(Problem) {
        let route = named == nil ? "/put" : "/streams/{streamName}/put"
        try await traced(exchange, route) { (trace) async throws(Problem) in
            trace?.stream = named
            try await put(exchange, named, principal, trace)
        }
    }

    private func put(
        _ exchange: HTTPExchange, _ named: StreamName?, _ principal: Principal, _ trace: PutTrace?
    ) async throws(Problem) {
        let options = try PutOptions(
            Self.items(exchange.request.query), type: exchange.request.contentType, namesStream: named == nil)
        if options.kind == .lines { return try await putLines(exchange, named, options, principal) }
        let body = try await readPut(exchange, options, named)
        guard let stream = named ?? body.stream else {
            throw .putBody(PutBodyError(.missingStreamName), namesStream: true)
        }
        if named == nil { try require(.put, on: stream, of: principal) }
        let answer = try await write(body.put, to: stream, exchange, trace)
        if body.isMany {
            await respond(exchange, answer.manyText, answer.isComplete ? .ok : .multiStatus)
        } else {
            await respond(exchange, try answer.loneText(stream))
        }
    }

    /// Puts what a body brought, whose memory the exchange holds.
    func write(
        _ put: EncodedPut, to stream: StreamName, _ exchange: HTTPExchange, _ trace: PutTrace?
    ) async throws(Problem) -> PutAnswer {
        if let trace {
            trace.stream = stream
            put.trace = trace
        }
        if exchange.holdsLargeBody { try hold(put.heldBytes, exchange) }
        do {
            // A large body was taken on the promise of its memory. It holds that until its put has room of its own.
            return try await services.producer.put(
                put, to: stream, waitsForRoom: exchange.holdsLargeBody, onRoom: exchange.releaseBody)
        } catch {
            throw .put(error, stream: stream)
        }
    }

    /// Reads the envelope, or takes the body as the data.
    private func readPut(
        _ exchange: HTTPExchange, _ options: PutOptions, _ named: StreamName?
    ) async throws(Problem) -> PutBody {
        let coming = try RequestBody(exchange)
        let bytes = if let arrived = coming.arrived { arrived } else { try await whole(coming, exchange.contentLength) }
        let memory = services.producer.options.maxPutBytes
        let ofStream = services.producer.options.encoding
        let encoding: @Sendable (StreamName?) -> PutEncoding = { ($0 ?? named).map(ofStream) ?? PutEncoding() }
        let read: @Sendable () -> Result<PutBody, PutBodyError> = {
            Result { () throws(PutBodyError) in
                options.kind == .data
                    ? try PutBody(data: bytes, options, memory: memory, encoding: encoding(nil))
                    : try PutBody.parse(
                        bytes, namesStream: named == nil, memory: memory, isOrdered: options.isOrdered,
                        encoding: encoding)
            }
        }
        let body = await parse(bytes.count, read)
        do {
            return try body.get()
        } catch {
            throw .putBody(error, namesStream: named == nil)
        }
    }

    /// The body, of which nothing is read where there is no room for the put, or for the body.
    private func whole(_ body: RequestBody, _ length: Int?) async throws(Problem) -> ByteBuffer {
        do throws(PutBacklog) {
            try services.producer.checkRoom(for: length ?? 0)
        } catch {
            throw .putsWait(error)
        }
        return try await body.whole()
    }

    /// The body's records take its place: many small ones are much larger than what they were read from.
    private func hold(_ bytes: Int, _ exchange: HTTPExchange) throws(Problem) {
        do throws(HTTPBodyError) { try exchange.holdBody(bytes) } catch { throw .body(error) }
    }

    /// Reads a body of so many bytes where that holds nobody up.
    func parse<T: Sendable>(_ bytes: Int, _ read: @escaping @Sendable () -> T) async -> T {
        bytes <= Self.parsedOnLoop ? read() : await parseApart(read)
    }

    /// On another thread, one body after the other: beside each there is what is made of it, which is as large again.
    private func parseApart<T: Sendable>(_ read: @escaping @Sendable () -> T) async -> T {
        // The task of a connection is never cancelled.
        try? await parsing.wait(while: { isParsing })
        isParsing = true
        defer {
            isParsing = false
            parsing.open()
        }
        return await Task.detached { read() }.value
    }
}

extension PutBody {
    /// The bytes as they are, as one record.
    init(
        data: ByteBuffer, _ options: PutOptions, memory: Int, encoding: PutEncoding
    ) throws(PutBodyError) {
        do {
            put = try EncodedPut(
                data: data, partitionKey: options.partitionKey, explicitHashKey: options.explicitHashKey,
                isOrdered: options.isOrdered, encoding: encoding)
        } catch {
            throw PutBodyError(.badField(error))
        }
        isMany = false
        stream = nil
        if put.heldBytes > memory { throw PutBodyError(.overMemory(limit: memory)) }
    }
}

extension PutAnswer {
    var isComplete: Bool {
        results.allSatisfy { if case .accepted = $0 { true } else { false } }
    }

    /// Where the one record is, or its own failure as the answer's.
    func lone(_ stream: StreamName) throws(Problem) -> (
        shard: ShardID, sequenceNumber: SequenceNumber, subSequenceNumber: Int?
    ) {
        switch results[0] {
        case .failed(let code, let message): throw .record(code: code, message: message, stream: stream)
        case .accepted(let shard, let sequenceNumber, let subSequenceNumber):
            return (shard, sequenceNumber, subSequenceNumber)
        }
    }

    /// `{"encryptionType":…,"sequenceNumber":…,"shardId":…}`.
    func loneText(_ stream: StreamName) throws(Problem) -> ByteBuffer {
        let place = try lone(stream)
        var json = JSONWriter(capacity: 192)
        json.beginObject()
        writeEncryption(&json)
        json.accepted(place.shard, place.sequenceNumber, place.subSequenceNumber)
        json.endObject()
        return json.buffer
    }

    /// `{"encryptionType":…,"records":[…]}` in the order of the request.
    var manyText: ByteBuffer {
        var json = JSONWriter(capacity: 64 + results.count * 128)
        json.beginObject()
        writeEncryption(&json)
        json.key("records")
        json.beginArray()
        for result in results {
            json.beginObject()
            json.outcome(result)
            json.endObject()
        }
        json.endArray()
        json.endObject()
        return json.buffer
    }

    private func writeEncryption(_ json: inout JSONWriter) {
        guard let encryptionType else { return }
        json.member("encryptionType", encryptionType)
    }
}

extension JSONWriter {
    /// The members that say what became of one record.
    /// - Parameter longest: UTF-8 bytes of the message; the rest is cut off.
    mutating func outcome(_ result: PutResult, longest: Int = .max) {
        switch result {
        case .accepted(let shard, let sequenceNumber, let subSequenceNumber):
            accepted(shard, sequenceNumber, subSequenceNumber)
        case .failed(let code, let message):
            let isWhole = message.utf8.count <= longest
            member("errorCode", code)
            member(
                "errorMessage",
                isWhole ? message : String(decoding: message.utf8.prefix(longest), as: UTF8.self) + "…")
        }
    }

    mutating func accepted(_ shard: ShardID, _ sequenceNumber: SequenceNumber, _ subSequenceNumber: Int?) {
        key("sequenceNumber")
        string(sequenceNumber.text)
        if let subSequenceNumber { member("subSequenceNumber", subSequenceNumber) }
        key("shardId")
        string(shard.text)
    }
}
