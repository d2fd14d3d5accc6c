import FakeService
import JSON
import Kinesis
import Reactor
import State
import Testing

@testable import Consumer

/// A reader of record processors, one for each shard. Every response has one record.
@Suite(.timeLimit(.minutes(4))) struct ProcessorReaderTests {
    private let shard = ShardID(number: 0)

    private func withReader(
        shards: Int = 1, settings: @escaping @Sendable (inout EngineSettings) -> Void = { _ in },
        _ body: @escaping @Sendable (Engine, FakeKinesis, RecordsReader) async throws -> Void
    ) async throws {
        try await withEngine(shards: shards, settings: settings) { engine, kinesis in
            kinesis.recordLimit = 1
            let options = try NamedOptions([fromStart, ("useAutoCheckpoints", "false")], from: .query)
            let reader = try await engine.registry.attach(kinesis.name, options, format: .processRecords)
            try await body(engine, kinesis, reader)
            reader.detach(.orderly)
        }
    }

    private static func change(_ reader: RecordsReader) async throws -> ShardNotice.Change {
        while let event = await reader.next() {
            switch event {
            case .shard(let notice): return notice.change
            case .records: Issue.record("records that nobody asked for")
            case .problem: break
            }
        }
        throw CancellationError()
    }

    private static func number(_ delivery: Delivery) -> SequenceNumber { delivery.batch.lastNamed.sequenceNumber }

    @Test func `a batch comes when it is asked for, and the next one with the next word`() async throws {
        try await withReader { engine, kinesis, reader in
            let numbers = try await kinesis.put("a", "b")
            #expect(try await Self.change(reader) == .assigned)
            #expect(
                reader.beginning(of: shard)?.checkpoint == nil && reader.beginning(of: shard)?.initial == .trimHorizon)
            await engine.turns()
            reader.ask(for: shard)
            let first = try #require(await Engine.delivery(from: reader))
            #expect(Self.number(first) == numbers[0])
            engine.settle(first, of: reader)
            await engine.turns()
            #expect(reader.turns[shard] != .asked)
            reader.ask(for: shard)
            #expect(Self.number(try #require(await Engine.delivery(from: reader))) == numbers[1])
        }
    }

    @Test func `a shard whose processor is busy holds up no other`() async throws {
        try await withReader(shards: 2) { engine, kinesis, reader in
            try await kinesis.put("a", to: 0)
            try await kinesis.put("b1", "b2", to: 1)
            for _ in 0..<2 { #expect(try await Self.change(reader) == .assigned) }
            await engine.turns()
            for _ in 0..<2 {
                reader.ask(for: ShardID(number: 1))
                let delivery = try #require(await Engine.delivery(from: reader))
                #expect(delivery.shard == ShardID(number: 1))
                engine.settle(delivery, of: reader)
            }
        }
    }

    @Test func `one that is over begins anew behind its checkpoint`() async throws {
        try await withReader { engine, kinesis, reader in
            let numbers = try await kinesis.put("a", "b")
            #expect(try await Self.change(reader) == .assigned)
            for number in numbers {
                reader.ask(for: shard)
                let delivery = try #require(await Engine.delivery(from: reader))
                engine.settle(delivery, of: reader)
                if number == numbers[0] { _ = try await engine.acknowledge(.record(shard, delivery.batch.lastNamed)) }
            }
            reader.letGo(shard)
            #expect(try await Self.change(reader) == .revoked)
            #expect(try await Self.change(reader) == .assigned)
            #expect(reader.beginning(of: shard)?.checkpoint?.sequenceNumber == numbers[0])
            reader.ask(for: shard)
            #expect(Self.number(try #require(await Engine.delivery(from: reader))) == numbers[1])
        }
    }

    @Test func `one whose shard gets nowhere gives way to another, behind its checkpoint`() async throws {
        let impatient: @Sendable (inout EngineSettings) -> Void = {
            $0.times.patience = .milliseconds(70)
            $0.times.call = .milliseconds(50)
        }
        try await withReader(settings: impatient) { engine, kinesis, reader in
            let numbers = try await kinesis.put("a", "b", "c")
            #expect(try await Self.change(reader) == .assigned)
            for number in numbers.prefix(2) {
                reader.ask(for: shard)
                let delivery = try #require(await Engine.delivery(from: reader))
                engine.settle(delivery, of: reader)
                if number == numbers[0] { _ = try await engine.acknowledge(.record(shard, delivery.batch.lastNamed)) }
            }
            kinesis.silence(.records(shard))
            reader.ask(for: shard)
            async let change = Self.change(reader)
            await engine.until("it is restarted") { engine.snapshot?.shards.first?.counters.restarts == 1 }
            #expect(try await change == .revoked)
            #expect(try await Self.change(reader) == .assigned)
            #expect(reader.beginning(of: shard)?.checkpoint?.sequenceNumber == numbers[0])
            for number in numbers.dropFirst() {
                reader.ask(for: shard)
                let delivery = try #require(await Engine.delivery(from: reader))
                #expect(Self.number(delivery) == number)
                engine.settle(delivery, of: reader)
            }
        }
    }

    @Test func `a shard that moves waits until its processor lets go, though all is acknowledged`() async throws {
        let times: @Sendable (inout EngineSettings) -> Void = { $0.times.processorHandOver = .seconds(3600) }
        try await withReader(shards: 2, settings: times) { engine, kinesis, reader in
            for _ in 0..<2 { #expect(try await Self.change(reader) == .assigned) }
            let second = try await engine.attach()
            #expect(try await Self.change(reader) == .leaving)
            let moving = try #require(second.assignment.first)
            await engine.turns()
            #expect(reader.beginning(of: moving) != nil)
            reader.letGo(moving)
            #expect(try await Self.change(reader) == .revoked)
            try await kinesis.put("a", to: moving == shard ? 0 : 1)
            #expect(try await engine.read(1, from: second) == ["a"])
            second.detach(.orderly)
        }
    }

    @Test func `a shard that moves is not waited for longer than for a batch`() async throws {
        let times: @Sendable (inout EngineSettings) -> Void = {
            $0.times.handOver = .milliseconds(1)
            $0.times.processorHandOver = .milliseconds(500)
        }
        try await withReader(shards: 2, settings: times) { engine, _, reader in
            for _ in 0..<2 { #expect(try await Self.change(reader) == .assigned) }
            let second = try await engine.attach()
            #expect(try await Self.change(reader) == .leaving)
            let began = engine.loop.now
            #expect(try await Self.change(reader) == .revoked)
            #expect(engine.loop.now - began >= .milliseconds(400))
            second.detach(.orderly)
        }
    }

    @Test func `a shard's end waits for its processor's word, and its children with it`() async throws {
        try await withReader { engine, kinesis, reader in
            try await kinesis.put("a")
            try await kinesis.split(0)
            #expect(try await Self.change(reader) == .assigned)
            reader.ask(for: shard)
            let delivery = try #require(await Engine.delivery(from: reader))
            engine.settle(delivery, of: reader)
            reader.ask(for: shard)
            #expect(try await Self.change(reader) == .ending)
            // Before the last record is acknowledged it is not over.
            #expect(try await !engine.registry.confirmEnd(of: shard, kinesis.name, group: nil))
            _ = try await engine.acknowledge(.record(shard, delivery.batch.lastNamed))
            await engine.turns()
            #expect(engine.snapshot?.shards.first { $0.id == shard }?.phase == .ending)
            #expect(try await engine.registry.confirmEnd(of: shard, kinesis.name, group: nil))
            #expect(try await Self.change(reader) == .depleted)
            for _ in 0..<2 { #expect(try await Self.change(reader) == .assigned) }
            // Whose answer got lost says it again.
            #expect(try await engine.registry.confirmEnd(of: shard, kinesis.name, group: nil))
        }
    }

    @Test func `what a processor was given and did not take holds no room once its shard begins anew`() async throws {
        try await withReader { engine, kinesis, reader in
            try await kinesis.put("a", "b")
            #expect(try await Self.change(reader) == .assigned)
            var held: [Int] = []
            for _ in 0..<10 {
                reader.ask(for: shard)
                #expect(await Engine.delivery(from: reader) != nil)
                reader.letGo(shard)
                #expect(try await Self.change(reader) == .revoked)
                #expect(reader.isSettled)
                #expect(try await Self.change(reader) == .assigned)
                await engine.turns()
                held.append(engine.registry.bufferedBytes)
            }
            #expect(held.last! <= held.first!)
        }
    }

    @Test func `who has not heard that the shard began anew gets nothing of it`() async throws {
        try await withReader { engine, kinesis, reader in
            let numbers = try await kinesis.put("a", "b")
            #expect(try await Self.change(reader) == .assigned)
            reader.ask(for: shard)
            engine.settle(try #require(await Engine.delivery(from: reader)), of: reader)
            reader.letGo(shard)
            reader.ask(for: shard)
            #expect(try await Self.change(reader) == .revoked)
            reader.ask(for: shard)
            #expect(try await Self.change(reader) == .assigned)
            #expect(reader.turns[shard] != .asked)
            reader.ask(for: shard)
            #expect(Self.number(try #require(await Engine.delivery(from: reader))) == numbers[0])
        }
    }

    @Test func `shards that stay after all begin anew, whoever let them go meanwhile`() async throws {
        let times: @Sendable (inout EngineSettings) -> Void = { $0.times.processorHandOver = .seconds(3600) }
        let shards = 4 * ReadingSession.actionsPerTurn
        try await withReader(shards: shards, settings: times) { engine, _, reader in
            for _ in 0..<shards { #expect(try await Self.change(reader) == .assigned) }
            let second = try await engine.attach()
            let moving = second.assignment
            for _ in moving { #expect(try await Self.change(reader) == .leaving) }
            second.detach(.orderly)
            for shard in moving { reader.letGo(shard) }
            var begun = 0
            while begun < moving.count {
                if try await Self.change(reader) == .assigned { begun += 1 }
            }
            #expect(reader.shardCount == shards)
        }
    }

    @Test func `one whose checkpoint the service does not know begins anew`() async throws {
        try await withReader { engine, kinesis, reader in
            let numbers = try await kinesis.put("a", "b")
            #expect(try await Self.change(reader) == .assigned)
            reader.ask(for: shard)
            let delivery = try #require(await Engine.delivery(from: reader))
            engine.settle(delivery, of: reader)
            _ = try await engine.acknowledge(.record(shard, delivery.batch.lastNamed))
            let refusal = FakeKinesis.error("InvalidArgumentException")
            kinesis.fail(.iterator(shard), refusal, refusal)
            reader.letGo(shard)
            for change in [ShardNotice.Change.revoked, .assigned, .revoked, .assigned] {
                #expect(try await Self.change(reader) == change)
            }
            #expect(reader.beginning(of: shard)?.checkpoint == nil)
            reader.ask(for: shard)
            #expect(Self.number(try #require(await Engine.delivery(from: reader))) == numbers[0])
        }
    }

    @Test func `what a busy processor holds up is given up for others, and comes when it asks`() async throws {
        try await withReader(settings: { $0.maxBufferedBytes = 1 << 20 }) { engine, kinesis, reader in
            try await kinesis.put("a")
            #expect(try await Self.change(reader) == .assigned)
            await engine.turns()
            await engine.loop.advance(by: .seconds(5))
            engine.evict(since: engine.loop.now - .seconds(1))
            await engine.turns()
            #expect(engine.isEvicted(shard))
            reader.ask(for: shard)
            #expect(!engine.isEvicted(shard))
            #expect(await Engine.delivery(from: reader) != nil)
        }
    }
}

extension Engine {
    private var session: ReadingSession? { registry.consumers.values.first?.session }

    fileprivate func evict(since moment: EventLoop.Instant) { session?.evictHeld(since: moment) }

    fileprivate func isEvicted(_ shard: ShardID) -> Bool {
        if case .evicted? = session?.assignments.slot(of: shard) { true } else { false }
    }
}
