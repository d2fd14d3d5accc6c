import Kinesis
import State
import Testing

@testable import Consumer

@Suite struct UnreadWindowTests {
    private let one = ShardID(number: 1)
    private let two = ShardID(number: 2)

    private func at(_ number: Int) -> Checkpoint { Checkpoint(sequenceNumber: SequenceNumber(UInt128(number))) }

    @Test func `an event is unread when its end lies within the last bytes`() {
        var window = UnreadWindow(bytes: 100)
        window.sent(one, from: at(0), endOffset: 60)
        window.sent(two, from: at(0), endOffset: 120)
        #expect(window.unread == [one: at(0), two: at(0)])
        window.sent(two, from: at(5), endOffset: 160)
        #expect(window.unread == [two: at(0)])
        window.sent(one, from: at(7), endOffset: 300)
        #expect(window.unread == [one: at(7)])
    }

    @Test func `a shard that began again further back goes on at the earliest place`() {
        var window = UnreadWindow(bytes: 1000)
        window.sent(one, from: at(50), endOffset: 400)
        window.sent(one, from: at(20), endOffset: 800)
        window.sent(one, from: at(60), endOffset: 900)
        #expect(window.unread == [one: at(20)])
    }

    @Test func `of a window of no bytes nothing is unread, and nothing is kept`() {
        var window = UnreadWindow(bytes: 0)
        window.sent(one, from: at(0), endOffset: 60)
        #expect(window.unread == [:] && window.sent == 60)
    }

    /// Against a list of everything that was sent: never later, and at most a stretch earlier.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func `whatever is sent, what is unread begins at most a stretch too early`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let bytes = Int.random(in: 64...5000, using: &random)
        var window = UnreadWindow(bytes: bytes)
        var all: [(shard: ShardID, before: Int, end: Int)] = []
        var places = [one: 0, two: 0]
        var end = 0
        for _ in 0..<500 {
            let shard = Bool.random(using: &random) ? one : two
            end += Int.random(in: 1...max(2, bytes / 20), using: &random)
            if Int.random(in: 0..<20, using: &random) == 0 { places[shard]! /= 2 }
            window.sent(shard, from: at(places[shard]!), endOffset: end)
            all.append((shard, places[shard]!, end))
            places[shard]! += 1
            let earliest = earliest(of: all.filter { $0.end > end - bytes })
            let generous = self.earliest(of: all.filter { $0.end > end - bytes - bytes / UnreadWindow.stretches })
            for (shard, before) in earliest {
                let held = window.unread[shard]
                #expect(held != nil && held! <= before && held! >= generous[shard]!)
            }
        }
    }

    private func earliest(of sent: [(shard: ShardID, before: Int, end: Int)]) -> [ShardID: Checkpoint] {
        sent.reduce(into: [:]) { $0[$1.shard] = min($0[$1.shard] ?? at($1.before), at($1.before)) }
    }
}
