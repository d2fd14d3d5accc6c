import Time

/// The account's commitment to a minimum of throughput, without which no stream has a warm throughput. Performs no I/O.
///
/// Source: UpdateAccountSettings in the service's API reference.
struct AccountSettings: Equatable {
    enum Status: String {
        case enabled = "ENABLED"
        case disabled = "DISABLED"
        /// Ended by its owner before it may end.
        case ending = "ENABLED_UNTIL_EARLIEST_ALLOWED_END"
    }

    /// How long a commitment lasts at least.
    static let shortestCommitment = Duration.seconds(24 * 3600)

    /// When the last commitment began; nil where there was none.
    private(set) var started: WallTime?
    /// When it ends or has ended; nil while nobody has ended it.
    private(set) var ended: WallTime?

    init(started: WallTime? = nil, ended: WallTime? = nil) {
        self.started = started
        self.ended = ended
    }

    var earliestEnd: WallTime? { started?.advanced(by: Self.shortestCommitment) }

    func status(now: WallTime) -> Status {
        guard started != nil else { return .disabled }
        guard let ended else { return .enabled }
        return now < ended ? .ending : .disabled
    }

    /// Begins a commitment, or goes on with one that was to end.
    mutating func enable(now: WallTime) {
        if status(now: now) == .disabled { started = now }
        ended = nil
    }

    /// Ends the commitment, at the earliest when it may end.
    mutating func disable(now: WallTime) {
        guard status(now: now) == .enabled, let earliestEnd else { return }
        ended = max(now, earliestEnd)
    }
}
