import Kinesis
import State
import Time

/// Where somebody wants a consumer's reading to go on.
package enum SeekTarget: Hashable, Sendable {
    /// At the oldest record that the stream has.
    case trimHorizon
    /// Behind everything that the stream has.
    case latest
    /// At the first record that came at this moment or later.
    case moment(WallTime)
    /// At this record, of the one shard that is named with it.
    case record(SequenceNumber, of: ShardID)
    /// Each of these shards at a place of its own, and no other: where another program has left them.
    case places([ShardID: SoughtPlace])
}

/// Where one shard is to go on.
package enum SoughtPlace: Hashable, Sendable {
    case behind(Checkpoint)
    /// At the first record that came at this moment or later.
    case since(WallTime)
    /// It counts as read to its end.
    case finished
}

/// What a seek is asked for.
package struct SeekRequest: Hashable, Sendable {
    package let target: SeekTarget
    /// The only shard that is put there; its descendants follow where it is read before them. nil: all.
    package let shard: ShardID?
    /// Says what would become of it, and changes nothing.
    package let isDryRun: Bool

    package init(_ target: SeekTarget, shard: ShardID? = nil, isDryRun: Bool = false) {
        self.target = target
        if case .record(_, let named) = target { self.shard = named } else { self.shard = shard }
        self.isDryRun = isDryRun
    }
}

/// What a seek makes, or would make, of one shard.
package struct SoughtShard: Hashable, Sendable {
    package let shard: ShardID
    /// Where reading would have gone on; nil: nothing was kept, and `initialPositionInStream` said it.
    package let from: String?
    package let to: String
    /// From the target to the shard's tip; nil: the service did not say it.
    package let milliseconds: Int?
}

/// A shard that somebody reads who cannot be told that it goes on elsewhere.
package struct HeldShard: Hashable, Sendable {
    package let shard: ShardID
    package let owner: MemberID
    package let host: String
}
