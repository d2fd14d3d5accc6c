import AWS
import Bytes
import FakeService
import Kinesis
import Logging
@testable import Producer
import Reactor
import Testing

@Suite struct ProducerTests {
    private let stream = StreamName("orders")!

    @Test func `a put is answered with what the service said`() async throws {
        try await withProducer { producer, target in
            try await target.make(stream)
            let answer = try await producer.put(.of("a", "b"), to: stream)
            #expect(answer.results.count == 2)
            #expect(answer.encryptionType == "NONE")
            #expect(target.written.map(\.text) == ["a", "b"])
            #expect(target.puts == [.init(records: 2)])
            #expect(producer.waitingBytes == 0)
        }
    }

    @Test func `puts that come while two calls are on their way leave together`() async throws {
        try await withProducer { producer, target in
            try await target.make(stream)
            target.hold()
            let stream = stream
            var puts: [Task<Void, Never>] = []
            for (turn, indices) in [0..<1, 1..<2, 2..<10].enumerated() {
                puts += indices.map { index in
                    producer.loop.spawn { _ = try? await producer.put(.of("\(index)"), to: stream) }
                }
                while target.puts.count < min(turn + 1, 2) || producer.waitingBytes == 0 {
                    await producer.loop.nextTurn()
                }
            }
            for _ in 0..<3 { await producer.loop.nextTurn() }
            target.release()
            for put in puts { await put.value }
            #expect(target.written.map(\.text).sorted() == (0..<10).map(String.init))
            #expect(target.puts.map(\.records) == [1, 1, 8])
        }
    }

    @Test func `puts of one turn leave together`() async throws {
        try await withProducer { producer, target in
            try await target.make(stream)
            let stream = stream
            let puts = (0..<10).map { index in
                producer.loop.spawn { _ = try? await producer.put(.of("\(index)"), to: stream) }
            }
            for put in puts { await put.value }
            #expect(target.puts == [.init(records: 10)])
        }
    }

    @Test func `a stream that is distributed automatically gets no key that nobody has given`() async throws {
        try await withProducer { producer, target in
            try await target.make(stream)
            try await target.distribute(stream, .auto)
            let put = { () async throws -> PartitionKey? in
                let one = try EncodedPut(data: ByteBuffer("a"), partitionKey: nil, explicitHashKey: nil)
                let answer = try await producer.put(one, to: stream)
                guard case .accepted = answer.results[0] else { return nil }
                return target.written.last?.key
            }
            // Nobody waits for what the stream says of itself.
            let first = try await put()
            #expect(first == .digest("hvfkN/qlp/zhXR3cuerq6jd2Z7g="))
            while try await put() != PartitionKey.none { try #require(target.written.count < 1000) }
            let given = try EncodedPut(data: ByteBuffer("a"), partitionKey: "k", explicitHashKey: nil)
            _ = try await producer.put(given, to: stream)
            #expect(target.written.last?.key == .given("k"))
            // It is placed by keys again: the next put is refused, and goes once more with its key.
            try await target.distribute(stream, .userPartitionKey)
            #expect(try await put() == first)
        }
    }

    /// Many come and go in one turn, so that what one leaves behind is another's.
    @Test func `puts that are gathered get their own answers`() async throws {
        var shaping = PutShaping()
        shaping.aggregation = PutShaping.Aggregation()
        shaping.aggregation?.maxBufferedTime = .milliseconds(1)
        shaping.aggregation?.maxCount = 7
        try await withProducer(shaping: shaping) { producer, target in
            try await target.make(stream)
            let stream = stream
            let writers = (0..<20).map { writer in
                producer.loop.spawn {
                    for round in 0..<50 {
                        let count = 1 + (writer + round) % 5
                        let put = EncodedPut(
                            (0..<count).map {
                                EncodedPut.Record(PutRecordEntry(ByteBuffer("x"), partitionKey: "\(writer)-\($0)"))
                            })
                        let answer = try? await producer.put(put, to: stream)
                        #expect(answer?.results.count == count)
                    }
                }
            }
            for writer in writers { await writer.value }
            #expect(target.written.count < 20 * 50)
        }
    }

    @Test func `an ARN of another region is refused before anything is sent`() async throws {
        try await withProducer(region: "eu-west-1") { producer, target in
            let stream = StreamName(nameOrARN: "arn:aws:kinesis:us-east-1:123456789012:stream/orders")!
            let error = await #expect(throws: PutError.self) { try await producer.put(.of("a"), to: stream) }
            guard case .otherRegion("eu-west-1")? = error else { throw error! }
            #expect(target.puts.isEmpty)
        }
    }

    @Test func `a record with sequenceNumberForOrdering goes as PutRecord`() async throws {
        try await withProducer { producer, target in
            try await target.make(stream)
            try await target.encrypt(stream)
            let entry = PutRecordEntry(ByteBuffer("a"), partitionKey: "k")
            let before = try await target.putRecord(PutRecord(stream: stream, entry: entry)).sequenceNumber
            let put = EncodedPut([EncodedPut.Record(entry, sequenceNumberForOrdering: before)])
            let answer = try await producer.put(put, to: stream)
            #expect(answer.encryptionType == "KMS")
            #expect(target.puts == [.init(records: 1), .init(records: 1, after: before)])
        }
    }

    @Test(arguments: [
        (ServiceError(code: "HTTP404", message: "Not Found", status: 404), 1),
        (ServiceError(code: "UnknownOperationException", message: "", status: 400), 1),
        (ServiceError(code: "HTTP413", message: "Request Entity Too Large", status: 413), 3),
        (ServiceError(code: "ValidationException", message: "", status: 400), 3),
        (
            ServiceError(
                code: "ValidationException", message: "Value 'x' at 'streamARN' failed to satisfy constraint: Member …",
                status: 400), 1
        ),
    ])
    func `a call is split only for a fault of what it carries`(_ fault: ServiceError, _ calls: Int) async throws {
        try await withProducer { producer, target in
            try await target.make(stream)
            let entries = ["a", "b"].map { EncodedPut.Record(PutRecordEntry(ByteBuffer($0), partitionKey: "k")) }
            for _ in 0..<3 { target.fail(.put, .service(fault)) }
            let answer = try await producer.put(EncodedPut(entries, isGroup: true), to: stream)
            #expect(answer.results.allSatisfy { !$0.isAccepted })
            #expect(target.puts.count == calls)
        }
    }

    @Test func `a missing stream is created once, and the puts that need it wait`() async throws {
        try await withProducer(shards: 3) { producer, target in
            let stream = stream
            let other = producer.loop.spawn { _ = try? await producer.put(.of("other"), to: stream) }
            _ = try await producer.put(.of("one"), to: stream)
            await other.value
            #expect(target.written.map(\.text).sorted() == ["one", "other"])
            #expect(target.count(.create) == 1)
            #expect(producer.retriedRecords(of: stream) == 0)
            #expect(try await target.describe(stream).openShards == 3)
        }
    }

    @Test func `a missing stream is not created where nobody said so`() async throws {
        try await withProducer { producer, target in
            await #expect(throws: PutError.self) { try await producer.put(.of("a"), to: self.stream) }
            #expect(target.calls == [.put])
        }
    }

    @Test func `a record over the stream's size is refused and nothing is sent`() async throws {
        try await withProducer { producer, target in
            try await target.make(stream)
            let error = await #expect(throws: PutError.self) {
                try await producer.put(.of("a", String(repeating: "x", count: 1 << 20)), to: self.stream)
            }
            guard case .recordTooLarge(let index, let size, let limit) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect((index, size, limit) == (1, 1 << 20 + 1, 1 << 20))
            #expect(target.calls == [.summary])
        }
    }

    @Test func `a stream that takes larger records gets them`() async throws {
        try await withProducer { producer, target in
            try await target.make(stream, maxRecordBytes: 10 << 20)
            let large = String(repeating: "x", count: 6 << 20)
            _ = try await producer.put(.of(large), to: stream)
            _ = try await producer.put(.of(large), to: stream)
            #expect(target.calls == [.summary, .put, .put])
        }
    }

    @Test func `beyond maxPutBytes a put is refused, and the next one is taken when there is room`() async throws {
        try await withProducer(maxPutBytes: 1000) { producer, target in
            try await target.make(stream)
            target.hold()
            let stream = stream
            let first = producer.loop.spawn { _ = try? await producer.put(.of("a", "b", "c"), to: stream) }
            await producer.loop.nextTurn()
            let error = await #expect(throws: PutError.self) { try await producer.put(.of("d"), to: stream) }
            guard case .busy(let backlog) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(backlog.limit == 1000)
            #expect(throws: PutBacklog.self) { try producer.checkRoom(for: 500) }
            target.release()
            await first.value
            try producer.checkRoom(for: 500)
            _ = try await producer.put(.of("d"), to: stream)
            #expect(target.written.map(\.text) == ["a", "b", "c", "d"])
        }
    }

    @Test func `a put that waits for room is written when there is some, and says when it has it`() async throws {
        try await withProducer(maxPutBytes: 1000) { producer, target in
            try await target.make(stream)
            target.hold()
            let stream = stream
            let first = producer.loop.spawn { _ = try? await producer.put(.of("a", "b", "c"), to: stream) }
            await producer.loop.nextTurn()
            let room = Room()
            let second = producer.loop.spawn {
                _ = try? await producer.put(.of("d"), to: stream, waitsForRoom: true) { room.isTaken = true }
            }
            await producer.loop.nextTurn()
            #expect(!room.isTaken)
            target.release()
            await first.value
            await second.value
            #expect(room.isTaken)
            #expect(target.written.map(\.text) == ["a", "b", "c", "d"])
            #expect(producer.waitingBytes == 0)
        }
    }

    @Test func `a put waits for room no longer than putTimeout`() async throws {
        try await withProducer(maxPutBytes: 1000, putTimeout: .milliseconds(20)) { producer, target in
            try await target.make(stream)
            _ = await producer.waitForRoom(1000, .group)
            let error = await #expect(throws: PutError.self) {
                try await producer.put(.of("d"), to: self.stream, waitsForRoom: true)
            }
            guard case .busy = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            producer.giveRoom(1000)
            #expect(producer.waitingBytes == 0)
            #expect(target.written.isEmpty)
        }
    }

    @Test func `a call that was throttled or cut goes again`() async throws {
        try await withProducer { producer, target in
            try await target.make(stream)
            let throttled = ServiceError(code: "ThrottlingException", message: "", status: 400)
            target.fail(.put, .service(throttled), .transport(.cut(reason: "reset")))
            let answer = try await producer.put(.of("a"), to: stream)
            #expect(answer.results.count == 1)
            #expect(target.calls.count == 3)
            #expect(producer.retriedRecords(of: self.stream) == 2)
        }
    }

    @Test func `a call that access is denied to is answered at once`() async throws {
        try await withProducer { producer, target in
            target.fail(.put, FakeKinesis.error("AccessDeniedException"))
            await #expect(throws: PutError.self) { try await producer.put(.of("a"), to: self.stream) }
            #expect(target.calls.count == 1)
        }
    }

    @Test func `a put that Kinesis does not answer is answered at its deadline`() async throws {
        try await withProducer(putTimeout: .milliseconds(20)) { producer, target in
            target.hold()
            let error = await #expect(throws: PutError.self) { try await producer.put(.of("a"), to: self.stream) }
            guard case .timedOut(_, true, _) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            target.release()
        }
    }

    @Test func `draining waits for what is on its way and takes nothing new`() async throws {
        try await withProducer { producer, target in
            try await target.make(stream)
            target.hold()
            let stream = stream
            let put = producer.loop.spawn { _ = try? await producer.put(.of("a"), to: stream) }
            await producer.loop.nextTurn()
            let drain = producer.loop.spawn { await producer.drain(deadline: producer.loop.now + .seconds(60)) }
            await producer.loop.nextTurn()
            await #expect(throws: PutError.self) { try await producer.put(.of("b"), to: stream) }
            target.release()
            await drain.value
            await put.value
            #expect(target.written.map(\.text) == ["a"])
        }
    }

    /// Runs a test's body on a loop of its own.
    private func withProducer(
        shards: Int? = nil, maxPutBytes: Int = 32 << 20, putTimeout: Duration = .seconds(30), region: String? = nil,
        shaping: PutShaping = PutShaping(), _ body: @escaping @Sendable (Producer, FakeKinesis) async throws -> Void
    ) async throws {
        let loop = try EventLoop(name: "producer")
        try loop.startThread()
        defer {
            loop.stop()
            loop.join()
        }
        try await Task(executorPreference: loop) {
            try await FakeKinesis.run(on: loop) { target in
                var options = ProducerOptions { _ in shards.map(StreamCapacity.provisioned(shards:)) }
                options.maxPutBytes = maxPutBytes
                options.putTimeout = putTimeout
                options.region = region
                options.shaping = shaping
                let producer = Producer(loop: loop, target: target, options: options, logger: Logger(label: "test"))
                try await body(producer, target)
            }
        }.value
    }
}

/// Confined to its loop.
private final class Room: @unchecked Sendable {
    var isTaken = false
}

extension EncodedPut {
    fileprivate static func of(_ texts: String...) -> EncodedPut {
        EncodedPut(texts.map { Record(PutRecordEntry(ByteBuffer($0), partitionKey: "k")) })
    }
}
