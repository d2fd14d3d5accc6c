/// Failures of one kind in a row, since the shard last got on. Performs no I/O.
struct FailureStreak: Equatable, Sendable {
    let failure: ReadFailure
    /// 1 or more.
    private(set) var count = 1

    init(_ failure: ReadFailure) {
        self.failure = failure
    }

    /// The streak that this one is behind one more failure.
    func followed(by next: ReadFailure) -> FailureStreak {
        var streak = FailureStreak(next)
        if next == failure { streak.count = count + 1 }
        return streak
    }

    /// How long to wait before the next attempt.
    /// - Parameter random: from 0 up to 1.
    func delay(random: Double) -> Duration {
        failure.backoff.delay(failures: count, random: random)
    }

    /// The failure, once the shard is shown as degraded by it.
    var degradation: ReadFailure? { count >= failure.degradesAfter ? failure : nil }

    /// Whether the failure may mean that the stream is not the one that the position is of.
    var doubtsStream: Bool {
        switch failure {
        case .notFound, .refused: true
        case .throttled, .passing, .failing, .unreachable, .unexplained, .limitExceeded, .denied, .expiredIterator,
            .unexpected, .inUse, .fruitless:
            false
        }
    }
}
