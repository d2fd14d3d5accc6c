import Kinesis
import Reactor
import Testing

@testable import Consumer

@Suite struct SharingTests {
    @Test func `each record goes to one of the readers, and each shard to one`() async throws {
        try await withEngine(shards: 4) { engine, kinesis in
            let one = try await engine.attach(fromStart)
            let two = try await engine.attach()
            #expect(one.assignment.count == 2 && two.assignment.count == 2)
            #expect(Set(one.assignment).isDisjoint(with: two.assignment))
            for shard in 0..<4 { try await kinesis.put("s\(shard)", to: shard) }
            let texts = try await (engine.read(2, from: one), engine.read(2, from: two))
            #expect(Set(texts.0 + texts.1) == ["s0", "s1", "s2", "s3"])
            #expect(texts.0.count == 2 && texts.1.count == 2)
        }
    }

    @Test func `a shard moves only when its last batch is settled, and nothing comes twice`() async throws {
        try await withEngine(shards: 2) { engine, kinesis in
            kinesis.recordLimit = 1
            try await kinesis.put("a", "b", to: 1)
            let one = try await engine.attach(fromStart)
            let held = try #require(await Engine.delivery(from: one))
            let two = try await engine.attach()
            #expect(two.assignment == [ShardID(number: 1)])
            await engine.turns()
            #expect(engine.snapshot?.shards[1].readerID == two.id.text)
            engine.settle(held, of: one)
            #expect(try await engine.read(1, from: two) == ["b"])
        }
    }

    @Test func `what a reader that has gone did not settle goes to those that stay`() async throws {
        try await withEngine(shards: 2) { engine, kinesis in
            let one = try await engine.attach(fromStart)
            let two = try await engine.attach()
            try await kinesis.put("left", to: 1)
            #expect(try await engine.read(1, from: two, settling: false) == ["left"])
            two.detach(.lost)
            #expect(one.assignment.count == 2)
            #expect(try await engine.read(1, from: one) == ["left"])
        }
    }

    @Test func `readers hear which shards come and go, and which are read out`() async throws {
        try await withEngine(shards: 2) { engine, kinesis in
            let one = try await engine.attach(fromStart)
            #expect(await changes(2, of: one) == ["0 assigned", "1 assigned"])
            let two = try await engine.attach()
            #expect(await changes(1, of: one) == ["1 revoked"])
            #expect(await changes(1, of: two) == ["1 assigned"])
            try await kinesis.split(0)
            #expect(await changes(3, of: one) == ["0 depleted", "2 assigned", "3 assigned"])
        }
    }

    @Test func `a reader that takes nothing does not keep the others' shards`() async throws {
        try await withEngine(shards: 2) { engine, kinesis in
            let stalled = try await engine.attach(fromStart)
            let other = try await engine.attach()
            for number in 0..<20 {
                try await kinesis.put("x\(number)", to: 0)
                try await kinesis.put("y\(number)", to: 1)
            }
            #expect(try await engine.read(20, from: other).count == 20)
            #expect(stalled.assignment.count == 1)
        }
    }

    /// The next notices, sorted.
    private func changes(_ count: Int, of reader: RecordsReader) async -> [String] {
        var all: [String] = []
        while all.count < count, case .shard(let notice)? = await reader.next() {
            all.append("\(notice.shard.text.suffix(1)) \(notice.change.rawValue)")
        }
        return all.sorted()
    }
}
