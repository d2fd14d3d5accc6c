import Kinesis

/// The service's limits of one shard: who may read or write now. Performs no I/O.
///
/// Source: https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html.
struct ShardThrottle {
    typealias Instant = ContinuousClock.Instant

    /// Reads a second, over all consumers; GetRecords and GetShardIterator are counted apart.
    static let callsPerSecond = 5
    static let readBytesPerSecond = 2 * 1024 * 1024
    /// An answer of this size closes the shard to readers for `largeAnswerPause`.
    static let largeAnswerBytes = 10 * 1024 * 1024
    static let largeAnswerPause = Duration.seconds(5)

    private var reads = CallWindow()
    private var iterators = CallWindow()
    private var readBytes = Allowance(rate: readBytesPerSecond)
    private var writeBytes = Allowance(rate: ShardLimits.writeBytesPerSecond)
    private var writes = Allowance(rate: ShardLimits.writesPerSecond)
    private var closedUntil: Instant?

    mutating func mayRead(now: Instant) -> Bool {
        if let closedUntil, now < closedUntil { return false }
        return readBytes.positive(from: now) <= now && reads.admit(now)
    }

    /// What a read that was admitted has cost.
    mutating func didRead(bytes: Int, now: Instant) {
        readBytes.spend(bytes, now)
        if bytes >= Self.largeAnswerBytes { closedUntil = now + Self.largeAnswerPause }
    }

    mutating func mayMakeIterator(now: Instant) -> Bool {
        iterators.admit(now)
    }

    /// Admits one record of `bytes` (data and key). A record larger than a second's share is admitted when the share is
    /// whole, and the shard pays it off afterwards.
    mutating func admitWrite(bytes: Int, now: Instant) -> Bool {
        guard writes.covers(1, now), writeBytes.covers(bytes, now) else { return false }
        writes.spend(1, now)
        writeBytes.spend(bytes, now)
        return true
    }
}

/// At most five calls within any second.
private struct CallWindow {
    private var recent: [ContinuousClock.Instant] = []

    mutating func admit(_ now: ContinuousClock.Instant) -> Bool {
        recent.removeAll { now - $0 >= .seconds(1) }
        guard recent.count < ShardThrottle.callsPerSecond else { return false }
        recent.append(now)
        return true
    }
}
