/// What a shard takes or gives in a second. Source:
/// https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html.
package enum ShardLimits {
    package static let writeBytesPerSecond = 1024 * 1024
    package static let writesPerSecond = 1000
}

/// A second's share that fills up steadily and may be overdrawn by the last who takes from it (a token bucket). Performs no
/// I/O.
package struct Allowance: Sendable {
    private let rate: Int
    private var left: Double
    private var at: ContinuousClock.Instant?

    /// - Parameter rate: what a second gives, and the most that gathers; at least 1.
    package init(rate: Int) {
        self.rate = rate
        left = Double(rate)
    }

    /// From when on something may be taken: now, or once what was overdrawn is paid off.
    package mutating func positive(from now: ContinuousClock.Instant) -> ContinuousClock.Instant {
        refill(now)
        return left > 0 ? now : now + .seconds((1 - left) / Double(rate))
    }

    /// From when on so much may be taken; more than a second's share once that is whole.
    package mutating func covers(_ amount: Int, from now: ContinuousClock.Instant) -> ContinuousClock.Instant {
        refill(now)
        let missing = Double(min(amount, rate)) - left
        return missing <= 0 ? now : now + .seconds(missing / Double(rate))
    }

    package mutating func covers(_ amount: Int, _ now: ContinuousClock.Instant) -> Bool {
        covers(amount, from: now) <= now
    }

    package mutating func spend(_ amount: Int, _ now: ContinuousClock.Instant) {
        refill(now)
        left -= Double(amount)
    }

    /// Nothing is left: others have taken it.
    package mutating func drain(_ now: ContinuousClock.Instant) {
        refill(now)
        left = min(left, 0)
    }

    private mutating func refill(_ now: ContinuousClock.Instant) {
        if let at, now > at { left = min(Double(rate), left + (now - at) / .seconds(1) * Double(rate)) }
        at = now
    }
}
