import DynamoDB
import Kinesis
import State
import Testing
import Time

@testable import Consumer

@Suite struct CheckpointMirrorTests {
    private let me = MemberID("me")
    private let start = ContinuousClock.now

    private func moment(_ milliseconds: Int) -> GroupMoment {
        GroupMoment(
            instant: start + .milliseconds(milliseconds),
            wall: WallTime(milliseconds: 1_700_000_000_000 + Int64(milliseconds)))
    }

    private func mirror() -> CheckpointMirror {
        CheckpointMirror(me: me, checkpointInterval: .seconds(1), now: start)
    }

    private func shards(_ count: Int) -> [ShardID] { (0..<count).map(ShardID.init(number:)) }

    /// An item in which all of these shards are mine.
    private func item(_ shards: [ShardID], _ checkpoints: [ShardID: UInt128] = [:]) -> GroupItem {
        let records = shards.map { shard in
            let record = ShardRecord(
                id: shard, at: checkpoints[shard].map { .behind(checkpoint($0)) } ?? .initial,
                lease: .init(owner: me, expiration: nil), version: "v")
            return (shard.text, AttributeValue.map(record.record))
        }
        return GroupItem(
            ["shards": .map(Dictionary(uniqueKeysWithValues: records)), "consumers": ["me": [:]]], place: .shared)
    }

    private func checkpoint(_ number: UInt128) -> Checkpoint { Checkpoint(sequenceNumber: SequenceNumber(number)) }

    private func next(
        _ mirror: inout CheckpointMirror, _ milliseconds: Int, _ shards: [ShardID]
    ) -> CheckpointMirror.Step {
        mirror.next(
            now: moment(milliseconds), item: item(shards), lineage: ShardLineage(shards: []), leases: shards,
            duration: .seconds(30), patience: .seconds(30), version: "v2")
    }

    private func write(_ step: CheckpointMirror.Step) -> CheckpointMirror.Write? {
        if case .write(let write) = step { write } else { nil }
    }

    @Test func `the first write renews, and a member with nothing new does so again after a third of a lease`() {
        var mirror = mirror()
        let shards = shards(2)
        let first = write(next(&mirror, 0, shards))
        #expect(first?.renewed == shards && first?.news == [:])
        #expect(next(&mirror, 10, shards) == .wait(until: moment(30_010).instant), "one write at a time")
        _ = mirror.wrote()
        #expect(next(&mirror, 20, shards) == .wait(until: moment(10_000).instant))
        #expect(write(next(&mirror, 10_000, shards))?.renewed == shards)
    }

    @Test func `of each shard the newest checkpoint is written, once an interval`() {
        var mirror = mirror()
        let shards = shards(2)
        _ = next(&mirror, 0, shards)
        _ = mirror.wrote()
        for number in 1...9 { mirror.committed(shards[1], .behind(checkpoint(UInt128(number)))) }
        #expect(next(&mirror, 400, shards) == .wait(until: moment(1000).instant))
        let second = write(next(&mirror, 1000, shards))
        #expect(second?.news == [shards[1]: .init(place: .behind(checkpoint(9)))] && second?.renewed == [])
        mirror.committed(shards[1], .behind(checkpoint(10)))
        _ = mirror.wrote()
        #expect(write(next(&mirror, 2000, shards))?.news == [shards[1]: .init(place: .behind(checkpoint(10)))])
    }

    @Test func `the end of a shard does not wait for the interval`() {
        var mirror = mirror()
        let shards = shards(2)
        _ = next(&mirror, 0, shards)
        _ = mirror.wrote()
        mirror.committed(shards[0], .behind(checkpoint(3)))
        mirror.depleted(shards[0])
        let write = write(next(&mirror, 6, shards))
        #expect(write?.news[shards[0]] == .init(place: .behind(checkpoint(3)), isDepleted: true, isUrgent: true))
    }

    @Test func `more shards than fit into one request are further requests at once`() {
        var mirror = mirror()
        let shards = shards(120)
        for shard in shards { mirror.committed(shard, .behind(checkpoint(1))) }
        var (written, renewed, requests) = (Set<ShardID>(), Set<ShardID>(), 0)
        while let write = write(next(&mirror, 0, shards)) {
            #expect(write.update.fits && !write.news.isEmpty)
            written.formUnion(write.news.keys)
            renewed.formUnion(write.renewed)
            requests += 1
            _ = mirror.wrote()
        }
        #expect(written == Set(shards) && renewed == Set(shards))
        #expect(requests <= 5, "\(requests)")
    }

    @Test func `shards that have more to say before a tick is over keep nobody waiting`() {
        var mirror = mirror()
        let shards = shards(200)
        for shard in shards { mirror.committed(shard, .behind(checkpoint(1))) }
        var (written, renewed, requests) = (Set<ShardID>(), Set<ShardID>(), 0)
        while requests < 20, let write = write(next(&mirror, requests, shards)) {
            written.formUnion(write.news.keys)
            renewed.formUnion(write.renewed)
            requests += 1
            _ = mirror.wrote()
            for shard in shards { mirror.committed(shard, .behind(checkpoint(UInt128(requests + 1)))) }
        }
        #expect(written == Set(shards) && renewed == Set(shards))
        #expect(requests < 10, "\(requests)")
        #expect(mirror.nextWrite > moment(1000).instant, "the next tick is an interval later")
    }

    @Test func `after a condition that failed the rest goes again at once`() {
        var mirror = mirror()
        let shards = shards(2)
        for shard in shards { mirror.committed(shard, .behind(checkpoint(1))) }
        _ = next(&mirror, 0, shards)
        mirror.lost(shards[0])
        mirror.conditionFailed(now: moment(5).instant)
        let again = write(
            mirror.next(
                now: moment(5), item: item(shards), lineage: ShardLineage(shards: []), leases: [shards[1]],
                duration: .seconds(30), patience: .seconds(30), version: "v"))
        #expect(again?.news.keys.sorted() == [shards[1]] && again?.renewed == [shards[1]])
    }

    @Test func `a write of which nothing was heard is followed by a read, and what is there is not said again`() {
        var mirror = mirror()
        let shards = shards(2)
        for shard in shards { mirror.committed(shard, .behind(checkpoint(4))) }
        _ = next(&mirror, 0, shards)
        mirror.timedOut()
        #expect(next(&mirror, 10, shards) == .read)
        mirror.looked(at: item(shards, [shards[0]: 4, shards[1]: 2]), now: moment(20).instant)
        #expect(write(next(&mirror, 20, shards))?.news == [shards[1]: .init(place: .behind(checkpoint(4)))])
    }

    @Test func `the interval follows the item's size and the requests, and throttling`() {
        var pace = MirrorPace(least: .seconds(1))
        #expect(pace.interval(itemBytes: 1600, writes: 2) == .seconds(1))
        #expect(pace.interval(itemBytes: 100 * 1024, writes: 10) == .seconds(2))
        pace.throttled()
        pace.throttled()
        #expect(pace.interval(itemBytes: 1, writes: 1) == .seconds(4))
        for _ in 0..<16 { pace.wrote() }
        #expect(pace.interval(itemBytes: 1, writes: 1) == .seconds(1))
    }

    @Test func `a tick of several requests is paid for by a longer interval`() {
        var mirror = mirror()
        let shards = shards(120)
        for shard in shards { mirror.committed(shard, .behind(checkpoint(1))) }
        var requests = 0
        while write(next(&mirror, 0, shards)) != nil {
            requests += 1
            _ = mirror.wrote()
        }
        #expect(requests > 1)
        #expect(mirror.interval(itemBytes: 300 * 1024, members: 1) == .milliseconds(600 * requests))
        mirror.committed(shards[0], .behind(checkpoint(2)))
        _ = write(next(&mirror, 60_000, [shards[0]]))
        #expect(mirror.interval(itemBytes: 300 * 1024, members: 1) == .seconds(1), "the last tick was one request")
    }

    @Test func `after throttling renewals say what is known, long before the interval is over`() {
        var mirror = mirror()
        let shards = shards(1)
        for _ in 0..<5 {
            _ = next(&mirror, 0, shards)
            mirror.refused(isThrottled: true, now: start, itemBytes: 1, members: 1)
        }
        #expect(mirror.interval(itemBytes: 1, members: 1) == .seconds(32))
        #expect(write(next(&mirror, 5000, shards)) != nil)
        _ = mirror.wrote()
        #expect(mirror.nextWrite == moment(15_000).instant, "a third of a lease")
        mirror.committed(shards[0], .behind(checkpoint(1)))
        #expect(write(next(&mirror, 15_000, shards))?.news.keys.sorted() == shards)
    }
}
