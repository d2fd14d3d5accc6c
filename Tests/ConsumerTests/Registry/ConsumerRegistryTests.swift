import AWS
import FakeService
import Kinesis
import Reactor
import State
import Testing

@testable import Consumer

@Suite struct ConsumerRegistryTests {
    @Test func `readers that come at the same time share one consumer and its options`() async throws {
        try await withEngine { engine, _ in
            async let first = engine.attach(("limit", "7"))
            async let second = engine.attach()
            let readers = try await [first, second]
            #expect(engine.registry.snapshots.count == 1)
            #expect(Set(engine.snapshot?.readerIDs ?? []) == Set(readers.map(\.id.text)))
            #expect(engine.snapshot?.options.first { $0.name == "limit" }?.text == "7")
        }
    }

    @Test func `another value of a named option is refused with both values`() async throws {
        try await withEngine { engine, _ in
            _ = try await engine.attach(("limit", "7"))
            let conflict = OptionConflict(option: "limit", held: "7", asked: "8")
            await #expect(throws: ConsumerError.conflictingOption(conflict)) { try await engine.attach(("limit", "8")) }
        }
    }

    @Test func `a consumer that only requests started takes new options when it has no reader`() async throws {
        try await withEngine { engine, _ in
            try await engine.attach(("limit", "7")).detach(.orderly)
            _ = try await engine.attach(("limit", "8"))
            #expect(engine.snapshot?.options.first { $0.name == "limit" }?.text == "8")
        }
    }

    @Test func `a configured consumer keeps its options`() async throws {
        try await withEngine { engine, kinesis in
            engine.registry.start(kinesis.name, try NamedOptions([("limit", "7")], from: .configuration))
            await engine.until("it is prepared") { engine.snapshot?.phase == .idle }
            let conflict = OptionConflict(option: "limit", held: "7", asked: "8")
            await #expect(throws: ConsumerError.conflictingOption(conflict)) { try await engine.attach(("limit", "8")) }
            _ = try await engine.attach()
            #expect(engine.snapshot?.options.first { $0.name == "limit" }?.text == "7")
        }
    }

    @Test func `a configured consumer fixes LATEST at its start, without a reader`() async throws {
        try await withEngine { engine, kinesis in
            engine.registry.start(kinesis.name, NamedOptions())
            await engine.until("it is prepared") { engine.snapshot?.phase == .idle }
            try await kinesis.put("before the reader")
            let reader = try await engine.attach()
            #expect(try await engine.read(1, from: reader) == ["before the reader"])
        }
    }

    @Test func `a configured consumer starts as soon as the service answers`() async throws {
        try await withEngine { engine, kinesis in
            kinesis.fail(.summary, FakeKinesis.error("InternalFailure", status: 500))
            engine.registry.start(kinesis.name, NamedOptions())
            await engine.until("the failure is shown") { engine.snapshot?.problem?.contains("InternalFailure") == true }
            await engine.until("it is prepared") { engine.snapshot?.phase == .idle }
            #expect(engine.snapshot?.problem == nil)
        }
    }

    @Test func `a missing stream is an error, and leaves no consumer behind`() async throws {
        try await withEngine(shards: 0) { engine, kinesis in
            await #expect(throws: ConsumerError.streamMissing(kinesis.name)) { try await engine.attach() }
            #expect(engine.registry.snapshots.isEmpty)
            #expect(kinesis.count(.create) == 0)
        }
    }

    @Test func `a stream that is created for a reader is read from its first record`() async throws {
        try await withEngine(shards: 0) { settings in
            settings.createsUnlistedStreams = true
        } _: { engine, kinesis in
            let reader = try await engine.attach()
            #expect(kinesis.count(.create) == 1)
            let state = try await engine.store.load(ConsumerKey(stream: kinesis.name, group: "kinesis-sidecar"))
            #expect(state?.shards.map(\.start) == [.trimHorizon])
            try await kinesis.put("first")
            #expect(try await engine.read(1, from: reader) == ["first"])
        }
    }

    @Test func `only the shards that shardIds names are read, and those before them hold them up in nothing`()
        async throws
    {
        try await withEngine(shards: 2) { engine, kinesis in
            try await kinesis.put("x", to: 0)
            try await kinesis.put("y", to: 1)
            try await kinesis.split(1)
            try await kinesis.put("z", to: 2)
            let reader = try await engine.attach(
                fromStart, ("shardIds", "shardId-000000000000,shardId-000000000002,shardId-000000000099"))
            #expect(reader.assignment == [ShardID(number: 0), ShardID(number: 2)])
            #expect(try await engine.read(2, from: reader).sorted() == ["x", "z"])
        }
    }

    @Test func `a stream that is being created is waited for`() async throws {
        try await withEngine(shards: 0, stateDelay: .milliseconds(30)) { engine, kinesis in
            try await kinesis.create(kinesis.name, .provisioned(shards: 1), retry: nil)
            _ = try await engine.attach()
            #expect(kinesis.count(.summary) >= 2)
        }
    }

    @Test func `what the service refuses reaches the caller`() async throws {
        try await withEngine { engine, kinesis in
            let denied = FakeKinesis.error("AccessDeniedException")
            kinesis.fail(.list, denied)
            await #expect(throws: ConsumerError.service(denied)) { try await engine.attach() }
        }
    }

    @Test func `shutting down waits for what is being written, stores it, and takes no reader`() async throws {
        try await withEngine { engine, kinesis in
            try await kinesis.put("a")
            let reader = try await engine.attach(("initialPositionInStream", "TRIM_HORIZON"))
            let delivery = try #require(await Engine.delivery(from: reader))
            _ = engine.loop.schedule(after: .milliseconds(20)) { engine.settle(delivery, of: reader) }
            await engine.registry.shutDown(deadline: engine.loop.now + .seconds(5))
            #expect(await Engine.delivery(from: reader) == nil)
            await #expect(throws: ConsumerError.shuttingDown) { try await engine.attach() }
            let state = try await engine.store.load(ConsumerKey(stream: kinesis.name, group: "kinesis-sidecar"))
            #expect(state?.shards[0].checkpoint?.sequenceNumber == delivery.batch.last.sequenceNumber)
        }
    }

    @Test func `shutting down ends at its deadline`() async throws {
        try await withEngine { engine, kinesis in
            try await kinesis.put("a")
            let reader = try await engine.attach(("initialPositionInStream", "TRIM_HORIZON"))
            _ = await Engine.delivery(from: reader)
            await engine.registry.shutDown(deadline: engine.loop.now + .milliseconds(30))
            #expect(await Engine.delivery(from: reader) == nil)
        }
    }

    @Test func `who shuts it down once more waits for the same end, by the nearer deadline`() async throws {
        try await withEngine { engine, kinesis in
            try await kinesis.put("a")
            let reader = try await engine.attach(("initialPositionInStream", "TRIM_HORIZON"))
            _ = await Engine.delivery(from: reader)
            let begun = engine.loop.now
            let first = engine.loop.spawn { await engine.registry.shutDown(deadline: begun + .seconds(3600)) }
            await engine.loop.nextTurn()
            #expect(engine.registry.remains.readers == 1)
            #expect(engine.registry.remains.consumers == 1)
            await engine.registry.shutDown(deadline: begun + .milliseconds(30))
            await first.value
            #expect(engine.loop.now < begun + .seconds(60))
            #expect(engine.registry.remains.isEmpty)
            // Behind the end there is nothing left to wait for.
            await engine.registry.shutDown(deadline: begun + .seconds(3600))
            #expect(engine.loop.now < begun + .seconds(60))
        }
    }

    @Test func `consumers that nobody reads do not pile up`() async throws {
        try await withEngine { engine, _ in
            for number in 0..<300 {
                try await engine.attach(("consumerGroup", "group-\(number)")).detach(.orderly)
            }
            let phases = engine.registry.snapshots.map(\.phase)
            #expect(phases.count { $0 == .idle } == ConsumerRegistry.mostIdleConsumers)
            // Their positions are stored, and may be far behind.
            #expect(phases.count { $0 == .dormant } == 300 - ConsumerRegistry.mostIdleConsumers)
        }
    }

    @Test func `stops of consumers that nobody has used do not pile up, and the newest hold`() async throws {
        try await withEngine { engine, kinesis in
            let most = ConsumerRegistry.mostUnusedStops
            try await engine.attach(("consumerGroup", "used")).detach(.orderly)
            _ = await engine.registry.stop(kinesis.name, group: "used", deadline: engine.loop.now)
            for number in 0..<(most + 50) {
                _ = await engine.registry.stop(kinesis.name, group: "group-\(number)", deadline: engine.loop.now)
            }
            #expect(engine.registry.snapshots.count == most + 1)
            for group in ["used", "group-\(most + 49)"] {
                await #expect(throws: ConsumerError.stopped) { try await engine.attach(("consumerGroup", group)) }
            }
        }
    }

    @Test func `what a start names holds for the reader that comes, and for what was put in between`() async throws {
        try await withEngine { engine, kinesis in
            try await kinesis.put("before")
            let options = try NamedOptions([fromStart, ("useAutoCheckpoints", "false"), ("limit", "7")], from: .query)
            _ = try await engine.registry.start(kinesis.name, naming: options)
            try await kinesis.put("between")
            let reader = try await engine.attach()
            #expect(try await engine.read(2, from: reader) == ["before", "between"])
            reader.detach(.orderly)
            // Nothing was acknowledged. A second start that names one option leaves the others.
            _ = try await engine.registry.start(kinesis.name, naming: NamedOptions([("limit", "8")], from: .query))
            let next = try await engine.attach()
            #expect(try await engine.read(2, from: next) == ["before", "between"])
            let inForce = Dictionary(uniqueKeysWithValues: engine.snapshot?.options.map { ($0.name, $0.text) } ?? [])
            #expect(inForce["useAutoCheckpoints"] == "false" && inForce["limit"] == "8")
        }
    }

    @Test func `a consumer that was never here can be stopped, and started`() async throws {
        try await withEngine { engine, kinesis in
            let stopped = await engine.registry.stop(kinesis.name, group: nil, deadline: engine.loop.now)
            #expect(stopped.phase == .stopped)
            await #expect(throws: ConsumerError.stopped) { try await engine.attach() }
            _ = try await engine.registry.start(kinesis.name, naming: NamedOptions([], from: .query))
            try await kinesis.put("a")
            let reader = try await engine.attach()
            #expect(try await engine.read(1, from: reader) == ["a"])
        }
    }
}
