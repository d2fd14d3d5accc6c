import Reactor

/// Counts refusals, and bounds how many who prove nothing are told why: beyond `burst` at once and one more for each
/// `interval`, all of them together. What is proven goes on whatever there is of them. Performs no I/O.
struct AccessFailures {
    /// What a fleet that has lost its token sends at once when it is started.
    static let burst = 100
    /// Ten a second: enough for a person or a few services to see what is wrong.
    static let interval = Duration.milliseconds(100)

    /// By problem code.
    private(set) var counts: [ProblemCode: Int] = [:]
    /// When all failures that were told will have had their interval.
    private var settled: EventLoop.Instant?

    /// What is said instead, where it is too much.
    mutating func note(_ denial: AccessDenial, now: EventLoop.Instant) -> AccessDenial {
        let told = bounded(denial, now)
        counts[told.code, default: 0] += 1
        return told
    }

    private mutating func bounded(_ denial: AccessDenial, _ now: EventLoop.Instant) -> AccessDenial {
        switch denial {
        case .verb, .extent, .elsewhere, .tooMany: return denial
        case .noToken, .unknownToken, .unknownClient:
            let settled = max(self.settled ?? now, now) + Self.interval
            let over = settled - now - Self.interval * Self.burst
            if over > .zero { return .tooMany(retryAfter: Int(over.components.seconds) + 1) }
            self.settled = settled
            return denial
        }
    }
}
