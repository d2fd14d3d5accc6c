import Bytes
import Kinesis

/// The operations there are, by the name under which X-Amz-Target asks for them.
enum Operation: String, CaseIterable {
    case createStream = "CreateStream"
    case deleteStream = "DeleteStream"
    case listStreams = "ListStreams"
    case describeStream = "DescribeStream"
    case describeStreamSummary = "DescribeStreamSummary"
    case describeLimits = "DescribeLimits"
    case increaseStreamRetentionPeriod = "IncreaseStreamRetentionPeriod"
    case decreaseStreamRetentionPeriod = "DecreaseStreamRetentionPeriod"
    case addTagsToStream = "AddTagsToStream"
    case removeTagsFromStream = "RemoveTagsFromStream"
    case listTagsForStream = "ListTagsForStream"
    case tagResource = "TagResource"
    case untagResource = "UntagResource"
    case listTagsForResource = "ListTagsForResource"
    case startStreamEncryption = "StartStreamEncryption"
    case stopStreamEncryption = "StopStreamEncryption"
    case updateStreamMode = "UpdateStreamMode"
    case updateMaxRecordSize = "UpdateMaxRecordSize"
    case updateStreamRecordDistributionStrategy = "UpdateStreamRecordDistributionStrategy"
    case enableEnhancedMonitoring = "EnableEnhancedMonitoring"
    case disableEnhancedMonitoring = "DisableEnhancedMonitoring"
    case putResourcePolicy = "PutResourcePolicy"
    case getResourcePolicy = "GetResourcePolicy"
    case deleteResourcePolicy = "DeleteResourcePolicy"
    case describeAccountSettings = "DescribeAccountSettings"
    case updateAccountSettings = "UpdateAccountSettings"
    case updateStreamWarmThroughput = "UpdateStreamWarmThroughput"
    case registerStreamConsumer = "RegisterStreamConsumer"
    case describeStreamConsumer = "DescribeStreamConsumer"
    case listStreamConsumers = "ListStreamConsumers"
    case deregisterStreamConsumer = "DeregisterStreamConsumer"
    case subscribeToShard = "SubscribeToShard"
    case listShards = "ListShards"
    case splitShard = "SplitShard"
    case mergeShards = "MergeShards"
    case updateShardCount = "UpdateShardCount"
    case getShardIterator = "GetShardIterator"
    case getRecords = "GetRecords"
    case putRecord = "PutRecord"
    case putRecords = "PutRecords"
}

extension KinesisService {
    /// Carries out the operation of that name, with the faults that a test has ordered for it.
    ///
    /// - Parameter format: the body's, and the response's.
    /// - Returns: the response's body, empty where the operation has none; nil where a fault cuts the connection.
    package func respond(
        to name: String, _ body: ByteBuffer, as format: WireFormat = .json
    ) async throws(ServiceFault) -> ByteBuffer? {
        guard let operation = Operation(rawValue: name) else {
            throw .unknownOperation("The embedded Kinesis does not know the operation \(name).")
        }
        let fields = operation.readsOwnBody ? RequestFields(format) : try RequestFields(body: body, format)
        let faults = takeFaults(operation, fields, body)
        guard try await suffer(faults) else { return nil }
        let failing = faults.first { $0.kind == .failEntries }?.fraction
        let response = try await perform(operation, fields, body, failing: failing)
        return faults.contains { $0.kind == .cutAfter } ? nil : response ?? ByteBuffer()
    }

    /// Carries out one operation. The answer's body; nil for those that answer with none.
    func perform(
        _ operation: Operation, _ fields: RequestFields, _ body: ByteBuffer, failing: Double?
    ) async throws(ServiceFault) -> ByteBuffer? {
        switch operation {
        case .createStream: try await createStream(fields)
        case .deleteStream: try await deleteStream(fields)
        case .listStreams: try listStreams(fields)
        case .describeStream: try describeStream(fields)
        case .describeStreamSummary: try describeStreamSummary(fields)
        case .describeLimits: describeLimits(fields)
        case .increaseStreamRetentionPeriod: try await increaseRetention(fields)
        case .decreaseStreamRetentionPeriod: try await decreaseRetention(fields)
        case .addTagsToStream: try await addTags(fields)
        case .removeTagsFromStream: try await removeTags(fields)
        case .listTagsForStream: try listTags(fields)
        case .tagResource: try await tagResource(fields)
        case .untagResource: try await untagResource(fields)
        case .listTagsForResource: try listTagsForResource(fields)
        case .startStreamEncryption: try await startEncryption(fields)
        case .stopStreamEncryption: try await stopEncryption(fields)
        case .updateStreamMode: try await updateMode(fields)
        case .updateMaxRecordSize: try await updateMaxRecordSize(fields)
        case .updateStreamRecordDistributionStrategy: try await updateDistribution(fields)
        case .enableEnhancedMonitoring: try await enableMonitoring(fields)
        case .disableEnhancedMonitoring: try await disableMonitoring(fields)
        case .putResourcePolicy: try await putResourcePolicy(fields)
        case .getResourcePolicy: try getResourcePolicy(fields)
        case .deleteResourcePolicy: try await deleteResourcePolicy(fields)
        case .describeAccountSettings: describeAccountSettings(fields)
        case .updateAccountSettings: try await updateAccountSettings(fields)
        case .updateStreamWarmThroughput: try await updateWarmThroughput(fields)
        case .registerStreamConsumer: try await registerStreamConsumer(fields)
        case .describeStreamConsumer: try describeStreamConsumer(fields)
        case .listStreamConsumers: try listStreamConsumers(fields)
        case .deregisterStreamConsumer: try await deregisterStreamConsumer(fields)
        case .subscribeToShard:
            throw .unknownOperation("SubscribeToShard is answered with a stream of events.")
        case .listShards: try listShards(fields)
        case .splitShard: try await splitShard(fields)
        case .mergeShards: try await mergeShards(fields)
        case .updateShardCount: try await updateShardCount(fields)
        case .getShardIterator: try await getShardIterator(fields)
        case .getRecords: try await getRecords(fields)
        case .putRecord: try await putRecord(fields, body)
        case .putRecords: try await putRecords(fields, body, failing: failing)
        }
    }
}

extension Operation {
    /// Puts read their bodies themselves, without a tree of values.
    var readsOwnBody: Bool { self == .putRecord || self == .putRecords }
}
