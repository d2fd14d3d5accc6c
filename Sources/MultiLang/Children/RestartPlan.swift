/// When a child that failed is followed by another one. Performs no I/O.
///
/// A child that has done with a batch ends the row of failures before it.
struct RestartPlan: Equatable, Sendable {
    enum Step: Equatable, Sendable {
        /// Another child after this time.
        case restart(after: Duration)
        /// The row is too long: the shard is for another host, and comes to this one again after this time at the earliest.
        case giveUp(for: Duration)
    }

    /// The first pause; doubled with each failure of a row, up to the last.
    static let pauses = (first: Duration.milliseconds(100), last: Duration.seconds(10))
    /// How long a shard that was given up is left to others.
    static let absence = Duration.seconds(60)

    let maxRestarts: Int
    /// Children that failed one after the other.
    private(set) var failuresInRow = 0
    /// Children that were started in the place of one that failed.
    private(set) var restarts = 0

    init(maxRestarts: Int) {
        self.maxRestarts = maxRestarts
    }

    mutating func failed() -> Step {
        failuresInRow += 1
        guard failuresInRow <= maxRestarts else { return .giveUp(for: Self.absence) }
        let doublings = min(failuresInRow - 1, 16)
        return .restart(after: min(Self.pauses.first * (1 << doublings), Self.pauses.last))
    }

    mutating func restarted() { restarts += 1 }

    mutating func succeeded() { failuresInRow = 0 }

    /// The shard went to others, or its time away is over: the next row is a new one.
    mutating func begunAnew() { failuresInRow = 0 }
}
