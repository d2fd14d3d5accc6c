import DynamoDB
import Kinesis
import Recordings
import Testing
import Time

@testable import State

@Suite struct GroupItemTests {
    private let shard = ShardID(number: 0)

    private func record(_ attributes: Item) -> ShardRecord { ShardRecord(id: shard, attributes) }

    private func checkpoint(_ number: UInt128, sub: Int? = nil) -> Checkpoint {
        Checkpoint(sequenceNumber: SequenceNumber(number), subSequenceNumber: sub)
    }

    /// The record as it is after a write of the place.
    private func moved(_ record: ShardRecord, to place: Checkpoint) -> ShardRecord {
        self.record(record.record.merging(record.attributes(.behind(place))) { $1 })
    }

    // MARK: What lifion-kinesis stored

    @Test(arguments: LifionRecording.names) func `records of members and shards are read without loss`(name: String)
        throws
    {
        for json in try LifionRecording(name).items {
            let item = try AttributeValue.item(json, path: "Item")
            let group = GroupItem(item, place: .shared)
            #expect(group.streamCreatedOn == item["streamCreatedOn"]?.string)
            #expect(group.version == item["version"])
            let members = item["consumers"]?.map ?? [:]
            #expect(Set(group.members.keys.map(\.text)) == Set(members.keys))
            for (id, member) in group.members {
                var record = try #require(members[id.text]?.map)
                if record["shards"] != nil { record["shards"] = member.isStandalone ? [:] : nil }
                var ours = member.record
                // One that is standalone and uses enhanced fan-out has none of its own.
                if record["shards"] == nil { ours["shards"] = nil }
                #expect(ours == record)
            }
            try check(group.shards, item["shards"]?.map ?? [:])
            for id in group.members.keys {
                let place = GroupItem.Place.member(id)
                try check(GroupItem(item, place: place).shards, members[id.text]?["shards"]?.map ?? [:])
            }
        }
    }

    private func check(_ shards: [ShardID: ShardRecord], _ records: Item) throws {
        #expect(Set(shards.keys.map(\.text)) == Set(records.keys))
        for (id, shard) in shards {
            var record = try #require(records[id.text]?.map)
            if let text = record["checkpoint"]?.string, SequenceNumber(text) == nil {
                record["approximateArrivalTimestamp"] = nil
            }
            var ours = shard.record
            if record["approximateArrivalTimestamp"] == nil { ours["approximateArrivalTimestamp"] = nil }
            #expect(ours == record)
        }
    }

    @Test(arguments: LifionRecording.names) func `what lifion says of members and leases, ours says alike`(name: String)
        throws
    {
        let recording = try LifionRecording(name)
        for said in try recording.updates() {
            guard let ours = try Self.ours(said) else { continue }
            // Taking a lease is a heartbeat of ours as well.
            let shards = ours.update.valuesByPath.filter { $0.key.names.first == "shards" }
            #expect(shards == said.valuesByPath)
            #expect(ours.update.removals == said.removals)
            for condition in said.conditions { #expect(ours.update.conditions.contains(condition)) }
        }
    }

    /// The same update made by `GroupUpdate`; nil where lifion's has no counterpart of ours.
    private static func ours(_ said: ItemUpdate) throws -> GroupUpdate? {
        guard let first = said.sets.first, first.path.names.first == "shards" else { return nil }
        let id = try #require(ShardID(first.path.names[1]))
        let isWhole = first.path.names.count == 2
        if isWhole {
            var update = GroupUpdate(.shared, by: MemberID("me"), at: WallTime(milliseconds: 0))
            update.add(ShardRecord(id: id, try #require(first.value.map)))
            return update
        }
        // A shard's end is said together with its children's checkpoints.
        guard said.sets.allSatisfy({ $0.path.names[1] == id.text }) else { return nil }
        let values = Dictionary(uniqueKeysWithValues: said.sets.map { ($0.path.names.last!, $0.value) })
        guard let owner = values["leaseOwner"], case .equals(_, let before) = said.conditions.first else { return nil }
        let shard = ShardRecord(id: id, version: before.string ?? "")
        let version = values["version"]?.string ?? ""
        let end = values["leaseExpiration"]?.string.flatMap(WallTime.init(iso8601:))
        let lease: Duration = .seconds(300)
        let time = end.map { $0.advanced(by: .zero - lease) } ?? WallTime(milliseconds: 0)
        var update = GroupUpdate(.shared, by: MemberID(owner.string ?? ""), at: time)
        if owner.string != nil {
            update.take(shard, for: lease, version: version)
        } else {
            update.release(shard, version: version)
        }
        return update
    }

    // MARK: What we add

    @Test func `a part of an aggregated record is said beside the checkpoint, and counts while that is the same`() {
        let new = ShardRecord(id: shard, version: "v")
        let part = moved(new, to: checkpoint(7, sub: 3))
        #expect(part.checkpoint == checkpoint(7, sub: 3))
        #expect(moved(part, to: checkpoint(7)).checkpoint == checkpoint(7))
        let later = moved(part, to: checkpoint(8))
        #expect(later.checkpoint == checkpoint(8))
        let moved = part.attributes(.behind(checkpoint(8)))
        #expect(moved["sidecar"] == nil, "what does not count any more need not be written over")
    }

    @Test func `lifion moves the checkpoint and leaves ours behind: it does not count`() {
        var attributes = moved(ShardRecord(id: shard, version: "v"), to: checkpoint(7, sub: 3)).record
        attributes["checkpoint"] = "8"
        #expect(record(attributes).checkpoint == checkpoint(8))
    }

    @Test func `a place before a record is no checkpoint to lifion`() {
        let rewound = moved(ShardRecord(id: shard, version: "v"), to: Checkpoint(before: SequenceNumber(5)))
        #expect(rewound.record["checkpoint"] == .null)
        #expect(rewound.checkpoint == Checkpoint(before: SequenceNumber(5)))
        #expect(moved(rewound, to: checkpoint(6)).checkpoint == checkpoint(6))
    }

    @Test func `the moment of LATEST stands while there is no checkpoint`() {
        let moment = WallTime(milliseconds: 1_700_000_000_123)
        let taken = ShardRecord(id: shard, at: .since(moment), version: "v")
        #expect(record(taken.record).place == .since(moment))
        #expect(moved(record(taken.record), to: checkpoint(1)).place == .behind(checkpoint(1)))
    }

    @Test func `what another version of the sidecar has written stays`() {
        let attributes: Item = [
            "checkpoint": .null, "version": "v", "sidecar": ["of": .null, "later": ["x": 1]], "depleted": false,
        ]
        let moved = moved(record(attributes), to: Checkpoint(before: SequenceNumber(5)))
        #expect(moved.record["sidecar"]?["later"] == ["x": 1])
    }

    @Test func `what the owner says of a shard in one write sets each attribute once, if the lease is its own`() {
        var write = GroupUpdate.OwnerWrite()
        write.place = .behind(checkpoint(9))
        write.renewal = .seconds(40)
        write.isDepleted = true
        var update = GroupUpdate(.shared, by: MemberID("me"), at: WallTime(milliseconds: 0))
        update.write(ShardRecord(id: shard, version: "v1"), write, version: "v2")
        update.heartbeat()
        #expect(
            update.update.conditions == [
                .equals(["shards", shard.text, "leaseOwner"], "me"), .exists(["consumers", "me"]),
            ])
        let names = update.update.sets.map { $0.path.names.last! }
        #expect(
            names == [
                "heartbeat", "approximateArrivalTimestamp", "checkpoint", "depleted", "leaseExpiration", "version",
            ])
    }

    @Test func `a member that cannot be read whole is a member, and what is none is left out`() {
        let item: Item = [
            "consumers": ["a": ["isActive": "yes"], "b": "text"], "shards": ["not a shard": [:], "shardId-1": [:]],
        ]
        let group = GroupItem(item, place: .shared)
        #expect(group.members.keys.sorted() == [MemberID("a")] && group.members[MemberID("a")]?.heartbeat == nil)
        #expect(group.shards.keys.map(\.text) == ["shardId-1"])
    }
}

extension ItemUpdate {
    fileprivate var valuesByPath: [AttributePath: AttributeValue] {
        Dictionary(uniqueKeysWithValues: sets.map { ($0.path, $0.value) })
    }
}
