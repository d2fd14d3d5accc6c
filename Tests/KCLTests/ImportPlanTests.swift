import DynamoDB
import Kinesis
import State
import Testing
import Time

@testable import KCL

@Suite struct ImportPlanTests {
    private let createdOn = WallTime(milliseconds: 1_700_000_000_000)
    private let now = WallTime(milliseconds: 1_700_000_600_000)
    private let oldest = ImportPlan.Outcome.goesOn(.since(WallTime(milliseconds: 1_700_000_000_000)))

    /// Shards that take the numbers from 100 to 199.
    private func shard(_ id: String, from parents: [String] = [], isClosed: Bool = false) -> Shard {
        let parents = parents.map { ShardID($0)! }
        return Shard(
            id: ShardID(id)!, parent: parents.first, adjacentParent: parents.dropFirst().first,
            hashKeyRange: HashKeyRange(start: .lowest, end: .highest)!, startingSequenceNumber: SequenceNumber(100),
            endingSequenceNumber: isClosed ? SequenceNumber(199) : nil)
    }

    private func plan(
        _ leases: [String: String], _ shards: [Shard], held: [String: ImportPlan.Standing] = [:],
        parents: [String: [String]] = [:], moment: WallTime? = nil, now: WallTime? = nil
    ) throws -> ImportPlan {
        let rows: [Item] = leases.map { key, checkpoint in
            [
                "leaseKey": .string(key), "leaseCounter": 1, "checkpoint": .string(checkpoint),
                "parentShardId": parents[key].map(AttributeValue.stringSet) ?? .stringSet([]),
            ]
        }
        let table = try LeaseTable(rows, of: StreamName("s")!, createdOn: createdOn)
        return try ImportPlan(
            table, shards: shards, held: Dictionary(uniqueKeysWithValues: held.map { (ShardID($0.key)!, $0.value) }),
            createdOn: createdOn, now: now ?? self.now, moment: moment)
    }

    private func outcomes(
        _ leases: [String: String], _ shards: [Shard], parents: [String: [String]] = [:], moment: WallTime? = nil
    ) throws -> [String: ImportPlan.Outcome] {
        let rows = try plan(leases, shards, parents: parents, moment: moment).rows
        return Dictionary(uniqueKeysWithValues: rows.map { ($0.shard.text, $0.outcome) })
    }

    private func behind(_ number: Int, _ part: Int = 0) -> ShardRecord.Place {
        .behind(Checkpoint(sequenceNumber: SequenceNumber(UInt128(number)), subSequenceNumber: part))
    }

    @Test func `LATEST is this moment, and of a closed shard its end`() throws {
        let found = try outcomes(["a": "LATEST", "b": "LATEST"], [shard("a"), shard("b", isClosed: true)])
        #expect(found == ["a": .goesOn(.since(now)), "b": .finished(.closedAtLatest)])
    }

    @Test func `a moment that only the application knows has to be said`() throws {
        let leases = ["a": "AT_TIMESTAMP", "b": "TRIM_HORIZON", "gone": "AT_TIMESTAMP"]
        let shards = [shard("a"), shard("b")]
        #expect(throws: ImportPlan.Refusal.momentMissing([ShardID("a")!])) { try outcomes(leases, shards) }
        let moment = WallTime(milliseconds: 1_700_000_300_000)
        #expect(
            try outcomes(leases, shards, moment: moment) == ["a": .goesOn(.since(moment)), "b": oldest, "gone": .gone])
    }

    @Test func `shards before those with leases are done, however far`() throws {
        let shards = [
            shard("a", isClosed: true), shard("b", from: ["a"], isClosed: true), shard("c", from: ["b"]),
            shard("d", from: ["b"]),
        ]
        let found = try outcomes(["c": "150"], shards)
        #expect(
            found == [
                "a": .finished(.hasDescendants), "b": .finished(.hasDescendants), "c": .goesOn(behind(150)),
                // Its sibling has a lease, so the application has read what is before it.
                "d": oldest,
            ])
    }

    @Test func `shards behind those with leases are read from their beginning`() throws {
        let shards = [
            shard("a", isClosed: true), shard("b", from: ["a"], isClosed: true), shard("c", from: ["b"]),
            shard("other"),
        ]
        #expect(
            try outcomes(["a": "SHARD_END"], shards) == [
                "a": .finished(.readToEnd), "b": oldest, "c": oldest, "other": .unknown,
            ])
    }

    @Test func `the lease of a merge that waits for one of its parents does not say that the parent is read`() throws {
        // The application is still at "a"; "p" has ended, and so the lease of "m" is there.
        let shards = [
            shard("a", isClosed: true), shard("b", from: ["a"], isClosed: true), shard("c", from: ["a"]),
            shard("p", isClosed: true), shard("m", from: ["b", "p"]),
        ]
        let leases = ["a": "150", "p": "SHARD_END", "m": "TRIM_HORIZON"]
        #expect(
            try outcomes(leases, shards) == [
                "a": .goesOn(behind(150)), "b": oldest, "c": oldest, "p": .finished(.readToEnd), "m": oldest,
            ])
        let later = try outcomes(["p": "SHARD_END", "m": "150"], shards)
        #expect(later["b"] == .finished(.hasDescendants) && later["a"] == .finished(.hasDescendants))
        // A sibling, whose lease would be there if its parent had just been read.
        #expect(later["c"] == oldest)
    }

    @Test func `of shards that are gone the leases themselves say where they come from`() throws {
        // "p" is trimmed away, and its child "a" too; "b" is listed without naming a parent that is known.
        let found = try outcomes(
            ["a": "SHARD_END", "c": "120"], [shard("b", from: ["p"]), shard("c", from: ["a"])], parents: ["a": ["p"]])
        #expect(found == ["a": .gone, "b": oldest, "c": .goesOn(behind(120))])
    }

    @Test func `the leases of another stream are refused`() throws {
        #expect(throws: ImportPlan.Refusal.otherStream([ShardID("x")!])) { try outcomes(["x": "150"], [shard("a")]) }
        #expect(throws: ImportPlan.Refusal.otherNumbers(ShardID("a")!, SequenceNumber(99))) {
            try outcomes(["a": "99"], [shard("a")])
        }
        #expect(throws: ImportPlan.Refusal.otherNumbers(ShardID("a")!, SequenceNumber(200))) {
            try outcomes(["a": "200"], [shard("a", isClosed: true)])
        }
        #expect(try outcomes(["a": "200"], [shard("a")]) == ["a": .goesOn(behind(200))])
    }

    @Test func `a place that the group has and that is another one is a loss`() throws {
        let shards = ["a", "b", "c", "d", "e"].map { shard($0) }
        let leases = ["a": "150", "b": "150", "c": "SHARD_END", "d": "150"]
        let plan = try plan(
            leases, shards,
            held: [
                "a": .init(place: behind(140), isDepleted: false), "b": .init(place: behind(150), isDepleted: false),
                "c": .init(place: behind(120), isDepleted: true), "d": .init(place: .initial, isDepleted: false),
                "e": .init(place: behind(130), isDepleted: false),
            ])
        #expect(plan.losses.map(\.shard.text) == ["a"])
        #expect(plan.rows.map { $0.held != nil } == [true, true, true, false, true])
        #expect(!plan.isDone)
    }

    @Test func `a second import of the same changes nothing`() throws {
        let shards = [shard("a"), shard("b", isClosed: true), shard("c"), shard("d")]
        let leases = ["a": "150", "b": "SHARD_END", "c": "TRIM_HORIZON"]
        let first = try plan(leases, shards)
        #expect(!first.isDone && first.losses.isEmpty)
        let held = first.rows.compactMap { row in row.outcome.standing.map { (row.shard.text, $0) } }
        let second = try plan(leases, shards, held: Dictionary(uniqueKeysWithValues: held))
        #expect(second.isDone && second.losses.isEmpty)
    }

    @Test func `a lease at LATEST leaves the place that the group has`() throws {
        let earlier = ShardRecord.Place.since(WallTime(milliseconds: 1_700_000_500_000))
        let held: [String: ImportPlan.Standing] = [
            "a": .init(place: earlier, isDepleted: false), "b": .init(place: behind(150), isDepleted: false),
            "c": .init(place: .initial, isDepleted: true),
            "d": .init(place: .initial, isDepleted: false), "e": .init(place: .unreadable("x"), isDepleted: false),
        ]
        let shards = ["a", "b", "c", "d", "e"].map { shard($0, isClosed: $0 == "b") }
        let latest = Dictionary(uniqueKeysWithValues: held.keys.map { ($0, "LATEST") })
        let plan = try plan(latest, shards, held: held)
        #expect(
            plan.rows.map(\.outcome) == [
                .stays(held["a"]!), .stays(held["b"]!), .stays(held["c"]!), .goesOn(.since(now)), .goesOn(.since(now)),
            ])
        // Nobody can go on at what cannot be read, but somebody wrote it.
        #expect(plan.losses.map(\.shard.text) == ["e"])
    }

    @Test func `an import with leases at LATEST can be repeated, also when the shard is closed by then`() throws {
        let leases = ["a": "LATEST", "b": "LATEST", "c": "150"]
        let first = try plan(leases, ["a", "b", "c"].map { shard($0) })
        let held = first.rows.compactMap { row in row.outcome.standing.map { (row.shard.text, $0) } }
        let second = try plan(
            leases, [shard("a"), shard("b", isClosed: true), shard("c")],
            held: Dictionary(uniqueKeysWithValues: held), now: WallTime(milliseconds: 1_700_000_900_000))
        #expect(first.losses.isEmpty && !first.isDone)
        #expect(second.losses.isEmpty && second.isDone)
    }

    @Test func `a chain of ten thousand shards takes no stack`() throws {
        let shards = (0..<10_000).map { shard("\($0)", from: $0 == 0 ? [] : ["\($0 - 1)"], isClosed: $0 < 9999) }
        let found = try outcomes(["9999": "150"], shards)
        #expect(found.values.count { $0 == .finished(.hasDescendants) } == 9999)
    }
}
