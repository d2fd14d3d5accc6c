import DynamoDB
import Kinesis
import State
import TestSupport
import Testing
import Time

@testable import KCL

/// A stream that is resharded and trimmed, and an application that reads it as the KCL does, at random: at each step an import
/// would go on exactly where the application is. No I/O.
@Suite struct ImportWalkTests {
    @Test(arguments: 0..<30 as Range<UInt64>)
    func `an import goes on where the application is, in every shard`(seed: UInt64) async {
        var walk = ImportWalk(seed: seed)
        await takeSteps(400) { walk.step() }
        #expect(walk.faults == [])
        #expect(walk.imports > 100)
    }
}

private struct ImportWalk {
    private struct WalkShard {
        let shard: Shard
        var isClosed = false
        /// Numbers of records that the application has done; nil: it has read the shard to its end.
        var done: Int? = 0
    }

    private(set) var faults: [String] = []
    private(set) var imports = 0
    private var random: SeededGenerator
    private var shards: [ShardID: WalkShard] = [:]
    private var listed: Set<ShardID> = []
    /// The lease table: shards that have leases.
    private var leases: Set<ShardID> = []
    private let createdOn = WallTime(milliseconds: 1_700_000_000_000)

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        for _ in 0..<2 { leases.insert(add([])) }
    }

    mutating func step() {
        switch Int.random(in: 0..<8, using: &random) {
        case 0 where shards.count < 40: split()
        case 1 where shards.count < 40: merge()
        case 2...4: read()
        case 5: deleteLease()
        case 6: trim()
        default: break
        }
        check()
    }

    // MARK: The stream

    @discardableResult
    private mutating func add(_ parents: [ShardID]) -> ShardID {
        let id = ShardID(number: shards.count)
        let shard = Shard(
            id: id, parent: parents.first, adjacentParent: parents.dropFirst().first, hashKeyRange: .all,
            startingSequenceNumber: SequenceNumber(100))
        shards[id] = WalkShard(shard: shard)
        listed.insert(id)
        for parent in parents { shards[parent]?.isClosed = true }
        return id
    }

    private mutating func open(_ count: Int) -> [ShardID]? {
        let open = shards.values.filter { !$0.isClosed }.map(\.shard.id).sorted().shuffled(using: &random)
        return open.count >= count ? Array(open.prefix(count)) : nil
    }

    private mutating func split() {
        guard let parents = open(1) else { return }
        add(parents)
        add(parents)
    }

    private mutating func merge() {
        if let parents = open(2) { add(parents) }
    }

    /// The service forgets the oldest closed shard once it is read.
    private mutating func trim() {
        guard let oldest = listed.min(), let shard = shards[oldest], shard.isClosed, shard.done == nil else { return }
        listed.remove(oldest)
    }

    // MARK: The application

    private func children(_ id: ShardID) -> [ShardID] {
        shards.values.filter { $0.shard.parents.contains(id) }.map(\.shard.id)
    }

    private mutating func read() {
        let readable = leases.filter { id in
            shards[id]?.done != nil && shards[id]?.shard.parents.allSatisfy { shards[$0]?.done == nil } ?? false
        }
        guard let id = readable.sorted().randomElement(using: &random), let shard = shards[id] else { return }
        if shard.isClosed, Bool.random(using: &random) {
            // The children's leases come first.
            leases.formUnion(children(id))
            shards[id]?.done = .none
        } else {
            shards[id]?.done = (shard.done ?? 0) + 1
        }
    }

    /// The KCL deletes the lease of a shard that is read once all of its children have begun.
    private mutating func deleteLease() {
        let deletable = leases.filter { id in
            shards[id]?.done == nil && children(id).allSatisfy { shards[$0]?.done != 0 }
        }
        if let id = deletable.sorted().randomElement(using: &random) { leases.remove(id) }
    }

    private var rows: [Item] {
        leases.sorted().compactMap { id in
            guard let shard = shards[id] else { return nil }
            let checkpoint = shard.done.map { $0 == 0 ? "TRIM_HORIZON" : String(100 + $0) } ?? "SHARD_END"
            var row: Item = [
                "leaseKey": .string(id.text), "leaseCounter": 1, "checkpoint": .string(checkpoint),
                "checkpointSubSequenceNumber": .number(String((shard.done ?? 0) % 3)),
            ]
            if !shard.shard.parents.isEmpty { row["parentShardId"] = .stringSet(shard.shard.parents.map(\.text)) }
            return row
        }
    }

    // MARK: The import

    private mutating func check() {
        imports += 1
        do {
            let table = try LeaseTable(rows, of: StreamName("s")!, createdOn: createdOn)
            let plan = try ImportPlan(
                table, shards: listed.compactMap { shards[$0]?.shard }, held: [:], createdOn: createdOn, now: createdOn,
                moment: nil)
            for row in plan.rows {
                guard let shard = shards[row.shard], listed.contains(row.shard) else {
                    if row.outcome != .gone { faults.append("\(row.shard) is trimmed, and becomes \(row.outcome)") }
                    continue
                }
                let expected: ImportPlan.Standing =
                    switch shard.done {
                    case nil: .init(place: .initial, isDepleted: true)
                    case 0?: .init(place: .since(createdOn), isDepleted: false)
                    case let done?:
                        .init(
                            place: .behind(
                                Checkpoint(
                                    sequenceNumber: SequenceNumber(UInt128(100 + done)), subSequenceNumber: done % 3)),
                            isDepleted: false)
                    }
                if row.outcome.standing != expected {
                    faults.append(
                        "\(row.shard) becomes \(row.outcome), and is read \(shard.done.map(String.init) ?? "out")")
                }
            }
        } catch {
            faults.append("\(error)")
        }
    }
}
