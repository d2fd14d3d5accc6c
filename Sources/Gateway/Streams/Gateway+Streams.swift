import AWS
import Bytes
import Consumer
import HTTP
import HTTPServer
import JSON
import Kinesis
import Reactor
import Time

/// What is known about streams and consumers.
extension Gateway {
    /// A caller waits: three attempts, then the problem.
    private static let retry = RetryPolicy(
        retries: 2, minTimeout: .milliseconds(200), maxTimeout: .seconds(1), forever: false)

    /// `GET /streams/{s}`: DescribeStreamSummary in camelCase.
    func describe(_ exchange: HTTPExchange, _ stream: StreamName) async throws(Problem) {
        try refuseOptions(exchange)
        do {
            let summary = try await services.streams.summary(of: stream, retry: Retrying(Self.retry))
            await respond(exchange, summary.text)
        } catch {
            throw .aws(error, stream: stream)
        }
    }

    /// `GET /streams/{s}/shards`: lifion's listShards, all pages.
    func listShards(_ exchange: HTTPExchange, _ stream: StreamName) async throws(Problem) {
        try refuseOptions(exchange)
        await respond(exchange, try await shardsText(of: stream))
    }

    func shardsText(of stream: StreamName) async throws(Problem) -> ByteBuffer {
        do {
            return Self.text(of: try await services.streams.shards(of: stream, retry: Retrying(Self.retry)))
        } catch {
            throw .aws(error, stream: stream)
        }
    }

    /// `GET /streams`: the consumers of this process, of streams that whoever asks may read.
    func listConsumers(_ exchange: HTTPExchange, _ principal: Principal) async throws(Problem) {
        try refuseOptions(exchange)
        var json = JSONWriter(capacity: 1024)
        json.beginObject()
        json.key("consumers")
        json.beginArray()
        let walk = SlicedWalk(loop)
        for consumer in await services.consumers.snapshots() where principal.may(.read, consumer.stream) {
            await consumer.write(&json, walk)
        }
        json.endArray()
        json.endObject()
        await respond(exchange, json.buffer)
    }

    static func text(of shards: [Shard]) -> ByteBuffer {
        var json = JSONWriter(capacity: 64 + shards.count * 320)
        json.beginObject()
        json.key("shards")
        json.beginArray()
        for shard in shards { shard.write(&json) }
        json.endArray()
        json.endObject()
        return json.buffer
    }
}

extension StreamSummary {
    var text: ByteBuffer {
        var json = JSONWriter(capacity: 512)
        json.beginObject()
        json.member("streamName", name.text)
        json.member("streamArn", arn)
        json.member("streamStatus", status.rawValue)
        json.member("streamCreationTimestamp", creation.iso8601)
        json.key("streamModeDetails")
        json.beginObject()
        json.member("streamMode", mode.rawValue)
        json.endObject()
        json.member("openShardCount", openShards)
        json.member("retentionPeriodHours", retentionHours)
        json.member("encryptionType", encryption)
        json.member("maxRecordSizeInKiB", maxRecordBytes / 1024)
        json.member("recordDistributionStrategy", distribution.rawValue)
        json.endObject()
        return json.buffer
    }
}

extension Shard {
    fileprivate func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("shardId", id.text)
        json.optional("parentShardId", parent?.text)
        json.optional("adjacentParentShardId", adjacentParent?.text)
        json.key("hashKeyRange")
        json.beginObject()
        json.member("startingHashKey", hashKeyRange.start.description)
        json.member("endingHashKey", hashKeyRange.end.description)
        json.endObject()
        json.key("sequenceNumberRange")
        json.beginObject()
        json.member("startingSequenceNumber", startingSequenceNumber.text)
        json.optional("endingSequenceNumber", endingSequenceNumber?.text)
        json.endObject()
        json.endObject()
    }
}

extension ConsumerSnapshot {
    func write(_ json: inout JSONWriter, _ walk: SlicedWalk) async {
        json.beginObject()
        json.member("streamName", stream.text)
        json.member("consumerGroup", group)
        json.member("phase", phase.rawValue)
        json.member("holdsShards", holdsShards)
        json.member("isConfigured", isConfigured)
        json.key("readers")
        json.value(.strings(readerIDs))
        json.key("options")
        json.beginObject()
        for option in options where option.name != "consumerGroup" { write(option.name, option.text, &json) }
        json.endObject()
        json.key("shards")
        json.beginArray()
        for shard in shards {
            shard.write(&json)
            await walk.step()
        }
        json.endArray()
        json.optional("problem", problem)
        json.endObject()
    }

    /// Numbers and truth values as such; an option without a value in force is left out.
    private func write(_ name: String, _ text: String, _ json: inout JSONWriter) {
        guard !text.isEmpty, let kind = ConsumerOption.named(name)?.kind else { return }
        json.key(name)
        switch kind {
        case .boolean: json.bool(text == "true")
        case .integer, .time, .size, .number: json.value(.number(text))
        case .choice, .text, .shardIDs, .moment, .tags: json.string(text)
        }
    }
}

extension ShardBacklog {
    /// The members of a shard that say what its checkpoint does not cover.
    func write(_ json: inout JSONWriter) {
        if let checkpointLag { json.member("checkpointMillisBehindLatest", checkpointLag) }
        json.member("unacknowledgedEvents", unacknowledgedEvents)
        if let oldestUnacknowledged { json.member("oldestUnacknowledgedMillis", oldestUnacknowledged) }
    }
}

extension ShardSnapshot {
    fileprivate func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("shardId", id.text)
        json.key("parents")
        json.value(.strings(parents.map(\.text)))
        json.member("phase", phase.rawValue)
        json.optional("reader", readerID)
        json.optional("checkpoint", checkpoint?.text)
        json.optional("approximateArrivalTimestamp", checkpointArrival?.iso8601)
        if let millisBehindLatest { json.member("millisBehindLatest", millisBehindLatest) }
        backlog.write(&json)
        json.member("bufferedBytes", bufferedBytes)
        json.optional("lastRestart", counters.lastRestart)
        json.optional("problem", problem)
        json.endObject()
    }
}
