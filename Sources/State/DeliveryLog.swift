import Kinesis
import Time

/// One event that a reader's socket has taken whole: a row of the delivery log.
package struct DeliveredEvent: Hashable, Sendable {
    package let id: EventID
    package let shard: ShardID
    /// Where the shard goes on if this event was not read.
    package let before: Checkpoint
    /// The event's last record.
    package let last: Checkpoint
    /// Bytes that had been sent on the connection when the event was, itself included.
    package let endOffset: Int
    /// When its last byte was taken.
    package let sentOn: WallTime
    /// Under which seek of the shard.
    package let seek: SeekID?
    package let records: Int

    package init(
        id: EventID, shard: ShardID, before: Checkpoint, last: Checkpoint, endOffset: Int, sentOn: WallTime,
        seek: SeekID? = nil, records: Int = 1
    ) {
        self.id = id
        self.shard = shard
        self.before = before
        self.last = last
        self.endOffset = endOffset
        self.sentOn = sentOn
        self.seek = seek
        self.records = records
    }
}

/// The events of one shard that were sent and that its checkpoint does not cover, as far as the log reaches back.
package struct UnacknowledgedInLog: Hashable, Sendable {
    /// An event that was sent again counts once.
    package let count: Int
    /// The furthest record of them.
    package let last: Checkpoint
    /// When the first of them was sent; nil where an earlier version of the program sent them all.
    package let firstSentOn: WallTime?

    package init(count: Int, last: Checkpoint, firstSentOn: WallTime?) {
        self.count = count
        self.last = last
        self.firstSentOn = firstSentOn
    }
}

/// What the delivery log knows of a record by its number.
package enum RecordInLog: Hashable, Sendable {
    /// An event ends with it, or begins behind it.
    case named
    /// It would lie inside an event; whether there is such a record the log cannot tell.
    case insideEvent
    case unknown
}

/// A reader that did not end in order, with what it may not have read: where each shard goes on if it read none of the
/// last bytes that were sent to it.
package struct LostReader: Hashable, Sendable {
    package let id: ReaderID
    package let unread: [ShardID: Checkpoint]

    package init(id: ReaderID, unread: [ShardID: Checkpoint]) {
        self.id = id
        self.unread = unread
    }
}

/// The last event of a shard that a reader was sent, up to another event.
package struct SentEvent: Hashable, Sendable {
    /// The event's number.
    package let number: Int
    /// Its last record.
    package let last: Checkpoint
    /// Under which seek of the shard it was sent.
    package let seek: SeekID?
    /// 0: not known, because an earlier version of the program sent it.
    package let records: Int

    package init(number: Int, last: Checkpoint, seek: SeekID? = nil, records: Int = 1) {
        self.number = number
        self.last = last
        self.seek = seek
        self.records = records
    }
}

/// How far a shard was sent to any reader, as far as the log reaches back.
package struct FurthestSent: Hashable, Sendable {
    /// Under the seek that was asked for; nil: nothing.
    package let now: Checkpoint?
    /// Under others.
    package let before: Checkpoint?

    package init(now: Checkpoint?, before: Checkpoint?) {
        self.now = now
        self.before = before
    }
}

/// What a client was sent after one of its events, on that connection and on those with which it came back.
package struct SentAfter: Hashable, Sendable {
    /// What it was sent of one shard: from behind `before`, the earliest place, up to and with `last`, the furthest.
    package struct Stretch: Hashable, Sendable {
        package let before: Checkpoint
        package let last: Checkpoint

        package init(before: Checkpoint, last: Checkpoint) {
            self.before = before
            self.last = last
        }
    }

    package let stretches: [ShardID: Stretch]
    /// The event's reader, and those that came back naming an event of it, or of one of those.
    package let readers: [ReaderID]
    /// Whether the log still holds every event after the one that was named.
    package let isWhole: Bool

    package init(stretches: [ShardID: Stretch], readers: [ReaderID], isWhole: Bool) {
        self.stretches = stretches
        self.readers = readers
        self.isWhole = isWhole
    }
}

/// How much of the delivery log is kept, for each consumer.
///
/// A row takes about 250 bytes of file. What a reader that is connected, or lost, may not have read is kept beyond these
/// numbers: it is what a crash would need.
package struct DeliveryLogLimits: Sendable {
    /// Of a reader that is connected: 3 GB in events of 60,000 bytes.
    package var eventsOfReader = 50_000
    /// Of a reader that has ended: its Last-Event-ID is among the last ones.
    package var eventsOfEndedReader = 5_000
    /// Readers that have ended; the ones that ended first go first.
    package var endedReaders = 256
    /// How long one that has ended is remembered. Kinesis keeps records for 24 hours unless it is told otherwise.
    package var endedFor: Duration = .seconds(24 * 3600)
    /// Changes of the log between two prunings.
    package var changesBetweenPrunings = 5_000
    /// Entries that wait in memory while the database cannot be written; beyond it the oldest go.
    package var waitingEntries = 20_000

    package init() {}
}
