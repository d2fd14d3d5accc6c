import Bytes
import JSON

/// DescribeStream, DescribeStreamSummary, DescribeLimits.
extension KinesisService {
    func describeStream(_ fields: RequestFields) throws(ServiceFault) -> ByteBuffer? {
        let stream = try stream(fields)
        let limit = try fields.optionalInt("Limit", 1...10_000) ?? 100
        let after = try fields.optionalString("ExclusiveStartShardId")
        // A stream shows its shards once it is there.
        let all = stream.status == .creating ? [] : stream.orderedShards
        let shards = all.filter { shard in after.map { shard.id > $0 } ?? true }
        var json = JSONWriter()
        json.beginObject()
        json.key("StreamDescription")
        json.beginObject()
        writeSettings(of: stream, &json)
        json.key("Shards")
        json.beginArray()
        for shard in shards.prefix(limit) { shard.write(&json) }
        json.endArray()
        json.member("HasMoreShards", shards.count > limit)
        json.endObject()
        json.endObject()
        return json.buffer
    }

    func describeStreamSummary(_ fields: RequestFields) throws(ServiceFault) -> ByteBuffer? {
        let stream = try stream(fields)
        var json = JSONWriter()
        json.beginObject()
        json.key("StreamDescriptionSummary")
        json.beginObject()
        writeSettings(of: stream, &json)
        json.member("OpenShardCount", stream.status == .creating ? 0 : stream.openShards.count)
        json.member("ConsumerCount", 0)
        json.member("MaxRecordSizeInKiB", stream.maxRecordKiB)
        json.endObject()
        json.endObject()
        return json.buffer
    }

    private func writeSettings(of stream: LocalStream, _ json: inout JSONWriter) {
        writeIdentity(of: stream, &json)
        json.member("RetentionPeriodHours", stream.retentionHours)
        json.key("EnhancedMonitoring")
        json.beginArray()
        json.beginObject()
        json.key("ShardLevelMetrics")
        json.beginArray()
        json.endArray()
        json.endObject()
        json.endArray()
        json.member("EncryptionType", stream.encryptionType)
        if let key = stream.encryptionKey { json.member("KeyId", key) }
    }

    func describeLimits() -> ByteBuffer? {
        let streams = streamNames.compactMap(find)
        var json = JSONWriter()
        json.beginObject()
        json.member("ShardLimit", 20_000)
        json.member("OpenShardCount", streams.map(\.openShards.count).reduce(0, +))
        json.member("OnDemandStreamCount", streams.count { $0.mode == .onDemand })
        json.member("OnDemandStreamCountLimit", 50)
        json.endObject()
        return json.buffer
    }
}

extension LocalShard {
    func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("ShardId", id)
        if let parent { json.member("ParentShardId", Self.id(parent)) }
        if let adjacentParent { json.member("AdjacentParentShardId", Self.id(adjacentParent)) }
        writeHashKeyRange(&json)
        json.key("SequenceNumberRange")
        json.beginObject()
        json.member("StartingSequenceNumber", startingSequenceNumber)
        if let endingSequenceNumber { json.member("EndingSequenceNumber", endingSequenceNumber) }
        json.endObject()
        json.endObject()
    }

    func writeHashKeyRange(_ json: inout JSONWriter) {
        json.key("HashKeyRange")
        json.beginObject()
        json.member("StartingHashKey", hashKeyRange.start.description)
        json.member("EndingHashKey", hashKeyRange.end.description)
        json.endObject()
    }
}
