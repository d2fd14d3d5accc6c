/// Whose turn it is to be subscribed to one shard for one consumer: one call's at a time, and a later one takes over. Performs
/// no I/O.
///
/// Source: SubscribeToShard in the service's API reference.
struct SubscriptionTurns {
    typealias Instant = ContinuousClock.Instant

    enum Verdict: Equatable {
        case accepted
        /// Another call has succeeded just now.
        case inUse
        /// Calls come too often.
        case limitExceeded
    }

    /// For so long after a call that succeeded no other one takes over.
    static let protection = Duration.seconds(5)
    /// At most one call in this time.
    static let pause = Duration.seconds(1)

    private var lastCall: Instant?
    private var lastSuccess: Instant?
    /// The number of the subscription that has its turn, or had the last one.
    private(set) var current: Int?

    /// - Parameters:
    ///   - number: of the subscription that the call asks for.
    ///   - limits: whether calls may come too often.
    mutating func call(_ number: Int, now: Instant, limits: Bool) -> Verdict {
        defer { lastCall = now }
        if let lastSuccess, now < lastSuccess + Self.protection { return .inUse }
        if limits, let lastCall, now < lastCall + Self.pause { return .limitExceeded }
        lastSuccess = now
        current = number
        return .accepted
    }

    /// Whether a call that comes now is judged as the first one would be.
    func isForgotten(now: Instant) -> Bool { lastCall.map { now >= $0 + Self.protection } ?? true }
}
