import AWS
import FakeService
import Glibc
import Kinesis
import Reactor
import SQLite
import State
import TestSupport
import Testing
import Time

@testable import Consumer

/// Members of a group whose SQLite is in trouble: they go on with the group's item alone.
@Suite struct GroupWithoutSQLiteTests {
    private static let shard = ShardID(number: 0)
    private let key = ConsumerKey(stream: StreamName("orders")!, group: "kinesis-sidecar")

    /// A member over a file of its own, which reads one record at a time, acknowledged by its readers. The body ends with
    /// the member still there.
    private func withMember(
        isAutomatic: Bool = false, leaseDuration: Duration = .seconds(60),
        _ prepare: @escaping @Sendable (StateFolder) async throws -> Void = { _ in },
        _ body: @escaping @Sendable (Engine, FakeKinesis, FakeGroupTable, StateFolder) async throws -> Void
    ) async throws {
        try await onLoop(time: .manual(.whenIdle)) { loop in
            try await FakeKinesis.run(on: loop, shards: 1) { kinesis in
                let (table, folder) = (FakeGroupTable(loop), StateFolder())
                kinesis.recordLimit = 1
                try await prepare(folder)
                let engine = try await Engine(kinesis, loop, path: folder.database, group: table.context("a", loop)) {
                    $0.defaults.initialPositionInStream = .trimHorizon
                    $0.defaults.leaseDuration = leaseDuration
                    $0.defaults.noRecordsPollDelay = .milliseconds(250)
                    $0.defaults.useAutoCheckpoints = isAutomatic
                }
                try await body(engine, kinesis, table, folder)
                await engine.registry.shutDown(deadline: loop.now + .seconds(1))
                await engine.store.close()
                kinesis.hangUp()
            }
        }
    }

    private func stored(_ table: FakeGroupTable) -> SequenceNumber? {
        table.item(key)?.shards[Self.shard]?.checkpoint?.sequenceNumber
    }

    private func event(_ number: Int, of reader: RecordsReader) -> Acknowledgement {
        .event(EventID(reader: reader.id, number: number))
    }

    /// The problems that the reader is told until records come.
    private func problems(of reader: RecordsReader, settlingIn engine: Engine) async -> [ReaderProblem] {
        var problems: [ReaderProblem] = []
        while let event = await reader.next() {
            switch event {
            case .problem(let problem): problems.append(problem)
            case .shard: break
            case .records(let delivery):
                engine.settle(delivery, of: reader)
                return problems
            }
        }
        return problems
    }

    @Test func `what is acknowledged while SQLite cannot be written is in the item when it is answered`() async throws {
        try await withMember { engine, kinesis, table, folder in
            let numbers = try await kinesis.put("a", "b", "c")
            let reader = try await engine.attach()
            #expect(try await engine.read(1, from: reader) == ["a"])
            await engine.store.flush()
            folder.move()
            #expect(try await engine.read(2, from: reader) == ["b", "c"])
            // The first event is in the file, which can be read; the others wait for it.
            #expect(try await engine.acknowledge(event(2, of: reader)).first?.checkpoint?.sequenceNumber == numbers[1])
            #expect(stored(table) == numbers[1])
            let last = Acknowledgement.record(Self.shard, Checkpoint(sequenceNumber: numbers[2]))
            _ = try await engine.acknowledge(last)
            #expect(stored(table) == numbers[2])
            #expect(engine.snapshot?.storage.keepsDeliveryLog == false && engine.registry.storage.isOfItemAlone)
            await #expect(throws: ConsumerError.self) {
                _ = try await engine.acknowledge(event(4, of: reader))
            }
            folder.moveBack()
            await engine.until("SQLite is written again") { engine.store.health == .writable }
            #expect(engine.registry.storage == .whole(isShared: true))
            #expect(try await engine.store.load(key)?.shards.first?.checkpoint?.sequenceNumber == numbers[2])
        }
    }

    @Test func `each reader hears once that the log is off, and once that it is on again`() async throws {
        try await withMember(isAutomatic: true) { engine, kinesis, _, folder in
            let first = try await engine.attach()
            try await kinesis.put("a")
            #expect(await problems(of: first, settlingIn: engine).isEmpty)
            await engine.store.flush()
            folder.move()
            try await kinesis.put("b")
            #expect(try await engine.read(1, from: first) == ["b"])
            await engine.until("the commit has failed") { engine.store.health != .writable }
            try await kinesis.put("c")
            let off = await problems(of: first, settlingIn: engine)
            guard case .deliveryLogOff(let reason)? = off.first, off.count == 1 else {
                Issue.record("told \(off)")
                return
            }
            #expect(reason.contains("moved"))
            first.detach(.orderly)
            let second = try await engine.attach()
            try await kinesis.put("d", "e")
            #expect(await problems(of: second, settlingIn: engine) == off, "who comes later hears it too")
            #expect(await problems(of: second, settlingIn: engine) == [])
            folder.moveBack()
            await engine.until("SQLite is written again") { engine.store.health == .writable }
            try await kinesis.put("f")
            #expect(await problems(of: second, settlingIn: engine) == [.deliveryLogOn])
        }
    }

    @Test(arguments: [StateFolder.Trouble.damaged, .newer])
    func `a file that cannot be read keeps no reader out, and what is acknowledged is in the item`(
        trouble: StateFolder.Trouble
    ) async throws {
        try await withMember { folder in
            try await folder.make(trouble)
        } _: { engine, kinesis, table, folder in
            let numbers = try await kinesis.put("a", "b")
            let reader = try await engine.attach()
            #expect(try await engine.read(2, from: reader) == ["a", "b"])
            _ = try await engine.acknowledge(event(1, of: reader))
            #expect(stored(table) == numbers[0])
            // The service knows the record, and nobody else has to.
            _ = try await engine.acknowledge(.record(Self.shard, Checkpoint(sequenceNumber: numbers[1])))
            #expect(stored(table) == numbers[1])
            let none = Checkpoint(sequenceNumber: SequenceNumber(numbers[1].text + "1")!)
            await #expect(throws: ConsumerError.unknownSequenceNumber(Self.shard, none.sequenceNumber)) {
                _ = try await engine.acknowledge(.record(Self.shard, none))
            }
            let unknown = EventID(reader: .random(), number: 1)
            let error = await #expect(throws: ConsumerError.self) { _ = try await engine.acknowledge(.event(unknown)) }
            guard case .logUnreadable(unknown, _)? = error else {
                Issue.record("not told why: \(String(describing: error))")
                return
            }
        }
    }

    @Test func `a file that is put in the place of a damaged one has what became known meanwhile`() async throws {
        try await withMember { folder in
            try await folder.make(.damaged)
        } _: { engine, kinesis, table, folder in
            let numbers = try await kinesis.put("a", "b")
            let reader = try await engine.attach()
            #expect(try await engine.read(2, from: reader) == ["a", "b"])
            _ = try await engine.acknowledge(event(1, of: reader))
            folder.remove()
            await engine.until("SQLite is written again") { engine.store.health == .writable }
            let kept = try #require(try await engine.store.load(key)?.shards.first)
            #expect(kept.checkpoint?.sequenceNumber == numbers[0] && kept.run != nil)
            _ = try await engine.acknowledge(event(2, of: reader))
            #expect(try await engine.store.load(key)?.shards.first?.checkpoint?.sequenceNumber == numbers[1])
        }
    }

    @Test func `with neither of the two nothing is acknowledged, and the storage says so`() async throws {
        try await withMember { engine, kinesis, table, folder in
            try await kinesis.put("a")
            let reader = try await engine.attach()
            await engine.store.flush()
            folder.move()
            table.failure = .transport(.notConnected(reason: "cut"))
            #expect(try await engine.read(1, from: reader) == ["a"])
            await #expect(throws: ConsumerError.self) { _ = try await engine.acknowledge(event(1, of: reader)) }
            #expect(stored(table) == nil)
            guard case .nowhere(_, let item?) = engine.registry.storage else {
                Issue.record("stored: \(engine.registry.storage)")
                return
            }
            #expect(item.contains("cut"))
            table.failure = nil
        }
    }

    @Test func `a shard whose lease ends before the item has its checkpoint is not told as acknowledged`() async throws
    {
        try await withMember(leaseDuration: .seconds(5)) { engine, kinesis, table, folder in
            try await kinesis.put("a")
            let reader = try await engine.attach()
            await engine.store.flush()
            folder.move()
            #expect(try await engine.read(1, from: reader) == ["a"])
            table.failure = .transport(.notConnected(reason: "cut"))
            let asked = engine.loop.now
            await #expect(throws: ConsumerError.leaseLost(Self.shard, to: nil)) {
                _ = try await engine.acknowledge(event(1, of: reader))
            }
            #expect(engine.loop.now - asked < .seconds(6) && stored(table) == nil)
            table.failure = nil
        }
    }

    @Test func `where checkpoints can be stored is one of four`() {
        let failed = StateHealth.failed(reason: "full", since: .now())
        #expect(CheckpointStorage(.writable, isShared: false, item: nil) == .whole(isShared: false))
        #expect(CheckpointStorage(.writable, isShared: true, item: "cut") == .sqliteAlone(item: "cut"))
        #expect(CheckpointStorage(failed, isShared: true, item: nil) == .itemAlone(sqlite: "full"))
        #expect(CheckpointStorage(failed, isShared: true, item: "cut") == .nowhere(sqlite: "full", item: "cut"))
        #expect(CheckpointStorage(failed, isShared: false, item: nil) == .nowhere(sqlite: "full", item: nil))
    }
}

extension CheckpointStorage {
    fileprivate var isOfItemAlone: Bool {
        if case .itemAlone = self { true } else { false }
    }
}

/// A folder with a member's database, which can be taken away.
final class StateFolder: @unchecked Sendable {
    enum Trouble: Sendable {
        case damaged
        case newer
    }

    private let folder = TemporaryFolder()
    private let away = TemporaryFolder()
    var database: String { folder.path + "/state.db" }

    func make(_ trouble: Trouble) async throws {
        switch trouble {
        case .damaged: _ = folder.write("state.db", String(repeating: "not a database at all", count: 100))
        case .newer:
            let newer = Migration(version: 1000, sql: "CREATE TABLE later (id INTEGER)")
            await (try Database.open(.file(database), migrations: [newer])).close()
        }
    }

    /// The file can be read on, by who has opened it, and no more be written.
    func move() { precondition(rename(database, away.path + "/state.db") == 0) }
    func moveBack() { precondition(rename(away.path + "/state.db", database) == 0) }
    func remove() { unlink(database) }
}
