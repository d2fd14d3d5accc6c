import Kinesis
import Time

/// One thing that became true of a consumer and is to be kept.
package enum StateChange: Sendable, Equatable {
    /// The consumer stands like this, whatever was kept of its positions. The delivery log stays, unless it is of another
    /// incarnation of the stream.
    case begin(ConsumerState)
    /// Everything of the shard up to here needs no delivery any more. Never moves a checkpoint backwards.
    case checkpoint(ShardID, Checkpoint)
    /// The shard goes on from here, which may be further back, or without a checkpoint; if it was read to its end, it no
    /// longer is.
    case reset(ShardID, Checkpoint?)
    /// Shards that were not known; a shard that is stays as it is.
    case add([ShardState])
    /// The shard is read to its end and settled; these children are known from here on, and begin as they say unless
    /// they have a checkpoint.
    case deplete(ShardID, children: [ShardState])
    /// The shard is leased, and stands as the group's item says, whatever was known of it.
    case adopt(ShardState)
    /// Somebody has put these shards where they stand, whatever was known of them. What was sent of them before counts for
    /// nothing.
    case seek([ShardState])
    /// The shard's lease is lost: what is known of it may be older than what the item says.
    case disown(ShardID)
    /// Shards that are read out and no longer in the stream.
    case forget([ShardID])
    /// A reader has come. `unreadBytes`: how much of what was sent to it last counts as unread when it is lost.
    /// `following`: the reader of whose events its client named the last one, nil when it named none.
    case readerJoined(ReaderID, at: WallTime, unreadBytes: Int, following: ReaderID?)
    /// A reader's socket has taken an event.
    case delivered(DeliveredEvent)
    /// A reader has gone; a lost one may not have read its last bytes.
    case readerEnded(ReaderID, at: WallTime, isLost: Bool)
    /// What these lost readers may not have read is provided for.
    case lossesSettled([ReaderID])
    /// What the readers before this moment may not have read is not provided for: they are not lost any more.
    case lossesForgotten(at: WallTime)
    /// Of the reader's events up to this number some are not in the log.
    case eventsForgotten(ReaderID, upTo: Int)

    /// Whether somebody uses the group for it to come about. What becomes known of the stream's shards is no use: that is
    /// looked at for groups that nobody reads, too.
    var isUse: Bool {
        switch self {
        case .add, .adopt, .disown, .forget: false
        case .begin, .checkpoint, .reset, .deplete, .seek, .readerJoined, .delivered, .readerEnded, .lossesSettled,
            .lossesForgotten, .eventsForgotten:
            true
        }
    }

    /// Whether it belongs to the delivery log, and not to the shards' positions.
    var isOfLog: Bool {
        switch self {
        case .begin, .checkpoint, .reset, .add, .deplete, .adopt, .seek, .disown, .forget: false
        case .readerJoined, .delivered, .readerEnded, .lossesSettled, .lossesForgotten, .eventsForgotten: true
        }
    }
}
