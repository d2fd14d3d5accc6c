import FakeService
import Kinesis
import State
import Testing

@testable import Consumer

/// Parents that go back, and what becomes of their children. Every event counts as 100 bytes, every response has one record.
@Suite struct LineageTests {
    private let parent = ShardID(number: 0)

    /// A parent that was split, with a reader that has read it and both children, or one for each reader.
    private func withFamily(
        unreadBytes: Int = 1000, _ body: @escaping @Sendable (Engine, FakeKinesis) async throws -> Void
    ) async throws {
        try await withEngine(settings: { $0.defaults.unreadBytes = unreadBytes }) { engine, kinesis in
            kinesis.recordLimit = 1
            try await kinesis.put("p1", "p2")
            try await kinesis.split(0)
            try await kinesis.put("c1", to: 1)
            try await kinesis.put("d1", to: 2)
            try await body(engine, kinesis)
        }
    }

    /// The records that come to the reader until all of these have, in their order.
    private func come(_ texts: Set<String>, to reader: RecordsReader, of engine: Engine) async throws -> [String] {
        var all: [String] = []
        while !texts.isSubset(of: all) { all += try await engine.read(1, from: reader) }
        return all
    }

    @Test func `the children of a parent that a lost reader may not have read come again behind it`() async throws {
        try await withFamily { engine, kinesis in
            // One reader has read the parent; it stays connected, and takes nothing more.
            let lost = try await engine.attach(fromStart)
            #expect(try await engine.read(2, from: lost) == ["p1", "p2"])
            let stays = try await engine.attach()
            await engine.until("the children are being read") { engine.snapshot?.shards.count == 3 }
            let child = try await engine.read(1, from: stays)
            lost.detach(.lost)
            let again = try await come(["p1", "p2", "c1", "d1"], to: stays, of: engine)
            #expect(Array(again.prefix(2)) == ["p1", "p2"])
            #expect(child.allSatisfy { again.dropFirst(2).contains($0) })
        }
    }

    @Test func `with a Last-Event-ID too, to whoever has the child then`() async throws {
        try await withFamily(unreadBytes: 0) { engine, kinesis in
            let first = try await engine.attach(fromStart)
            #expect(try await engine.read(2, from: first) == ["p1", "p2"])
            let second = try await engine.attach()
            let child = try await engine.read(1, from: second)
            second.detach(.orderly)
            first.detach(.orderly)
            let back = try await engine.attach(lastEvent: "\(first.id)-1")
            let again = try await come(["p2", "c1", "d1"], to: back, of: engine)
            #expect(again.first == "p2")
            #expect(child.allSatisfy(again.contains))
        }
    }

    @Test func `a batch of a child in flight moves no checkpoint when its parent goes back`() async throws {
        try await withFamily { engine, kinesis in
            let lost = try await engine.attach(fromStart)
            #expect(try await engine.read(2, from: lost) == ["p1", "p2"])
            let stays = try await engine.attach()
            let inFlight = try #require(await Engine.delivery(from: stays))
            lost.detach(.lost)
            engine.settle(inFlight, of: stays)
            #expect(engine.snapshot?.shards.first { $0.id == inFlight.shard }?.checkpoint == nil)
            let again = try await come(["p1", "p2", "c1", "d1"], to: stays, of: engine)
            #expect(Array(again.prefix(2)) == ["p1", "p2"])
        }
    }

    @Test func `a parent that is forced back takes its children with it`() async throws {
        try await withFamily { engine, kinesis in
            let reader = try await engine.attach(fromStart, ("useAutoCheckpoints", "false"))
            var deliveries: [Delivery] = []
            while deliveries.count < 4 {
                let delivery = try #require(await Engine.delivery(from: reader))
                deliveries.append(delivery)
                engine.settle(delivery, of: reader)
                _ = try await engine.acknowledge(.event(delivery.id))
            }
            let first = deliveries[0]
            #expect(try Engine.texts(first) == ["p1"])
            _ = try await engine.acknowledge(.record(parent, first.last), isForced: true)
            #expect(engine.snapshot?.shards.map(\.checkpoint) == [first.last.sequenceNumber, nil, nil])
            // The children wait for it, and their events of before count for nothing.
            await #expect(throws: ConsumerError.unknownEvent(deliveries[3].id)) {
                _ = try await engine.acknowledge(.event(deliveries[3].id))
            }
            let again = try #require(await Engine.delivery(from: reader))
            #expect(try Engine.texts(again) == ["p2"])
        }
    }

    @Test func `forcing the newest event moves nothing`() async throws {
        try await withFamily { engine, _ in
            let reader = try await engine.attach(fromStart, ("useAutoCheckpoints", "false"))
            for _ in 0..<4 {
                let delivery = try #require(await Engine.delivery(from: reader))
                engine.settle(delivery, of: reader)
                let stored = try await engine.acknowledge(.event(delivery.id), isForced: true)
                #expect(stored.first { $0.shard == delivery.shard }?.checkpoint == delivery.last)
                #expect(try await engine.acknowledge(.event(delivery.id), isForced: true) == stored)
            }
        }
    }

    @Test func `two clients that come back for a parent and its child both get what they ask for`() async throws {
        try await withFamily(unreadBytes: 0) { engine, kinesis in
            try await kinesis.put("c2", "c3", "c4", to: 1)
            try await kinesis.put("d2", "d3", "d4", to: 2)
            let all: Set<String> = ["p1", "p2", "c1", "c2", "c3", "c4", "d1", "d2", "d3", "d4"]
            let first = try await engine.attach(fromStart)
            let second = try await engine.attach()
            // They share the parent and the children between them.
            var had: [ReaderID: [String]] = [:]
            while !all.isSubset(of: had.values.joined()) {
                for reader in [first, second] where reader.shardCount > 0 {
                    had[reader.id, default: []] += try await engine.read(1, from: reader)
                }
            }
            first.detach(.lost)
            second.detach(.lost)
            // Each has worked off its first event.
            let one = try await engine.attach(lastEvent: "\(first.id)-1")
            let two = try await engine.attach(lastEvent: "\(second.id)-1")
            let got = Received()
            for reader in [one, two] { engine.loop.spawn { await got.follow(reader, of: engine) } }
            // What one of them asks for comes to that one.
            let wanted = [
                one.id: had[first.id, default: []].dropFirst(), two.id: had[second.id, default: []].dropFirst(),
            ].mapValues(Set.init)
            await engine.until("both have what they ask for") {
                wanted.allSatisfy { $0.value.isSubset(of: got.texts[$0.key, default: []]) }
            }
        }
    }

    @Test func `what was to be sent again to a reader that leaves before its turn comes to whoever stays`() async throws
    {
        try await withEngine(settings: { $0.defaults.unreadBytes = 1000 }) { engine, kinesis in
            kinesis.recordLimit = 1
            try await kinesis.put("a", "b")
            let first = try await engine.attach(fromStart)
            #expect(try await engine.read(2, from: first) == ["a", "b"])
            first.detach(.orderly)
            try await kinesis.put("c", "d")
            let second = try await engine.attach()
            #expect(try await engine.read(2, from: second) == ["c", "d"])
            second.detach(.orderly)
            // One wants what lies behind "c"; the other what lies behind "a", waits for its turn, and leaves.
            let stays = try await engine.attach(lastEvent: "\(second.id)-1")
            let leaves = try await engine.attach(lastEvent: "\(first.id)-1")
            leaves.detach(.lost)
            #expect(try await come(["b", "c", "d"], to: stays, of: engine) == ["b", "c", "d"])
        }
    }
}

/// What several readers got. Confined to their loop.
private final class Received: @unchecked Sendable {
    private(set) var texts: [ReaderID: Set<String>] = [:]

    func follow(_ reader: RecordsReader, of engine: Engine) async {
        while let delivery = await Engine.delivery(from: reader) {
            texts[reader.id, default: []].formUnion((try? Engine.texts(delivery)) ?? [])
            engine.settle(delivery, of: reader)
        }
    }
}
