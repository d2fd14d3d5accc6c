import Kinesis
import State
import Testing

@testable import Consumer

@Suite struct TailTests {
    private func watch(_ engine: Engine, _ options: (String, String)...) async throws -> RecordsReader {
        let all = options + [("pollDelay", "0")]
        return try await engine.registry.watch(engine.kinesis.name, NamedOptions(all, from: .query))
    }

    @Test func `one who watches gets every shard and disturbs nobody`() async throws {
        try await withEngine(shards: 2) { engine, kinesis in
            let reader = try await engine.attach(fromStart)
            let tail = try await watch(engine)
            #expect(tail.assignment.count == 2 && tail.group == nil)
            #expect(engine.registry.snapshots.count == 1 && reader.assignment.count == 2)
            try await kinesis.put("a", to: 0)
            #expect(try await engine.read(1, from: tail) == ["a"])
            #expect(try await engine.read(1, from: reader) == ["a"])
            tail.detach(.lost)
            // Nothing is left of it: the next one begins at LATEST again.
            let next = try await watch(engine)
            try await kinesis.put("b", to: 1)
            #expect(try await engine.read(1, from: next) == ["b"])
            #expect(try await engine.store.load(ConsumerKey(stream: kinesis.name, group: "")) == nil)
        }
    }

    @Test func `it begins where it is told to`() async throws {
        try await withEngine { engine, kinesis in
            try await kinesis.put("old")
            let tail = try await watch(engine, fromStart)
            #expect(try await engine.read(1, from: tail) == ["old"])
        }
    }

    @Test(arguments: [true, false])
    func `it makes a missing stream where a reader of a group would`(_ mayCreate: Bool) async throws {
        try await withEngine(shards: 0, settings: { $0.createsUnlistedStreams = mayCreate }) { engine, kinesis in
            if mayCreate {
                let tail = try await watch(engine)
                #expect(tail.assignment.count == 1)
            } else {
                await #expect(throws: ConsumerError.streamMissing(kinesis.name)) { try await watch(engine) }
            }
            #expect(kinesis.count(.create) == (mayCreate ? 1 : 0))
        }
    }

    @Test func `of a Last-Event-ID it is told that it has none, and where it begins`() async throws {
        try await withEngine { engine, kinesis in
            let options = try NamedOptions([fromStart, ("pollDelay", "0")], from: .query)
            let tail = try await engine.registry.watch(kinesis.name, options, lastEvent: "00000000-1")
            var problem: ReaderProblem?
            while problem == nil, let event = await tail.next() {
                if case .problem(let told) = event { problem = told }
            }
            let place = ShardPlace(shard: ShardID(number: 0), position: .trimHorizon)
            #expect(problem == .lastEventOfTail("00000000-1", places: [place]))
        }
    }

    @Test func `the end ends it`() async throws {
        try await withEngine { engine, _ in
            let tail = try await watch(engine)
            await engine.registry.shutDown(deadline: engine.loop.now)
            #expect(await Engine.delivery(from: tail) == nil)
            await #expect(throws: ConsumerError.shuttingDown) { try await watch(engine) }
        }
    }
}
