import AWS
import Kinesis
import Time

/// A consumer at one moment, for `GET /streams`.
package struct ConsumerSnapshot: Sendable {
    package enum Phase: String, Sendable {
        /// Has never found its stream and positions yet.
        case starting
        /// Started, without a reader: nothing is read.
        case idle
        /// Has readers.
        case reading
        /// Was stopped; its reader has not taken what is on its way.
        case stopping
        /// Was stopped: has no reader until it is started.
        case stopped
        /// Known by its stored positions alone: nobody has asked for it in this process, or not for long.
        case dormant
    }

    /// Names the consumer among those of its group, also in other processes.
    package let id: String
    package let startedOn: WallTime
    package let stream: StreamName
    package let group: String
    package let phase: Phase
    /// Whether other members of the group leave its shards alone.
    package let holdsShards: Bool
    /// Whether configuration lists it; else a request started it.
    package let isConfigured: Bool
    /// In the order in which they came.
    package let readerIDs: [String]
    /// Every option with the value in force.
    package let options: [(name: String, text: String)]
    /// In the order of their names.
    package let shards: [ShardSnapshot]
    /// Why the consumer as a whole does not get on, nil while it does.
    package let problem: String?
    /// Where its checkpoints can be stored.
    package let storage: CheckpointStorage
    /// nil: this process is alone in the group.
    package var membership: GroupSnapshot?
    /// nil: it is not to have enhanced fan-out.
    package var fanOut: FanOutSnapshot?
    /// nil where this process only knows its positions.
    package var totals: DeliveryTotals?
    /// Whether nobody has used it for longer than the stream keeps its records, or it was only ever stopped; never where
    /// configuration lists it.
    package var isUnused = false
}

/// What of a shard the committed checkpoint does not cover.
package struct ShardBacklog: Hashable, Sendable {
    /// Milliseconds since the oldest such record arrived; 0 where there is none up to the shard's tip, nil: not known yet.
    package let checkpointLag: Int?
    /// Events that were sent.
    package let unacknowledgedEvents: Int
    /// Milliseconds since the first of them was sent; nil where there is none, or it is not known.
    package let oldestUnacknowledged: Int?
}

/// One shard of a consumer at one moment.
package struct ShardSnapshot: Sendable {
    package enum Phase: String, Sendable {
        /// Not read: the consumer has no reader, or `shardIds` does not name it.
        case idle
        /// A parent is not read out yet.
        case waiting
        case reading
        /// Waits until somebody says that polling goes on.
        case paused
        /// The service refuses or fails; `problem` says why.
        case degraded
        /// Read to its end, some of it not settled, or not acknowledged, yet.
        case ending
        case depleted
    }

    package let id: ShardID
    package let parents: [ShardID]
    package let phase: Phase
    /// Whose the shard is; nil while nobody's.
    package let readerID: String?
    package let checkpoint: SequenceNumber?
    package let checkpointArrival: WallTime?
    /// As `ShardReader.lag` says, nil before the first answer.
    package let millisBehindLatest: Int?
    package let backlog: ShardBacklog
    /// Bytes that the shard holds of `maxBufferedBytes`.
    package let bufferedBytes: Int
    package let problem: String?
    /// Since the consumer is in this process.
    package let counters: ShardCounters
}
