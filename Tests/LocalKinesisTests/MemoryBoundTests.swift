import TestSupport
import Testing
import Time

@testable import LocalKinesis

private let start = WallTime(milliseconds: 1_700_000_000_000)

private func at(_ milliseconds: Int) -> WallTime { start.advanced(by: .milliseconds(milliseconds)) }

@Suite struct MemoryBoundTests {
    @Test func `nothing goes up to the limit`() {
        var bound = MemoryBound(limit: 6400)
        for time in 0..<64 { bound.stored(100, in: "s", at: at(time)) }
        #expect(bound.bytes == 6400)
        #expect(bound.trim() == [:])
    }

    @Test func `beyond the limit the oldest records of all streams go, to an eighth below it`() {
        var bound = MemoryBound(limit: 6400)
        for time in 0..<10 { bound.stored(100, in: "old", at: at(time)) }
        for time in 10..<20 { bound.stored(100, in: "new", at: at(time)) }
        bound.stored(4401, in: "new", at: at(20))
        #expect(bound.trim() == ["old": at(9)])
        #expect(bound.bytes == 5501)
        bound.stored(1000, in: "old", at: at(30))
        #expect(bound.trim() == ["old": at(10), "new": at(19)])
    }

    @Test func `records of one moment go together`() {
        var bound = MemoryBound(limit: 6400)
        for _ in 0..<65 { bound.stored(100, in: "s", at: start) }
        #expect(bound.trim() == ["s": at(1)])
        #expect(bound.bytes == 0)
    }

    @Test func `what retention takes, or a stream's end, counts no more`() {
        var bound = MemoryBound(limit: 6400)
        for time in 0..<10 { bound.stored(100, in: "s", at: at(time)) }
        bound.trimmed("s", before: at(5))
        #expect(bound.bytes == 500)
        bound.stored(100, in: "t", at: at(10))
        bound.forgot("s")
        bound.forgot("none")
        bound.trimmed("none", before: at(5))
        #expect(bound.bytes == 100)
    }

    @Test func `a record costs at least what it holds, and at most a page more`() {
        for count in [0, 1, 200, 1400, 2100, 4064, 4065, 5000, 1 << 20] {
            let cost = MemoryBound.cost(ofStored: count)
            #expect(cost >= count && cost <= count + 4096 + 32)
        }
    }

    @Test(arguments: 0..<20) func `it is never above the limit, and counts what is not gone`(_ seed: UInt64) {
        var chance = SeededGenerator(seed: seed)
        var bound = MemoryBound(limit: 10_000)
        var records: [(stream: String, time: WallTime, cost: Int)] = []
        for _ in 0..<500 {
            let stream = ["a", "b", "c"].randomElement(using: &chance)!
            switch Int.random(in: 0..<20, using: &chance) {
            case 0:
                bound.forgot(stream)
                records.removeAll { $0.stream == stream }
            case 1...18:
                // A clock that is set back: no record may arrive before another of its stream.
                let last = records.last { $0.stream == stream }?.time ?? start
                let time = last.advanced(by: .milliseconds(Int.random(in: 0..<20, using: &chance)))
                let cost = Int.random(in: 1..<600, using: &chance)
                bound.stored(cost, in: stream, at: time)
                records.append((stream, time, cost))
                for (name, horizon) in bound.trim() { records.removeAll { $0.stream == name && $0.time < horizon } }
            default: continue
            }
            #expect(bound.bytes <= bound.limit)
            #expect(bound.bytes == records.reduce(0) { $0 + $1.cost })
        }
    }
}
