import Kinesis
import State
import Testing

@testable import Consumer

@Suite struct TakeoversTests {
    private let shard = ShardID(number: 0)
    private let others: Set<MemberID> = [MemberID("a"), MemberID("b")]
    private let start = ContinuousClock.now

    /// One that this member has beyond its share.
    private var taken: Takeovers {
        var takeovers = Takeovers()
        takeovers.looked(free: [shard], mine: [], others: others, now: start)
        takeovers.takesBeyondShare(shard, beside: others, now: start)
        return takeovers
    }

    @Test func `a free shard is overdue after its patience, which is longer beside lifion-kinesis`() {
        let takeovers = taken
        #expect(!takeovers.isOverdue(shard, besideLifion: false, now: start))
        let later = start + Takeovers.patience
        #expect(takeovers.isOverdue(shard, besideLifion: false, now: later))
        #expect(!takeovers.isOverdue(shard, besideLifion: true, now: later))
    }

    @Test func `a shard that nobody takes is told of, and is not left to others for longer than a minute`() {
        var takeovers = Takeovers()
        takeovers.leaveToOthers(shard, for: .seconds(60), because: "it died", now: start)
        takeovers.leaveToOthers(shard, for: .seconds(60), because: "it died again", now: start)
        #expect(takeovers.untaken(besideLifion: false, now: start + .seconds(100)).isEmpty)
        #expect(takeovers.leavesToOthers(shard, now: start + .seconds(119)))

        let free = start + .seconds(10)
        takeovers.looked(free: [shard], mine: [], others: others, now: free)
        #expect(takeovers.untaken(besideLifion: false, now: free + .seconds(4)).isEmpty)
        #expect(takeovers.untaken(besideLifion: false, now: free + Takeovers.patience) == [shard: "it died again"])
        #expect(takeovers.leavesToOthers(shard, now: free + .seconds(59)))
        #expect(!takeovers.leavesToOthers(shard, now: free + Takeovers.longestFree))

        // Who takes it although it left it to others leaves it to nobody any more, and the row of failures goes on.
        var again = takeovers
        again.took(shard, now: free + Takeovers.longestFree)
        again.looked(free: [], mine: [shard], others: others, now: free + .seconds(61))
        #expect(!again.leavesToOthers(shard, now: free + .seconds(61)))
        again.leaveToOthers(shard, for: .seconds(60), because: "once more", now: free + .seconds(62))
        #expect(again.leavesToOthers(shard, now: free + .seconds(62 + 239)))

        // Somebody has taken it.
        let taken = free + .seconds(30)
        takeovers.looked(free: [], mine: [], others: others, now: taken)
        #expect(takeovers.untaken(besideLifion: false, now: taken + .seconds(10)).isEmpty)
        #expect(takeovers.leavesToOthers(shard, now: start + .seconds(119)))
        #expect(!takeovers.leavesToOthers(shard, now: start + .seconds(120)))
    }

    @Test func `what was taken beyond the share counts for it after a minute`() {
        var takeovers = taken
        takeovers.looked(free: [], mine: [shard], others: others, now: start + .seconds(1))
        #expect(!takeovers.counts(shard, now: start + .seconds(59)))
        #expect(takeovers.counts(shard, now: start + Takeovers.stay))
    }

    @Test(arguments: [[], ["a"], ["a", "b", "c"]])
    func `it counts at once when members come or go`(names: [String]) {
        var takeovers = taken
        let now = start + .seconds(1)
        takeovers.looked(free: [], mine: [shard], others: Set(names.map { MemberID($0) }), now: now)
        #expect(takeovers.counts(shard, now: now))
        // Nor does it begin to stay when they are as they were.
        takeovers.looked(free: [], mine: [shard], others: others, now: now)
        #expect(takeovers.counts(shard, now: now))
        // The last ones are given up first.
        let own = ShardID(number: 1)
        #expect(takeovers.inOrder([shard, own]).last == own)
    }
}
