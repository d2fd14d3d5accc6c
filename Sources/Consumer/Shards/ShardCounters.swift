import Kinesis
import Telemetry
import Time

/// What one shard has done for its consumer since the consumer is in this process. Performs no I/O.
///
/// Counts only grow: readers that come and go, and shards that move between them, change nothing of them.
package struct ShardCounters: Equatable, Sendable {
    /// Records of batches that were settled: their bytes were taken by a socket. One that comes again counts again.
    package private(set) var records = 0
    /// Bytes of those records' data as Kinesis holds them, before any encoding.
    package private(set) var bytes = 0
    /// Batches, which are events, that were settled.
    package private(set) var batches = 0
    /// User records of aggregates that were left out, because their hash keys lie outside the shard. Those that are read again
    /// count again.
    package private(set) var droppedUserRecords = 0
    /// Times that the watchdog had to restart the shard.
    package private(set) var restarts = 0
    /// Times that the shard began again further back, so that records came again.
    package private(set) var rewinds = 0
    /// Records that were passed over because somebody said that they cannot be processed.
    package private(set) var skippedRecords = 0
    /// What the shard was at when it was restarted last; nil when it never was.
    package private(set) var lastRestart: String?
    /// Subscriptions that have begun; in polling none.
    package private(set) var subscriptions = 0
    /// Why those that are over are.
    package private(set) var subscriptionEndings: [SubscriptionEnding: Int] = [:]
    /// Bytes of the events that were pushed.
    package private(set) var pushedBytes = 0
    /// When the service last responded for this shard with anything but a failure; nil before its first response.
    package private(set) var lastProgress: WallTime?

    /// When a batch of the shard was last settled.
    package private(set) var lastRecordConsumed: WallTime?

    package init() {}

    mutating func delivered(_ batch: EncodedBatch, at time: WallTime) {
        lastRecordConsumed = time
        records += batch.recordCount
        bytes += batch.dataBytes
        batches += 1
    }

    mutating func progressed(at time: WallTime) {
        lastProgress = time
    }

    /// - Parameter ending: of the subscription before, if it was of the same reading of the shard. One of an earlier reading
    ///   ended with that.
    mutating func subscribed(after ending: SubscriptionEnding?) {
        if subscriptions > 0 { subscriptionEndings[ending ?? .revoked, default: 0] += 1 }
        subscriptions += 1
    }

    mutating func pushed(bytes: Int) {
        pushedBytes += bytes
    }

    mutating func skipped(_ records: Int) {
        skippedRecords += records
    }

    mutating func dropped(userRecords count: Int) {
        droppedUserRecords += count
    }

    mutating func rewound() {
        rewinds += 1
    }

    mutating func restarted(because reason: String) {
        restarts += 1
        lastRestart = reason
    }
}

/// What a consumer's readers were given, over all of its shards, those that the stream has no more included, and how soon.
/// Performs no I/O.
package struct DeliveryTotals: Equatable, Sendable {
    /// As of `ShardCounters`.
    package private(set) var records = 0
    package private(set) var bytes = 0
    /// From when the response was there to when the reader's socket had taken the event.
    package private(set) var delay = Histogram(.latency)
    /// How old an event's last record was then, by the time at which the service had taken it.
    package private(set) var age = Histogram(.age)

    package init() {}

    mutating func delivered(_ batch: EncodedBatch, after delay: Duration, at time: WallTime) {
        records += batch.recordCount
        bytes += batch.dataBytes
        self.delay.record(delay)
        if let arrival = batch.last.arrival { age.record(time.duration(since: arrival)) }
    }
}

/// The counters of all shards of one consumer. Confined to its loop.
///
/// Bounded by the number of the stream's shards: `keep` forgets those that the stream has no more.
final class ConsumerCounters: @unchecked Sendable {
    private var shards: [ShardID: ShardCounters] = [:]
    private(set) var totals = DeliveryTotals()

    subscript(_ shard: ShardID) -> ShardCounters {
        get { shards[shard] ?? ShardCounters() }
        _modify { yield &shards[shard, default: ShardCounters()] }
    }

    /// - Parameter delay: since the response was there.
    func delivered(_ batch: EncodedBatch, of shard: ShardID, after delay: Duration, at time: WallTime) {
        self[shard].delivered(batch, at: time)
        totals.delivered(batch, after: delay, at: time)
    }

    func keep(_ ids: some Sequence<ShardID>) {
        let known = Set(ids)
        shards = shards.filter { known.contains($0.key) }
    }
}
