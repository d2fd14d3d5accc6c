import Kinesis
import Reactor
import Testing

@testable import Consumer

/// A watchdog that is soon at its end.
private let impatient: @Sendable (inout EngineSettings) -> Void = { settings in
    settings.times.patience = .milliseconds(70)
    settings.times.call = .milliseconds(50)
}

@Suite struct WatchingTests {
    private let shard = ShardID(number: 0)

    @Test func `a shard whose call is never answered is restarted, says so, and loses nothing`() async throws {
        try await withEngine(settings: impatient) { engine, kinesis in
            kinesis.recordLimit = 1
            try await kinesis.put("a", "b")
            let reader = try await engine.attach(("initialPositionInStream", "TRIM_HORIZON"))
            #expect(try await engine.read(1, from: reader) == ["a"])
            kinesis.silence(.records(shard))
            try await kinesis.put("c")
            #expect(try await engine.read(2, from: reader) == ["b", "c"])
            let counters = try #require(engine.snapshot?.shards.first?.counters)
            #expect(counters.restarts == 1)
            #expect(counters.lastRestart == "waiting for records")
            #expect(reader.assignment == [shard])
        }
    }

    @Test func `one whose iterator never comes is restarted too, again and again`() async throws {
        try await withEngine(settings: impatient) { engine, kinesis in
            kinesis.silence(.iterator(shard), times: 2)
            try await kinesis.put("a")
            let reader = try await engine.attach(("initialPositionInStream", "TRIM_HORIZON"))
            #expect(try await engine.read(1, from: reader) == ["a"])
            #expect(engine.snapshot?.shards.first?.counters.restarts == 2)
        }
    }

    @Test func `a reader that takes nothing for long is no cause to restart`() async throws {
        try await withEngine(settings: impatient) { engine, kinesis in
            kinesis.recordLimit = 1
            try await kinesis.put("a", "b", "c")
            let reader = try await engine.attach(("initialPositionInStream", "TRIM_HORIZON"))
            await engine.loop.advance(by: .milliseconds(300))
            #expect(engine.snapshot?.shards.first?.counters.restarts == 0)
            #expect(try await engine.read(3, from: reader) == ["a", "b", "c"])
        }
    }

    @Test func `a reader is not told of a restart as if its shard went`() async throws {
        try await withEngine(settings: impatient) { engine, kinesis in
            kinesis.silence(.records(shard))
            try await kinesis.put("a")
            let reader = try await engine.attach(("initialPositionInStream", "TRIM_HORIZON"))
            guard case .shard(let first)? = await reader.next(), case .records(let second)? = await reader.next() else {
                Issue.record("an assignment and records were expected")
                return
            }
            #expect(first.change == .assigned)
            #expect(try Engine.texts(second) == ["a"])
        }
    }
}
