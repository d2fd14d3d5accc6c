import AWS
import FakeService
import Kinesis
import Reactor
import Testing

@testable import Consumer

/// What several who start a consumer at the same time get.
@Suite struct StartingTests {
    private func start(_ engine: Engine, _ options: (String, String)...) async throws -> ConsumerSnapshot {
        try await engine.registry.start(engine.kinesis.name, naming: NamedOptions(options, from: .query))
    }

    /// What became of it: the snapshot's phase, or the error.
    private func outcome(_ body: () async throws -> ConsumerSnapshot) async -> String {
        do { return try await body().phase.rawValue } catch { return "\(error)" }
    }

    @Test func `a start beside a reader of a missing stream ends as the reader does`() async throws {
        try await withEngine(shards: 0) { engine, kinesis in
            async let reader = outcome { try await engine.attach().stop(in: engine) }
            async let started = outcome { try await start(engine) }
            let missing = "\(ConsumerError.streamMissing(kinesis.name))"
            #expect(await [reader, started] == [missing, missing])
            #expect(engine.registry.snapshots.isEmpty)
        }
    }

    @Test func `of two starts neither succeeds where the other fails`() async throws {
        try await withEngine { engine, kinesis in
            kinesis.fail(.summary, FakeKinesis.error("AccessDeniedException"))
            async let first = outcome { try await start(engine, ("limit", "7")) }
            async let second = outcome { try await start(engine, ("limit", "7")) }
            let outcomes = await [first, second]
            #expect(outcomes[0] == outcomes[1] && outcomes[0].contains("AccessDenied"))
            #expect(engine.registry.snapshots.isEmpty)
            // Nothing of it is left: the next one begins anew.
            #expect(await outcome { try await start(engine, ("limit", "8")) } == "idle")
        }
    }

    @Test func `who waits no longer gives up, and what was begun is there for the next one`() async throws {
        try await withEngine { engine, kinesis in
            kinesis.silence(.list)
            await #expect(throws: ConsumerError.notPrepared) { try await engine.attach(patience: .seconds(1)) }
            await #expect(throws: ConsumerError.notPrepared) { try await engine.attach(patience: .seconds(1)) }
            kinesis.hangUp()
            let reader = try await engine.attach(patience: .seconds(1))
            #expect(reader.shardCount == 1 && kinesis.count(.list) == 1)
        }
    }

    @Test func `who gives up hears what stands in the way`() async throws {
        try await withEngine(shards: 0, stateDelay: .seconds(3)) { engine, kinesis in
            try await kinesis.create(kinesis.name, .provisioned(shards: 1), retry: nil)
            await #expect(throws: ConsumerError.streamNotReady(kinesis.name, status: "CREATING")) {
                try await engine.attach(patience: .seconds(1))
            }
            kinesis.silence(.list)
            await #expect(throws: ConsumerError.notPrepared) { try await engine.attach(patience: .seconds(10)) }
        }
    }

    @Test func `who asks where a group stands that is just beginning waits for its positions`() async throws {
        try await withEngine { engine, kinesis in
            kinesis.silence(.list)
            engine.registry.start(kinesis.name, NamedOptions())
            await engine.until("it is being prepared") { kinesis.count(.list) == 1 }
            // Not for ever.
            await #expect(throws: ConsumerError.notPrepared) {
                try await engine.registry.checkpoints(of: kinesis.name, group: nil)
            }
            async let checkpoints = engine.registry.checkpoints(of: kinesis.name, group: nil)
            async let moves = engine.registry.seek(kinesis.name, group: nil, SeekRequest(.latest, isDryRun: true))
            await engine.loop.advance(by: .seconds(1))
            kinesis.hangUp()
            let asked = try await (checkpoints.map(\.shard), moves.map(\.shard))
            #expect(asked == ([ShardID(number: 0)], [ShardID(number: 0)]))
            await #expect(throws: ConsumerError.unknownGroup("nobody's")) {
                try await engine.registry.checkpoints(of: kinesis.name, group: "nobody's")
            }
        }
    }

    @Test func `an attempt that fails when nobody waits any more leaves no consumer`() async throws {
        try await withEngine { engine, kinesis in
            kinesis.silence(.summary)
            await #expect(throws: ConsumerError.notPrepared) { try await engine.attach(patience: .seconds(1)) }
            #expect(engine.registry.snapshots.count == 1)
            try await kinesis.delete(kinesis.name)
            kinesis.hangUp()
            await engine.until("it is forgotten") { engine.registry.snapshots.isEmpty }
        }
    }

    @Test func `two that succeed start one consumer with its options`() async throws {
        try await withEngine { engine, kinesis in
            async let first = outcome { try await start(engine, ("limit", "7")) }
            async let second = outcome { try await start(engine) }
            #expect(await [first, second] == ["idle", "idle"])
            #expect(kinesis.count(.list) == 1)
            #expect(engine.snapshot?.options.first { $0.name == "limit" }?.text == "7")
        }
    }

    @Test func `a start that wants other options than the one under way is told so`() async throws {
        try await withEngine { engine, _ in
            async let first = outcome { try await start(engine, ("limit", "7")) }
            await Task.yield()
            await engine.turnsUntilPreparing()
            await #expect(throws: ConsumerError.self) { try await start(engine, ("limit", "8")) }
            #expect(await first == "idle")
        }
    }

    @Test func `a start is not cancelled by the reader that had begun to prepare`() async throws {
        try await withEngine { engine, _ in
            let reader = engine.loop.spawn { _ = try? await engine.attach() }
            await engine.turnsUntilPreparing()
            async let started = outcome { try await start(engine) }
            await engine.loop.nextTurn()
            reader.cancel()
            #expect(await started == "idle")
        }
    }

    @Test func `a start that was stopped and begun again meanwhile has what the second one has`() async throws {
        try await withEngine { engine, kinesis in
            async let first = outcome { try await start(engine) }
            await engine.turnsUntilPreparing()
            async let stopped = engine.registry.stop(kinesis.name, group: nil, deadline: engine.loop.now)
            async let second = outcome { try await start(engine) }
            _ = await stopped
            let outcomes = await [first, second]
            #expect(outcomes[1] == "idle")
            #expect(outcomes[0] == "idle" || outcomes[0] == "\(ConsumerError.stopped)")
            #expect(engine.snapshot?.shards.count == 1)
        }
    }

    @Test func `a stop while it starts wins`() async throws {
        try await withEngine { engine, kinesis in
            async let started = outcome { try await start(engine) }
            await engine.turnsUntilPreparing()
            let stopped = await engine.registry.stop(kinesis.name, group: nil, deadline: engine.loop.now)
            #expect(stopped.phase == .stopped)
            #expect(await started == "\(ConsumerError.stopped)")
        }
    }
}

extension RecordsReader {
    fileprivate func stop(in engine: Engine) throws -> ConsumerSnapshot { try #require(engine.snapshot) }
}

extension Engine {
    /// Until a consumer is there whose positions are being fixed.
    fileprivate func turnsUntilPreparing() async {
        for _ in 0..<100 where snapshot?.phase != .starting { await loop.nextTurn() }
        #expect(snapshot?.phase == .starting)
    }
}
