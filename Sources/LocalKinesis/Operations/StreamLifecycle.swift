import Bytes
import Kinesis
import Time

/// CreateStream, DeleteStream, ListStreams.
extension KinesisService {
    /// Shards that one stream may be created with; the real quota is an account's.
    private static let shardCountRange = 1...100_000

    func createStream(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        let name = try fields.string("StreamName")
        guard StreamName(name) != nil else {
            throw RequestFields.constraint(
                "StreamName", name, "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]{1,128}")
        }
        var mode = LocalStream.Mode.provisioned
        if let details = try fields.optionalFields("StreamModeDetails") { mode = try Self.mode(details) }
        let count = try fields.optionalInt("ShardCount", Self.shardCountRange)
        if mode == .onDemand, count != nil {
            throw .validation("ShardCount must not be given for a stream in ON_DEMAND mode.")
        }
        guard let count = mode == .onDemand ? LocalStream.onDemandShards : count else {
            throw .validation("ShardCount must be given for a stream in PROVISIONED mode.")
        }
        guard find(name) == nil else {
            throw .resourceInUse("Stream \(name) under account \(configuration.account) already exists.")
        }
        var stream = LocalStream(name: name, shardCount: count, mode: mode, created: .now())
        stream.maxRecordKiB = try fields.optionalInt("MaxRecordSizeInKiB", LocalStream.recordSizeRange) ?? 1024
        stream.warmThroughput = try warmThroughput(fields, mode: mode)
        stream.distribution = try Self.distribution(fields, mode: mode) ?? .userPartitionKey
        stream.tags = try Self.checkedTags(fields.optionalMap("Tags") ?? [:])
        try await pass(stream, through: .creating)
        return nil
    }

    func deleteStream(_ fields: RequestFields) async throws(ServiceFault) -> ByteBuffer? {
        var stream = try stream(fields)
        guard stream.status != .deleting else { return nil }
        guard try fields.optionalBool("EnforceConsumerDeletion") ?? false || stream.consumers.isEmpty else {
            throw .resourceInUse(
                "Stream \(stream.name) under account \(configuration.account) has consumers: deregister them, or set "
                    + "EnforceConsumerDeletion.")
        }
        stream.status = .deleting
        let deleted = stream
        try await store(deleted)
        _ = loop.schedule(after: configuration.stateDelay) { [self] in
            loop.spawn { [self] in
                // A failure is in the log; the stream stays DELETING in the store and goes at the next start.
                try? await forget(deleted)
            }
        }
        return nil
    }

    func listStreams(_ fields: RequestFields) throws(ServiceFault) -> ByteBuffer? {
        let limit = try fields.optionalInt("Limit", 1...10_000) ?? 100
        let token = try fields.optionalString("NextToken")
        let start = try fields.optionalString("ExclusiveStartStreamName")
        let after = token ?? start
        let names = streamNames.filter { name in after.map { name > $0 } ?? true }
        let page = names.prefix(limit)
        var answer = fields.answer()
        answer.beginObject()
        answer.key("StreamNames")
        answer.beginArray()
        for name in page { answer.string(name) }
        answer.endArray()
        answer.key("StreamSummaries")
        answer.beginArray()
        for stream in page.compactMap(find) { writeSummary(of: stream, &answer) }
        answer.endArray()
        answer.member("HasMoreStreams", names.count > page.count)
        if names.count > page.count, let last = page.last { answer.member("NextToken", last) }
        answer.endObject()
        return answer.buffer
    }

    private func writeSummary(of stream: LocalStream, _ answer: inout AnswerWriter) {
        answer.beginObject()
        writeIdentity(of: stream, &answer)
        answer.endObject()
    }

    /// The fields that ListStreams, DescribeStream and DescribeStreamSummary share.
    func writeIdentity(of stream: LocalStream, _ answer: inout AnswerWriter) {
        answer.member("StreamName", stream.name)
        answer.member("StreamARN", stream.arn(region: configuration.region, account: configuration.account))
        answer.member("StreamStatus", stream.status.rawValue)
        answer.key("StreamModeDetails")
        answer.beginObject()
        answer.member("StreamMode", stream.mode.rawValue)
        answer.endObject()
        answer.member("StreamCreationTimestamp", stream.created)
    }

    static func mode(_ fields: RequestFields) throws(ServiceFault) -> LocalStream.Mode {
        try fields.choice("StreamMode", LocalStream.Mode.self)
    }
}
