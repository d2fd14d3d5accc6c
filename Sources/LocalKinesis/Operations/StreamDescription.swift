import Bytes

/// DescribeStream, DescribeStreamSummary, DescribeLimits.
extension KinesisService {
    func describeStream(_ fields: RequestFields) throws(ServiceFault) -> ByteBuffer? {
        let stream = try stream(fields)
        let limit = try fields.optionalInt("Limit", 1...10_000) ?? 100
        let after = try fields.optionalString("ExclusiveStartShardId")
        // A stream shows its shards once it is there.
        let all = stream.status == .creating ? [] : stream.orderedShards
        let shards = all.filter { shard in after.map { shard.id > $0 } ?? true }
        var answer = fields.answer()
        answer.beginObject()
        answer.key("StreamDescription")
        answer.beginObject()
        writeSettings(of: stream, &answer)
        answer.key("Shards")
        answer.beginArray()
        for shard in shards.prefix(limit) { shard.write(&answer) }
        answer.endArray()
        answer.member("HasMoreShards", shards.count > limit)
        answer.endObject()
        answer.endObject()
        return answer.buffer
    }

    func describeStreamSummary(_ fields: RequestFields) throws(ServiceFault) -> ByteBuffer? {
        let stream = try stream(fields)
        var answer = fields.answer()
        answer.beginObject()
        answer.key("StreamDescriptionSummary")
        answer.beginObject()
        writeSettings(of: stream, &answer)
        answer.member("OpenShardCount", stream.status == .creating ? 0 : stream.openShards.count)
        answer.member("ConsumerCount", stream.consumers.count)
        answer.member("MaxRecordSizeInKiB", stream.maxRecordKiB)
        answer.member("RecordDistributionStrategy", stream.distribution.rawValue)
        writeWarmThroughput(of: stream, &answer)
        answer.endObject()
        answer.endObject()
        return answer.buffer
    }

    private func writeSettings(of stream: LocalStream, _ answer: inout AnswerWriter) {
        writeIdentity(of: stream, &answer)
        answer.member("RetentionPeriodHours", stream.retentionHours)
        answer.key("EnhancedMonitoring")
        answer.beginArray()
        answer.beginObject()
        write("ShardLevelMetrics", stream.shardMetrics, &answer)
        answer.endObject()
        answer.endArray()
        answer.member("EncryptionType", stream.encryptionType)
        if let key = stream.encryptionKey { answer.member("KeyId", key) }
    }

    func describeLimits(_ fields: RequestFields) -> ByteBuffer? {
        let streams = streamNames.compactMap(find)
        var answer = fields.answer()
        answer.beginObject()
        answer.member("ShardLimit", 20_000)
        answer.member("OpenShardCount", streams.map(\.openShards.count).reduce(0, +))
        answer.member("OnDemandStreamCount", streams.count { $0.mode == .onDemand })
        answer.member("OnDemandStreamCountLimit", 50)
        answer.endObject()
        return answer.buffer
    }
}

extension LocalShard {
    func write(_ answer: inout AnswerWriter) {
        answer.beginObject()
        answer.member("ShardId", id)
        if let parent { answer.member("ParentShardId", Self.id(parent)) }
        if let adjacentParent { answer.member("AdjacentParentShardId", Self.id(adjacentParent)) }
        writeHashKeyRange(&answer)
        answer.key("SequenceNumberRange")
        answer.beginObject()
        answer.member("StartingSequenceNumber", startingSequenceNumber)
        if let endingSequenceNumber { answer.member("EndingSequenceNumber", endingSequenceNumber) }
        answer.endObject()
        answer.endObject()
    }

    func writeHashKeyRange(_ answer: inout AnswerWriter) {
        answer.key("HashKeyRange")
        answer.beginObject()
        answer.member("StartingHashKey", hashKeyRange.start.description)
        answer.member("EndingHashKey", hashKeyRange.end.description)
        answer.endObject()
    }
}
