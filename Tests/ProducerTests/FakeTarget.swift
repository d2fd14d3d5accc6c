import AWS
import Kinesis
import Producer
import Reactor
import Time

/// A Kinesis in process: streams that exist or not, and calls that can be held back. Confined to its loop.
final class FakeTarget: PutTarget, @unchecked Sendable {
    private let gate: Gate
    private var isHeld = false
    var streams: [StreamName: Int] = [:]
    /// The answers to come instead of a written record, one for each call.
    var failures: [AWSError] = []
    private(set) var calls: [String] = []
    /// Text of every record in the order in which it was written.
    private(set) var written: [String] = []

    init(loop: EventLoop) {
        gate = Gate(loop: loop)
    }

    /// Calls wait from here on until `release`.
    func hold() {
        isHeld = true
    }

    func release() {
        isHeld = false
        gate.open()
    }

    func putRecords(_ stream: StreamName, _ entries: [PutRecordEntry]) async throws(AWSError) -> PutRecordsAnswer {
        calls.append("PutRecords \(entries.count)")
        try await answer(stream)
        return PutRecordsAnswer(encryptionType: "NONE", results: entries.map(write))
    }

    func putRecord(_ operation: PutRecord) async throws(AWSError) -> PutRecordAnswer {
        calls.append("PutRecord after \(operation.sequenceNumberForOrdering?.text ?? "nothing")")
        try await answer(operation.stream)
        guard case .accepted(let shard, let number) = write(operation.entry) else { throw .cancelled }
        return PutRecordAnswer(encryptionType: "KMS", shard: shard, sequenceNumber: number)
    }

    func describe(_ stream: StreamName) async throws(AWSError) -> StreamSummary {
        calls.append("DescribeStreamSummary")
        guard let bytes = streams[stream] else { throw Self.missing }
        return StreamSummary(
            name: stream, arn: "arn", status: .active, creation: WallTime(milliseconds: 0), openShards: 1,
            retentionHours: 24, encryption: "NONE", mode: .provisioned, maxRecordBytes: bytes)
    }

    func createStream(_ stream: StreamName, shards: Int) async throws(AWSError) {
        calls.append("CreateStream \(shards)")
        streams[stream] = 1 << 20
    }

    private func answer(_ stream: StreamName) async throws(AWSError) {
        while isHeld {
            do { try await gate.wait() } catch { throw .cancelled }
        }
        if !failures.isEmpty { throw failures.removeFirst() }
        guard streams[stream] != nil else { throw Self.missing }
    }

    private func write(_ entry: PutRecordEntry) -> PutResult {
        written.append(String(decoding: entry.data, as: UTF8.self))
        return .accepted(shard: ShardID(number: 0), sequenceNumber: SequenceNumber(UInt128(written.count)))
    }

    private static let missing = AWSError.service(
        ServiceError(code: "ResourceNotFoundException", message: "", status: 400))
}
