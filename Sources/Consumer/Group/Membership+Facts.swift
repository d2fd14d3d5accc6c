import DynamoDB
import Kinesis
import State
import Time

// MARK: What a membership is made of, told, and says

extension Membership {
    /// How a member takes part.
    struct Settings: Sendable {
        /// Of which `me`, `host` and so on are written; its heartbeat is the moment of the write.
        var member: GroupMember
        let run: MemberRun
        let key: ConsumerKey
        let streamCreatedOn: WallTime
        let leaseDuration: Duration
        /// At least.
        let checkpointInterval: Duration
        /// At most from one look at the item to the next.
        let acquisitionInterval: Duration
        /// From a refusal to the next attempt.
        let recoveryInterval: Duration
        let initialPosition: InitialPosition
        /// The only shards that are read; nil: whichever the stream has.
        let wanted: Set<ShardID>?
        /// Of enhanced fan-out; nil: shards are polled.
        var fanOut: ConsumerPool.Settings?

        /// Where this member's shards stand in an item.
        func place(in item: Item?) -> GroupItem.Place {
            GroupItem.place(of: member, subscribes: fanOut != nil, in: item ?? [:])
        }
    }

    enum Request: Equatable, Sendable {
        case read(isConsistent: Bool)
        case create(Item)
        /// If this holds.
        case delete([ItemCondition])
        case write(ItemUpdate)
    }

    enum Step: Equatable, Sendable {
        case wait(until: Instant)
        case send(Request)
        /// The member has left.
        case over
    }

    enum Answer: Sendable {
        /// Of a read, or of a write that has taken place.
        case item(Item?)
        /// Nothing happened. `item`: as it is, nil: there is none.
        case conditionFailed(Item?)
        /// The item was created, or deleted, or somebody else was first.
        case done
        /// Nothing happened: the table refuses it for now.
        case refused(isThrottled: Bool)
        /// Whether it has happened is not known.
        case unknown
    }

    /// What is news for who reads here.
    enum News: Equatable, Sendable {
        /// The shard may be read from here on. `isFresh`: its place is LATEST as of now.
        case took(ShardRecord, isFresh: Bool)
        /// Reading it comes to an end; `settled` follows.
        case giveUp(ShardID)
        /// It may not be read any more; whose it is by the item.
        case lost(ShardID, to: MemberID?)
        /// The shard's `checkpoint` was no sequence number: what is read of it begins at the stream's beginning, or where this
        /// host knows that it was.
        case unreadable(ShardID, checkpoint: AttributeValue, goingOnAt: ShardRecord.Place)
        /// So many leases were renewed.
        case renewed(Int)
        /// The lease is over with the shard's end, which is written.
        case over(ShardID)
        /// The group's item was lost and is made anew.
        case itemGone
        /// The shards are read in this way from here on; nil: there is no consumer to subscribe as.
        case way(ReadingWay?)
        /// Others of the group know a later stream of the name: the one that is read here may be gone.
        case outdated
        /// Another process takes part under this member's name. The member has left.
        case sharesName(with: GroupMember)
    }
}
