import Kinesis
import Testing

@testable import Consumer
@testable import State

extension ReaderID: ExpressibleByStringLiteral {
    public init(stringLiteral value: String) { self.init(unchecked: value) }
}

private func shards(_ numbers: Range<Int>) -> [ShardID] { numbers.map(ShardID.init(number:)) }

@Suite struct ShardDivisionTests {
    @Test func `one reader has every shard`() {
        var division = ShardDivision()
        division.readable(shards(0..<4))
        division.joined("a")
        #expect(division.shards(of: "a") == shards(0..<4))
    }

    @Test func `a second reader gets half, and what stays does not move`() {
        var division = ShardDivision()
        division.readable(shards(0..<4))
        division.joined("a")
        division.joined("b")
        #expect(division.shards(of: "a") == shards(0..<2))
        #expect(division.shards(of: "b") == shards(2..<4))
    }

    @Test func `more readers than shards: the last ones have none`() {
        var division = ShardDivision()
        division.readable(shards(0..<2))
        for reader in ["a", "b", "c"] as [ReaderID] { division.joined(reader) }
        #expect(division.readers.map { division.shards(of: $0).count } == [1, 1, 0])
    }

    @Test func `whoever goes leaves its shards to those with the fewest`() {
        var division = ShardDivision()
        division.readable(shards(0..<6))
        for reader in ["a", "b", "c"] as [ReaderID] { division.joined(reader) }
        let kept = division.owners.filter { $0.value != "b" }
        division.left("b")
        #expect(kept.allSatisfy { division.owners[$0.key] == $0.value })
        #expect(division.readers.map { division.shards(of: $0).count } == [3, 3])
    }

    @Test func `children go to whoever has the fewest shards`() {
        var division = ShardDivision()
        division.readable(shards(0..<2))
        division.joined("a")
        division.joined("b")
        division.readable([ShardID(number: 1), ShardID(number: 2), ShardID(number: 3)])
        #expect(division.owners[ShardID(number: 1)] == "b")
        #expect(division.readers.map { division.shards(of: $0).count }.sorted() == [1, 2])
    }

    @Test func `a pinned shard stays where it is pinned, and others move instead`() {
        var division = ShardDivision()
        division.readable(shards(0..<4))
        division.joined("a")
        division.joined("b")
        for shard in shards(0..<3) { division.pin(shard, to: "b") }
        #expect(division.shards(of: "b") == shards(0..<3))
        #expect(division.shards(of: "a") == [ShardID(number: 3)])
        division.unpin(ShardID(number: 0))
        #expect(division.readers.map { division.shards(of: $0).count } == [2, 2])
    }

    @Test func `the last reader's going leaves nobody an owner`() {
        var division = ShardDivision()
        division.readable(shards(0..<2))
        division.joined("a")
        division.left("a")
        #expect(division.owners.isEmpty)
        division.joined("b")
        #expect(division.shards(of: "b") == shards(0..<2))
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func `whatever comes and goes: every shard has a reader, within one of balance, and few move`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var division = ShardDivision()
        var known = Set<ShardID>()
        var names = 0
        for _ in 0..<120 {
            let before = division
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                names += 1
                division.joined(ReaderID(unchecked: "r\(names)"))
            case 1: if let reader = division.readers.randomElement(using: &random) { division.left(reader) }
            case 2:
                known.insert(ShardID(number: Int.random(in: 0..<24, using: &random)))
                division.readable(known)
            default:
                if let shard = known.sorted().randomElement(using: &random) { known.remove(shard) }
                division.readable(known)
            }
            check(before, division, known)
        }
    }

    private func check(_ before: ShardDivision, _ after: ShardDivision, _ known: Set<ShardID>) {
        guard !after.readers.isEmpty else { return #expect(after.owners.isEmpty) }
        #expect(Set(after.owners.keys) == known)
        let counts = after.readers.map { after.shards(of: $0).count }
        #expect(counts.max()! - counts.min()! <= 1)
        // What nobody had to give up stays: only shards over the new balance leave a reader that stays.
        let moved = after.owners.filter { shard, owner in
            before.owners[shard].map { $0 != owner && after.readers.contains($0) } ?? false
        }
        let least = known.count / after.readers.count
        let surplus = before.readers.filter(after.readers.contains).reduce(0) { sum, reader in
            sum + max(0, before.shards(of: reader).filter(known.contains).count - least)
        }
        #expect(moved.count <= surplus)
    }
}

@Suite struct NoticeQueueTests {
    private let shard = ShardID(number: 0)

    private func taken(_ changes: ShardNotice.Change...) -> [ShardNotice.Change] {
        var queue = NoticeQueue()
        for change in changes { queue.append(ShardNotice(shard: shard, change: change)) }
        var all: [ShardNotice.Change] = []
        while case .shard(let notice) = queue.popFirst() { all.append(notice.change) }
        return all
    }

    @Test func `a shard that comes and goes unheard is not spoken of`() {
        #expect(taken(.assigned, .revoked) == [])
        #expect(taken(.assigned, .depleted) == [.depleted])
        #expect(taken(.assigned, .revoked, .assigned) == [.assigned])
    }

    @Test func `one that goes and comes back is told in that order, however often`() {
        #expect(taken(.revoked, .assigned) == [.revoked, .assigned])
        #expect(taken(.revoked, .assigned, .revoked, .assigned, .revoked) == [.revoked])
    }

    @Test func `of a shard's problems the last one is told, and what concerns no shard is kept`() {
        var queue = NoticeQueue()
        queue.append(.lastEventUnknown("x", places: []))
        queue.append(.shardDegraded(shard, reason: "one"))
        queue.append(.shardDegraded(shard, reason: "two"))
        queue.append(ShardNotice(shard: shard, change: .assigned))
        var told: [String] = []
        while let event = queue.popFirst() { told.append("\(event)") }
        #expect(told.count == 3 && told[0].hasPrefix("shard") && told[2].contains("two"))
    }
}
