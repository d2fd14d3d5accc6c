import AWS
import Kinesis

/// What the put path asks of the service. `KinesisClient` answers over the network; tests answer in process.
package protocol PutTarget: AnyObject, Sendable {
    /// One PutRecords, asked once: a result for each entry.
    func putRecords(_ stream: StreamName, _ entries: [PutRecordEntry]) async throws(AWSError) -> PutRecordsAnswer
    /// One PutRecord, asked once.
    func putRecord(_ operation: PutRecord) async throws(AWSError) -> PutRecordAnswer
    /// One DescribeStreamSummary, asked once.
    func describe(_ stream: StreamName) async throws(AWSError) -> StreamSummary
    /// One CreateStream, asked once.
    func createStream(_ stream: StreamName, _ capacity: StreamCapacity) async throws(AWSError)
    /// As `describe`, for what may stay unknown: that it must not be asked is no trouble.
    func learn(_ stream: StreamName) async throws(AWSError) -> StreamSummary
    /// Every page of ListShards, each asked once.
    func listShards(_ stream: StreamName) async throws(AWSError) -> [Shard]
    /// A put has waited for its whole time for the response to its one call, which may still come.
    func gotNoResponse(from stream: StreamName, within time: Duration)
    /// A put of one or more records, or a group of lines, has its answer, whatever that is, so long after it was taken.
    func answeredPut(to stream: StreamName, after time: Duration)
}

extension PutTarget {
    package func gotNoResponse(from stream: StreamName, within time: Duration) {}

    package func answeredPut(to stream: StreamName, after time: Duration) {}

    package func learn(_ stream: StreamName) async throws(AWSError) -> StreamSummary { try await describe(stream) }
}

extension KinesisClient: PutTarget {
    package func describe(_ stream: StreamName) async throws(AWSError) -> StreamSummary {
        try await call(DescribeStreamSummary(stream: stream), retry: nil)
    }

    package func listShards(_ stream: StreamName) async throws(AWSError) -> [Shard] {
        try await listAllShards(stream, retry: nil)
    }

    package func createStream(_ stream: StreamName, _ capacity: StreamCapacity) async throws(AWSError) {
        try await call(CreateStream(stream: stream, capacity: capacity), retry: nil)
    }
}
