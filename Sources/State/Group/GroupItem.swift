import DynamoDB
import Kinesis
import Time

/// The item of one consumer group and stream, as lifion-kinesis keeps it in DynamoDB. Performs no I/O.
///
/// Everybody of the group writes single attributes of it and leaves the others alone.
package struct GroupItem: Sendable {
    /// Which of the item's shard maps a member uses.
    package enum Place: Equatable, Sendable {
        /// `shards`: the members share them.
        case shared
        /// `consumers.<id>.shards`: a standalone member polls all of them.
        case member(MemberID)
        /// `enhancedConsumers.<name>.shards`: a standalone member subscribes to all of them.
        case enhancedConsumer(String)

        package var path: AttributePath {
            switch self {
            case .shared: ["shards"]
            case .member(let id): ["consumers", id.text, "shards"]
            case .enhancedConsumer(let name): ["enhancedConsumers", name, "shards"]
            }
        }
    }

    /// The stream's creation time as text: another one, and the item is an earlier stream's.
    package let streamCreatedOn: String
    private let creation: AttributeValue?
    /// Changes only when old members are cleared. As it stands, whatever it is; nil: it is missing.
    package let version: AttributeValue?
    package let members: [MemberID: GroupMember]
    /// Consumers that the group has registered for its stream, by name.
    package let enhancedConsumers: [String: EnhancedConsumer]
    /// Where `shards` stand.
    package let place: Place
    /// The shards of the place that was asked for.
    package var shards: [ShardID: ShardRecord]
    /// What stands where a shard's record should be and is none.
    package let unreadable: [ShardID: AttributeValue]
    /// Maps that are missing, with what stands in their place: nothing can be written into them.
    package let missingMaps: [(path: AttributePath, value: AttributeValue?)]
    /// Bytes, as the service counts them.
    package let bytes: Int

    /// What of the item cannot be read is left out: a member without a record, a shard whose name is none.
    package init(_ item: Item, place: Place) {
        streamCreatedOn = item["streamCreatedOn"]?.string ?? ""
        creation = item["streamCreatedOn"]
        version = item["version"]
        var members: [MemberID: GroupMember] = [:]
        for (name, value) in item["consumers"]?.map ?? [:] {
            guard let record = value.map else { continue }
            members[MemberID(name)] = GroupMember(id: MemberID(name), record)
        }
        self.members = members
        self.place = place
        enhancedConsumers = EnhancedConsumer.all(in: item)
        let map = place.path.names.reduce(AttributeValue.map(item)) { $0?[$1] }?.map ?? [:]
        var shards: [ShardID: ShardRecord] = [:]
        var unreadable: [ShardID: AttributeValue] = [:]
        for (name, value) in map {
            guard let id = ShardID(name) else { continue }
            if let record = value.map { shards[id] = ShardRecord(id: id, record) } else { unreadable[id] = value }
        }
        self.shards = shards
        self.unreadable = unreadable
        missingMaps = ["consumers", "enhancedConsumers", "shards"].filter { item[$0]?.map == nil }.map {
            (AttributePath([$0]), item[$0])
        }
        bytes = ItemSize.bytes(of: item)
    }

    /// The attributes that make an item's key, strings both.
    package static let keyNames = (hash: "consumerGroup", range: "streamName")

    /// The key of a group's item.
    package static func key(_ consumer: ConsumerKey) -> Item {
        [keyNames.hash: .string(consumer.group), keyNames.range: .string(consumer.stream.text)]
    }

    /// Where the member's shards stand in the item: those of a standalone one that subscribes, in the record of the consumer
    /// that it has, if it has one.
    package static func place(of member: GroupMember, subscribes: Bool, in item: Item) -> Place {
        guard member.isStandalone else { return .shared }
        guard subscribes else { return .member(member.id) }
        let own = EnhancedConsumer.all(in: item).values.filter { $0.isUsedBy == member.id }
        return own.map(\.name).min().map(Place.enhancedConsumer) ?? .member(member.id)
    }

    /// A group's item when it is made.
    package static func new(_ consumer: ConsumerKey, streamCreatedOn: WallTime, version: String) -> Item {
        key(consumer).merging([
            "consumers": [:], "enhancedConsumers": [:], "shards": [:], "version": .string(version),
            "streamCreatedOn": .string(streamCreatedOn.iso8601),
        ]) { $1 }
    }

    /// It is made only where there is none.
    package static let newConditions: [ItemCondition] = [.isAbsent(["streamName"])]

    /// It is deleted only if it is still an earlier stream's.
    package var deleteConditions: [ItemCondition] { [.unchanged(["streamCreatedOn"], creation)] }
}
