import Kinesis
import State
import TestSupport
import Testing
import Time

@testable import Consumer

/// A stream that is written to, resharded, read and put elsewhere at random. No I/O.
@Suite struct SeekWalkTests {
    @Test(arguments: 0..<30 as Range<UInt64>)
    func
        `behind a seek every record from there on comes in order, a child's after its parents', and each shard is read`(
            seed: UInt64
        ) async
    {
        var walk = SeekWalk(seed: seed)
        await takeSteps(1200) { walk.step() }
        walk.drain()
        #expect(walk.faults == [])
        #expect(walk.missing == [])
    }
}

/// Records have the time of their arrival as their number; a shard's are those between its creation and its end.
private struct SeekWalk {
    private struct WalkShard {
        let parents: [ShardID]
        let createdOn: Int
        var closedOn: Int?
        var records: [Int] = []
    }

    private(set) var faults: [String] = []
    private var random: SeededGenerator
    private var time = 1
    private var shards: [ShardID: WalkShard] = [:]
    private var book: ShardBook
    /// Of each shard the records that have to come: from where it was put on.
    private var owed: [ShardID: [Int]] = [:]
    private var seeks = 0

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        shards[ShardID(number: 0)] = WalkShard(parents: [], createdOn: 0)
        book = ShardBook(
            begunAt: WallTime(milliseconds: 0), of: [SeekPlanTests.shard(0)], createdOn: WallTime(milliseconds: 0),
            from: .trimHorizon, isNewStream: false)
    }

    /// Records that were to come and have not, once all is read.
    var missing: [ShardID] { owed.filter { !$0.value.isEmpty }.keys.sorted() }

    mutating func step() {
        time += 1
        switch Int.random(in: 0..<14, using: &random) {
        case 0..<5: write()
        case 5 where shards.count < 12: reshard()
        case 6: _ = book.update(listing)
        case 7: seek()
        default: read()
        }
        check()
    }

    mutating func drain() {
        _ = book.update(listing)
        for _ in 0..<20_000 where !missing.isEmpty {
            read()
            check()
        }
    }

    private var listing: [Shard] {
        shards.map { id, shard in
            Shard(
                id: id, parent: shard.parents.first, adjacentParent: shard.parents.dropFirst().first,
                hashKeyRange: .all, startingSequenceNumber: SequenceNumber(0),
                endingSequenceNumber: shard.closedOn.map { SequenceNumber(UInt128($0)) })
        }
    }

    private mutating func write() {
        guard let id = shards.filter({ $0.value.closedOn == nil }).keys.sorted().randomElement(using: &random) else {
            return
        }
        shards[id]?.records.append(time)
        owed[id, default: []].append(time)
    }

    private mutating func reshard() {
        let open = shards.filter { $0.value.closedOn == nil }.keys.sorted().shuffled(using: &random)
        let parents = Array(open.prefix(Int.random(in: 1...2, using: &random)))
        for parent in parents { shards[parent]?.closedOn = time }
        for _ in 0..<(parents.count == 2 ? 1 : 2) {
            shards[ShardID(number: shards.count)] = WalkShard(parents: parents, createdOn: time)
        }
    }

    private mutating func seek() {
        let listing = listing
        let only = Bool.random(using: &random) ? listing.randomElement(using: &random)?.id : nil
        let back = Int.random(in: 0...time, using: &random)
        let target: SeekTarget =
            switch Int.random(in: 0..<4, using: &random) {
            case 0: .trimHorizon
            case 1: .latest
            case 2: .moment(WallTime(milliseconds: Int64(back)))
            default:
                only.flatMap { id in
                    shards[id]?.records.randomElement(using: &random).map {
                        .record(SequenceNumber(UInt128($0)), of: id)
                    }
                } ?? .latest
            }
        _ = book.update(listing)
        let standings = Dictionary(
            uniqueKeysWithValues: book.shards.map {
                ($0.id, SeekPlan.Standing(place: book.local($0.id)!.place, isDepleted: $0.isDepleted, holder: .us))
            })
        guard
            let plan = try? SeekPlan(
                SeekRequest(target, shard: only), listing: listing, standings: standings,
                createdOn: WallTime(milliseconds: 0), now: WallTime(milliseconds: Int64(time)))
        else { return faults.append("a seek was refused at \(time)") }
        seeks += 1
        _ = book.seek(plan.moves, SeekID("\(seeks)"))
        for move in plan.moves {
            let first: Int
            switch move.place {
            case .since(let moment): first = Int(moment.milliseconds)
            case .behind(let checkpoint): first = Int(checkpoint.sequenceNumber.text)!
            case .initial, .unreadable: first = 0
            }
            owed[move.shard] = move.isDepleted ? [] : (shards[move.shard]?.records ?? []).filter { $0 >= first }
            if book.shard(move.shard)?.seek != SeekID("\(seeks)") {
                faults.append("\(move.shard) was not put anywhere")
            }
        }
    }

    private mutating func read() {
        guard let id = book.readable.randomElement(using: &random), let shard = shards[id] else { return }
        let position = book.position(of: id)
        let next: Int?
        switch position.start {
        case .trimHorizon: next = shard.records.first
        case .atTimestamp(let moment): next = shard.records.first { $0 >= Int(moment.milliseconds) }
        case .afterSequenceNumber(let number): next = shard.records.first { $0 > Int(number.text)! }
        case .atSequenceNumber(let number): next = shard.records.first { $0 >= Int(number.text)! }
        case .latest: next = nil
        }
        if let next {
            if owed[id]?.first != next { faults.append("\(id): \(next) came, due was \(owed[id]?.first ?? 0)") }
            owed[id]?.removeFirst()
            _ = book.checkpoint(id, Checkpoint(sequenceNumber: SequenceNumber(UInt128(next))))
        } else if shard.closedOn != nil {
            let children = shards.filter { $0.value.parents.contains(id) }.map {
                ChildShard(id: $0.key, parents: $0.value.parents, hashKeyRange: .all)
            }
            _ = book.depleted(id, children: children)
        }
    }

    /// A shard is read only where nothing of its parents is to come; and there is always one that may be read.
    private mutating func check() {
        for id in book.readable {
            for parent in shards[id]?.parents ?? [] where !(owed[parent] ?? []).isEmpty {
                faults.append("\(id) is read at \(time) before \(parent)")
            }
        }
        if book.readable.isEmpty { faults.append("nothing may be read at \(time)") }
    }
}
