import AWS
import Bytes
import Consumer
import JSON
import Kinesis
import Producer
import Reactor
import Time

/// A Kinesis of one stream and one shard, in process, that both sides of the sidecar ask. Confined to its loop.
final class FakeKinesis: StreamSource, PutTarget, @unchecked Sendable {
    let stream = StreamName("orders")!
    private let shard = ShardID(number: 0)
    private(set) var records: [(entry: PutRecordEntry, arrival: WallTime)] = []
    /// What every call fails with while it is set.
    var failure: AWSError?
    /// Calls of PutRecords wait while it is there.
    var gate: Gate?

    func putRecords(_ stream: StreamName, _ entries: [PutRecordEntry]) async throws(AWSError) -> PutRecordsAnswer {
        while let gate { try? await gate.wait() }
        try check(stream)
        let results = entries.map { entry in
            records.append((entry, .now()))
            return PutResult.accepted(shard: shard, sequenceNumber: SequenceNumber(UInt128(records.count)))
        }
        return PutRecordsAnswer(encryptionType: "NONE", results: results)
    }

    func putRecord(_ operation: PutRecord) async throws(AWSError) -> PutRecordAnswer {
        try check(operation.stream)
        records.append((operation.entry, .now()))
        return PutRecordAnswer(
            encryptionType: "NONE", shard: shard, sequenceNumber: SequenceNumber(UInt128(records.count)))
    }

    func describe(_ stream: StreamName) async throws(AWSError) -> StreamSummary {
        try await summary(of: stream, retry: nil)
    }

    func createStream(_ stream: StreamName, shards: Int) async throws(AWSError) {
        throw .cancelled
    }

    func create(_ stream: StreamName, shardCount: Int, retry: RetryPolicy?) async throws(AWSError) {
        throw .cancelled
    }

    func summary(of stream: StreamName, retry: RetryPolicy?) async throws(AWSError) -> StreamSummary {
        try check(stream)
        return StreamSummary(
            name: stream, arn: "arn:aws:kinesis:local:0:stream/orders", status: .active,
            creation: WallTime(milliseconds: 1000), openShards: 1, retentionHours: 24, encryption: "NONE",
            mode: .provisioned, maxRecordBytes: 1 << 20)
    }

    func shards(of stream: StreamName, retry: RetryPolicy?) async throws(AWSError) -> [Shard] {
        try check(stream)
        return [
            Shard(id: shard, hashKeyRange: .all, startingSequenceNumber: SequenceNumber(UInt128(0)))
        ]
    }

    func iterator(of shard: ShardID, in stream: StreamName, at position: StartingPosition)
        async throws(AWSError) -> ShardIterator
    {
        try check(stream)
        let index =
            switch position {
            case .trimHorizon: 0
            case .latest: records.count
            case .atTimestamp(let time): records.firstIndex { $0.arrival >= time } ?? records.count
            case .atSequenceNumber(let number): (Int(number.text) ?? 1) - 1
            case .afterSequenceNumber(let number): Int(number.text) ?? 0
            }
        return ShardIterator(String(index))
    }

    func records(
        of stream: StreamName, at iterator: ShardIterator, limit: Int,
        takesAnswer: @escaping @Sendable (_ bytes: Int) -> Bool
    ) async throws(AWSError) -> ByteBuffer {
        try check(stream)
        let first = Int(iterator.token) ?? 0
        let end = min(records.count, first + limit)
        var json = JSONWriter()
        json.beginObject()
        json.key("NextShardIterator")
        json.string(String(end))
        json.key("MillisBehindLatest")
        json.int(0)
        json.key("Records")
        json.beginArray()
        for index in first..<end { write(records[index], number: index + 1, &json) }
        json.endArray()
        json.endObject()
        return json.buffer
    }

    private func write(
        _ record: (entry: PutRecordEntry, arrival: WallTime), number: Int, _ json: inout JSONWriter
    ) {
        json.beginObject()
        json.key("SequenceNumber")
        json.string(String(number))
        json.key("PartitionKey")
        json.string(record.entry.partitionKey)
        json.key("ApproximateArrivalTimestamp")
        json.epochSeconds(record.arrival)
        json.key("Data")
        json.string(Base64.encode(record.entry.data))
        json.endObject()
    }

    private func check(_ asked: StreamName) throws(AWSError) {
        if let failure { throw failure }
        guard asked == stream else {
            throw .service(ServiceError(code: "ResourceNotFoundException", message: "no stream", status: 400))
        }
    }
}
