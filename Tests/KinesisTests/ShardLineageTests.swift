import Kinesis
import TestSupport
import Testing

@Suite struct ShardLineageTests {
    @Test func `a child of a split waits for its parent`() {
        let shards = [shard(0), shard(1, 0), shard(2, 0)]
        #expect(readable(shards) == [0])
        #expect(readable(shards, depleted: 0) == [1, 2])
    }

    @Test func `a child of a merge waits for both parents`() {
        let shards = [shard(0), shard(1), shard(2, 0, 1)]
        #expect(readable(shards, depleted: 0) == [1])
        #expect(readable(shards, depleted: 1) == [0])
        #expect(readable(shards, depleted: 0, 1) == [2])
    }

    @Test func `a parent that is no longer listed holds nobody up`() {
        let shards = [shard(2, 0, 1), shard(1)]
        #expect(readable(shards) == [1])
        #expect(readable(shards, depleted: 1) == [2])
        #expect(readable([shard(9, 7, 8)]) == [9])
    }

    @Test func `a grandchild waits even when its grandparent is gone`() {
        #expect(readable([shard(1, 0), shard(2, 1), shard(3, 2)]) == [1])
    }

    @Test func `a shard that two pages bring counts once`() {
        #expect(ids(ShardLineage(shards: [shard(0), shard(1), shard(0)]).shards) == [0, 1])
    }

    /// Splits, merges, trims and reads at random: nothing is read before all of its listed ancestors, nothing twice,
    /// and in the end everything that was not trimmed.
    @Test(arguments: 0..<50)
    func `a random walk never reads a child before its parents and never stops early`(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var walk = Walk()
        for _ in 0..<200 { walk.step(&random) }
        let left = walk.readAll()
        #expect(walk.violations.isEmpty)
        #expect(left.isEmpty)
    }

    private func readable(_ shards: [Shard], depleted: Int...) -> [Int] {
        ids(ShardLineage(shards: shards, depleted: Set(depleted.map(id))).readable)
    }

    private func ids(_ shards: [Shard]) -> [Int] {
        shards.compactMap { Int($0.id.text.split(separator: "-")[1]) }
    }
}

private func id(_ number: Int) -> ShardID { ShardID(number: number) }

private func shard(_ number: Int, _ parent: Int? = nil, _ adjacent: Int? = nil) -> Shard {
    Shard(
        id: id(number), parent: parent.map(id), adjacentParent: adjacent.map(id), hashKeyRange: .all,
        startingSequenceNumber: SequenceNumber(UInt128(number)))
}

/// A stream under resharding and a consumer that reads whatever the lineage allows.
private struct Walk {
    private var listed: [Shard] = []
    private var open: [Int] = [0, 1]
    private var next = 2
    private var depleted: Set<ShardID> = []
    private(set) var violations: [String] = []

    init() {
        listed = [shard(0), shard(1)]
    }

    mutating func step(_ random: inout SeededGenerator) {
        switch random.next() % 5 {
        case 0:
            let parent = open.remove(at: Int(random.next() % UInt64(open.count)))
            add(shard(next, parent))
            add(shard(next, parent))
        case 1 where open.count > 1:
            let first = open.remove(at: Int(random.next() % UInt64(open.count)))
            let second = open.remove(at: Int(random.next() % UInt64(open.count)))
            add(shard(next, first, second))
        case 2: trim()
        default: read(&random)
        }
    }

    private mutating func add(_ shard: Shard) {
        listed.append(shard)
        open.append(next)
        next += 1
    }

    /// The service forgets the oldest closed shard, read or not.
    private mutating func trim() {
        let isOpen = Set(open.map(id))
        if let index = listed.firstIndex(where: { !isOpen.contains($0.id) }) { listed.remove(at: index) }
    }

    private mutating func read(_ random: inout SeededGenerator) {
        let readable = ShardLineage(shards: listed, depleted: depleted).readable
        let isOpen = Set(open.map(id))
        guard let shard = readable.filter({ !isOpen.contains($0.id) }).randomElement(using: &random) else { return }
        check(shard)
    }

    private mutating func check(_ shard: Shard) {
        if depleted.contains(shard.id) { violations.append("\(shard.id) twice") }
        for parent in shard.parents where listed.contains(where: { $0.id == parent }) && !depleted.contains(parent) {
            violations.append("\(shard.id) before \(parent)")
        }
        depleted.insert(shard.id)
    }

    /// Closes everything and reads to the end; returns what could never be read.
    mutating func readAll() -> [ShardID] {
        while true {
            let readable = ShardLineage(shards: listed, depleted: depleted).readable
            guard let shard = readable.first else { break }
            check(shard)
        }
        return listed.map(\.id).filter { !depleted.contains($0) }
    }
}
