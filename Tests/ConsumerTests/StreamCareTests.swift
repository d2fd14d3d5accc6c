import FakeService
import Kinesis
import Testing

@testable import Consumer

/// What configuration asks of a stream, over a service that may refuse it.
@Suite struct StreamCareTests {
    private func wishing(_ settings: inout EngineSettings) {
        settings.defaults.encryptionType = .kms
        settings.defaults.encryptionKeyID = "k"
        settings.defaults.tags = ["team": "a"]
    }

    private func summary(_ kinesis: FakeKinesis) async throws -> StreamSummary {
        try await kinesis.call(DescribeStreamSummary(stream: kinesis.name), retry: nil)
    }

    private func tags(_ kinesis: FakeKinesis) async throws -> [String: String] {
        try await kinesis.call(ListTagsForStream(stream: kinesis.name, after: nil), retry: nil).tags
    }

    @Test func `a stream gets encryption and tags beside those that it has, once`() async throws {
        try await withEngine(settings: wishing) { engine, kinesis in
            try await kinesis.call(AddTagsToStream(stream: kinesis.name, tags: ["stage": "test"]), retry: nil)
            _ = try await engine.attach()
            while try await tags(kinesis) != ["stage": "test", "team": "a"] { await engine.loop.nextTurn() }
            #expect(try await summary(kinesis).encryption == "KMS")
            #expect(engine.snapshot?.problem == nil)
            _ = try await engine.attach()
            #expect(kinesis.count(.consumers("AddTagsToStream")) == 1)
            #expect(kinesis.count(.consumers("StartStreamEncryption")) == 1)
        }
    }

    @Test func `what is refused by rights is told, and reading goes on`() async throws {
        try await withEngine(settings: wishing) { engine, kinesis in
            kinesis.fail(.consumers("StartStreamEncryption"), FakeKinesis.error("AccessDeniedException"))
            let reader = try await engine.attach()
            await engine.until("it is told") { engine.snapshot?.problem != nil }
            let problem = try #require(engine.snapshot?.problem)
            #expect(problem.contains("kinesis:StartStreamEncryption") && !problem.contains("tagged"))
            #expect(engine.registry.problems.map(\.problem) == [problem])
            #expect(try await tags(kinesis) == ["team": "a"])
            #expect(reader.shardCount == 1)
            // It is tried again within a minute, and the right may be there then.
            try await engine.loop.sleep(for: .seconds(61))
            await engine.until("it is granted") { engine.snapshot?.problem == nil }
            #expect(try await summary(kinesis).encryption == "KMS")
        }
    }

    @Test func `who only watches changes nothing`() async throws {
        try await withEngine(settings: wishing) { engine, kinesis in
            _ = try await engine.registry.watch(kinesis.name, NamedOptions(), lastEvent: nil)
            #expect(kinesis.count(.consumers("ListTagsForStream")) == 0)
            #expect(try await summary(kinesis).encryption == "NONE")
        }
    }
}

/// Streams that are named by their ARNs.
@Suite struct IdentityTests {
    private func arn(_ kinesis: FakeKinesis, account: String? = nil) async throws -> StreamName {
        let own = try await kinesis.call(DescribeStreamSummary(stream: kinesis.name), retry: nil).arn
        let arn = try #require(StreamARN(own))
        return try #require(
            StreamName(nameOrARN: own.replacing(arn.account, with: account ?? arn.account)))
    }

    @Test func `a stream's own ARN is its name, which is asked for once`() async throws {
        try await withEngine { engine, kinesis in
            let arn = try await arn(kinesis)
            #expect(try await engine.registry.identify(arn) == kinesis.name)
            #expect(try await engine.registry.identify(arn) == kinesis.name)
            #expect(kinesis.count(.summary) == 1)
            let foreign = try await self.arn(kinesis, account: "999999999999")
            #expect(try await engine.registry.identify(foreign) == foreign)
            #expect(kinesis.count(.summary) == 1)
        }
    }

    @Test func `where the name leads nowhere, or must not be asked for, the ARN is another account's`() async throws {
        for code in ["ResourceNotFoundException", "AccessDeniedException"] {
            try await withEngine { engine, kinesis in
                let foreign = try await arn(kinesis, account: "999999999999")
                kinesis.fail(.summary, FakeKinesis.error(code))
                #expect(try await engine.registry.identify(foreign) == foreign)
                #expect(kinesis.count(.summary) == 2)
                #expect(try await engine.registry.identify(foreign) == foreign)
                #expect(kinesis.count(.summary) == 2)
            }
        }
    }

    @Test func `a failure that passes decides nothing`() async throws {
        try await withEngine { engine, kinesis in
            let arn = try await arn(kinesis)
            kinesis.fail(.summary, FakeKinesis.error("ThrottlingException"))
            await #expect(throws: ConsumerError.self) { try await engine.registry.identify(arn) }
            #expect(try await engine.registry.identify(arn) == kinesis.name)
        }
    }

    @Test func `an ARN of another region than the one that is asked is refused`() async throws {
        try await withEngine(settings: { $0.region = "eu-west-1" }) { engine, kinesis in
            let arn = try await arn(kinesis)
            await #expect(throws: ConsumerError.otherRegion("eu-west-1")) { try await engine.registry.identify(arn) }
        }
    }

    @Test func `a consumer that is listed by its own ARN is the one of its name, also after failures`() async throws {
        try await withEngine { engine, kinesis in
            let arn = try await arn(kinesis)
            kinesis.fail(.summary, FakeKinesis.error("InternalFailure", status: 500))
            engine.registry.start(arn, NamedOptions())
            await engine.until("it is started") { engine.snapshot?.phase == .idle }
            #expect(engine.registry.snapshots.map(\.stream) == [kinesis.name])
        }
    }
}
