import AWS
import Bytes
import FakeService
import Kinesis
import Logging
@testable import Producer
import Reactor
import Testing
import TestSupport

@Suite struct PutFeedTests {
    private static let stream = StreamName("orders")!

    @Test func `groups are on their way together and are written in their order`() async throws {
        try await withFeed { producer, target, feed in
            target.hold()
            var answers: [PutFeed.Answer] = []
            for index in 0..<20 { answers.append(await feed.put(.group("\(index)"), to: Self.stream)) }
            while target.puts.isEmpty { await producer.loop.nextTurn() }
            target.release()
            for answer in answers { _ = try await answer.value.get() }
            #expect(target.written.map(\.text) == (0..<20).map(String.init))
            #expect(producer.waitingBytes == 0)
        }
    }

    @Test func `a feed waits within its share, and whole puts have room beside it`() async throws {
        // A record takes 258 bytes, so the share of 1032 has room for four.
        try await withFeed(maxPutBytes: 4 * 1032) { producer, target, feed in
            target.hold()
            let entered = Counter()
            let feeding = producer.loop.spawn {
                for index in 0..<8 {
                    _ = await feed.put(.group("\(index)"), to: Self.stream)
                    entered.value += 1
                }
            }
            while entered.value < 4 { await producer.loop.nextTurn() }
            for _ in 0..<10 { await producer.loop.nextTurn() }
            #expect(entered.value == 4)
            #expect(producer.waitingBytes == 1032)
            let put = producer.loop.spawn { _ = try? await producer.put(.of("put"), to: Self.stream) }
            target.release()
            await feeding.value
            await put.value
            while producer.waitingBytes > 0 { await producer.loop.nextTurn() }
            #expect(target.written.map(\.text).sorted() == (0..<8).map(String.init) + ["put"])
        }
    }

    @Test func `nothing overtakes a large record while its stream's size is asked for`() async throws {
        try await withFeed(maxRecordBytes: 2 << 20) { _, target, feed in
            let large = String(repeating: "x", count: 1 << 20)
            var answers: [PutFeed.Answer] = []
            for text in ["a", large, "b"] { answers.append(await feed.put(.group(text), to: Self.stream)) }
            for answer in answers { _ = try await answer.value.get() }
            #expect(target.written.map(\.text) == ["a", large, "b"])
        }
    }

    @Test func `a record over the stream's size fails, and its neighbours do not`() async throws {
        try await withFeed { _, target, feed in
            let large = String(repeating: "x", count: 1 << 20)
            var answers: [PutFeed.Answer] = []
            for text in ["a", large, "b"] { answers.append(await feed.put(.group(text), to: Self.stream)) }
            let outcomes = await [answers[0].value, answers[1].value, answers[2].value]
            #expect(outcomes.map { (try? $0.get())?.results.count } == [1, nil, 1])
            guard case .failure(.recordTooLarge(0, _, _)) = outcomes[1] else {
                Issue.record("\(outcomes[1])")
                return
            }
            #expect(target.written.map(\.text) == ["a", "b"])
        }
    }

    @Test func `draining tells feeds, still takes what they have read, and waits until they are closed`() async throws {
        try await withFeed { producer, target, feed in
            let told = Counter()
            feed.onDraining = { told.value += 1 }
            let drained = Counter()
            let drain = producer.loop.spawn {
                await producer.drain(deadline: producer.loop.now + .seconds(60))
                drained.value += 1
            }
            while told.value == 0 { await producer.loop.nextTurn() }
            #expect(throws: PutError.self) { try producer.openFeed() }
            _ = try await feed.put(.group("late"), to: Self.stream).value.get()
            #expect(target.written.map(\.text) == ["late"])
            #expect(drained.value == 0)
            feed.close()
            feed.close()
            await drain.value
        }
    }

    private final class Counter: @unchecked Sendable {
        var value = 0
    }

    private func withFeed(
        maxPutBytes: Int = 32 << 20, maxRecordBytes: Int = 1 << 20,
        _ body: @escaping @Sendable (Producer, FakeKinesis, PutFeed) async throws -> Void
    ) async throws {
        try await onLoop { loop in
            try await FakeKinesis.run(on: loop) { target in
                try await target.make(Self.stream, maxRecordBytes: maxRecordBytes)
                var options = ProducerOptions()
                options.maxPutBytes = maxPutBytes
                let producer = Producer(loop: loop, target: target, options: options, logger: Logger(label: "test"))
                let feed = try producer.openFeed()
                try await body(producer, target, feed)
                feed.close()
            }
        }
    }
}

extension EncodedPut {
    fileprivate static func of(_ text: String) -> EncodedPut {
        EncodedPut([Record(PutRecordEntry(ByteBuffer(text), partitionKey: "k"))])
    }

    fileprivate static func group(_ text: String) -> EncodedPut {
        EncodedPut([Record(PutRecordEntry(ByteBuffer(text), partitionKey: "k"))], isGroup: true)
    }
}
