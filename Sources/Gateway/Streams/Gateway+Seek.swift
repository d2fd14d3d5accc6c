import Bytes
import Consumer
import HTTPServer
import JSON
import Kinesis
import Reactor

/// Where a group stands, and where somebody wants it to stand.
extension Gateway {
    /// `GET /streams/{s}/checkpoints`.
    func checkpoints(_ exchange: HTTPExchange, _ stream: StreamName) async throws(Problem) {
        await respond(exchange, try await checkpointsText(of: stream, try group(exchange.request)))
    }

    /// - Parameter group: nil: the default one.
    func checkpointsText(of stream: StreamName, _ group: String?) async throws(Problem) -> ByteBuffer {
        let shards: [ShardCheckpoint]
        do {
            shards = try await services.consumers.checkpoints(of: stream, group: group)
        } catch {
            throw .consumer(error, stream: stream)
        }
        let walk = SlicedWalk(loop)
        var json = JSONWriter(capacity: 1024)
        json.beginObject()
        json.member("streamName", stream.text)
        json.member("consumerGroup", group ?? services.consumers.defaultGroup)
        json.key("shards")
        json.beginArray()
        for shard in shards {
            shard.write(&json)
            await walk.step()
        }
        json.endArray()
        json.endObject()
        return json.buffer
    }

    /// `POST /streams/{s}/seek`. Answers once it is stored.
    func seek(_ exchange: HTTPExchange, _ stream: StreamName) async throws(Problem) {
        let group = try group(exchange.request)
        let body = try await RequestBody(exchange).whole(limit: CheckpointBody.mostBytes)
        await respond(exchange, try await seekText(stream, group, try SeekBody.request(body)))
    }

    /// - Parameter group: nil: the default one.
    func seekText(_ stream: StreamName, _ group: String?, _ request: SeekRequest) async throws(Problem) -> ByteBuffer {
        if !stage.takesReaders { throw .consumer(.shuttingDown, stream: stream) }
        let shards: [SoughtShard]
        do {
            shards = try await services.consumers.seek(stream, group: group, request)
        } catch {
            throw .consumer(error, stream: stream)
        }
        let group = group ?? services.consumers.defaultGroup
        let walk = SlicedWalk(loop)
        var json = JSONWriter(capacity: 1024)
        json.beginObject()
        json.member("streamName", stream.text)
        json.member("consumerGroup", group)
        json.member("dryRun", request.isDryRun)
        json.key("shards")
        json.beginArray()
        for shard in shards {
            let records = shard.milliseconds.flatMap { milliseconds in
                milliseconds == 0
                    ? 0
                    : rates.hourlyRate(of: shard.shard, stream, group).flatMap {
                        Int(exactly: ($0 * Double(milliseconds) / 1000).rounded())
                    }
            }
            shard.write(records, &json)
            await walk.step()
        }
        json.endArray()
        json.endObject()
        return json.buffer
    }
}

extension ShardCheckpoint {
    fileprivate func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("shardId", shard.text)
        json.optional("sequenceNumber", checkpoint.flatMap { $0.isBeforeRecord ? nil : $0.sequenceNumber.text })
        if let sub = checkpoint?.subSequenceNumber { json.member("subSequenceNumber", sub) }
        json.time("approximateArrivalTimestamp", checkpoint?.arrival)
        json.member("depleted", isDepleted)
        json.optional("position", position)
        json.optional("leaseOwner", owner?.text)
        json.endObject()
    }
}

extension SoughtShard {
    /// - Parameter records: from there to the tip, nearly; nil: not known.
    fileprivate func write(_ records: Int?, _ json: inout JSONWriter) {
        json.beginObject()
        json.member("shardId", shard.text)
        json.optional("from", from)
        json.member("to", to)
        json.key("milliseconds")
        if let milliseconds { json.int(milliseconds) } else { json.null() }
        json.key("recordsEstimate")
        if let records { json.int(records) } else { json.null() }
        json.endObject()
    }
}
