import Kinesis

/// When a child that failed is followed by another one. Performs no I/O.
///
/// A child that comes further than all before it ends the row of failures; one that does again what others have done before
/// they failed does not.
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
    /// The last record of the batch furthest on that a child has done with; nil: of none, since the shard was begun here.
    private var furthest: Checkpoint?
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

    /// A child has done with a batch that ends with this record.
    mutating func succeeded(through last: Checkpoint) {
        if let furthest, last <= furthest { return }
        furthest = last
        failuresInRow = 0
    }

    /// The shard went, or was put elsewhere: where it is when it comes again is not known.
    mutating func moved() { furthest = nil }

    /// The shard went to others, or its time away is over: the next row is a new one.
    mutating func begunAnew() {
        furthest = nil
        failuresInRow = 0
    }
}
