import AWS
import Bytes
import JSON
import Reactor
import Testing
import Time

@testable import LocalKinesis

/// The messages of a subscription, over a time that the test moves.
@Suite struct ShardSubscriptionTests {
    private func withStream(
        limits: Bool = false, _ body: @escaping @Sendable (KinesisService) async throws -> Void
    ) async throws {
        let kinesis = try await Embedded(limits: limits, time: .manual(.whenAdvanced))
        try await kinesis.create(1)
        try await kinesis.onLoop(body)
    }

    @Test func `an idle subscription beats every five seconds, and ends after five minutes`() async throws {
        try await withStream { service in
            let follower = try await service.follow("c")
            await service.loop.advance(by: .seconds(310))
            #expect(follower.hasEnded)
            #expect(follower.messages.first?.text(":event-type") == "initial-response")
            #expect(follower.times.dropFirst() == (1...59).map { .seconds(5 * $0) }[...])
            #expect(try follower.records().isEmpty)
            #expect(service.subscriptions.list().text == #"{"subscriptions":[]}"#)
        }
    }

    @Test func `what comes puts the next empty event off, and not the end`() async throws {
        try await withStream { service in
            let follower = try await service.follow("c")
            for count in 1...74 {
                await service.loop.advance(by: .seconds(4))
                try await service.put(1)
                try await service.until { follower.messages.count == 1 + count }
            }
            await service.loop.advance(by: .seconds(3))
            #expect(!follower.hasEnded)
            await service.loop.advance(by: .seconds(1))
            #expect(follower.hasEnded)
            #expect(try follower.records().count == 74)
        }
    }

    @Test func `two MiB a second go to each consumer of a shard`() async throws {
        try await withStream(limits: true) { service in
            for _ in 0..<12 {
                try await service.put((1 << 20) - 1)
                await service.loop.advance(by: .milliseconds(1100))
            }
            for name in ["a", "b"] {
                let follower = try await service.follow(name)
                for halves in 0...9 {
                    // One second's share is there from the start, and an event may overdraw it.
                    try await service.until { follower.messages.count >= 1 + halves + 2 }
                    await service.loop.advance(by: .milliseconds(2))
                    try await service.until { follower.messages.count >= min(1 + halves + 3, 13) }
                    #expect(follower.messages.count == min(1 + halves + 3, 13), "after \(halves) half seconds")
                    await service.loop.advance(by: .milliseconds(499))
                }
                #expect(try follower.records().count == 12)
            }
        }
    }

    @Test func `without limits a backlog comes at once, in events of a MiB`() async throws {
        try await withStream { service in
            for _ in 0..<4 { try await service.put(700_000) }
            let follower = try await service.follow("c")
            try await service.until { follower.messages.count == 5 }
            let behind = try follower.events().map { try #require($0["MillisBehindLatest"]?.int) }
            #expect(behind.last == 0)
        }
    }

    @Test func `who waits at the tip hears of a put and of the consumer's end at once`() async throws {
        try await withStream { service in
            let follower = try await service.follow("c")
            try await service.put(1)
            try await service.until { follower.messages.count == 2 }
            try await service.ask("DeregisterStreamConsumer", #"{"ConsumerARN":"\#(service.consumerARN("c"))"}"#)
            try await service.until { follower.hasEnded }
            #expect(follower.messages.last?.text(":exception-type") == "ResourceNotFoundException")
            #expect(follower.times.allSatisfy { $0 == .zero })
        }
    }

    @Test func `a call that takes over ends the one before with an exception at once`() async throws {
        try await withStream { service in
            let first = try await service.follow("c")
            await service.loop.advance(by: .seconds(4))
            await #expect(throws: ServiceFault.self) { try await service.subscribe("c") }
            await service.loop.advance(by: .seconds(1))
            let second = try await service.follow("c")
            try await service.until { first.hasEnded }
            #expect(first.messages.last?.text(":exception-type") == "ResourceInUseException")
            try await service.put(1)
            try await service.until { try second.records().count == 1 }
            #expect(!second.hasEnded)
        }
    }

    @Test func `who has left is told nothing more, and is forgotten`() async throws {
        try await withStream { service in
            let subscription = try await service.subscribe("c")
            let follower = Follower(subscription, service)
            try await service.until { follower.messages.count == 1 }
            subscription.close()
            try await service.until { follower.hasEnded }
            #expect(service.subscriptions.list().text == #"{"subscriptions":[]}"#)
        }
    }
}

/// Takes all messages of a subscription, each with its time since the beginning. Confined to its loop.
private final class Follower: @unchecked Sendable {
    private(set) var messages: [EventStreamMessage] = []
    private(set) var times: [Duration] = []
    private(set) var hasEnded = false

    init(_ subscription: ShardSubscription, _ service: KinesisService) {
        let begin = service.loop.now
        _ = service.loop.spawn { [self] in
            while let message = await subscription.next() {
                messages.append(message)
                times.append(service.loop.now - begin)
            }
            hasEnded = true
        }
    }

    func events() throws -> [JSONValue] {
        try messages.filter { $0.text(":event-type") == "SubscribeToShardEvent" }.map {
            try JSONParser.parse($0.payload.bytes)
        }
    }

    func records() throws -> [JSONValue] {
        try events().flatMap { $0["Records"]?.array ?? [] }
    }
}

extension KinesisService {
    fileprivate func consumerARN(_ name: String) -> String {
        let stream = find("s")!
        return stream.consumers[name]!.arn(of: stream.arn(region: configuration.region, account: configuration.account))
    }

    fileprivate func ask(_ operation: String, _ body: String) async throws {
        _ = try await respond(to: operation, ByteBuffer(body))
    }

    fileprivate func put(_ bytes: Int) async throws {
        let data = Base64.encode([UInt8](repeating: 0, count: bytes))
        try await ask("PutRecord", #"{"StreamName":"s","Data":"\#(data)","PartitionKey":"k"}"#)
    }

    /// Subscribes a consumer, which is registered where it is not yet, to the only shard.
    fileprivate func subscribe(_ name: String) async throws -> ShardSubscription {
        if find("s")?.consumers[name] == nil {
            let stream = find("s")!.arn(region: configuration.region, account: configuration.account)
            try await ask("RegisterStreamConsumer", #"{"StreamARN":"\#(stream)","ConsumerName":"\#(name)"}"#)
            try await until { self.find("s")?.consumers[name]?.status == .active }
        }
        let body = """
            {"ConsumerARN":"\(consumerARN(name))","ShardId":"shardId-000000000000",
            "StartingPosition":{"Type":"TRIM_HORIZON"}}
            """
        return try #require(try await subscribeToShard(ByteBuffer(body), as: .json)).subscription
    }

    /// Returns once the initial response is there, and the store has been asked for what is behind it.
    fileprivate func follow(_ name: String) async throws -> Follower {
        let follower = Follower(try await subscribe(name), self)
        try await until { !follower.messages.isEmpty }
        await loop.nextTurn()
        let shard = try #require(store.storedShard(StreamStore.Address(stream: "s", shard: 0)))
        _ = try await store.firstRecord(shard, from: 0)
        return follower
    }

    /// Takes turns until it is so: the store has a thread of its own.
    fileprivate func until(_ condition: () throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(20)
        while try !condition() {
            try #require(ContinuousClock.now < deadline, "it does not come to that")
            await loop.nextTurn()
        }
    }
}
