import Bytes
import HTTP
import HTTPServer
import JSON
import Kinesis
import Producer

extension Gateway {
    /// Types whose body is the envelope. The form's type is what `curl -d` says. A body without a type is one too.
    static let putTypes = ["application/json", "application/x-www-form-urlencoded"]
    /// Bodies up to this many bytes are read on the loop, which takes about 0.5 ms with the digests; a larger one would
    /// hold everybody else up, so it is read on another thread.
    private static let parsedOnLoop = 256 * 1024

    /// `POST /streams/{s}/put` and `POST /put`.
    func put(_ exchange: HTTPExchange, _ named: StreamName?) async throws(Problem) {
        try refuseOptions(exchange)
        if let type = exchange.request.contentType, !Self.putTypes.contains(type) {
            throw .unsupportedMediaType(type, accepted: Self.putTypes)
        }
        let body = try await readPut(exchange, namesStream: named == nil)
        guard let stream = named ?? body.stream else { throw .putBody(PutBodyError(.missingStreamName)) }
        let answer: PutAnswer
        do {
            answer = try await services.producer.put(body.put, to: stream)
        } catch {
            throw .put(error, stream: stream)
        }
        if body.isMany {
            await respond(exchange, answer.manyText, answer.isComplete ? .ok : .multiStatus)
        } else {
            await respond(exchange, try answer.loneText(stream))
        }
    }

    private func readPut(_ exchange: HTTPExchange, namesStream: Bool) async throws(Problem)
        -> PutBody
    {
        let bytes: ByteBuffer
        do {
            bytes = try await exchange.body()
        } catch {
            throw .body(error)
        }
        let memory = services.producer.options.maxPutBytes
        let body =
            bytes.count <= Self.parsedOnLoop
            ? PutBody.parsed(bytes, namesStream, memory)
            : await Task.detached { PutBody.parsed(bytes, namesStream, memory) }.value
        do {
            return try body.get()
        } catch {
            throw .putBody(error)
        }
    }
}

extension PutBody {
    fileprivate static func parsed(
        _ body: ByteBuffer, _ namesStream: Bool, _ memory: Int
    ) -> Result<PutBody, PutBodyError> {
        Result { () throws(PutBodyError) in try parse(body, namesStream: namesStream, memory: memory) }
    }
}

extension PutAnswer {
    var isComplete: Bool {
        results.allSatisfy { if case .accepted = $0 { true } else { false } }
    }

    /// `{"encryptionType":…,"sequenceNumber":…,"shardId":…}`, or the record's own failure as the answer's.
    func loneText(_ stream: StreamName) throws(Problem) -> ByteBuffer {
        switch results[0] {
        case .failed(let code, let message):
            throw .record(code: code, message: message, stream: stream)
        case .accepted(let shard, let sequenceNumber):
            var json = JSONWriter(capacity: 192)
            json.beginObject()
            writeEncryption(&json)
            json.accepted(shard, sequenceNumber)
            json.endObject()
            return json.buffer
        }
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
            switch result {
            case .accepted(let shard, let sequenceNumber):
                json.accepted(shard, sequenceNumber)
            case .failed(let code, let message):
                json.member("errorCode", code)
                json.member("errorMessage", message)
            }
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
    fileprivate mutating func accepted(_ shard: ShardID, _ sequenceNumber: SequenceNumber) {
        key("sequenceNumber")
        string(sequenceNumber.text)
        key("shardId")
        string(shard.text)
    }
}
