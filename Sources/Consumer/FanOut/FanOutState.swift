import Kinesis

/// How one group's shards of a stream are read, and when that is looked at again. Performs no I/O.
///
///     polled                                    fan-out is not asked for
///     subscribed ──gone──▸ missing              its shards stand still until there is another consumer
///         │ └──denied──┐
///         └─────────── fallback ──after a minute──▸ tried again
///
/// `use` leads from each to any other.
struct FanOutState: Equatable, Sendable {
    typealias Instant = ContinuousClock.Instant

    enum Reading: Equatable, Sendable {
        case polled
        /// As this consumer, of which somebody may look whether it is there from `nextCheck` on.
        case subscribed(ConsumerARN, nextCheck: Instant)
        /// It is gone, and another one could not be had for this reason.
        case missing(ConsumerARN, problem: String, nextCheck: Instant)
        /// Polled, for this reason, until it is tried again. `denied`: there is a consumer, which may not subscribe.
        case fallback(problem: String, denied: ConsumerARN?, nextTry: Instant)
    }

    /// What a try for fan-out begins with.
    enum Try: Equatable, Sendable {
        /// This consumer may be allowed to subscribe by now.
        case use(ConsumerARN)
        /// One has to be had.
        case obtain
    }

    /// From one look whether the consumer is still there to the next.
    static let checkPause: Duration = .seconds(5)
    /// From one try to have fan-out to the next, while the shards are polled instead.
    static let fallbackPause: Duration = .seconds(60)

    private(set) var reading = Reading.polled

    var way: ReadingWay {
        switch reading {
        case .polled: .polling(insteadOf: nil)
        case .subscribed(let consumer, _), .missing(let consumer, _, _): .fanOut(consumer)
        case .fallback(let problem, _, _): .polling(insteadOf: problem)
        }
    }

    // MARK: Facts

    /// The shards are to be read in this way. Returns whether that is news; the same for a reason in other words is none.
    mutating func use(_ way: ReadingWay, now: Instant) -> Bool {
        let before = self.way
        switch (way, reading) {
        case (.polling(insteadOf: nil), _): reading = .polled
        case (.polling(insteadOf: let problem?), _):
            reading = .fallback(problem: problem, denied: nil, nextTry: now + Self.fallbackPause)
        case (.fanOut(let consumer), .subscribed(let present, let nextCheck)) where consumer == present,
            (.fanOut(let consumer), .missing(let present, _, let nextCheck)) where consumer == present:
            reading = .subscribed(consumer, nextCheck: nextCheck)
        case (.fanOut(let consumer), _): reading = .subscribed(consumer, nextCheck: now)
        }
        return before.consumer != way.consumer || before == .polling(insteadOf: nil) && before != way
    }

    /// The service allows no subscription. Returns whether the shards are polled from here on.
    mutating func denied(_ problem: String, now: Instant) -> Bool {
        guard let consumer = way.consumer else { return false }
        reading = .fallback(problem: problem, denied: consumer, nextTry: now + Self.fallbackPause)
        return true
    }

    /// There is no consumer in place of one that is gone; while shards are polled that changes nothing.
    mutating func couldNotObtain(_ problem: String) {
        switch reading {
        case .subscribed(let consumer, let nextCheck), .missing(let consumer, _, let nextCheck):
            reading = .missing(consumer, problem: problem, nextCheck: nextCheck)
        case .polled, .fallback: break
        }
    }

    /// The consumer that may not subscribe, while shards are polled because of that.
    var denied: ConsumerARN? { if case .fallback(_, let consumer, _) = reading { consumer } else { nil } }

    // MARK: What to do

    /// The consumer that may be gone, to be looked for now; nil: there is none, or it was looked for just before.
    mutating func beginCheck(now: Instant) -> ConsumerARN? {
        switch reading {
        case .subscribed(let consumer, let nextCheck) where now >= nextCheck:
            reading = .subscribed(consumer, nextCheck: now + Self.checkPause)
            return consumer
        case .missing(let consumer, let problem, let nextCheck) where now >= nextCheck:
            reading = .missing(consumer, problem: problem, nextCheck: now + Self.checkPause)
            return consumer
        case .polled, .subscribed, .missing, .fallback: return nil
        }
    }

    /// What fan-out is tried with now; nil: nothing.
    mutating func beginTry(now: Instant) -> Try? {
        guard case .fallback(let problem, let denied, let nextTry) = reading, now >= nextTry else { return nil }
        reading = .fallback(problem: problem, denied: denied, nextTry: now + Self.fallbackPause)
        return denied.map(Try.use) ?? .obtain
    }
}
