import FakeService
import Kinesis
import State
import Testing
import Time

@testable import Consumer

private let manual = ("useAutoCheckpoints", "false")
private let shard = ShardID(number: 0)

private func ago(_ seconds: Int) -> WallTime { .now().advanced(by: .seconds(-seconds)) }

/// How far checkpoints are behind, with readers and without. Every response has one record.
@Suite struct LagTests {
    private func withOneByOne(_ body: @escaping @Sendable (Engine, FakeKinesis) async throws -> Void) async throws {
        try await withEngine { engine, kinesis in
            kinesis.recordLimit = 1
            try await body(engine, kinesis)
        }
    }

    private func expect(_ lag: Int?, about seconds: Int, _ location: SourceLocation = #_sourceLocation) {
        // By the wall clock, which goes on while the test runs.
        let expected = seconds * 1000..<seconds * 1000 + 60_000
        #expect(lag.map(expected.contains) == true, "\(lag ?? -1)", sourceLocation: location)
    }

    @Test func `a reader that does not acknowledge is behind by its oldest record, however far it has read`()
        async throws
    {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("a", at: ago(1000))
            try await kinesis.put("b", at: ago(100))
            let reader = try await engine.attach(fromStart, manual)
            #expect(try await engine.read(2, from: reader) == ["a", "b"])
            await engine.until("it has read all") { engine.backlog?.unacknowledgedEvents == 2 }
            #expect(engine.snapshot?.shards[0].millisBehindLatest == 0)
            expect(engine.backlog?.checkpointLag, about: 1000)
            expect(engine.backlog?.oldestUnacknowledged, about: 0)
            _ = try await engine.acknowledge(.event(EventID(reader: reader.id, number: 1)))
            expect(engine.backlog?.checkpointLag, about: 100)
            #expect(engine.backlog?.unacknowledgedEvents == 1)
            _ = try await engine.acknowledge(.event(EventID(reader: reader.id, number: 2)))
            // However old what was acknowledged last.
            await engine.until("all is acknowledged") { engine.backlog?.checkpointLag == 0 }
            #expect(
                engine.backlog == ShardBacklog(checkpointLag: 0, unacknowledgedEvents: 0, oldestUnacknowledged: nil))
        }
    }

    @Test func `a batch that its reader does not take counts from its first record`() async throws {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("a", at: ago(500))
            let reader = try await engine.attach(fromStart)
            await engine.until("a batch waits") { engine.backlog?.checkpointLag != nil }
            expect(engine.backlog?.checkpointLag, about: 500)
            #expect(engine.backlog?.unacknowledgedEvents == 0)
            _ = try await engine.read(1, from: reader)
            await engine.until("it is checkpointed") { engine.backlog?.checkpointLag == 0 }
        }
    }

    @Test func `after a restart a group that nobody reads is there, as far behind as it is`() async throws {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("a", at: ago(1000))
            try await kinesis.put("b", at: ago(100))
            let first = try await engine.attach(fromStart, manual)
            #expect(try await engine.read(2, from: first) == ["a", "b"])
            _ = try await engine.acknowledge(.event(EventID(reader: first.id, number: 1)))
            await engine.store.flush()
            engine.restart()
            #expect(engine.snapshot == nil)
            engine.registry.measureLag()
            await engine.until("it is measured") { engine.backlog?.checkpointLag != nil }
            #expect(engine.snapshot?.phase == .dormant)
            expect(engine.backlog?.checkpointLag, about: 100)
            #expect(engine.backlog?.unacknowledgedEvents == 1)
            expect(engine.backlog?.oldestUnacknowledged, about: 0)
            // What comes to whoever reads next is the same, and what it leaves is measured at once.
            let second = try await engine.attach(fromStart, manual)
            #expect(try await engine.read(1, from: second) == ["b"])
            #expect(engine.backlog?.unacknowledgedEvents == 1)
            _ = try await engine.acknowledge(.event(EventID(reader: second.id, number: 1)))
            second.detach(.orderly)
            await engine.until("the tip is reached") { engine.backlog?.checkpointLag == 0 }
            #expect(engine.snapshot?.phase == .idle)
            try await kinesis.put("c", at: ago(7))
            await engine.loop.advance(by: LagRounds.period)
            await engine.until("it is behind again") { engine.backlog?.checkpointLag != 0 }
            expect(engine.backlog?.checkpointLag, about: 7)
        }
    }

    @Test func `a shard that came to be while nobody read is behind from its first record on`() async throws {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("a")
            let reader = try await engine.attach(fromStart)
            #expect(try await engine.read(1, from: reader) == ["a"])
            reader.detach(.orderly)
            try await kinesis.split(0)
            try await kinesis.put("b", to: 1, at: ago(30))
            engine.registry.measureLag()
            await engine.until("all are measured") {
                engine.snapshot?.shards.count == 3 && engine.snapshot?.shards[2].backlog.checkpointLag != nil
            }
            #expect(engine.backlog?.checkpointLag == 0)
            expect(engine.snapshot?.shards[1].backlog.checkpointLag, about: 30)
            #expect(engine.snapshot?.shards[2].backlog.checkpointLag == 0)
            #expect(engine.snapshot?.shards[0].phase == .idle)
        }
    }

    @Test func `a checkpoint that was trimmed is behind from the oldest record that there is`() async throws {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("a", at: ago(50))
            let key = ConsumerKey(stream: kinesis.name, group: "g")
            let trimmed = Checkpoint(sequenceNumber: SequenceNumber("7")!)
            try await engine.store.begin(
                key,
                ConsumerState(
                    streamCreatedOn: try await kinesis.creation,
                    shards: [ShardState(id: shard, parents: [], start: .trimHorizon, checkpoint: trimmed)]))
            engine.registry.measureLag()
            await engine.until("it is measured") { engine.backlog?.checkpointLag != nil }
            expect(engine.backlog?.checkpointLag, about: 50)
        }
    }

    @Test func `a stream that is gone, or another one now, tells nothing of its groups`() async throws {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("a")
            let reader = try await engine.attach(fromStart)
            #expect(try await engine.read(1, from: reader) == ["a"])
            reader.detach(.orderly)
            engine.registry.measureLag()
            await engine.until("it is measured") { engine.backlog?.checkpointLag == 0 }
            let old = try await kinesis.creation
            try await kinesis.delete(kinesis.name)
            await engine.loop.advance(by: LagRounds.period)
            await engine.until("nothing is known") { engine.backlog?.checkpointLag == nil }
            while WallTime.now() <= old {}
            try await kinesis.make()
            let asked = (kinesis.count(.summary), kinesis.count(.iterator(shard)))
            await engine.loop.advance(by: StreamRetentions.intervalOfMissing + LagRounds.period)
            #expect(kinesis.count(.summary) == asked.0 + 1)
            #expect(engine.backlog?.checkpointLag == nil)
            #expect(kinesis.count(.iterator(shard)) == asked.1)
        }
    }

    @Test func `probes share the five reads of a second with readers`() async throws {
        try await withEngine { engine, kinesis in
            try await kinesis.put("a")
            let others = ConsumerKey(stream: kinesis.name, group: "others")
            try await engine.store.begin(
                others,
                ConsumerState(
                    streamCreatedOn: try await kinesis.creation,
                    shards: [ShardState(id: shard, parents: [], start: .trimHorizon)]))
            let reader = try await engine.attach(fromStart)
            #expect(try await engine.read(1, from: reader) == ["a"])
            let calls = CallTimes()
            kinesis.onCall = { if case .records = $0 { calls.times.append(engine.loop.now) } }
            engine.registry.measureLag()
            for _ in 0..<40 {
                await engine.loop.advance(by: .milliseconds(250))
                engine.registry.prober?.hurry(others)
            }
            #expect(engine.registry.snapshots.last?.shards[0].backlog.checkpointLag != nil)
            for (first, sixth) in zip(calls.times, calls.times.dropFirst(5)) {
                #expect(sixth - first >= ReadPaces.period)
            }
            #expect(calls.times.count > 40)
        }
    }

    private final class CallTimes: @unchecked Sendable {
        var times: [ContinuousClock.Instant] = []
    }

    // MARK: Groups that go

    @Test func `a group is forgotten with all that is kept of it, once it has no reader`() async throws {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("a")
            let reader = try await engine.attach(fromStart)
            #expect(try await engine.read(1, from: reader) == ["a"])
            await #expect(throws: ConsumerError.hasReaders) {
                try await engine.registry.forget(kinesis.name, group: nil)
            }
            reader.detach(.orderly)
            #expect(try await engine.registry.forget(kinesis.name, group: nil))
            #expect(engine.snapshot == nil)
            #expect(try await engine.store.groups(limit: 10) == [])
            #expect(try await !engine.registry.forget(kinesis.name, group: nil))
            let next = try await engine.attach(fromStart)
            #expect(try await engine.read(1, from: next) == ["a"])
        }
    }

    @Test func `a dormant group is forgotten too, and one that configuration lists is not`() async throws {
        try await withOneByOne { engine, kinesis in
            _ = try await engine.attach(fromStart)
            await engine.store.flush()
            engine.restart()
            engine.registry.measureLag()
            await engine.until("it is listed") { engine.snapshot?.phase == .dormant }
            #expect(try await engine.registry.forget(kinesis.name, group: nil))
            #expect(engine.snapshot == nil)
            engine.registry.start(kinesis.name, NamedOptions())
            await #expect(throws: ConsumerError.configured) {
                try await engine.registry.forget(kinesis.name, group: nil)
            }
        }
    }

    @Test func `a group that nobody has used for longer than the stream keeps records leaves`() async throws {
        try await withOneByOne { engine, kinesis in
            _ = try await engine.attach(fromStart)
            await engine.store.flush()
            engine.restart()
            kinesis.retentionHours = 0
            engine.registry.measureLag()
            await engine.until("it is listed") { engine.snapshot?.phase == .dormant }
            await engine.loop.advance(by: LagRounds.period)
            await engine.until("it has left") { engine.snapshot == nil }
            // Its positions stay.
            #expect(try await engine.store.groups(limit: 10).count == 1)
        }
    }

    @Test func `a consumer that nobody has used for so long counts as unused, unless configuration lists it`()
        async throws
    {
        try await withOneByOne { engine, kinesis in
            kinesis.retentionHours = 0
            engine.registry.start(kinesis.name, try NamedOptions([("consumerGroup", "configured")], from: .query))
            let reader = try await engine.attach(fromStart, ("consumerGroup", "tried"))
            engine.registry.measureLag()
            // What it asks the database first takes as long as that takes, whatever the loop's time.
            await engine.turns()
            _ = try await engine.store.groups(limit: 1)
            func isUnused(_ group: String) -> Bool? {
                engine.registry.snapshots.first { $0.group == group }?.isUnused
            }
            await engine.until("the stream is looked at") {
                engine.registry.streams.retention(of: kinesis.name) == .zero
            }
            #expect(isUnused("tried") == false)
            reader.detach(.orderly)
            await engine.until("nobody has used it for a while") { isUnused("tried") == true }
            #expect(isUnused("configured") == false)
        }
    }

    @Test func `a group that the process forgets is measured on`() async throws {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("a", at: ago(40))
            let reader = try await engine.attach(fromStart, manual, ("consumerGroup", "first"))
            #expect(try await engine.read(1, from: reader) == ["a"])
            reader.detach(.orderly)
            for number in 0..<ConsumerRegistry.mostIdleConsumers + 1 {
                try await engine.attach(("consumerGroup", "\(number)")).detach(.orderly)
            }
            let first = engine.registry.snapshots.first { $0.group == "first" }
            #expect(first?.phase == .dormant)
            expect(first?.shards[0].backlog.checkpointLag, about: 40)
        }
    }
}

extension Engine {
    /// Of the first shard of the first group.
    fileprivate var backlog: ShardBacklog? { snapshot?.shards.first?.backlog }
}
