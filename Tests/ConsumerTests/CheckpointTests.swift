import FakeService
import Kinesis
import Reactor
import State
import Testing

@testable import Consumer

private let manual = ("useAutoCheckpoints", "false")
private let paused = ("usePausedPolling", "true")
private let shard = ShardID(number: 0)

/// Checkpoints that those who read move, and polling that waits for them. Every answer has one record.
@Suite struct CheckpointTests {
    private func withOneByOne(
        shards: Int = 1, _ body: @escaping @Sendable (Engine, FakeKinesis) async throws -> Void
    ) async throws {
        try await withEngine(shards: shards) { engine, kinesis in
            kinesis.recordLimit = 1
            try await body(engine, kinesis)
        }
    }

    @Test func `only an acknowledgement moves the checkpoint, and what has none comes again`() async throws {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("a", "b", "c")
            let first = try await engine.attach(fromStart, manual)
            #expect(try await engine.read(3, from: first) == ["a", "b", "c"])
            #expect(engine.snapshot?.shards[0].checkpoint == nil)
            let stored = try await engine.acknowledge(.event(EventID(reader: first.id, number: 2)))
            #expect(stored.map(\.shard) == [shard])
            #expect(engine.snapshot?.shards[0].checkpoint == stored[0].checkpoint?.sequenceNumber)
            // Whatever its last event was.
            first.detach(.orderly)
            let second = try await engine.attach(fromStart, manual, lastEvent: "\(first.id)-3")
            #expect(try await engine.read(1, from: second) == ["c"])
            await engine.store.flush()
            engine.restart()
            let third = try await engine.attach(fromStart, manual)
            #expect(try await engine.read(1, from: third) == ["c"])
        }
    }

    @Test func `an event acknowledges all before it that its reader got, on every shard`() async throws {
        try await withOneByOne(shards: 2) { engine, kinesis in
            try await kinesis.put("a1", "a2", to: 0)
            try await kinesis.put("b1", "b2", to: 1)
            let reader = try await engine.attach(fromStart, manual)
            _ = try await engine.read(4, from: reader)
            let stored = try await engine.acknowledge(.event(EventID(reader: reader.id, number: 4)))
            #expect(stored.count == 2)
            // Said again it changes nothing, and an earlier one moves nothing back.
            #expect(try await engine.acknowledge(.event(EventID(reader: reader.id, number: 1))).count == 1)
            #expect(try await engine.acknowledge(.event(EventID(reader: reader.id, number: 4))) == stored)
        }
    }

    @Test func `after a forced step back the first event that is acknowledged covers no more than itself`() async throws
    {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("a", "b", "c", "d")
            let reader = try await engine.attach(fromStart, manual)
            #expect(try await engine.read(4, from: reader) == ["a", "b", "c", "d"])
            _ = try await engine.acknowledge(.event(EventID(reader: reader.id, number: 4)))
            _ = try await engine.acknowledge(.event(EventID(reader: reader.id, number: 1)), isForced: true)
            let again = try #require(await Engine.delivery(from: reader))
            #expect(try Engine.texts(again) == ["b"])
            engine.settle(again, of: reader)
            let stored = try await engine.acknowledge(.event(again.id))
            #expect(stored.map(\.checkpoint) == [again.last])
            #expect(try await engine.read(2, from: reader) == ["c", "d"])
        }
    }

    @Test func `a shard that pauses moves once its reader lets it go on`() async throws {
        try await withOneByOne(shards: 2) { engine, kinesis in
            try await kinesis.put("a1", "a2", to: 0)
            try await kinesis.put("b1", "b2", to: 1)
            let first = try await engine.attach(fromStart, paused)
            #expect(Set(try await engine.read(2, from: first)) == ["a1", "b1"])
            let second = try await engine.attach(fromStart, paused)
            await engine.until("a shard is to move") {
                engine.snapshot?.shards.count { $0.readerID == second.id.text } == 1
            }
            let moving = try #require(engine.snapshot?.shards.first { $0.readerID == second.id.text }?.id)
            let calls = kinesis.count(.records(moving))
            await engine.turns()
            #expect(kinesis.count(.records(moving)) == calls)
            _ = try engine.registry.goOn(kinesis.name, group: nil, .shard(moving))
            #expect(try await engine.read(1, from: second) == [moving == shard ? "a2" : "b2"])
        }
    }

    @Test func `a pause goes with its shard, and the earlier reader's event ends it`() async throws {
        try await withOneByOne(shards: 2) { engine, kinesis in
            try await kinesis.put("a1", "a2", to: 0)
            try await kinesis.put("b1", "b2", to: 1)
            let first = try await engine.attach(fromStart, paused)
            var events: [ShardID: EventID] = [:]
            for _ in 0..<2 {
                let delivery = try #require(await Engine.delivery(from: first))
                engine.settle(delivery, of: first)
                events[delivery.shard] = delivery.id
            }
            let second = try await engine.attach(fromStart, paused)
            let moved = try #require(second.assignment.first)
            await engine.turns()
            #expect(engine.snapshot?.shards.first { $0.id == moved }?.phase == .paused)
            let event = try #require(events[moved])
            let later = EventID(reader: event.reader, number: event.number + 100)
            #expect(try engine.registry.goOn(kinesis.name, group: nil, .event(later)) == nil)
            #expect(try engine.registry.goOn(kinesis.name, group: nil, .event(event)) == moved)
            #expect(try await engine.read(1, from: second) == [moved == shard ? "a2" : "b2"])
        }
    }

    @Test func `an event does not acknowledge shards that were taken from its reader`() async throws {
        try await withEngine(shards: 2, settings: { $0.times.handOver = .milliseconds(50) }) { engine, kinesis in
            try await kinesis.put("a", to: 0)
            try await kinesis.put("b", to: 1)
            let first = try await engine.attach(fromStart, manual)
            #expect(Set(try await engine.read(2, from: first)) == ["a", "b"])
            let second = try await engine.attach(fromStart, manual)
            // What moves is not acknowledged, so it comes again there.
            let moved = try await engine.read(1, from: second)
            try await kinesis.put("c", to: moved == ["b"] ? 0 : 1)
            let delivery = try #require(await Engine.delivery(from: first))
            engine.settle(delivery, of: first)
            #expect(try await engine.acknowledge(.event(delivery.id)).map(\.shard) == [delivery.shard])
            second.detach(.lost)
            #expect(try await engine.read(1, from: first) == moved)
        }
    }

    @Test func `a record's checkpoint moves forward to what was sent, and elsewhere only by force`() async throws {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("a", "b", "c")
            let reader = try await engine.attach(fromStart, manual)
            var places: [Checkpoint] = []
            for _ in 0..<3 {
                let delivery = try #require(await Engine.delivery(from: reader))
                places.append(delivery.last)
                engine.settle(delivery, of: reader)
            }
            _ = try await engine.acknowledge(.record(shard, places[1]))
            await #expect(throws: ConsumerError.checkpointBehind(shard, held: places[1])) {
                try await engine.acknowledge(.record(shard, places[0]))
            }
            let beyond = Checkpoint(sequenceNumber: SequenceNumber(places[2].sequenceNumber.text + "0")!)
            await #expect(throws: ConsumerError.checkpointAhead(shard, furthest: places[2])) {
                try await engine.acknowledge(.record(shard, beyond))
            }
            await #expect(throws: ConsumerError.unknownShard(ShardID(number: 9))) {
                try await engine.acknowledge(.record(ShardID(number: 9), beyond))
            }
            _ = try await engine.acknowledge(.record(shard, places[0]), isForced: true)
            #expect(try await engine.read(2, from: reader) == ["b", "c"])
            let last = try #require(try await kinesis.put("d").first)
            _ = try await engine.acknowledge(.record(shard, Checkpoint(sequenceNumber: last)), isForced: true)
            #expect(engine.snapshot?.shards[0].checkpoint == last)
        }
    }

    @Test func `records that an earlier process sent may be acknowledged after a restart`() async throws {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("a", "b")
            let first = try await engine.attach(fromStart, manual)
            let delivery = try #require(await Engine.delivery(from: first))
            engine.settle(delivery, of: first)
            await engine.store.flush()
            engine.restart()
            await #expect(throws: ConsumerError.shardsNotHeld) {
                try await engine.acknowledge(.record(shard, delivery.last))
            }
            let second = try await engine.attach(fromStart, manual)
            _ = try await engine.acknowledge(.record(shard, delivery.last))
            let next = try await engine.read(1, from: second)
            #expect(next == ["a"] || next == ["b"])
            _ = try await engine.acknowledge(.event(delivery.id))
        }
    }

    @Test func `children wait until the last record of their parent is acknowledged`() async throws {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("parent")
            try await kinesis.split(0)
            try await kinesis.put("child", to: 1)
            let reader = try await engine.attach(fromStart, manual)
            #expect(try await engine.read(1, from: reader) == ["parent"])
            await engine.until("the parent is read to its end") { engine.snapshot?.shards[0].phase == .ending }
            await engine.turns()
            #expect(engine.snapshot?.shards[0].phase == .ending)
            #expect(kinesis.count(.iterator(ShardID(number: 1))) == 0)
            _ = try await engine.acknowledge(.event(EventID(reader: reader.id, number: 1)))
            #expect(try await engine.read(1, from: reader) == ["child"])
        }
    }

    @Test func `a shard that moves waits for the acknowledgement of what was sent of it`() async throws {
        try await withOneByOne(shards: 2) { engine, kinesis in
            try await kinesis.put("a", to: 1)
            let first = try await engine.attach(fromStart, manual)
            #expect(try await engine.read(1, from: first) == ["a"])
            let second = try await engine.attach(manual)
            #expect(second.assignment == [ShardID(number: 1)])
            try await kinesis.put("b", to: 1)
            let calls = kinesis.calls.count {
                $0 == .iterator(ShardID(number: 1)) || $0 == .records(ShardID(number: 1))
            }
            await engine.turns()
            #expect(
                kinesis.calls.count { $0 == .iterator(ShardID(number: 1)) || $0 == .records(ShardID(number: 1)) }
                    == calls)
            _ = try await engine.acknowledge(.event(EventID(reader: first.id, number: 1)))
            #expect(try await engine.read(1, from: second) == ["b"])
        }
    }

    @Test func `a number that no record has is refused, forced or not, and nothing is stored`() async throws {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("a", "b")
            let reader = try await engine.attach(fromStart, manual)
            let delivery = try #require(await Engine.delivery(from: reader))
            engine.settle(delivery, of: reader)
            let nonsense = SequenceNumber("7")!
            let record = Acknowledgement.record(shard, Checkpoint(sequenceNumber: nonsense))
            for isForced in [false, true] {
                await #expect(throws: ConsumerError.unknownSequenceNumber(shard, nonsense)) {
                    try await engine.acknowledge(record, isForced: isForced)
                }
            }
            #expect(engine.snapshot?.shards[0].checkpoint == nil)
            let asked = kinesis.count(.iterator(shard))
            _ = try await engine.acknowledge(.record(shard, delivery.last))
            #expect(engine.snapshot?.shards[0].checkpoint == delivery.last.sequenceNumber)
            // An event ends with it: the log knows.
            #expect(kinesis.count(.iterator(shard)) == asked)
        }
    }

    @Test func `while the service says nothing a number inside an event stands, and any other is not taken`()
        async throws
    {
        try await withEngine { engine, kinesis in
            let numbers = try await kinesis.put("a", "b", "c")
            let reader = try await engine.attach(fromStart, manual)
            let delivery = try #require(await Engine.delivery(from: reader))
            engine.settle(delivery, of: reader)
            let unreachable = FakeKinesis.error("ServiceUnavailableException", status: 503)
            kinesis.fail(.iterator(shard), unreachable, unreachable)
            let far = Acknowledgement.record(shard, Checkpoint(sequenceNumber: SequenceNumber("7")!))
            await #expect(throws: ConsumerError.service(unreachable)) { try await engine.acknowledge(far) }
            let second = Checkpoint(sequenceNumber: numbers[1])
            let stored = try await engine.acknowledge(.record(shard, second))
            #expect(stored.map(\.checkpoint) == [second])
            #expect(kinesis.count(.iterator(shard)) == 3)
        }
    }

    @Test func `automatic checkpoints are moved by force only`() async throws {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("a", "b")
            let reader = try await engine.attach(fromStart)
            #expect(try await engine.read(2, from: reader) == ["a", "b"])
            let first = Acknowledgement.event(EventID(reader: reader.id, number: 1))
            await #expect(throws: ConsumerError.checkpointsAreAutomatic) { try await engine.acknowledge(first) }
            _ = try await engine.acknowledge(first, isForced: true)
            #expect(try await engine.read(1, from: reader) == ["b"])
        }
    }

    @Test func `an event that nobody was sent is not known`() async throws {
        try await withOneByOne { engine, _ in
            let reader = try await engine.attach(fromStart, manual)
            for event in [EventID(reader: reader.id, number: 1), EventID("ffffffff-1")!] {
                await #expect(throws: ConsumerError.unknownEvent(event)) {
                    try await engine.acknowledge(.event(event))
                }
            }
        }
    }

    @Test func `the end waits for what is acknowledged after the readers have gone`() async throws {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("a")
            let reader = try await engine.attach(fromStart, manual)
            #expect(try await engine.read(1, from: reader) == ["a"])
            let loop = engine.loop
            _ = loop.schedule(after: .milliseconds(5)) { reader.detach(.orderly) }
            _ = loop.schedule(after: .milliseconds(30)) {
                loop.spawn { _ = try? await engine.acknowledge(.event(EventID(reader: reader.id, number: 1))) }
            }
            await engine.registry.shutDown(deadline: loop.now + .seconds(5))
            let state = try await engine.store.load(ConsumerKey(stream: kinesis.name, group: "kinesis-sidecar"))
            #expect(state?.shards[0].checkpoint != nil)
        }
    }

    @Test func `without a reader the shards are let go after the grace period, and taken again by the next one`()
        async throws
    {
        try await withEngine(settings: { $0.defaults.readerGracePeriod = .milliseconds(20) }) { engine, kinesis in
            try await kinesis.put("a")
            let first = try await engine.attach(fromStart, manual)
            #expect(try await engine.read(1, from: first) == ["a"])
            first.detach(.orderly)
            #expect(engine.snapshot?.holdsShards == true)
            await engine.until("the shards are let go") { engine.snapshot?.holdsShards == false }
            await #expect(throws: ConsumerError.shardsNotHeld) {
                try await engine.acknowledge(.event(EventID(reader: first.id, number: 1)))
            }
            let second = try await engine.attach(fromStart, manual)
            #expect(engine.snapshot?.holdsShards == true)
            #expect(try await engine.read(1, from: second) == ["a"])
        }
    }

    // MARK: Paused polling

    @Test func `behind each batch a shard waits until somebody says that it goes on`() async throws {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("a", "b")
            let reader = try await engine.attach(fromStart, paused)
            #expect(try await engine.read(1, from: reader) == ["a"])
            await engine.until("it pauses") { engine.snapshot?.shards[0].phase == .paused }
            await engine.turns()
            #expect(engine.snapshot?.shards[0].phase == .paused)
            let group: String? = nil
            let stale = EventID(reader: reader.id, number: 7)
            #expect(try engine.registry.goOn(kinesis.name, group: group, .event(stale)) == nil)
            let event = EventID(reader: reader.id, number: 1)
            #expect(try engine.registry.goOn(kinesis.name, group: group, .event(event)) == shard)
            #expect(try engine.registry.goOn(kinesis.name, group: group, .event(event)) == nil)
            #expect(try await engine.read(1, from: reader) == ["b"])
            #expect(try engine.registry.goOn(kinesis.name, group: group, .shard(shard)) == shard)
        }
    }

    @Test func `a shard whose reader goes while it pauses goes on for the next one`() async throws {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("a", "b")
            let first = try await engine.attach(fromStart, paused)
            #expect(try await engine.read(1, from: first) == ["a"])
            first.detach(.orderly)
            let second = try await engine.attach()
            #expect(try await engine.read(1, from: second) == ["b"])
        }
    }

    @Test func `a consumer that never pauses cannot go on, and one that is not here neither`() async throws {
        try await withOneByOne { engine, kinesis in
            #expect(throws: ConsumerError.shardsNotHeld) {
                try engine.registry.goOn(kinesis.name, group: nil, .shard(shard))
            }
            _ = try await engine.attach()
            #expect(throws: ConsumerError.pollingNeverPauses) {
                try engine.registry.goOn(kinesis.name, group: nil, .shard(shard))
            }
        }
    }
}
