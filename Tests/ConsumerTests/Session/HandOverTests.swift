import Kinesis
import Reactor
import State
import Testing

@testable import Consumer

/// Shards that move from one reader to another. Every response has one record.
@Suite struct HandOverTests {
    @Test func `a shard that was to move to a reader that leaves again goes on at once, and repeats nothing`()
        async throws
    {
        try await withEngine(shards: 2, settings: { $0.times.handOver = .seconds(3600) }) { engine, kinesis in
            kinesis.recordLimit = 1
            try await kinesis.put("a1", "a2", "a3", to: 1)
            let stays = try await engine.attach(fromStart)
            let held = try #require(await Engine.delivery(from: stays))
            let comes = try await engine.attach()
            #expect(comes.assignment == [ShardID(number: 1)])
            comes.detach(.orderly)
            #expect(stays.shardCount == 2)
            engine.settle(held, of: stays)
            #expect(try await engine.read(2, from: stays) == ["a2", "a3"])
        }
    }

    @Test func `what it had to acknowledge stands`() async throws {
        try await withEngine(shards: 2, settings: { $0.times.handOver = .seconds(3600) }) { engine, kinesis in
            kinesis.recordLimit = 1
            try await kinesis.put("a1", "a2", to: 1)
            let stays = try await engine.attach(fromStart, ("useAutoCheckpoints", "false"))
            #expect(try await engine.read(1, from: stays) == ["a1"])
            try await engine.attach().detach(.orderly)
            #expect(try await engine.read(1, from: stays) == ["a2"])
            let stored = try await engine.acknowledge(.event(EventID(reader: stays.id, number: 2)))
            #expect(stored.map(\.shard) == [ShardID(number: 1)])
        }
    }

    @Test func `a pause goes with a shard that is handed over before its end`() async throws {
        try await withEngine(shards: 2, settings: { $0.times.handOver = .milliseconds(5) }) { engine, kinesis in
            kinesis.recordLimit = 1
            try await kinesis.put("a1", "a2", to: 1)
            try await kinesis.put("b1", to: 0)
            let paused = ("usePausedPolling", "true")
            let first = try await engine.attach(fromStart, paused)
            #expect(Set(try await engine.read(2, from: first)) == ["a1", "b1"])
            let second = try await engine.attach()
            let moved = try #require(second.assignment.first)
            await engine.until("it has moved") { engine.slot(of: moved) == .reading(second.id) }
            await engine.turns()
            #expect(engine.snapshot?.shards.first { $0.id == moved }?.phase == .paused)
            try await kinesis.put("next", to: moved == ShardID(number: 1) ? 1 : 0)
            await engine.turns()
            // The event behind which it paused is the first reader's.
            let number = try #require(engine.openPause(of: moved)?.number)
            let event = EventID(reader: first.id, number: number)
            #expect(try engine.registry.goOn(kinesis.name, group: nil, .event(event)) == moved)
            #expect(try await engine.read(1, from: second) == [moved == ShardID(number: 1) ? "a2" : "next"])
        }
    }

    @Test func `a reader that comes right behind the last one gets its shards, however many`() async throws {
        try await withEngine(shards: 100) { engine, kinesis in
            let first = try await engine.attach(fromStart)
            await engine.until("all shards are read") { engine.tasks == 100 }
            first.detach(.orderly)
            let second = try await engine.attach(fromStart)
            await engine.until("all shards are read") { engine.tasks(of: second.id) == 100 }
            try await kinesis.put("a", to: 77)
            #expect(try await engine.read(1, from: second) == ["a"])
        }
    }

    @Test func `hundreds of shards move in many small turns`() async throws {
        try await withEngine(shards: 400) { engine, _ in
            let first = try await engine.attach(fromStart)
            await engine.until("all shards are read") { engine.tasks == 400 }
            let second = try await engine.attach()
            #expect(first.shardCount == 200 && second.shardCount == 200)
            // A turn moves no more than its slice, so there are many.
            var turns = 0
            while engine.tasks(of: second.id) < 200 {
                await engine.loop.nextTurn()
                turns += 1
                guard turns < 100_000 else { break }
            }
            #expect(engine.tasks(of: second.id) == 200)
            #expect(turns >= 2 * 200 / ReadingSession.actionsPerTurn)
            first.detach(.orderly)
            await engine.until("the other one has them all") { engine.tasks(of: second.id) == 400 }
        }
    }
}

extension Engine {
    private var session: ReadingSession? { registry.consumers.values.first?.session }
    fileprivate var tasks: Int { session?.readings.count ?? 0 }
    fileprivate func tasks(of reader: ReaderID) -> Int {
        session?.readings.values.count { $0.task.reader.id == reader } ?? 0
    }
    fileprivate func slot(of shard: ShardID) -> ShardAssignments.Slot? { session?.assignments.slot(of: shard) }
    fileprivate func openPause(of shard: ShardID) -> EventID? { session?.task(of: shard)?.openPause }
}
