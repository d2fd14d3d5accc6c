/// Decides whether a failed call is tried again, and how long to wait before. Performs no I/O.
///
/// The options are lifion-kinesis's `retryOptions`, which are async-retry's (node-retry's): the wait before attempt n is
/// `minTimeout × factor^n`, at most `maxTimeout`. `randomize` spreads it over the whole of 0 to that bound (full jitter),
/// where node-retry only stretches it by up to two: many clients that were throttled together must not come back together.
/// Source: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
package struct RetryPolicy: Hashable, Sendable {
    /// Attempts after the first one; not looked at when `forever`.
    package var retries: Int
    /// How much longer each wait is than the one before. At least 1.
    package var factor: Double
    /// The bound of the first wait.
    package var minTimeout: Duration
    /// The bound of every wait.
    package var maxTimeout: Duration
    /// Full jitter; without it each wait is exactly its bound.
    package var randomize: Bool
    /// Never gives up for the number of attempts.
    package var forever: Bool
    /// Gives up once the call has lasted this long; nil: never.
    package var maxRetryTime: Duration?

    package init(
        retries: Int = 10, factor: Double = 2, minTimeout: Duration = .seconds(1), maxTimeout: Duration = .seconds(300),
        randomize: Bool = true, forever: Bool = true, maxRetryTime: Duration? = nil
    ) {
        self.retries = retries
        self.factor = factor
        self.minTimeout = minTimeout
        self.maxTimeout = maxTimeout
        self.randomize = randomize
        self.forever = forever
        self.maxRetryTime = maxRetryTime
    }

    /// For ever, 1 s doubling to 5 min.
    package static let `default` = RetryPolicy()

    /// The wait before the next attempt, nil to give up.
    /// - Parameters:
    ///   - attempt: attempts that have failed so far, 1 or more.
    ///   - elapsed: time since the first attempt began.
    ///   - random: a number from 0 up to 1.
    ///   - least, longest: what the kind of failure asks for at least, and bears at most.
    package func nextDelay(
        attempt: Int, elapsed: Duration, random: Double, least: Duration = .zero, longest: Duration? = nil
    ) -> Duration? {
        guard forever || attempt <= retries else { return nil }
        var bound = self.bound(attempt: attempt)
        if let longest { bound = min(bound, longest) }
        let delay = max(randomize ? bound * min(max(random, 0), 1) : bound, least)
        if let maxRetryTime, elapsed + delay > maxRetryTime { return nil }
        return delay
    }

    private func bound(attempt: Int) -> Duration {
        // Grown step by step, so that a large attempt number meets maxTimeout instead of infinity.
        var bound = minTimeout
        var step = 1
        while step < attempt, bound < maxTimeout, factor > 1 {
            bound = bound * factor
            step += 1
        }
        return min(bound, maxTimeout)
    }
}
