/// The service's limits of one shard: who may read or write now. Performs no I/O.
///
/// Source: https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html.
struct ShardThrottle {
    typealias Instant = ContinuousClock.Instant

    /// Reads a second, over all consumers; GetRecords and GetShardIterator are counted apart.
    static let callsPerSecond = 5
    static let readBytesPerSecond = 2 * 1024 * 1024
    static let writeBytesPerSecond = 1024 * 1024
    static let writesPerSecond = 1000
    /// An answer of this size closes the shard to readers for `largeAnswerPause`.
    static let largeAnswerBytes = 10 * 1024 * 1024
    static let largeAnswerPause = Duration.seconds(5)

    private var reads = CallWindow()
    private var iterators = CallWindow()
    private var readBytes = Allowance(rate: readBytesPerSecond)
    private var writeBytes = Allowance(rate: writeBytesPerSecond)
    private var writes = Allowance(rate: writesPerSecond)
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

/// A second's share that fills up steadily and may be overdrawn by the last who takes from it.
struct Allowance {
    private let rate: Int
    private var left: Double
    private var at: ContinuousClock.Instant?

    init(rate: Int) {
        self.rate = rate
        left = Double(rate)
    }

    /// From when on something may be taken: now, or once what was overdrawn is paid off.
    mutating func positive(from now: ContinuousClock.Instant) -> ContinuousClock.Instant {
        refill(now)
        return left > 0 ? now : now + .seconds((1 - left) / Double(rate))
    }

    mutating func covers(_ amount: Int, _ now: ContinuousClock.Instant) -> Bool {
        refill(now)
        return left >= Double(min(amount, rate))
    }

    mutating func spend(_ amount: Int, _ now: ContinuousClock.Instant) {
        refill(now)
        left -= Double(amount)
    }

    private mutating func refill(_ now: ContinuousClock.Instant) {
        if let at, now > at { left = min(Double(rate), left + (now - at) / .seconds(1) * Double(rate)) }
        at = now
    }
}
