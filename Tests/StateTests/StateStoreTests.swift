import Glibc
import Kinesis
import Logging
import Reactor
import SQLite
import TestSupport
import Testing
import Time

@testable import State

private let orders = ConsumerKey(stream: StreamName("orders")!, group: "billing")
private let others = ConsumerKey(stream: StreamName("orders")!, group: "mailing")
private let first = ShardID(number: 0)
private let second = ShardID(number: 1)

private func checkpoint(_ number: String, _ sub: Int? = nil, at arrival: Int64? = nil) -> Checkpoint {
    Checkpoint(
        sequenceNumber: SequenceNumber(number)!, subSequenceNumber: sub,
        arrival: arrival.map(WallTime.init(milliseconds:)))
}

private let begun = ConsumerState(
    streamCreatedOn: WallTime(milliseconds: 1_700_000_000_123), latestSince: WallTime(milliseconds: 1_700_000_000_456),
    shards: [
        ShardState(id: first, parents: [], start: .initial),
        ShardState(id: second, parents: [first, ShardID(number: 7)], start: .trimHorizon),
    ])

private let ordersNow = ConsumerIncarnation(orders, streamCreatedOn: begun.streamCreatedOn)

private func open(_ path: String?, _ loop: EventLoop) async throws -> StateStore {
    try await StateStore.open(path: path, loop: loop, logger: Logger(label: "test"))
}

@Suite struct StateStoreTests {
    @Test func `a consumer that never began has no state`() async throws {
        try await onLoop { loop in
            let store = try await open(nil, loop)
            #expect(try await store.load(orders) == nil)
            await store.close()
        }
    }

    @Test func `what began comes back as it was, for its own stream and group`() async throws {
        try await onLoop { loop in
            let store = try await open(nil, loop)
            try await store.begin(orders, begun)
            #expect(try await store.load(orders) == begun)
            #expect(try await store.load(others) == nil)
            await store.close()
        }
    }

    @Test func `checkpoints, ends and children outlive the program`() async throws {
        try await onLoop { loop in
            let folder = TemporaryFolder()
            let child = ShardState(id: ShardID(number: 2), parents: [first], start: .trimHorizon)
            var store = try await open(folder.database, loop)
            try await store.begin(orders, begun)
            store.note(.checkpoint(second, checkpoint("49", at: 5)), of: ordersNow)
            store.note(.deplete(first, children: [child]), of: ordersNow)
            await store.close()

            store = try await open(folder.database, loop)
            var expected = begun
            expected.shards[0].isDepleted = true
            expected.shards[1].checkpoint = checkpoint("49", at: 5)
            expected.shards.append(child)
            #expect(try await store.load(orders) == expected)
            await store.close()
            withExtendedLifetime(folder) {}
        }
    }

    @Test func `the file is readable by its owner alone`() async throws {
        try await onLoop { loop in
            let folder = TemporaryFolder()
            let store = try await open(folder.database, loop)
            var status = stat()
            #expect(stat(folder.database, &status) == 0)
            #expect(status.st_mode & 0o777 == 0o600)
            await store.close()
        }
    }

    @Test(arguments: [
        ("9", nil, "10", nil, "10"), ("10", nil, "9", nil, "10"), ("10", nil, "10", nil, "10"),
        ("10", 3, "10", nil, "10"), ("10", nil, "10", 3, "10"), ("10", 3, "10", 2, "10"), ("99", nil, "100", 0, "100"),
    ])
    func `a checkpoint never moves backwards, in the file either`(
        held: String, heldSub: Int?, new: String, newSub: Int?, kept: String
    ) async throws {
        try await onLoop { loop in
            let store = try await open(nil, loop)
            try await store.begin(orders, begun)
            let (before, after) = (checkpoint(held, heldSub), checkpoint(new, newSub))
            // Two commits, so that it is the table that compares and not the queue.
            store.note(.checkpoint(first, before), of: ordersNow)
            await store.flush()
            store.note(.checkpoint(first, after), of: ordersNow)
            let state = try await store.load(orders)
            #expect(state?.shards[0].checkpoint == max(before, after))
            #expect(state?.shards[0].checkpoint?.sequenceNumber.text == kept)
            await store.close()
        }
    }

    @Test func `a child that is known begins where its parent's end says, unless it has a checkpoint`() async throws {
        try await onLoop { loop in
            let store = try await open(nil, loop)
            let third = ShardID(number: 2)
            var state = begun
            state.shards = [first, second, third].map { ShardState(id: $0, parents: [], start: .initial) }
            state.shards[2].checkpoint = checkpoint("5")
            try await store.begin(orders, state)
            let children = [second, third].map { ShardState(id: $0, parents: [first], start: .trimHorizon) }
            store.note(.deplete(first, children: children), of: ordersNow)
            #expect(try await store.load(orders)?.shards.map(\.start) == [.initial, .trimHorizon, .initial])
            await store.close()
        }
    }

    @Test func `a shard that is reset goes on there, read out or not, and a lower checkpoint may follow`() async throws
    {
        try await onLoop { loop in
            let store = try await open(nil, loop)
            try await store.begin(orders, begun)
            store.note(.checkpoint(first, checkpoint("50")), of: ordersNow)
            store.note(.deplete(first, children: []), of: ordersNow)
            store.note(.reset(first, checkpoint("6")), of: ordersNow)
            var shards = try await store.load(orders)?.shards
            #expect(shards?[0].checkpoint == checkpoint("6") && shards?[0].isDepleted == false)
            store.note(.reset(first, nil), of: ordersNow)
            store.note(.checkpoint(first, checkpoint("5")), of: ordersNow)
            shards = try await store.load(orders)?.shards
            #expect(shards?[0].checkpoint == checkpoint("5"))
            await store.close()
        }
    }

    @Test func `a shard that is known is not added over, and forgotten ones are gone`() async throws {
        try await onLoop { loop in
            let store = try await open(nil, loop)
            try await store.begin(orders, begun)
            store.note(.checkpoint(first, checkpoint("5")), of: ordersNow)
            store.note(.add([ShardState(id: first, parents: [], start: .trimHorizon)]), of: ordersNow)
            store.note(.forget([second]), of: ordersNow)
            let state = try await store.load(orders)
            #expect(state?.shards == [ShardState(id: first, parents: [], start: .initial, checkpoint: checkpoint("5"))])
            await store.close()
        }
    }

    @Test func `a consumer that begins anew takes nothing over, not even what waits`() async throws {
        try await onLoop { loop in
            let store = try await open(nil, loop)
            try await store.begin(orders, begun)
            store.note(.checkpoint(first, checkpoint("5")), of: ordersNow)
            let again = ConsumerState(
                streamCreatedOn: WallTime(milliseconds: 9),
                shards: [ShardState(id: first, parents: [], start: .initial)])
            try await store.begin(orders, again)
            #expect(try await store.load(orders) == again)
            await store.close()
        }
    }

    @Test func `what an earlier stream of the name still settles changes nothing of the new one`() async throws {
        try await onLoop { loop in
            let store = try await open(nil, loop)
            try await store.begin(orders, begun)
            let again = ConsumerState(
                streamCreatedOn: WallTime(milliseconds: 1_800_000_000_000),
                shards: [
                    ShardState(id: first, parents: [], start: .initial, checkpoint: checkpoint("7")),
                    ShardState(id: second, parents: [], start: .initial),
                ])
            try await store.begin(orders, again)
            store.note(.checkpoint(second, checkpoint("5")), of: ordersNow)
            store.note(.reset(first, nil), of: ordersNow)
            store.note(.deplete(first, children: []), of: ordersNow)
            store.note(.add([ShardState(id: ShardID(number: 2), parents: [], start: .initial)]), of: ordersNow)
            store.note(.forget([second]), of: ordersNow)
            #expect(try await store.load(orders) == again)
            let consumer = ConsumerIncarnation(orders, streamCreatedOn: again.streamCreatedOn)
            store.note(.checkpoint(second, checkpoint("6")), of: consumer)
            #expect(try await store.load(orders)?.shards[1].checkpoint == checkpoint("6"))
            await store.close()
        }
    }

    @Test func `a file of a newer program is refused`() async throws {
        try await onLoop { loop in
            let folder = TemporaryFolder()
            let newer = Migration(version: 1000, sql: "CREATE TABLE later (id INTEGER)")
            await (try Database.open(.file(folder.database), migrations: [newer])).close()
            await #expect(throws: StateError.self) { _ = try await open(folder.database, loop) }
        }
    }

    @Test func `beside something else that keeps checkpoints it is told, and another file in its place is taken`()
        async throws
    {
        try await onLoop(time: .manual(.whenIdle)) { loop in
            let folder = TemporaryFolder()
            let newer = Migration(version: 1000, sql: "CREATE TABLE later (id INTEGER)")
            await (try Database.open(.file(folder.database), migrations: [newer])).close()
            let store = try await StateStore.open(
                path: folder.database, isAlone: false, loop: loop, logger: Logger(label: "test"))
            guard case .failed(let reason, _) = store.health, reason.contains("1000") else {
                return #expect(Bool(false), "\(store.health)")
            }
            var changes: [StateHealth] = []
            store.onHealthChange = { changes.append(store.health) }
            store.note(.begin(begun), of: ordersNow)
            store.note(.checkpoint(first, checkpoint("5")), of: ordersNow)
            await #expect(throws: StateError.self) { _ = try await store.load(orders) }
            unlink(folder.database)
            while store.health != .writable { try await loop.sleep(for: .seconds(1)) }
            #expect(changes == [.writable])
            #expect(try await store.load(orders)?.shards[0].checkpoint == checkpoint("5"))
            store.onHealthChange = nil
            await store.close()
            withExtendedLifetime(folder) {}
        }
    }

    @Test func `a row that no version of this program writes is damage: health says so`() async throws {
        try await onLoop { loop in
            let folder = TemporaryFolder()
            let store = try await open(folder.database, loop)
            try await store.begin(orders, begun)
            let other = try await Database.open(.file(folder.database), migrations: StateSchema.migrations)
            try await other.write { connection throws(SQLiteError) in
                try connection.run("UPDATE shards SET sequence_number = 'none'")
            }
            await other.close()
            await #expect(throws: StateError.unreadable(table: "shards", value: "none")) {
                _ = try await store.load(orders)
            }
            guard case .failed(let reason, _) = store.health else { return #expect(Bool(false), "\(store.health)") }
            #expect(reason.contains("damaged"))
            await store.close()
            withExtendedLifetime(folder) {}
        }
    }

    @Test func `while nothing can be written health says so, and what was noted is kept and stored later`() async throws
    {
        try await onLoop { loop in
            let folder = TemporaryFolder()
            let store = try await open(folder.database, loop)
            try await store.begin(orders, begun)
            let other = try await Database.open(.file(folder.database), migrations: StateSchema.migrations)
            try await other.write { connection throws(SQLiteError) in
                try connection.run("ALTER TABLE shards RENAME TO hidden")
            }
            store.note(.checkpoint(first, checkpoint("5")), of: ordersNow)
            await store.flush()
            guard case .failed = store.health else { return #expect(Bool(false), "\(store.health)") }
            store.note(.checkpoint(first, checkpoint("6")), of: ordersNow)
            try await other.write { connection throws(SQLiteError) in
                try connection.run("ALTER TABLE hidden RENAME TO shards")
            }
            await other.close()
            await store.close()
            #expect(store.health == .writable)

            let again = try await open(folder.database, loop)
            #expect(try await again.load(orders)?.shards[0].checkpoint == checkpoint("6"))
            await again.close()
            withExtendedLifetime(folder) {}
        }
    }
}

extension TemporaryFolder {
    fileprivate var database: String { path + "/state.sqlite" }
}
