import DynamoDB
import Kinesis
import Logging
import Reactor
import State
import TestSupport
import Testing
import Time

@testable import Consumer

@Suite(.timeLimit(.minutes(4))) struct GroupImportTests {
    private static let key = ConsumerKey(stream: StreamName("orders")!, group: "billing")
    private static let created = WallTime(milliseconds: 1_000_000)
    private static let listing = [SeekPlanTests.shard(0, closed: true), SeekPlanTests.shard(1, parents: [0])]
    private static let (parent, child) = (ShardID(number: 0), ShardID(number: 1))
    private static let place = Checkpoint(sequenceNumber: SequenceNumber(1), subSequenceNumber: 2)
    private static let places: [ShardID: SoughtPlace] = [parent: .finished, child: .behind(place)]

    private static func changes(createdOn: WallTime = created, listing: [Shard] = listing) -> GroupImport {
        GroupImport(key, streamCreatedOn: createdOn, listing: listing)
    }

    private func withStore(_ body: @escaping @Sendable (StateStore) async throws -> Void) async throws {
        try await onLoop { loop in
            let store = try await StateStore.open(path: nil, loop: loop, logger: Logger(label: "test"))
            do { try await body(store) } catch {
                await store.close()
                throw error
            }
            await store.close()
        }
    }

    @Test func `a sidecar alone has the places in its store, as those of a seek`() async throws {
        try await withStore { store in
            let changes = Self.changes()
            #expect(try await changes.standing(in: store).values.allSatisfy { $0.place == .initial && !$0.isDepleted })
            try await changes.put(Self.places, into: store)
            let state = try #require(try await store.load(Self.key))
            #expect(state.streamCreatedOn == Self.created && state.latestSince == nil)
            #expect(state.shards.map(\.isDepleted) == [true, false])
            #expect(state.shards.map(\.checkpoint) == [nil, Self.place])
            #expect(Set(state.shards.map(\.seek)).count == 1 && state.shards[0].seek != nil)
            let standing = try await changes.standing(in: store)
            #expect(standing[Self.parent]?.isDepleted == true && standing[Self.child]?.place == .behind(Self.place))
        }
    }

    @Test func `shards without a place stay as the store has them, and so do those of no other stream`() async throws {
        try await withStore { store in
            let kept = Checkpoint(sequenceNumber: SequenceNumber(1))
            let other = ShardState(id: Self.parent, parents: [], start: .initial, checkpoint: kept)
            try await store.begin(Self.key, ConsumerState(streamCreatedOn: Self.created, shards: [other]))
            try await Self.changes().put([Self.child: .since(Self.created)], into: store)
            let shards = try #require(try await store.load(Self.key)).shards
            #expect(shards.map(\.checkpoint) == [kept, nil] && shards[1].start == .since(Self.created))
            // A stream that was made anew under the name has none of it.
            let later = WallTime(milliseconds: 2_000_000)
            try await Self.changes(createdOn: later).put([Self.child: .finished], into: store)
            let anew = try #require(try await store.load(Self.key))
            #expect(anew.streamCreatedOn == later && anew.shards.map(\.checkpoint) == [nil, nil])
        }
    }

    @Test func `a group's item is made with the places`() async throws {
        try await onLoop { loop in
            let table = FakeGroupTable(loop)
            let context = table.context("a", loop)
            let changes = Self.changes()
            try await changes.put(Self.places, into: context, now: loop.clock)
            let item = try #require(table.item(Self.key))
            #expect(item.streamCreatedOn == Self.created.iso8601 && item.members.isEmpty)
            #expect(item.shards[Self.parent]?.isDepleted == true)
            let record = try #require(item.shards[Self.child])
            #expect(record.place == .behind(Self.place) && record.lease == nil && record.parent == Self.parent)
            #expect(changes.standing(in: table.items[Self.key]?.item)?[Self.child]?.place == .behind(Self.place))
            #expect(changes.standing(in: nil) == nil)
        }
    }

    @Test func `the item of an earlier stream gives way, and one of this stream keeps what has no place`() async throws
    {
        try await onLoop { loop in
            let table = FakeGroupTable(loop)
            let context = table.context("a", loop)
            try await Self.changes().put(Self.places, into: context, now: loop.clock)
            let later = Self.changes(createdOn: WallTime(milliseconds: 2_000_000))
            #expect(later.standing(in: table.items[Self.key]?.item) == nil)
            try await later.put([Self.parent: .finished], into: context, now: loop.clock)
            #expect(table.item(Self.key)?.shards.keys.sorted() == [Self.parent])
            try await later.put([Self.child: .behind(Self.place)], into: context, now: loop.clock)
            let item = try #require(table.item(Self.key))
            #expect(item.shards[Self.parent]?.isDepleted == true && item.shards[Self.child]?.checkpoint == Self.place)
        }
    }

    @Test func `more shards than one write takes are all put`() async throws {
        try await onLoop { loop in
            let table = FakeGroupTable(loop)
            let listing = (0..<400).map { SeekPlanTests.shard($0) }
            let places = Dictionary(uniqueKeysWithValues: listing.map { ($0.id, SoughtPlace.behind(Self.place)) })
            try await Self.changes(listing: listing).put(places, into: table.context("a", loop), now: loop.clock)
            #expect(table.item(Self.key)?.shards.values.count { $0.checkpoint == Self.place } == 400)
            #expect(table.writes > 1)
        }
    }

    @Test func `members are there until their heartbeats are over, or while they move`() {
        func item(_ heartbeat: WallTime) -> Item {
            let member = GroupMember(
                id: MemberID("m"), appName: "kinesis-sidecar", host: "h", pid: 7, startedOn: nil, heartbeat: heartbeat,
                isActive: true, isStandalone: false, leaseDuration: .seconds(40))
            var item = GroupItem.new(Self.key, streamCreatedOn: Self.created, version: "v")
            item["consumers"] = ["m": .map(GroupMemberRecord.of(member))]
            return item
        }
        let start = ContinuousClock.now
        let wall = WallTime(milliseconds: 10_000_000)
        func members(_ ages: [Int]) -> [Int] {
            var presence = GroupPresence()
            for (look, age) in ages.enumerated() {
                let beat = wall.advanced(by: .seconds(10 * look - age))
                presence.look(at: item(beat), now: start + .seconds(10 * look))
            }
            let passed = Duration.seconds(10 * (ages.count - 1))
            return presence.members(now: start + passed, wall: wall.advanced(by: passed)).map(\.pid)
        }
        #expect(members([1]) == [7])
        #expect(members([45]) == [7], "clocks may be apart")
        #expect(members([51]) == [])
        #expect(members([600, 600]) == [7], "it moves, whatever its clock says")
        #expect(members([45, 55]) == [])
        #expect(GroupPresence().members(now: start, wall: wall).isEmpty)
    }
}

/// A member's record as it stands in an item.
private enum GroupMemberRecord {
    static func of(_ member: GroupMember) -> Item {
        [
            "appName": .string(member.appName), "host": .string(member.host), "pid": .number(String(member.pid)),
            "heartbeat": .init(optional: member.heartbeat?.iso8601), "isActive": .bool(member.isActive),
            "isStandalone": .bool(member.isStandalone), "leaseDuration": 40_000,
        ]
    }
}
