import AWS
import Kinesis
import Testing
import Time

@testable import Consumer

/// What a shard does while the service cannot be reached, and when it can again.
@Suite(.timeLimit(.minutes(4))) struct OutageTests {
    private static let refused = AWSError.transport(.notConnected(reason: "refused"))
    private static let wordless = AWSError.service(ServiceError(code: "HTTP500", message: "", status: 500))
    private let start = ContinuousClock.now

    private func source(_ iterator: ShardIterator? = ShardIterator("one")) -> PollingSource {
        PollingSource(
            shard: ReadPaces.Key(stream: StreamName("orders")!, shard: ShardID(number: 0)),
            settings: .init(ConsumerOptions(), callTimeout: .seconds(30)), iterator: iterator, seed: 1, now: start)
    }

    /// Makes the call that is due, and lets it fail; returns how long the source waits then.
    private func fail(
        _ source: inout PollingSource, _ error: AWSError, _ paces: inout ReadPaces, now: ContinuousClock.Instant
    ) throws -> Duration {
        var step = source.next(now: now, credit: true, position: .trimHorizon, paces: &paces)
        if case .takePermit = step {
            source.received(.permit(room: ResponseSize.most), now: now)
            step = source.next(now: now, credit: true, position: .trimHorizon, paces: &paces)
        }
        #expect(step != .wait(until: nil))
        let wasCalling = source.failed(ReadFailure(error), now: now)
        #expect(wasCalling)
        return try #require(source.deadline(credit: true)) - now
    }

    @Test(arguments: [ShardIterator("one"), nil])
    func `a connection that cannot be made is tried every 5 s at the latest`(
        _ iterator: ShardIterator?
    ) throws {
        var source = source(iterator)
        var paces = ReadPaces()
        var now = start
        for _ in 0..<20 {
            let wait = try fail(&source, Self.refused, &paces, now: now)
            #expect(wait <= .seconds(5))
            now += wait + .seconds(1)
        }
        #expect(source.iterator == iterator, "the iterator is as good as it was")
    }

    @Test func `what waits for the service comes within a moment when it is back, and nothing else does`() throws {
        var waiting = source()
        var throttled = source()
        var paces = ReadPaces()
        var now = start
        for _ in 0..<8 {
            now += try fail(&waiting, Self.refused, &paces, now: now)
            now += .seconds(1)
        }
        _ = try fail(&waiting, Self.refused, &paces, now: now)
        let code = ServiceError(code: "ProvisionedThroughputExceededException", message: "", status: 400)
        let pause = try fail(&throttled, .service(code), &paces, now: now + .seconds(1))
        now += .seconds(1)
        waiting.received(.serviceReturned, now: now)
        throttled.received(.serviceReturned, now: now)
        #expect(try #require(waiting.deadline(credit: true)) - now <= PollingSource.returnSpread)
        #expect(throttled.deadline(credit: true) == now + pause)
    }

    @Test func `a status 500 without a word may mean the iterator: the second one in a row asks for another`() throws {
        var source = source()
        var paces = ReadPaces()
        let wait = try fail(&source, Self.wordless, &paces, now: start)
        #expect(source.iterator == ShardIterator("one"))
        _ = try fail(&source, Self.wordless, &paces, now: start + wait + .seconds(1))
        #expect(source.iterator == nil)
        var other = self.source()
        let told = AWSError.service(ServiceError(code: "InternalFailure", message: "", status: 500))
        for attempt in 0..<5 { _ = try fail(&other, told, &paces, now: start + .seconds(60 * attempt)) }
        #expect(other.iterator == ShardIterator("one"))
    }

    @Test func `a reader goes on as soon as the service is back, and what failed is history`() async throws {
        try await withEngine { engine, kinesis in
            let reader = try await engine.attach()
            kinesis.failure = Self.refused
            for _ in 0..<100 { await engine.loop.advance(by: .seconds(1)) }
            #expect(engine.snapshot?.problem != nil)
            kinesis.failure = nil
            try await kinesis.put("a")
            let back = engine.loop.now
            engine.registry.serviceReturned()
            #expect(try await engine.read(1, from: reader) == ["a"])
            #expect(engine.loop.now - back <= PollingSource.returnSpread)
            await engine.until("the listing works") { engine.snapshot?.problem == nil }
            #expect(engine.loop.now - back < .seconds(2))
        }
    }

    @Test func `a configured consumer starts as soon as the service is back`() async throws {
        try await withEngine { engine, kinesis in
            kinesis.failure = Self.refused
            engine.registry.start(kinesis.name, NamedOptions())
            for _ in 0..<100 { await engine.loop.advance(by: .seconds(1)) }
            #expect(engine.snapshot?.problem != nil)
            kinesis.failure = nil
            let back = engine.loop.now
            engine.registry.serviceReturned()
            #expect(engine.snapshot?.problem == nil)
            await engine.until("it is prepared") { engine.snapshot?.phase == .idle }
            #expect(engine.loop.now - back < .seconds(1))
        }
    }
}
