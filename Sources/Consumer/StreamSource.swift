import AWS
import Bytes
import Kinesis

/// What the engine asks of the service. `KinesisClient` answers over the network; tests answer in process.
package protocol StreamSource: AnyObject, Sendable {
    /// The stream's summary; fails with ResourceNotFoundException when there is no such stream.
    func summary(of stream: StreamName, retry: Retrying?) async throws(AWSError) -> StreamSummary
    func create(_ stream: StreamName, _ capacity: StreamCapacity, retry: Retrying?) async throws(AWSError)
    /// Every shard that the service lists, of all pages.
    func shards(of stream: StreamName, retry: Retrying?) async throws(AWSError) -> [Shard]
    /// Asks once: the shard's own machine decides when to ask again.
    func iterator(of shard: ShardID, in stream: StreamName, at position: StartingPosition)
        async throws(AWSError) -> ShardIterator
    /// The raw answer of one GetRecords, asked once. The stream is the iterator's: whoever counts by stream needs it.
    /// - Parameter takesAnswer: asked for so many bytes before they are received; false makes the call end with
    ///   `.cancelled`.
    func records(
        of stream: StreamName, at iterator: ShardIterator, limit: Int,
        takesAnswer: @escaping @Sendable (_ bytes: Int) -> Bool
    ) async throws(AWSError) -> ByteBuffer
    /// Subscribes a registered consumer to a shard, once: the shard's own machine decides when to ask again. Returns when
    /// the subscription begins.
    func subscribe(to shard: ShardID, of stream: StreamName, as consumer: ConsumerARN, at position: StartingPosition)
        async throws(AWSError) -> any ShardSubscription
    /// Calls an operation that concerns the consumers that are registered for the stream.
    func call<Operation: KinesisOperation>(_ operation: Operation, of stream: StreamName, retry: Retrying?)
        async throws(AWSError) -> Operation.Response
}
