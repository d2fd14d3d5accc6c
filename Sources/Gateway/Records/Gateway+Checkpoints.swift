import Bytes
import Consumer
import HTTPServer
import JSON
import Kinesis

/// What those who read say of what they have got.
extension Gateway {
    /// `POST /streams/{s}/checkpoints`: lifion's setCheckpoint. Answers once it is stored.
    func storeCheckpoints(_ exchange: HTTPExchange, _ stream: StreamName) async throws(Problem) {
        let group = try group(exchange.request)
        let body = try await RequestBody(exchange).whole(limit: CheckpointBody.mostBytes)
        await respond(exchange, try await checkpointText(stream, group, try CheckpointBody.acknowledgement(body)))
    }

    /// - Parameter group: nil: the default one.
    func checkpointText(
        _ stream: StreamName, _ group: String?, _ said: (Acknowledgement, isForced: Bool)
    ) async throws(Problem) -> ByteBuffer {
        let stored: [StoredCheckpoint]
        do {
            stored = try await services.consumers.acknowledge(
                stream, group: group, said.0, isForced: said.isForced)
        } catch {
            throw .consumer(error, stream: stream)
        }
        var json = JSONWriter(capacity: 256)
        json.beginObject()
        begin(&json, stream, group)
        json.key("checkpoints")
        json.beginArray()
        for place in stored { place.write(&json) }
        json.endArray()
        json.endObject()
        return json.buffer
    }

    /// `POST /streams/{s}/continue`: lifion's continuePolling.
    func continuePolling(_ exchange: HTTPExchange, _ stream: StreamName) async throws(Problem) {
        let group = try group(exchange.request)
        let body = try await RequestBody(exchange).whole(limit: CheckpointBody.mostBytes)
        await respond(exchange, try continueText(stream, group, try CheckpointBody.continuation(body)))
    }

    /// - Parameter group: nil: the default one.
    func continueText(
        _ stream: StreamName, _ group: String?, _ continuation: Continuation
    ) throws(Problem) -> ByteBuffer {
        let continued: ShardID?
        do {
            continued = try services.consumers.goOn(stream, group: group, continuation)
        } catch {
            throw .consumer(error, stream: stream)
        }
        var json = JSONWriter(capacity: 256)
        json.beginObject()
        begin(&json, stream, group)
        json.member("continued", continued != nil)
        json.optional("shardId", continued?.text)
        json.endObject()
        return json.buffer
    }

    private func begin(_ json: inout JSONWriter, _ stream: StreamName, _ group: String?) {
        json.member("streamName", stream.text)
        json.member("consumerGroup", group ?? services.consumers.defaultGroup)
    }
}

extension StoredCheckpoint {
    fileprivate func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("shardId", shard.text)
        json.optional("sequenceNumber", checkpoint.flatMap { $0.isBeforeRecord ? nil : $0.sequenceNumber.text })
        if let sub = checkpoint?.subSequenceNumber { json.member("subSequenceNumber", sub) }
        json.endObject()
    }
}
