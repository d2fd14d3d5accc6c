import Bytes
import JSON
import Reactor
import Testing

@testable import LocalKinesis

/// Consumers of a stream and the states they pass through, over a time that the test moves.
@Suite struct StreamConsumerTests {
    private static let delay = Duration.seconds(10)
    private static let streamARN = "arn:aws:kinesis:us-east-1:000000000000:stream/s"

    private func withStream(_ body: @escaping @Sendable (KinesisService) async throws -> Void) async throws {
        let kinesis = try await Embedded(stateDelay: Self.delay, time: .manual(.whenAdvanced))
        try await kinesis.onLoop { service in
            _ = try await service.respond(to: "CreateStream", ByteBuffer(#"{"StreamName":"s","ShardCount":1}"#))
            await service.loop.advance(by: Self.delay)
            try await body(service)
        }
    }

    @Test func `a consumer is CREATING, ACTIVE, DELETING and gone, each for its time`() async throws {
        try await withStream { service in
            try await service.register("c")
            let arn = try #require(service.find("s")?.consumers["c"]).arn(of: Self.streamARN)
            #expect(try await service.status(arn) == "CREATING")
            await service.loop.advance(by: Self.delay - .milliseconds(1))
            #expect(try await service.status(arn) == "CREATING")
            #expect(await service.code { try await service.subscribe(arn) } == "ResourceInUseException")
            await service.loop.advance(by: .milliseconds(1))
            #expect(try await service.status(arn) == "ACTIVE")
            try await service.subscribe(arn)
            _ = try await service.respond(to: "DeregisterStreamConsumer", ByteBuffer(#"{"ConsumerARN":"\#(arn)"}"#))
            #expect(try await service.status(arn) == "DELETING")
            #expect(await service.code { try await service.subscribe(arn) } == "ResourceInUseException")
            #expect(await service.code { try await service.register("c") } == "ResourceInUseException")
            await service.loop.advance(by: Self.delay)
            #expect(await service.code { _ = try await service.status(arn) } == "ResourceNotFoundException")
            try await service.register("c")
        }
    }

    @Test func `five consumers at most are CREATING, and twenty are there, DELETING ones among them`() async throws {
        try await withStream { service in
            for group in 0..<4 {
                for n in 0..<5 { try await service.register("c\(group)-\(n)") }
                if group < 3 {
                    #expect(await service.code { try await service.register("more") } == "LimitExceededException")
                }
                await service.loop.advance(by: Self.delay)
            }
            #expect(await service.code { try await service.register("more") } == "LimitExceededException")
            let arn = try #require(service.find("s")?.consumers["c0-0"]).arn(of: Self.streamARN)
            _ = try await service.respond(to: "DeregisterStreamConsumer", ByteBuffer(#"{"ConsumerARN":"\#(arn)"}"#))
            #expect(await service.code { try await service.register("more") } == "LimitExceededException")
            await service.loop.advance(by: Self.delay)
            try await service.register("more")
        }
    }
}

extension KinesisService {
    fileprivate func register(_ name: String) async throws {
        let stream = find("s")!.arn(region: configuration.region, account: configuration.account)
        _ = try await respond(
            to: "RegisterStreamConsumer", ByteBuffer(#"{"StreamARN":"\#(stream)","ConsumerName":"\#(name)"}"#))
    }

    fileprivate func status(_ arn: String) async throws -> String? {
        let answer = try await respond(to: "DescribeStreamConsumer", ByteBuffer(#"{"ConsumerARN":"\#(arn)"}"#))
        return try JSONParser.parse(#require(answer).bytes)["ConsumerDescription"]?["ConsumerStatus"]?.string
    }

    fileprivate func subscribe(_ arn: String) async throws {
        let position = #"{"Type":"LATEST"}"#
        let body = #"{"ConsumerARN":"\#(arn)","ShardId":"shardId-000000000000","StartingPosition":\#(position)}"#
        try #require(try await subscribeToShard(ByteBuffer(body), as: .json)).subscription.close()
    }

    /// The code of the fault that a call ends with; nil: it has none.
    fileprivate func code(_ call: () async throws -> Void) async -> String? {
        do {
            try await call()
            return nil
        } catch {
            return (error as? ServiceFault)?.code
        }
    }
}
