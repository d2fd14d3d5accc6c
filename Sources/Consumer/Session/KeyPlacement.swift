import Kinesis

/// Knows whether a record's hash key tells its shard: not in a stream that distributes records automatically, and a stream
/// may come to do that while it is read. Decides what may be left out as another shard's. Performs no I/O.
///
/// A record that is left out wrongly is lost; one that is given out wrongly comes twice, which readers have to expect anyway.
/// So a record is left out only where the stream was looked at after it had been received. Once seen to be distributed
/// automatically, a stream may hold such records for as long as it keeps any: the range tells nothing any more.
struct KeyPlacement: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// Looks that may follow one another at once, so that a resharding, after which some records are another shard's, is seen
    /// exactly.
    static let looksAtOnce = 10
    /// What earns one more look. DescribeStreamSummary is answered 20 times a second for the whole account, and an
    /// aggregator that always mixes keys of several shards would have each of its aggregates ask.
    static let lookInterval = Duration.seconds(60)

    /// What becomes of a user record whose hash key lies outside of the shard's range.
    enum Verdict: Equatable, Sendable {
        /// It is another shard's.
        case leaveOut
        /// It may be this shard's: its place says nothing, or nobody knows.
        case giveOut
        /// The stream has to be looked at first; or is being looked at.
        case look
    }

    private enum Look {
        case none
        case underway(since: Instant)
        /// It told nothing.
        case failed(since: Instant)
    }

    /// Whether the stream was ever seen to distribute records automatically.
    private(set) var isAutomatic = false
    /// What was received up to here was placed by its key, as far as anybody could see.
    private var confirmedUpTo: Instant?
    private var look = Look.none
    private var looksLeft = Self.looksAtOnce
    /// Since when a further look is being earned.
    private var earningSince: Instant?

    func verdict(receivedAt: Instant, now: Instant) -> Verdict {
        if isAutomatic { return .giveOut }
        if let confirmedUpTo, confirmedUpTo >= receivedAt { return .leaveOut }
        switch look {
        case .underway: return .look
        case .failed(let since) where since >= receivedAt: return .giveOut
        case .failed, .none: return looksLeft(now) > 0 ? .look : .giveOut
        }
    }

    /// The stream is asked for its distribution.
    mutating func lookBegan(now: Instant) {
        let left = looksLeft(now)
        let earned = left - looksLeft
        earningSince = left == Self.looksAtOnce ? now : earningSince.map { $0 + Self.lookInterval * earned }
        looksLeft = left - 1
        look = .underway(since: now)
    }

    mutating func lookFailed() {
        guard case .underway(let since) = look else { return }
        look = .failed(since: since)
    }

    /// The stream was seen, by a look or because a reader came.
    mutating func seen(_ summary: StreamSummary) {
        if summary.isAutoDistributed { isAutomatic = true }
    }

    /// The look that is underway has its response.
    mutating func looked(_ summary: StreamSummary) {
        guard case .underway(let since) = look else { return }
        look = .none
        seen(summary)
        if !isAutomatic { confirmedUpTo = since }
    }

    private func looksLeft(_ now: Instant) -> Int {
        guard let earningSince else { return looksLeft }
        return min(Self.looksAtOnce, looksLeft + Int(max(.zero, now - earningSince) / Self.lookInterval))
    }
}
