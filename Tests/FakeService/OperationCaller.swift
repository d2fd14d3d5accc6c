import AWS
import Kinesis

/// Who carries out any operation that is a value: what tests do to streams goes through it.
package protocol OperationCaller {
    func call<Operation: KinesisOperation>(
        _ operation: Operation, retry: Retrying?
    ) async throws(AWSError) -> Operation.Response
}

extension KinesisClient: OperationCaller {}

extension OperationCaller {
    /// Makes a stream and returns once it is ACTIVE.
    package func make(
        _ stream: StreamName, shards: Int = 1, maxRecordBytes: Int = 1 << 20
    ) async throws(AWSError) {
        try await call(MakeStream(stream: stream, shards: shards, maxRecordBytes: maxRecordBytes), retry: nil)
        try await active(stream)
    }

    /// - Parameter key: the upper child's first hash key. It is text: with a `HashKey` here the call jumps into nowhere
    ///   as Swift 6.2.3 compiles it.
    package func split(_ shard: ShardID, of stream: StreamName, at key: String) async throws(AWSError) {
        try await call(SplitShard(stream: stream, shard: shard, key: key), retry: nil)
        try await active(stream)
    }

    package func merge(_ shard: ShardID, with adjacent: ShardID, of stream: StreamName) async throws(AWSError) {
        try await call(MergeShards(stream: stream, shard: shard, adjacent: adjacent), retry: nil)
        try await active(stream)
    }

    /// Lets a stream say that it is encrypted.
    package func encrypt(_ stream: StreamName) async throws(AWSError) {
        try await call(StartStreamEncryption(stream: stream, keyID: "alias/aws/kinesis"), retry: nil)
        try await active(stream)
    }

    /// Lets the stream's records be placed so; it is on demand from here on.
    package func distribute(_ stream: StreamName, _ distribution: RecordDistribution) async throws(AWSError) {
        let arn = try await call(DescribeStreamSummary(stream: stream), retry: nil).arn
        try await call(UpdateStreamMode(arn: arn, mode: .onDemand), retry: nil)
        try await active(stream)
        let strategy = UpdateStreamRecordDistributionStrategy(arn: arn, distribution: distribution)
        try await call(strategy, retry: nil)
    }

    /// Deletes a stream and returns once it is gone.
    package func delete(_ stream: StreamName) async throws(AWSError) {
        try await call(DeleteStream(stream: stream), retry: nil)
        do {
            while true { _ = try await call(DescribeStreamSummary(stream: stream), retry: nil) }
        } catch .service(let error) where error.code == "ResourceNotFoundException" {
            return
        }
    }

    /// Asks until the stream is ACTIVE: without a delay of its changes that is a few turns of the loop.
    private func active(_ stream: StreamName) async throws(AWSError) {
        while try await call(DescribeStreamSummary(stream: stream), retry: nil).status != .active {}
    }
}
