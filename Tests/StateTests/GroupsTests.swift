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
private let created = WallTime(milliseconds: 1)
private let ordersNow = ConsumerIncarnation(orders, streamCreatedOn: created)
private let (one, two) = (ShardID(number: 1), ShardID(number: 2))
private let reader = ReaderID("5f2c81d0")!
private let another = ReaderID("5f2c81d1")!

private func at(_ number: String) -> Checkpoint { Checkpoint(sequenceNumber: SequenceNumber(number)!) }

private func withStore(_ body: @escaping @Sendable (StateStore) async throws -> Void) async throws {
    try await onLoop { loop in
        let store = try await StateStore.open(path: nil, loop: loop, logger: Logger(label: "test"))
        let state = ConsumerState(
            streamCreatedOn: created,
            shards: [one, two].map { ShardState(id: $0, parents: [], start: .trimHorizon) })
        try await store.begin(orders, state)
        try await body(store)
        await store.close()
    }
}

extension StateStore {
    fileprivate func joined(_ reader: ReaderID) {
        note(.readerJoined(reader, at: .now(), unreadBytes: 100, following: nil), of: ordersNow)
    }

    fileprivate func sent(
        _ shard: ShardID, _ before: String, _ last: String, number: Int, by reader: ReaderID = reader
    ) {
        let event = DeliveredEvent(
            id: EventID(reader: reader, number: number), shard: shard, before: at(before), last: at(last),
            endOffset: number * 10, sentOn: WallTime(milliseconds: Int64(number) * 1000))
        note(.delivered(event), of: ordersNow)
    }
}

/// What is told of groups that nobody may be reading.
@Suite struct GroupsTests {
    @Test func `events beyond the checkpoint are counted, and the first of them is told`() async throws {
        try await withStore { store in
            store.joined(reader)
            store.joined(another)
            store.sent(one, "5", "9", number: 1)
            store.sent(one, "9", "10", number: 2)
            store.sent(one, "10", "100", number: 3)
            store.sent(two, "20", "30", number: 4)
            // The same event again, for another reader.
            store.sent(one, "9", "10", number: 5, by: another)
            let all = try await store.unacknowledged(of: orders)
            #expect(
                all == [
                    one: UnacknowledgedInLog(count: 3, last: at("100"), firstSentOn: WallTime(milliseconds: 1000)),
                    two: UnacknowledgedInLog(count: 1, last: at("30"), firstSentOn: WallTime(milliseconds: 4000)),
                ])
            store.note(.checkpoint(one, at("9")), of: ordersNow)
            store.note(.checkpoint(two, at("30")), of: ordersNow)
            let some = try await store.unacknowledged(of: orders)
            #expect(
                some == [one: UnacknowledgedInLog(count: 2, last: at("100"), firstSentOn: WallTime(milliseconds: 2000))]
            )
            store.note(.deplete(one, children: []), of: ordersNow)
            let none = try await store.unacknowledged(of: orders)
            #expect(none == [:])
            let unknown = try await store.unacknowledged(of: others)
            #expect(unknown == [:])
        }
    }

    @Test func `a record is named where an event ends or begins, inside one it is only likely`() async throws {
        try await withStore { store in
            store.joined(reader)
            store.sent(one, "50", "99", number: 1)
            store.sent(one, "99", "120", number: 2)
            for (number, expected) in [
                ("50", RecordInLog.named), ("99", .named), ("120", .named), ("60", .insideEvent), ("100", .insideEvent),
                ("49", .unknown), ("121", .unknown), ("5", .unknown), ("1000", .unknown),
            ] {
                let known = try await store.record(SequenceNumber(number)!, of: one, of: orders)
                #expect(known == expected, "\(number)")
            }
            let elsewhere = try await store.record(SequenceNumber("99")!, of: two, of: orders)
            #expect(elsewhere == .unknown)
            let nobody = try await store.record(SequenceNumber("99")!, of: one, of: others)
            #expect(nobody == .unknown)
        }
    }

    @Test func `groups are told with when they were used, the last one first`() async throws {
        try await withStore { store in
            try await store.begin(others, ConsumerState(streamCreatedOn: created))
            let before = try await store.groups(limit: 10).map(\.lastUsed)
            // Two clocks would not differ by as little as a millisecond.
            while WallTime.now() <= before[0] {}
            store.note(.checkpoint(one, at("9")), of: ordersNow)
            let used = try await store.groups(limit: 10)
            #expect(used.map(\.key) == [orders, others])
            #expect(used[0].lastUsed > before[0])
            while WallTime.now() <= used[0].lastUsed {}
            // A shard that becomes known is no use of the group.
            store.note(
                .add([ShardState(id: ShardID(number: 3), parents: [], start: .trimHorizon)]), of: ordersNow)
            let unchanged = try await store.groups(limit: 10)
            #expect(unchanged == used)
            try await store.used([others])
            let again = try await store.groups(limit: 1)
            #expect(again.map(\.key) == [others])
        }
    }

    @Test func `a group that is forgotten leaves nothing, and what waits of it is not stored`() async throws {
        try await withStore { store in
            store.joined(reader)
            store.sent(one, "5", "9", number: 1)
            await store.flush()
            store.note(.checkpoint(one, at("9")), of: ordersNow)
            #expect(try await store.forget(orders))
            #expect(try await store.load(orders) == nil)
            #expect(try await store.groups(limit: 10) == [])
            #expect(try await store.line(from: reader, of: orders) == [])
            #expect(try await !store.forget(orders))
            // A group of its name begins anew.
            try await store.begin(
                orders,
                ConsumerState(
                    streamCreatedOn: created, shards: [ShardState(id: one, parents: [], start: .trimHorizon)]))
            #expect(try await store.load(orders)?.shards[0].checkpoint == nil)
            #expect(try await store.unacknowledged(of: orders) == [:])
        }
    }

    @Test func `of an earlier version's file the groups count as used when it is migrated`() async throws {
        try await onLoop { loop in
            let folder = TemporaryFolder()
            let earlier = try await Database.open(
                .file(folder.path + "/state.db"), migrations: Array(StateSchema.migrations.prefix(3)))
            try await earlier.write { connection throws(SQLiteError) in
                try connection.run(
                    "INSERT INTO consumers (stream, consumer_group, stream_created_on) VALUES ('orders', 'billing', 1)")
            }
            await earlier.close()
            let store = try await StateStore.open(
                path: folder.path + "/state.db", loop: loop, logger: Logger(label: "test"))
            let group = try await store.groups(limit: 10).first
            #expect(group?.key == orders)
            #expect(try #require(group?.lastUsed) > WallTime.now().advanced(by: .seconds(-3600)))
            await store.close()
        }
    }
}
