import FakeService
import Kinesis
import Reactor
import State
import TestSupport
import Testing

@testable import Consumer

/// What comes again after a connection's end, with and without a Last-Event-ID. Every event counts as 100 bytes, every
/// answer has one record.
@Suite struct ResumingTests {
    private func withOneByOne(
        shards: Int = 1, unreadBytes: Int = 250, group: String? = nil,
        _ body: @escaping @Sendable (Engine, FakeKinesis) async throws -> Void
    ) async throws {
        try await withEngine(shards: shards, settings: { $0.defaults.unreadBytes = unreadBytes }) { engine, kinesis in
            kinesis.recordLimit = 1
            try await body(engine, kinesis)
        }
    }

    @Test func `of a lost reader the last bytes come again, of one that left in order nothing`() async throws {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("a", "b", "c", "d", "e")
            let first = try await engine.attach(fromStart)
            #expect(try await engine.read(4, from: first) == ["a", "b", "c", "d"])
            first.detach(.lost)
            // 250 bytes: the third event's end lies within them.
            let second = try await engine.attach(fromStart)
            #expect(try await engine.read(4, from: second) == ["b", "c", "d", "e"])
            second.detach(.orderly)
            try await kinesis.put("f")
            let third = try await engine.attach(fromStart)
            #expect(try await engine.read(1, from: third) == ["f"])
        }
    }

    @Test func `what is unread comes again wherever a new reader would begin`() async throws {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("a", "b")
            let first = try await engine.attach(fromStart)
            #expect(try await engine.read(2, from: first) == ["a", "b"])
            first.detach(.lost)
            let second = try await engine.attach(("initialPositionInStream", "LATEST"))
            #expect(try await engine.read(2, from: second) == ["a", "b"])
        }
    }

    @Test func `with the id of its last event a reader goes on right behind it, whatever was counted as unread`()
        async throws
    {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("a", "b", "c", "d")
            let first = try await engine.attach(fromStart)
            #expect(try await engine.read(4, from: first) == ["a", "b", "c", "d"])
            first.detach(.lost)
            try await kinesis.put("e")
            let second = try await engine.attach(fromStart, lastEvent: "\(first.id)-4")
            #expect(try await engine.read(1, from: second) == ["e"])
        }
    }

    @Test(arguments: [RecordsReader.Ending.orderly, .lost])
    func `who comes back twice with the same event's id gets again what the second connection was sent`(
        ending: RecordsReader.Ending
    ) async throws {
        try await withOneByOne(shards: 2, unreadBytes: 0) { engine, kinesis in
            try await kinesis.put("a1", to: 0)
            let first = try await engine.attach(fromStart)
            #expect(try await engine.read(1, from: first) == ["a1"])
            first.detach(.orderly)
            try await kinesis.put("a2", "a3", to: 0)
            try await kinesis.put("b1", to: 1)
            // It notes nothing of what it gets; and so does the one behind it.
            for _ in 0..<2 {
                let again = try await engine.attach(fromStart, lastEvent: "\(first.id)-1")
                #expect(Set(try await engine.read(3, from: again)) == ["a2", "a3", "b1"])
                again.detach(ending)
            }
            await engine.store.flush()
            engine.restart()
            let last = try await engine.attach(fromStart, lastEvent: "\(first.id)-1")
            #expect(Set(try await engine.read(3, from: last)) == ["a2", "a3", "b1"])
        }
    }

    @Test func `it replaces the connection with which it came back, where that still stands`() async throws {
        try await withOneByOne(unreadBytes: 0) { engine, kinesis in
            try await kinesis.put("a", "b", "c")
            let first = try await engine.attach(fromStart)
            #expect(try await engine.read(1, from: first) == ["a"])
            first.detach(.orderly)
            let stalled = try await engine.attach(fromStart, lastEvent: "\(first.id)-1")
            #expect(try await engine.read(1, from: stalled) == ["b"])
            let isReplaced = Gate(loop: engine.loop)
            stalled.onCut = { isReplaced.open() }
            let third = try await engine.attach(fromStart, lastEvent: "\(first.id)-1")
            #expect(try await engine.read(2, from: third) == ["b", "c"])
            #expect(engine.snapshot?.readerIDs == [third.id.text])
        }
    }

    @Test func `what was sent after that event comes again, also what has a checkpoint`() async throws {
        try await withOneByOne(unreadBytes: 0) { engine, kinesis in
            try await kinesis.put("a", "b", "c", "d")
            let first = try await engine.attach(fromStart)
            #expect(try await engine.read(4, from: first) == ["a", "b", "c", "d"])
            first.detach(.orderly)
            let second = try await engine.attach(fromStart, lastEvent: "\(first.id)-1")
            #expect(try await engine.read(3, from: second) == ["b", "c", "d"])
            // An id that is newer than the log: what its own reader was sent is passed over, not what those got that followed.
            second.detach(.orderly)
            try await kinesis.put("e")
            let third = try await engine.attach(fromStart, lastEvent: "\(first.id)-99")
            #expect(try await engine.read(4, from: third) == ["b", "c", "d", "e"])
        }
    }

    @Test func `a crash loses neither the log nor what was counted as unread`() async throws {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("a", "b", "c", "d")
            let first = try await engine.attach(fromStart)
            #expect(try await engine.read(4, from: first) == ["a", "b", "c", "d"])
            await engine.store.flush()
            engine.restart()
            let second = try await engine.attach(fromStart, lastEvent: "\(first.id)-3")
            #expect(try await engine.read(1, from: second) == ["d"])
            await engine.store.flush()
            engine.restart()
            let third = try await engine.attach(fromStart)
            #expect(try await engine.read(1, from: third) == ["d"])
        }
    }

    @Test func `a reader's first event comes once the log knows the reader, so that a crash right behind it is none`()
        async throws
    {
        try await onLoop(time: .manual(.whenIdle)) { loop in
            let folder = TemporaryFolder()
            let path = folder.path + "/state.db"
            try await FakeKinesis.run(on: loop, shards: 1) { kinesis in
                let engine = try await Engine(kinesis, loop, path: path)
                try await kinesis.put("a")
                let reader = try await engine.attach(fromStart)
                let first = try #require(await Engine.delivery(from: reader))
                // What another process finds.
                let other = try await StateStore.open(path: path, loop: loop, logger: Engine.logger)
                let key = ConsumerKey(stream: kinesis.name, group: engine.registry.defaultGroup)
                #expect(try await other.sent(after: first.id, of: key) != nil)
                await other.close()
                await engine.registry.shutDown(deadline: loop.now)
                await engine.store.close()
            }
            withExtendedLifetime(folder) {}
        }
    }

    @Test func `a shard that has moved comes back for what its reader asks again, and order is kept`() async throws {
        try await withOneByOne(shards: 2, unreadBytes: 0) { engine, kinesis in
            try await kinesis.put("a1", "a2", to: 1)
            let first = try await engine.attach(fromStart)
            let both = try await engine.read(2, from: first)
            #expect(both == ["a1", "a2"])
            let second = try await engine.attach(fromStart)
            #expect(second.assignment == [ShardID(number: 1)])
            try await kinesis.put("a3", to: 1)
            #expect(try await engine.read(1, from: second) == ["a3"])
            first.detach(.orderly)
            let again = try await engine.attach(fromStart, lastEvent: "\(first.id)-1")
            #expect(again.assignment == [ShardID(number: 1)])
            // What the other one has got since comes too: it lies behind what is asked for, and a shard has one reader.
            #expect(try await engine.read(2, from: again) == ["a2", "a3"])
            try await kinesis.put("b", to: 0)
            #expect(try await engine.read(1, from: second) == ["b"])
        }
    }

    @Test func `what a lost reader may not have read of a shard that moved comes to the shard's new reader`()
        async throws
    {
        try await withOneByOne(shards: 2) { engine, kinesis in
            try await kinesis.put("a1", "a2", to: 1)
            let first = try await engine.attach(fromStart)
            #expect(try await engine.read(2, from: first) == ["a1", "a2"])
            let second = try await engine.attach(fromStart)
            try await kinesis.put("a3", to: 1)
            #expect(try await engine.read(1, from: second) == ["a3"])
            first.detach(.lost)
            #expect(try await engine.read(3, from: second) == ["a1", "a2", "a3"])
        }
    }

    @Test func `a parent that was read out is read again, and its child waits for it`() async throws {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("parent")
            try await kinesis.split(0)
            try await kinesis.put("child", to: 1)
            let first = try await engine.attach(fromStart)
            #expect(try await engine.read(2, from: first) == ["parent", "child"])
            first.detach(.lost)
            try await kinesis.put("later", to: 1)
            let second = try await engine.attach(fromStart)
            #expect(try await engine.read(3, from: second) == ["parent", "child", "later"])
        }
    }

    @Test(arguments: ["nonsense", "0000000g-1", "00000000-1", "-1", ""])
    func `an id that is not ours is told, with the places where reading goes on`(id: String) async throws {
        try await withOneByOne(unreadBytes: 0) { engine, kinesis in
            try await kinesis.put("a", "b")
            let first = try await engine.attach(fromStart)
            #expect(try await engine.read(1, from: first) == ["a"])
            let checkpoint = try #require(engine.snapshot?.shards[0].checkpoint)
            first.detach(.orderly)
            let second = try await engine.attach(fromStart, lastEvent: id)
            #expect(
                await problem(of: second)
                    == .lastEventUnknown(
                        id, places: [ShardPlace(shard: ShardID(number: 0), position: .afterSequenceNumber(checkpoint))])
            )
            #expect(try await engine.read(1, from: second) == ["b"])
        }
    }

    @Test func `another group's id is not ours`() async throws {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("a")
            let other = try await engine.attach(fromStart, ("consumerGroup", "other"))
            #expect(try await engine.read(1, from: other) == ["a"])
            let reader = try await engine.attach(fromStart, lastEvent: "\(other.id)-1")
            guard case .lastEventUnknown = await problem(of: reader) else {
                Issue.record("not told")
                return
            }
        }
    }

    @Test func `a client that connects anew before its connection's end was noticed replaces it`() async throws {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("a", "b", "c")
            let first = try await engine.attach(fromStart)
            #expect(try await engine.read(2, from: first) == ["a", "b"])
            var isCut = false
            first.onCut = { isCut = true }
            let second = try await engine.attach(fromStart, lastEvent: "\(first.id)-1")
            #expect(isCut && engine.snapshot?.readerIDs == [second.id.text])
            #expect(try await engine.read(2, from: second) == ["b", "c"])
            first.detach(.lost)
            try await kinesis.put("d")
            #expect(try await engine.read(1, from: second) == ["d"])
        }
    }

    @Test func `two that come back for the same shard get what they ask for one after the other`() async throws {
        try await withOneByOne(unreadBytes: 0) { engine, kinesis in
            try await kinesis.put("a", "b")
            let first = try await engine.attach(fromStart)
            #expect(try await engine.read(2, from: first) == ["a", "b"])
            first.detach(.orderly)
            try await kinesis.put("c", "d")
            let second = try await engine.attach(fromStart)
            #expect(try await engine.read(2, from: second) == ["c", "d"])
            second.detach(.orderly)
            let former = try await engine.attach(fromStart, lastEvent: "\(first.id)-1")
            let latter = try await engine.attach(fromStart, lastEvent: "\(second.id)-1")
            #expect(try await engine.read(1, from: former) == ["b"])
            #expect(try await engine.read(2, from: latter) == ["c", "d"])
        }
    }

    @Test func `while the log cannot be written an id tells nothing, and what may be unread comes again`() async throws
    {
        try await withOneByOne { engine, kinesis in
            try await kinesis.put("a", "b", "c")
            let first = try await engine.attach(fromStart)
            #expect(try await engine.read(2, from: first) == ["a", "b"])
            await engine.store.flush()
            await engine.store.close()
            first.detach(.lost)
            let second = try await engine.attach(fromStart, lastEvent: "\(first.id)-2")
            guard case .logUnreadable = await problem(of: second) else {
                Issue.record("not told")
                return
            }
            #expect(try await engine.read(3, from: second) == ["a", "b", "c"])
        }
    }

    /// The first problem that the reader is told; records before it are passed over.
    private func problem(of reader: RecordsReader) async -> ReaderProblem? {
        while let event = await reader.next() {
            if case .problem(let problem) = event { return problem }
        }
        return nil
    }
}
