import AWS
import FakeService
import Kinesis
import Reactor
import Testing

@testable import Consumer

/// Enhanced fan-out through the engine: records are pushed to a registered consumer.
@Suite struct FanOutTests {
    private static func withFanOut(
        shards: Int = 1, settings: @escaping @Sendable (inout EngineSettings) -> Void = { _ in },
        _ body: @escaping @Sendable (Engine, FakeKinesis) async throws -> Void
    ) async throws {
        try await withEngine(
            shards: shards,
            settings: {
                $0.host = "here"
                $0.defaults.useEnhancedFanOut = true
                settings(&$0)
            }, body)
    }

    private static let shard = ShardID(number: 0)

    private static func consumers(_ kinesis: FakeKinesis) async throws -> [RegisteredConsumer] {
        let stream = try await kinesis.call(DescribeStreamSummary(stream: kinesis.name), retry: nil)
        return try await kinesis.call(ListStreamConsumers(streamARN: stream.arn), retry: nil).consumers
    }

    @Test func `records are pushed as one consumer, and none is asked for`() async throws {
        try await Self.withFanOut { engine, kinesis in
            try await kinesis.put("old")
            let reader = try await engine.attach(fromStart)
            try await kinesis.put("new")
            #expect(try await engine.read(2, from: reader) == ["old", "new"])
            try await kinesis.put("newer")
            #expect(try await engine.read(1, from: reader) == ["newer"])
            #expect(kinesis.count(.subscribe(Self.shard)) == 1 && kinesis.count(.records(Self.shard)) == 0)
            #expect(
                try await Self.consumers(kinesis).map(\.name) == [ConsumerName.own("kinesis-sidecar", host: "here")])
        }
    }

    @Test func `LATEST begins at the attachment, also where the first subscription fails`() async throws {
        try await Self.withFanOut { engine, kinesis in
            try await kinesis.put("old", at: .now().advanced(by: .milliseconds(-2)))
            kinesis.fail(.subscribe(Self.shard), FakeKinesis.error("ServiceUnavailable", status: 503))
            let reader = try await engine.attach()
            try await kinesis.put("new")
            #expect(try await engine.read(1, from: reader) == ["new"])
        }
    }

    @Test func `the consumer is found again after a restart, and reading goes on behind what was settled`() async throws
    {
        try await Self.withFanOut(settings: { $0.defaults.unreadBytes = 0 }) { engine, kinesis in
            try await kinesis.put("a", "b")
            let reader = try await engine.attach(fromStart)
            #expect(try await engine.read(2, from: reader) == ["a", "b"])
            await engine.registry.shutDown(deadline: engine.loop.now)
            engine.restart()
            try await kinesis.put("c")
            let next = try await engine.attach(fromStart)
            // Within 5 s of the last subscription the service refuses another one.
            await engine.loop.advance(by: .seconds(12))
            #expect(try await engine.read(1, from: next) == ["c"])
            #expect(kinesis.count(.consumers(RegisterStreamConsumer.name)) == 1)
        }
    }

    @Test func `a subscription that ends, breaks or says nothing is followed by another one`() async throws {
        try await Self.withFanOut { engine, kinesis in
            let reader = try await engine.attach(fromStart)
            let disturbances: [(FakeSubscription) -> Void] = [
                { $0.end() }, { $0.fail(.transport(.cut(reason: "by the test"))) },
                { $0.fail(FakeKinesis.error("ResourceInUseException", status: 200)) }, { $0.isSilent = true },
            ]
            for (index, disturb) in disturbances.enumerated() {
                try await kinesis.put("\(index)")
                #expect(try await engine.read(1, from: reader) == ["\(index)"])
                let subscription = try #require(kinesis.openSubscriptions.first)
                disturb(subscription)
                await engine.loop.advance(by: .seconds(16))
            }
            try await kinesis.put("last")
            #expect(try await engine.read(1, from: reader) == ["last"])
            #expect(kinesis.openSubscriptions.count == 1)
        }
    }

    @Test func `a reader is told of subscriptions that bring nothing, and the shard goes on once one does`()
        async throws
    {
        try await Self.withFanOut { engine, kinesis in
            let reader = try await engine.attach(fromStart)
            try await kinesis.put("a")
            #expect(try await engine.read(1, from: reader) == ["a"])
            // The first one has brought something.
            for _ in 0..<4 {
                await engine.until("there is a subscription") { kinesis.openSubscriptions.first?.isSilent == false }
                try #require(kinesis.openSubscriptions.first).isSilent = true
                await engine.loop.advance(by: .seconds(11))
            }
            let shard = try #require(engine.snapshot?.shards.first)
            #expect(shard.phase == .degraded && shard.problem?.contains("bring nothing") == true)
            try await kinesis.put("b")
            #expect(try await engine.read(1, from: reader) == ["b"])
            #expect(engine.snapshot?.shards.first?.phase == .reading)
        }
    }

    @Test func `children follow their parents without a listing`() async throws {
        try await Self.withFanOut { engine, kinesis in
            try await kinesis.put("a")
            let reader = try await engine.attach(fromStart)
            try await kinesis.split(0)
            try await kinesis.put("b", "c", to: 1)
            try await kinesis.put("d", to: 2)
            #expect(Set(try await engine.read(4, from: reader)) == ["a", "b", "c", "d"])
            #expect(kinesis.count(.list) <= 2)
        }
    }

    @Test func `a consumer that somebody has deregistered is registered anew, and nothing is lost`() async throws {
        try await Self.withFanOut { engine, kinesis in
            let reader = try await engine.attach(fromStart)
            try await kinesis.put("a")
            #expect(try await engine.read(1, from: reader) == ["a"])
            let consumer = try #require(try await Self.consumers(kinesis).first)
            try await kinesis.call(DeregisterStreamConsumer(consumer.arn), retry: nil)
            try await kinesis.put("b")
            for _ in 0..<20 where kinesis.count(.consumers(RegisterStreamConsumer.name)) < 2 {
                await engine.loop.advance(by: .seconds(1))
            }
            #expect(try await engine.read(1, from: reader) == ["b"])
        }
    }

    @Test func `a subscription moves to another reader with its shard, and outlives a reader that leaves in order`()
        async throws
    {
        try await Self.withFanOut(shards: 2, settings: { $0.defaults.readerGracePeriod = .seconds(60) }) {
            engine, kinesis in
            let (a, b) = (ShardID(number: 0), ShardID(number: 1))
            let first = try await engine.attach(fromStart)
            try await kinesis.put("x", to: 0)
            try await kinesis.put("y", to: 1)
            #expect(Set(try await engine.read(2, from: first)) == ["x", "y"])
            let second = try await engine.attach(fromStart)
            await engine.until("one has moved") { second.shardCount == 1 }
            let moved = try #require(second.assignment.first)
            let begun = engine.loop.now
            try await kinesis.put("z", to: moved == a ? 0 : 1)
            #expect(try await engine.read(1, from: second) == ["z"])
            // The service would refuse another subscription for 5 s.
            #expect(engine.loop.now < begun + .seconds(1))
            first.detach(.orderly)
            second.detach(.orderly)
            try await kinesis.put("w", to: 0)
            try await kinesis.put("v", to: 1)
            let third = try await engine.attach(fromStart)
            #expect(Set(try await engine.read(2, from: third)) == ["v", "w"])
            #expect(kinesis.count(.subscribe(a)) == 1 && kinesis.count(.subscribe(b)) == 1)
            third.detach(.orderly)
            await engine.loop.advance(by: .seconds(61))
            #expect(kinesis.openSubscriptions.isEmpty, "nobody reads here any more")
        }
    }

    @Test func `who has to begin anew soon after a subscription is asked for records until there is another one`()
        async throws
    {
        try await Self.withFanOut { engine, kinesis in
            let manual = ("useAutoCheckpoints", "false")
            let first = try await engine.attach(fromStart, manual)
            try await kinesis.put("a")
            #expect(try await engine.read(1, from: first) == ["a"])
            first.detach(.orderly)
            let begun = engine.loop.now
            let second = try await engine.attach(fromStart, manual)
            // What was not acknowledged comes again, and what is put meanwhile comes too.
            try await kinesis.put("b")
            #expect(try await engine.read(2, from: second) == ["a", "b"])
            #expect(engine.loop.now < begun + .seconds(1))
            #expect(kinesis.count(.records(Self.shard)) > 0 && kinesis.count(.subscribe(Self.shard)) == 1)
            await engine.loop.advance(by: .seconds(6))
            try await kinesis.put("c")
            #expect(try await engine.read(1, from: second) == ["c"])
            let polls = kinesis.count(.records(Self.shard))
            await engine.loop.advance(by: .seconds(10))
            #expect(kinesis.count(.records(Self.shard)) == polls && kinesis.count(.subscribe(Self.shard)) == 2)
        }
    }

    @Test func `where shards are polled instead, the consumer is tried again after a minute`() async throws {
        try await Self.withFanOut(settings: { $0.defaults.enhancedFanOutFallback = true }) { engine, kinesis in
            kinesis.fail(.consumers(RegisterStreamConsumer.name), FakeKinesis.error("LimitExceededException"))
            try await kinesis.put("a")
            let reader = try await engine.attach(fromStart)
            #expect(try await engine.read(1, from: reader) == ["a"])
            guard case .polling(let problem)? = engine.snapshot?.fanOut else {
                Issue.record("it is not polled")
                return
            }
            #expect(problem.contains("LimitExceededException"))
            for _ in 0..<70 { await engine.loop.advance(by: .seconds(1)) }
            try await kinesis.put("b")
            #expect(try await engine.read(1, from: reader) == ["b"])
            let consumer = try #require(try await Self.consumers(kinesis).first)
            #expect(engine.snapshot?.fanOut == .subscribed(consumer.arn))
            #expect(kinesis.openSubscriptions.count == 1)
        }
    }

    @Test func `where subscriptions are denied the shards are polled instead, and tried again after a minute`()
        async throws
    {
        try await Self.withFanOut(settings: { $0.defaults.enhancedFanOutFallback = true }) { engine, kinesis in
            kinesis.fail(.subscribe(Self.shard), FakeKinesis.error("AccessDeniedException"))
            try await kinesis.put("a")
            let reader = try await engine.attach(fromStart)
            #expect(try await engine.read(1, from: reader) == ["a"])
            guard case .polling? = engine.snapshot?.fanOut else {
                Issue.record("it is not polled")
                return
            }
            for _ in 0..<70 { await engine.loop.advance(by: .seconds(1)) }
            try await kinesis.put("b")
            #expect(try await engine.read(1, from: reader) == ["b"])
            guard case .subscribed? = engine.snapshot?.fanOut else {
                Issue.record("it is not subscribed to")
                return
            }
        }
    }

    /// `status`: 200: the denial comes once the subscription has begun.
    @Test(arguments: [("AccessDeniedException", 400), ("KMSDisabledException", 200)])
    func `while subscriptions stay denied nothing begins anew`(code: String, status: Int) async throws {
        try await Self.withFanOut(settings: { $0.defaults.enhancedFanOutFallback = true }) { engine, kinesis in
            let denial = FakeKinesis.error(code, status: status)
            if status == 200 {
                kinesis.onSubscription = { $0.fail(denial) }
            } else {
                kinesis.fail(.subscribe(Self.shard), denial, denial, denial)
            }
            let reader = try await engine.attach(fromStart)
            for _ in 0..<10 { await engine.loop.advance(by: .seconds(1)) }
            let polled = kinesis.count(.iterator(Self.shard))
            #expect(polled > 0)
            for _ in 0..<125 { await engine.loop.advance(by: .seconds(1)) }
            #expect(kinesis.count(.subscribe(Self.shard)) == 3 && kinesis.count(.iterator(Self.shard)) == polled)
            kinesis.onSubscription = nil
            for _ in 0..<70 { await engine.loop.advance(by: .seconds(1)) }
            guard case .subscribed? = engine.snapshot?.fanOut else {
                Issue.record("it is not subscribed to")
                return
            }
            reader.detach(.orderly)
        }
    }

    @Test func `a consumer that is gone soon after a fallback has ended is registered anew at once`() async throws {
        try await Self.withFanOut(settings: { $0.defaults.enhancedFanOutFallback = true }) { engine, kinesis in
            kinesis.fail(.consumers(RegisterStreamConsumer.name), FakeKinesis.error("LimitExceededException"))
            let reader = try await engine.attach(fromStart)
            for _ in 0..<70 { await engine.loop.advance(by: .seconds(1)) }
            let consumer = try #require(try await Self.consumers(kinesis).first)
            try await kinesis.call(DeregisterStreamConsumer(consumer.arn), retry: nil)
            try await kinesis.put("a")
            for _ in 0..<20 { await engine.loop.advance(by: .seconds(1)) }
            #expect(try await engine.read(1, from: reader) == ["a"])
        }
    }

    @Test func `a subscription whose shard goes back is counted as revoked`() async throws {
        try await Self.withFanOut(settings: { $0.defaults.unreadBytes = 1 << 20 }) { engine, kinesis in
            let lost = try await engine.attach(fromStart)
            let other = try await engine.attach(fromStart)
            try await kinesis.put("a")
            let reader = lost.assignment.isEmpty ? other : lost
            #expect(try await engine.read(1, from: reader) == ["a"])
            reader.detach(.lost)
            #expect(try await engine.read(1, from: reader === lost ? other : lost) == ["a"])
            // The service refuses another subscription for 5 s.
            await engine.loop.advance(by: .seconds(6))
            let counters = try #require(engine.snapshot?.shards.first).counters
            #expect(counters.subscriptions == 2)
            #expect(counters.subscriptionEndings == [.revoked: 1])
        }
    }

    /// `status`: of an answer to the call; 200: it comes as an exception of a subscription that has begun.
    @Test(arguments: [
        ("KMSAccessDeniedException", 400), ("KMSDisabledException", 200), ("AccessDeniedException", 400),
        ("LimitExceededException", 400), ("ExpiredTokenException", 200), ("InternalFailureException", 200),
    ])
    func `what the service refuses is tried again, and nothing is lost`(code: String, status: Int) async throws {
        try await Self.withFanOut { engine, kinesis in
            if status == 400 { kinesis.fail(.subscribe(Self.shard), FakeKinesis.error(code)) }
            try await kinesis.put("a")
            let reader = try await engine.attach(fromStart)
            if status == 400 { await engine.loop.advance(by: .seconds(70)) }
            #expect(try await engine.read(1, from: reader) == ["a"])
            if status == 200 {
                try #require(kinesis.openSubscriptions.first).fail(FakeKinesis.error(code, status: 200))
                await engine.loop.advance(by: .seconds(70))
            }
            try await kinesis.put("b")
            #expect(try await engine.read(1, from: reader) == ["b"])
            let counters = try #require(engine.snapshot?.shards.first).counters
            #expect(counters.subscriptions == (status == 200 ? 2 : 1))
            #expect(counters.subscriptionEndings.values.reduce(0, +) == (status == 200 ? 1 : 0))
        }
    }

    @Test func `without a consumer there is an error, or polling where that is wanted`() async throws {
        for isWanted in [false, true] {
            try await Self.withFanOut(settings: { $0.defaults.enhancedFanOutFallback = isWanted }) { engine, kinesis in
                kinesis.fail(
                    .consumers(RegisterStreamConsumer.name), FakeKinesis.error("AccessDeniedException"),
                    FakeKinesis.error("AccessDeniedException"))
                try await kinesis.put("a")
                guard isWanted else {
                    await #expect(throws: ConsumerError.self) { _ = try await engine.attach(fromStart) }
                    return
                }
                let reader = try await engine.attach(fromStart)
                #expect(try await engine.read(1, from: reader) == ["a"])
                #expect(kinesis.count(.records(Self.shard)) > 0)
            }
        }
    }
}
