import Kinesis
import Time

/// What a consumer is: one group's place in one stream.
package struct ConsumerKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let stream: StreamName
    package let group: String

    package init(stream: StreamName, group: String) {
        self.stream = stream
        self.group = group
    }

    package var description: String { "\(stream)/\(group)" }

    package static func < (left: ConsumerKey, right: ConsumerKey) -> Bool {
        (left.stream, left.group) < (right.stream, right.group)
    }
}

/// Where a shard without a checkpoint is begun.
package enum ShardStart: Hashable, Sendable {
    /// Where the consumer's `initialPositionInStream` says.
    case initial
    /// The same, for a shard that was already closed when the consumer first took LATEST: LATEST passes it over, while
    /// TRIM_HORIZON reads it.
    case initialClosed
    /// At its oldest record, whatever the option says: it appeared while the consumer was following the stream.
    case trimHorizon
    /// At the first record that came after this moment, as the group's item says.
    case since(WallTime)
}

/// One shard as a consumer knows it.
package struct ShardState: Hashable, Sendable {
    package let id: ShardID
    package let parents: [ShardID]
    package var start: ShardStart
    package var checkpoint: Checkpoint?
    /// Read to its end, and all of it settled.
    package var isDepleted: Bool
    /// In which run of this host's member the shard was last leased; nil: it never was, or the lease was lost since.
    package var run: MemberRun?
    /// nil: reading began where the group did.
    package var seek: SeekID?

    package init(
        id: ShardID, parents: [ShardID], start: ShardStart, checkpoint: Checkpoint? = nil, isDepleted: Bool = false,
        run: MemberRun? = nil, seek: SeekID? = nil
    ) {
        self.id = id
        self.parents = parents
        self.start = start
        self.checkpoint = checkpoint
        self.isDepleted = isDepleted
        self.run = run
        self.seek = seek
    }
}

/// Everything that is kept of one consumer.
package struct ConsumerState: Equatable, Sendable {
    /// The stream's creation time: tells a stream from an earlier one of the same name.
    package let streamCreatedOn: WallTime
    /// The moment from which a consumer that asked for LATEST reads; nil while none has.
    package var latestSince: WallTime?
    package var shards: [ShardState]

    package init(streamCreatedOn: WallTime, latestSince: WallTime? = nil, shards: [ShardState] = []) {
        self.streamCreatedOn = streamCreatedOn
        self.latestSince = latestSince
        self.shards = shards
    }
}
