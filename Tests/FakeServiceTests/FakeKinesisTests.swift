import AWS
import Bytes
import FakeService
import JSON
import Kinesis
import Reactor
import TestSupport
import Testing
import Time

/// What stands on top of the contract: failures, silence, counts and limits as a test asks for them.
@Suite(.timeLimit(.minutes(4))) struct FakeKinesisTests {
    private static let stream = StreamName("orders")!
    private static let shard = ShardID(number: 0)

    @Test func `calls fail as asked, one after the other, and those of another kind do not`() async throws {
        try await Self.withKinesis { kinesis in
            kinesis.fail(.summary, FakeKinesis.error("LimitExceededException"), .transport(.closed))
            _ = try await kinesis.shards(of: Self.stream, retry: nil)
            await #expect(throws: FakeKinesis.error("LimitExceededException")) {
                try await kinesis.describe(Self.stream)
            }
            await #expect(throws: AWSError.transport(.closed)) { try await kinesis.describe(Self.stream) }
            #expect(try await kinesis.describe(Self.stream).name == Self.stream)
            #expect(kinesis.calls == [.list, .summary, .summary, .summary])
            #expect(kinesis.count(.summary) == 3)
            kinesis.failure = .transport(.closed)
            await #expect(throws: AWSError.transport(.closed)) { try await kinesis.shards(of: Self.stream, retry: nil) }
        }
    }

    @Test func `a silent call ends only when it is hung up, cancelled or not`() async throws {
        try await Self.withKinesis { kinesis in
            kinesis.silence(.records(Self.shard))
            let start = try await kinesis.iterator(of: Self.shard, in: Self.stream, at: .latest)
            let outcome = Outcome<Result<[String], AWSError>>()
            let call = kinesis.loop.spawn { outcome.value = await Self.records(kinesis, start) }
            while kinesis.count(.records(Self.shard)) == 0 { await kinesis.loop.nextTurn() }
            call.cancel()
            for _ in 0..<10 { await kinesis.loop.nextTurn() }
            #expect(outcome.value == nil)
            kinesis.hangUp()
            await call.value
            #expect(outcome.value == .failure(.cancelled))
            #expect(await Self.records(kinesis, start) == .success([]))
        }
    }

    @Test func `responses are as small as asked`() async throws {
        try await Self.withKinesis { kinesis in
            _ = try await kinesis.putRecords(Self.stream, ["a", "b", "c"].map(Self.entry))
            kinesis.recordLimit = 2
            let start = try await kinesis.iterator(of: Self.shard, in: Self.stream, at: .trimHorizon)
            #expect(await Self.records(kinesis, start) == .success(["a", "b"]))
        }
    }

    @Test func `puts wait while they are held, and are noted as asked and as written`() async throws {
        try await Self.withKinesis { kinesis in
            kinesis.hold()
            let outcome = Outcome<PutRecordsAnswer>()
            let put = kinesis.loop.spawn {
                outcome.value = try? await kinesis.putRecords(Self.stream, ["a", "b"].map(Self.entry))
            }
            while kinesis.puts.isEmpty { await kinesis.loop.nextTurn() }
            for _ in 0..<10 { await kinesis.loop.nextTurn() }
            #expect(kinesis.written.isEmpty)
            kinesis.release()
            await put.value
            #expect(outcome.value?.results.count == 2)
            try #require(kinesis.written.count == 2)
            let after = kinesis.written[1].sequenceNumber
            let one = PutRecord(stream: Self.stream, entry: Self.entry("c"), sequenceNumberForOrdering: after)
            let answer = try await kinesis.putRecord(one)
            #expect(kinesis.written.map(\.text) == ["a", "b", "c"])
            #expect(kinesis.written[2].sequenceNumber == answer.sequenceNumber)
            #expect(kinesis.puts == [.init(records: 2), .init(records: 1, after: after)])
        }
    }

    @Test func `what a test writes is counted nowhere, does not fail, and arrives when it says`() async throws {
        try await Self.withKinesis { kinesis in
            kinesis.fail(.put, .transport(.closed))
            let old = WallTime.now().advanced(by: .seconds(-3600))
            let numbers = try await kinesis.write([Self.entry("a")], to: Self.stream, at: old)
            try await kinesis.write([Self.entry("b")], to: Self.stream)
            #expect(kinesis.calls.isEmpty && kinesis.puts.isEmpty)
            try #require(numbers.count == 1)
            let behindOld = [
                StartingPosition.atTimestamp(old.advanced(by: .seconds(1))), .afterSequenceNumber(numbers[0]),
            ]
            for position in behindOld {
                let start = try await kinesis.iterator(of: Self.shard, in: Self.stream, at: position)
                #expect(await Self.records(kinesis, start) == .success(["b"]))
            }
        }
    }

    @Test func `a response of records takes as long as asked, and a summary says the retention that it is told`()
        async throws
    {
        try await onLoop(time: .manual(.whenIdle)) { loop in
            try await FakeKinesis.run(on: loop) { kinesis in
                try await kinesis.make(Self.stream)
                kinesis.recordsTime = .seconds(20)
                let start = try await kinesis.iterator(of: Self.shard, in: Self.stream, at: .latest)
                let asked = loop.now
                #expect(await Self.records(kinesis, start) == .success([]))
                #expect(loop.now - asked == .seconds(20))
                kinesis.retentionHours = 0
                #expect(try await kinesis.describe(Self.stream).retentionHours == 0)
            }
        }
    }

    /// What a task ended with; nil until it does. Confined to its loop.
    private final class Outcome<Value>: @unchecked Sendable {
        var value: Value?
    }

    private static func entry(_ text: String) -> PutRecordEntry {
        PutRecordEntry(ByteBuffer(text), partitionKey: "k")
    }

    /// The texts of one response.
    private static func records(
        _ kinesis: FakeKinesis, _ iterator: ShardIterator
    ) async -> Result<[String], AWSError> {
        do throws(AWSError) {
            let body = try await kinesis.records(of: stream, at: iterator, limit: 10) { _ in true }
            let records = (try? JSONParser.parse(body))?["Records"]?.array ?? []
            return .success(
                records.map { String(decoding: Base64.decode($0["Data"]?.string ?? "") ?? [], as: UTF8.self) })
        } catch {
            return .failure(error)
        }
    }

    /// Runs a test's body with a stream of one shard.
    private static func withKinesis(_ body: @escaping @Sendable (FakeKinesis) async throws -> Void) async throws {
        try await onLoop { loop in
            try await FakeKinesis.run(on: loop) { kinesis in
                try await kinesis.make(stream)
                try await body(kinesis)
            }
        }
    }
}
