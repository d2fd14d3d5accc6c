import AWS
import Bytes
import Kinesis

extension KinesisClient: StreamSource {
    package func summary(of stream: StreamName, retry: Retrying?) async throws(AWSError) -> StreamSummary {
        try await call(DescribeStreamSummary(stream: stream), retry: retry)
    }

    package func create(_ stream: StreamName, _ capacity: StreamCapacity, retry: Retrying?) async throws(AWSError) {
        try await call(CreateStream(stream: stream, capacity: capacity), retry: retry)
    }

    package func shards(of stream: StreamName, retry: Retrying?) async throws(AWSError) -> [Shard] {
        try await listAllShards(stream, retry: retry)
    }

    package func iterator(of shard: ShardID, in stream: StreamName, at position: StartingPosition)
        async throws(AWSError) -> ShardIterator
    {
        try await call(GetShardIterator(stream: stream, shard: shard, position: position), retry: nil)
    }

    package func records(
        of stream: StreamName, at iterator: ShardIterator, limit: Int,
        takesAnswer: @escaping @Sendable (_ bytes: Int) -> Bool
    ) async throws(AWSError) -> ByteBuffer {
        try await getRecords(iterator, limit: limit, acceptsResponse: takesAnswer)
    }

    package func subscribe(
        to shard: ShardID, of stream: StreamName, as consumer: ConsumerARN, at position: StartingPosition
    )
        async throws(AWSError) -> any ShardSubscription
    {
        try await subscribe(SubscribeToShard(consumer: consumer, shard: shard, position: position))
    }

    package func call<Operation: KinesisOperation>(_ operation: Operation, of stream: StreamName, retry: Retrying?)
        async throws(AWSError) -> Operation.Response
    {
        try await call(operation, retry: retry)
    }
}
