import Kinesis
import State
import TestSupport
import Testing

@testable import Consumer

private typealias Instant = ContinuousClock.Instant

private let orders = StreamName("orders")!
private let bills = StreamName("bills")!
private func group(_ name: String, _ stream: StreamName = orders) -> ConsumerKey {
    ConsumerKey(stream: stream, group: name)
}
private func shards(_ count: Int) -> [ShardID] { (0..<count).map(ShardID.init(number:)) }

@Suite struct LagRoundsTests {
    private let start = ContinuousClock.now

    @Test func `a round looks at each stream once, opens its groups and probes their shards`() {
        var rounds = LagRounds()
        var now = start
        func next() -> LagRounds.Step {
            now += LagRounds.leastGap
            return rounds.next(now: now)
        }
        #expect(next() == .list)
        #expect(next() == .wait(until: nil))
        rounds.listed([
            .init(key: group("x", bills), isRead: true), .init(key: group("a"), isRead: false),
            .init(key: group("b"), isRead: false),
        ])
        // Its session looks at the stream.
        #expect(next() == .open(group("x", bills)))
        rounds.opened([])
        #expect(next() == .look(orders))
        rounds.looked(isThere: true)
        #expect(next() == .open(group("a")))
        rounds.opened(shards(2))
        #expect(next() == .probe(group("a"), ShardID(number: 0)))
        #expect(next() == .probe(group("a"), ShardID(number: 1)))
        #expect(next() == .open(group("b")))
        rounds.opened(shards(1))
        #expect(next() == .probe(group("b"), ShardID(number: 0)))
        let restUntil = start + LagRounds.leastGap + LagRounds.period
        #expect(next() == .wait(until: restUntil))
        #expect(rounds.next(now: restUntil) == .list)
    }

    @Test func `of a stream that is not there no group is opened`() {
        var rounds = LagRounds()
        _ = rounds.next(now: start)
        rounds.listed([
            .init(key: group("a", bills), isRead: false), .init(key: group("b"), isRead: false),
            .init(key: group("c"), isRead: true),
        ])
        #expect(rounds.next(now: start) == .look(bills))
        rounds.looked(isThere: false)
        #expect(rounds.next(now: start + .seconds(1)) == .look(orders))
        rounds.looked(isThere: false)
        #expect(rounds.next(now: start + .seconds(2)) == .wait(until: start + LagRounds.period))
    }

    @Test func `a group that has changed comes before the round, once`() {
        var rounds = LagRounds()
        _ = rounds.next(now: start)
        rounds.listed([.init(key: group("a"), isRead: true), .init(key: group("b"), isRead: true)])
        rounds.hurry(group("b"))
        rounds.hurry(group("b"))
        rounds.hurry(group("c"))
        #expect(rounds.next(now: start) == .open(group("b")))
        rounds.opened(shards(1))
        #expect(rounds.next(now: start + .seconds(1)) == .probe(group("b"), ShardID(number: 0)))
        #expect(rounds.next(now: start + .seconds(2)) == .open(group("c")))
        rounds.opened([])
        #expect(rounds.next(now: start + .seconds(3)) == .open(group("a")))
        for number in 0..<1000 { rounds.hurry(group("\(number)")) }
        rounds.opened([])
        var opened = 0
        while case .open = rounds.next(now: start + .seconds(4 + opened)) {
            rounds.opened([])
            opened += 1
        }
        #expect(opened == LagRounds.mostUrgent + 1)
    }

    @Test func `while so many probes are on their way nothing more is probed`() {
        var rounds = LagRounds()
        _ = rounds.next(now: start)
        rounds.listed([.init(key: group("a"), isRead: true)])
        _ = rounds.next(now: start)
        rounds.opened(shards(10))
        var now = start
        for number in 0..<LagRounds.mostInFlight {
            now += .seconds(1)
            #expect(rounds.next(now: now) == .probe(group("a"), ShardID(number: number)))
        }
        now += .seconds(1)
        #expect(rounds.next(now: now) == .wait(until: nil))
        rounds.probed()
        #expect(rounds.next(now: now) == .probe(group("a"), ShardID(number: LagRounds.mostInFlight)))
    }

    /// Groups whose shards come to this many, over several rounds in which probes take as long as chance has it. Returns when
    /// each step was taken, and how often each shard was probed, by round.
    private func walk(groups: Int, shardsEach: Int, rounds count: Int, seed: UInt64) -> [(
        steps: [Instant], probed: [Int]
    )] {
        var random = SeededGenerator(seed: seed)
        var rounds = LagRounds()
        var now = start
        var ends: [Instant] = []
        var walked: [(steps: [Instant], probed: [ShardID: Int])] = []
        while walked.count <= count {
            for _ in 0..<ends.count(where: { $0 <= now }) { rounds.probed() }
            ends.removeAll { $0 <= now }
            #expect(ends.count <= LagRounds.mostInFlight)
            switch rounds.next(now: now) {
            case .wait(let until): now = [until, ends.min()].compactMap(\.self).min()!
            case .list:
                walked.append(([], [:]))
                rounds.listed((0..<groups).map { .init(key: group("\($0)"), isRead: false) })
            case .look:
                walked[walked.count - 1].steps.append(now)
                rounds.looked(isThere: true)
            case .open(let key):
                walked[walked.count - 1].steps.append(now)
                let first = Int(key.group)! * shardsEach
                rounds.opened((first..<first + shardsEach).map(ShardID.init(number:)))
            case .probe(_, let shard):
                walked[walked.count - 1].steps.append(now)
                walked[walked.count - 1].probed[shard, default: 0] += 1
                ends.append(now + .milliseconds(Int.random(in: 1...400, using: &random)))
            }
        }
        return walked.dropLast().map { ($0.steps, Array($0.probed.values)) }
    }

    @Test(arguments: [UInt64(1), 2, 3]) func `thousands of shards are each probed once a round, and never two at once`(
        seed: UInt64
    ) {
        for round in walk(groups: 3, shardsEach: 1000, rounds: 2, seed: seed) {
            #expect(round.probed.count == 3000 && round.probed.allSatisfy { $0 == 1 })
            for (step, next) in zip(round.steps, round.steps.dropFirst()) {
                #expect(next >= step + LagRounds.leastGap)
            }
        }
    }

    @Test func `what fits into the period is spread over it once its number is known`() {
        let rounds = walk(groups: 2, shardsEach: 100, rounds: 3, seed: 4)
        for round in rounds.dropFirst() {
            let gaps = zip(round.steps, round.steps.dropFirst()).map { $1 - $0 }
            #expect(gaps.allSatisfy { $0 >= .milliseconds(290) })
            #expect(round.steps.last! - round.steps[0] <= LagRounds.period)
        }
    }
}
