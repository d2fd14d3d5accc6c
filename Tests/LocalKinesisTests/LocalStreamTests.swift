import Kinesis
import Testing
import Time

@testable import LocalKinesis

private let start = WallTime(milliseconds: 1_700_000_000_000)
private func later(_ seconds: Int64) -> WallTime { start.advanced(by: .seconds(seconds)) }

private func stream(_ shards: Int) -> LocalStream {
    LocalStream(name: "s", shardCount: shards, mode: .provisioned, created: start)
}

/// Open shards take every key exactly once, and every key's shard is the one that covers it.
private func checkRoutes(_ stream: LocalStream) throws {
    let open = stream.openShards.sorted { $0.hashKeyRange.start < $1.hashKeyRange.start }
    #expect(open.first?.hashKeyRange.start == .lowest)
    #expect(open.last?.hashKeyRange.end == .highest)
    for (left, right) in zip(open, open.dropFirst()) {
        #expect(left.hashKeyRange.isFollowed(by: right.hashKeyRange))
    }
    for shard in open {
        #expect(stream.shardIndex(for: shard.hashKeyRange.start) == shard.index)
        #expect(stream.shardIndex(for: shard.hashKeyRange.end) == shard.index)
    }
}

@Suite struct LocalStreamTests {
    @Test(arguments: [1, 2, 3, 7, 64]) func `a new stream's shards cover all hash keys evenly`(count: Int) throws {
        let stream = stream(count)
        #expect(stream.openShards.map(\.index) == Array(0..<count))
        try checkRoutes(stream)
    }

    @Test func `a split closes the parent and makes two children at the key`() throws {
        var stream = stream(1)
        try stream.split(0, at: HashKey(1 << 127), now: later(1))
        #expect(stream.openShards.map(\.index) == [1, 2])
        #expect(stream.children(of: 0).map(\.index) == [1, 2])
        #expect(stream.shards[0]?.closed != nil)
        let key = UInt128(1) << 127
        #expect(stream.shards[1]?.hashKeyRange.end.value == key - 1)
        #expect(stream.shards[2]?.hashKeyRange.start.value == key)
        try checkRoutes(stream)
    }

    @Test func `a merge closes both parents in either order`() throws {
        for (first, second) in [(0, 1), (1, 0)] {
            var stream = stream(2)
            try stream.merge(first, second, now: later(1))
            #expect(stream.openShards.map(\.index) == [2])
            #expect(stream.shards[2]?.parents == [first, second])
            #expect(stream.shards[2]?.hashKeyRange == .all)
            try checkRoutes(stream)
        }
    }

    @Test func `a split outside the shard, and of a closed shard, is refused and changes nothing`() throws {
        var stream = stream(2)
        let before = stream
        let end = try #require(stream.shards[0]?.hashKeyRange.end.value)
        for key in [0, 1, end, end + 1, UInt128.max] {
            let fault = #expect(throws: ServiceFault.self) { try stream.split(0, at: HashKey(key), now: later(1)) }
            #expect(fault?.code == "InvalidArgumentException", "\(key)")
        }
        #expect(stream == before)
        try stream.split(0, at: HashKey(1 << 100), now: later(1))
        #expect(throws: ServiceFault.self) { try stream.split(0, at: HashKey(1 << 99), now: later(2)) }
    }

    @Test func `shards that do not touch cannot be merged`() throws {
        var stream = stream(3)
        let before = stream
        let fault = #expect(throws: ServiceFault.self) { try stream.merge(0, 2, now: later(1)) }
        #expect(fault?.code == "InvalidArgumentException")
        #expect(throws: ServiceFault.self) { try stream.merge(1, 1, now: later(1)) }
        #expect(stream == before)
    }

    @Test(arguments: [(1, 2), (2, 1), (2, 4), (4, 3), (3, 5), (5, 2), (7, 7)])
    func `scaling leaves that many shards of equal width`(from: Int, to: Int) throws {
        var stream = stream(from)
        try stream.scale(to: to, now: later(1))
        #expect(stream.openShards.count == to)
        let found = stream.openShards.map(\.hashKeyRange).sorted { $0.start < $1.start }
        #expect(found == HashKeyRange.even(to))
        try checkRoutes(stream)
    }

    @Test func `a child's numbers are above its parents', also when the clock was set back`() throws {
        var stream = stream(1)
        let last = try #require(SequenceNumber(stream.shards[0]!.sequenceNumber(1 << 38, at: later(50))))
        try stream.split(0, at: HashKey(1 << 127), now: later(-3600))
        let made = try #require(stream.shards[1])
        let child = try #require(SequenceNumber(made.startingSequenceNumber))
        #expect(last < child)
        let parent = try #require(stream.shards[0])
        #expect(try #require(parent.closed) >= parent.created)
    }

    @Test func `arrivals of a shard never fall, also when the clock is set back`() throws {
        var shard = try #require(stream(1).shards[0])
        let first = shard.take(now: later(10))
        let second = shard.take(now: later(5))
        #expect(second.ordinal == first.ordinal + 1)
        #expect(second.arrival == first.arrival)
    }

    @Test func `closed shards go when their records have outlived the retention period`() throws {
        var stream = stream(1)
        try stream.split(0, at: HashKey(1 << 127), now: later(10))
        let early = stream.expireShards(now: later(24 * 3600 + 10))
        #expect(early.isEmpty)
        let expired = stream.expireShards(now: later(24 * 3600 + 11))
        #expect(expired.map(\.index) == [0])
        #expect(stream.orderedShards.map(\.index) == [1, 2])
        // An index is never used again.
        try stream.split(1, at: HashKey(1 << 100), now: later(24 * 3600 + 12))
        #expect(stream.openShards.map(\.index) == [2, 3, 4])
    }

    @Test func `a random walk of splits and merges keeps every key in one shard`() throws {
        var random = SystemRandomNumberGenerator()
        var stream = stream(3)
        for step in 1...300 {
            let open = stream.openShards.sorted { $0.hashKeyRange.start < $1.hashKeyRange.start }
            let place = Int.random(in: 0..<open.count, using: &random)
            let range = open[place].hashKeyRange
            if open.count < 12, Bool.random(), range.end.value - range.start.value > 16 {
                let key = UInt128.random(in: range.start.value + 2...range.end.value - 1, using: &random)
                try stream.split(open[place].index, at: HashKey(key), now: later(Int64(step)))
            } else if place + 1 < open.count {
                try stream.merge(open[place].index, open[place + 1].index, now: later(Int64(step)))
            }
            try checkRoutes(stream)
        }
        for shard in stream.orderedShards {
            for parent in shard.parents {
                #expect(try #require(stream.shards[parent]).created < shard.created)
            }
        }
    }

    @Test func `a shard is found by its exact ID only`() {
        let stream = stream(2)
        #expect(stream.shard("shardId-000000000001")?.index == 1)
        for id in ["shardId-000000000002", "shardId-1", "1", "shardId-", "shardId--00000000001", ""] {
            #expect(stream.shard(id) == nil, "\(id)")
        }
    }
}
