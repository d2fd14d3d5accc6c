import Kinesis
import Logging
import State
import Testing
import Time

@testable import Consumer

private let orders = StreamName("orders")!

@Suite struct StreamRetentionsTests {
    private let start = ContinuousClock.now

    private func summary(hours: Int) -> StreamSummary {
        StreamSummary(
            name: orders, arn: "arn", status: .active, creation: WallTime(milliseconds: 5), openShards: 1,
            retentionHours: hours, encryption: "NONE", mode: .provisioned, maxRecordBytes: 1 << 20)
    }

    private func positions(_ group: String, shards: Int) -> Positions {
        let states = (0..<shards).map { ShardState(id: ShardID(number: $0), parents: [], start: .trimHorizon) }
        let state = ConsumerState(streamCreatedOn: WallTime(milliseconds: 5), shards: states)
        return Positions(
            ShardBook(state, from: .trimHorizon), of: ConsumerKey(stream: orders, group: group), in: nil)
    }

    @Test func `a stream is asked now and then, and one that is not there sooner`() {
        var streams = StreamRetentions()
        #expect(streams.standing(of: orders, now: start) == .unknown)
        #expect(streams.retention(of: orders) == nil)
        streams.saw(summary(hours: 48), of: StreamName("orders")!, now: start)
        #expect(streams.standing(of: orders, now: start + .seconds(60)) == .there)
        #expect(streams.standing(of: orders, now: start + StreamRetentions.interval) == .unknown)
        #expect(streams.retention(of: orders) == .seconds(48 * 3600))
        #expect(streams.creation(of: orders) == WallTime(milliseconds: 5))
        streams.missed(orders, now: start)
        #expect(streams.standing(of: orders, now: start + .seconds(60)) == .missing)
        #expect(streams.standing(of: orders, now: start + StreamRetentions.intervalOfMissing) == .unknown)
        #expect(streams.retention(of: orders) == StreamRetentions.usual)
        #expect(streams.creation(of: orders) == nil)
        streams.keep([])
        #expect(streams.retention(of: orders) == nil)
    }

    @Test func `a group that nobody has used for longer than the retention goes, once that is known`() {
        var streams = StreamRetentions()
        var groups = DormantGroups()
        let now = WallTime(milliseconds: 1_000_000_000)
        for (name, hours) in [("old", 49), ("new", 47)] {
            let used = now.advanced(by: .seconds(-hours * 3600))
            groups.add(
                ConsumerKey(stream: orders, group: name),
                DormantGroup(id: name, positions: positions(name, shards: 1), lastUsed: used))
        }
        groups.forgetUnused(now: now, streams)
        #expect(groups.groups.count == 2)
        streams.saw(summary(hours: 48), of: StreamName("orders")!, now: start)
        groups.forgetUnused(now: now, streams)
        #expect(groups.groups.keys.map(\.group) == ["new"])
    }

    @Test func `beyond the bounds those go that were used longest ago`() {
        var groups = DormantGroups()
        for number in 0..<DormantGroups.mostGroups + 5 {
            groups.add(
                ConsumerKey(stream: orders, group: "\(number)"),
                DormantGroup(
                    id: "", positions: positions("\(number)", shards: 1),
                    lastUsed: WallTime(milliseconds: Int64(number))))
        }
        #expect(groups.groups.count == DormantGroups.mostGroups)
        #expect(groups[ConsumerKey(stream: orders, group: "4")] == nil)
        #expect(groups[ConsumerKey(stream: orders, group: "5")] != nil)
        groups.add(
            ConsumerKey(stream: orders, group: "large"),
            DormantGroup(
                id: "", positions: positions("large", shards: DormantGroups.mostShards - 10),
                lastUsed: WallTime(milliseconds: 1_000_000)))
        #expect(groups.groups.count == 11)
        #expect(!groups.hasRoom(for: 1))
    }
}
