import Kinesis
import Testing

@testable import Consumer
@testable import State

extension ReaderID: ExpressibleByStringLiteral {
    public init(stringLiteral value: String) { self.init(unchecked: value) }
}

private func shards(_ numbers: Range<Int>) -> [ShardID] { numbers.map(ShardID.init(number:)) }

private let start = ContinuousClock.now

private func replay(to reader: ReaderID, upTo last: UInt128 = 9) -> Replay {
    Replay(
        reader: reader,
        stretch: .init(
            before: Checkpoint(before: SequenceNumber(1)), last: Checkpoint(sequenceNumber: SequenceNumber(last))))
}

extension ShardAssignments {
    fileprivate init() { self.init(handOver: .seconds(5)) }

    /// What is to be done now, all of it.
    fileprivate mutating func actions(now: ContinuousClock.Instant = start) -> [Action] {
        var all: [Action] = []
        while let action = next(now: now) { all.append(action) }
        return all
    }

    fileprivate var counts: [Int] { readers.map { count(of: $0) } }
}

/// Who gets which shard.
@Suite struct ShardAssignmentsTests {
    @Test func `one reader has every shard, and each is started`() {
        var assignments = ShardAssignments()
        assignments.readable(shards(0..<3))
        assignments.joined("a")
        #expect(assignments.shards(of: "a") == shards(0..<3))
        #expect(assignments.actions() == shards(0..<3).map { .start($0, for: "a") })
        #expect(!assignments.hasWork)
    }

    @Test func `a second reader gets half, and what stays does not move`() {
        var assignments = ShardAssignments()
        assignments.readable(shards(0..<4))
        assignments.joined("a")
        _ = assignments.actions()
        assignments.joined("b")
        #expect(assignments.shards(of: "a") == shards(0..<2) && assignments.shards(of: "b") == shards(2..<4))
        #expect(assignments.firstShards(of: "b", 1) == [ShardID(number: 2)])
        #expect(
            Set(assignments.actions().map { "\($0)" })
                == Set(shards(2..<4).map { "\(ShardAssignments.Action.revoke($0))" }))
    }

    @Test func `more readers than shards: the last ones have none`() {
        var assignments = ShardAssignments()
        assignments.readable(shards(0..<2))
        for reader in ["a", "b", "c"] as [ReaderID] { assignments.joined(reader) }
        #expect(assignments.counts == [1, 1, 0])
        #expect(assignments.holders.map(\.reader) == ["a", "b"])
    }

    @Test func `whoever goes leaves its shards to those with the fewest`() {
        var assignments = ShardAssignments()
        assignments.readable(shards(0..<6))
        for reader in ["a", "b", "c"] as [ReaderID] { assignments.joined(reader) }
        let kept = shards(0..<6).filter { assignments.owner(of: $0) != "b" }.map { ($0, assignments.owner(of: $0)) }
        #expect(assignments.left("b") == .init())
        #expect(kept.allSatisfy { assignments.owner(of: $0.0) == $0.1 })
        #expect(assignments.counts == [3, 3])
    }

    @Test func `children go to whoever has the fewest shards`() {
        var assignments = ShardAssignments()
        assignments.readable(shards(0..<2))
        assignments.joined("a")
        assignments.joined("b")
        assignments.readable(shards(1..<4))
        #expect(assignments.owner(of: ShardID(number: 1)) == "b")
        #expect(assignments.counts.sorted() == [1, 2])
    }

    @Test func `the last reader's going leaves nobody an owner`() {
        var assignments = ShardAssignments()
        assignments.readable(shards(0..<2))
        assignments.joined("a")
        _ = assignments.actions()
        _ = assignments.left("a")
        let stops = shards(0..<2).map { ShardAssignments.Action.stop($0, of: "a", isTold: false) }
        #expect(Set(assignments.actions().map { "\($0)" }) == Set(stops.map { "\($0)" }))
        assignments.joined("b")
        #expect(assignments.shards(of: "b") == shards(0..<2))
    }

    @Test func `with thousands of shards a reader that joins moves its half and nothing else`() {
        var assignments = ShardAssignments()
        assignments.readable(shards(0..<4000))
        assignments.joined("a")
        #expect(assignments.actions().count == 4000)
        assignments.joined("b")
        #expect(assignments.actions().count == 2000)
        #expect(assignments.counts == [2000, 2000])
    }
}

/// What becomes of a shard that moves, stops or is taken away.
@Suite struct ShardSlotTests {
    private let shard = ShardID(number: 1)

    private func moving() -> ShardAssignments {
        var assignments = ShardAssignments()
        assignments.readable(shards(0..<2))
        assignments.joined("a")
        _ = assignments.actions()
        assignments.joined("b")
        #expect(assignments.actions() == [.revoke(shard)])
        return assignments
    }

    @Test func `a shard moves once nothing of it is in flight`() {
        var assignments = moving()
        #expect(assignments.owner(of: shard) == "b")
        assignments.released(shard, now: start)
        #expect(assignments.actions() == [.stop(shard, of: "a", isTold: true), .start(shard, for: "b")])
    }

    @Test func `it moves at the deadline all the same`() {
        var assignments = moving()
        #expect(assignments.nextDeadline == start + .seconds(5))
        assignments.handleTimeout(now: start + .seconds(4))
        #expect(assignments.actions(now: start + .seconds(4)) == [])
        assignments.handleTimeout(now: start + .seconds(5))
        #expect(
            assignments.actions(now: start + .seconds(5))
                == [.stop(shard, of: "a", isTold: true), .start(shard, for: "b")])
    }

    @Test func `one that was to move to a reader that leaves again goes on where it is`() {
        var assignments = moving()
        _ = assignments.left("b")
        #expect(assignments.actions() == [.resume(shard)])
        #expect(assignments.slot(of: shard) == .reading("a"))
        // The deadline of then says nothing of now.
        assignments.handleTimeout(now: start + .seconds(5))
        #expect(assignments.actions(now: start + .seconds(5)) == [])
    }

    @Test func `a reader that comes and goes before anything was done has moved nothing`() {
        var assignments = ShardAssignments()
        assignments.readable(shards(0..<2))
        assignments.joined("a")
        _ = assignments.actions()
        assignments.joined("b")
        _ = assignments.left("b")
        #expect(assignments.actions() == [])
    }

    @Test func `a shard that gets nowhere is restarted for its reader, who hears nothing`() {
        var assignments = ShardAssignments()
        assignments.readable([shard])
        assignments.joined("a")
        _ = assignments.actions()
        #expect(assignments.stalled(shard, now: start) == true)
        #expect(assignments.stalled(shard, now: start) == false)
        #expect(assignments.actions() == [])
        assignments.released(shard, now: start)
        #expect(assignments.actions() == [.restart(shard, for: "a")])
        #expect(assignments.slot(of: shard) == .reading("a"))
    }

    @Test func `a shard whose position changed is begun anew`() {
        var assignments = ShardAssignments()
        assignments.readable([shard])
        assignments.joined("a")
        _ = assignments.actions()
        #expect(assignments.withdrawn(shard) == "a")
        #expect(assignments.withdrawn(shard) == nil)
        #expect(assignments.actions() == [.start(shard, for: "a")])
    }

    @Test func `a shard that may not be read any more is stopped, and its reader told`() {
        var assignments = ShardAssignments()
        assignments.readable([shard])
        assignments.joined("a")
        _ = assignments.actions()
        assignments.readable([])
        #expect(assignments.actions() == [.stop(shard, of: "a", isTold: true)])
        #expect(assignments.owner(of: shard) == nil)
    }

    @Test func `what was evicted is asked for again once its reader has taken what it had`() {
        var assignments = ShardAssignments()
        assignments.readable([shard])
        assignments.joined("a")
        _ = assignments.actions()
        assignments.evicted(shard)
        #expect(assignments.slot(of: shard) == .evicted("a") && assignments.isAnyEvicted)
        #expect(assignments.tookAll("b") == [])
        #expect(assignments.tookAll("a") == [shard])
        #expect(assignments.tookAll("a") == [])
        #expect(!assignments.isAnyEvicted)
    }

    @Test func `once closed it only ends`() {
        var assignments = moving()
        assignments.close()
        assignments.released(shard, now: start)
        #expect(assignments.actions() == [.stop(shard, of: "a", isTold: true)])
    }
}

/// What is sent again to readers that came back.
@Suite struct ReplayTests {
    private let shard = ShardID(number: 0)

    @Test func `a shard is its replay's until that is done, and others move instead`() {
        var assignments = ShardAssignments()
        assignments.readable(shards(0..<4))
        assignments.joined("a")
        assignments.joined("b")
        for shard in shards(0..<3) { #expect(assignments.asked(replay(to: "b"), of: shard) == true) }
        #expect(assignments.shards(of: "b") == shards(0..<3) && assignments.shards(of: "a") == [ShardID(number: 3)])
        #expect(assignments.sent(shard, to: "b", upTo: Checkpoint(sequenceNumber: SequenceNumber(9))) == nil)
        #expect(assignments.counts == [2, 2])
    }

    @Test func `of two that ask for one shard the second waits for the first`() {
        var assignments = ShardAssignments()
        assignments.readable([shard])
        assignments.joined("a")
        assignments.joined("b")
        #expect(assignments.asked(replay(to: "a"), of: shard) == true)
        #expect(assignments.asked(replay(to: "b"), of: shard) == false)
        #expect(assignments.owner(of: shard) == "a")
        let behind = Checkpoint(sequenceNumber: SequenceNumber(8))
        #expect(assignments.sent(shard, to: "a", upTo: behind) == nil)
        #expect(assignments.sent(shard, to: "b", upTo: Checkpoint(sequenceNumber: SequenceNumber(9))) == nil)
        #expect(assignments.replay(of: shard)?.reader == "a")
        #expect(
            assignments.sent(shard, to: "a", upTo: Checkpoint(sequenceNumber: SequenceNumber(9)))?.reader == "b")
        #expect(assignments.owner(of: shard) == "b")
    }

    @Test func `a shard that becomes readable later is its replay's`() {
        var assignments = ShardAssignments()
        assignments.readable([ShardID(number: 1)])
        assignments.joined("a")
        assignments.joined("b")
        #expect(assignments.asked(replay(to: "b"), of: shard) == true)
        assignments.readable([shard, ShardID(number: 1)])
        #expect(assignments.owner(of: shard) == "b")
        // It waits for its parent once more, and comes back.
        assignments.readable([ShardID(number: 1)])
        assignments.joined("c")
        assignments.readable([shard, ShardID(number: 1)])
        #expect(assignments.owner(of: shard) == "b")
    }

    @Test func `no replay outlives its reader, and what was not begun is returned`() {
        var assignments = ShardAssignments()
        assignments.readable(shards(0..<2))
        for reader in ["a", "b", "c"] as [ReaderID] { assignments.joined(reader) }
        _ = assignments.asked(replay(to: "a"), of: shard)
        _ = assignments.asked(replay(to: "b"), of: shard)
        _ = assignments.asked(replay(to: "c"), of: shard)
        _ = assignments.asked(replay(to: "b"), of: ShardID(number: 1))
        let departure = assignments.left("b")
        #expect(departure.unserved == [shard: replay(to: "b")] && departure.begun == [:])
        #expect(assignments.left("a").begun == [shard: replay(to: "c")])
        #expect(assignments.owner(of: shard) == "c" && assignments.orphanedReplays == [])
    }

    @Test func `there is no more of a shard that was read out, whatever was asked for`() {
        var assignments = ShardAssignments()
        assignments.readable([shard])
        assignments.joined("a")
        _ = assignments.actions()
        _ = assignments.asked(replay(to: "a"), of: shard)
        assignments.depleted(shard)
        #expect(assignments.replayed(shard) == nil)
        assignments.readable([])
        #expect(assignments.actions() == [])
        #expect(assignments.replay(of: shard) == nil)
    }
}
