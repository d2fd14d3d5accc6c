/// Decides whether one shard has stopped without a reason, and is to be restarted. Performs no I/O.
///
/// A shard has its own next deadline: the end of a poll delay or of a back-off, or the time-out of the call that is on
/// its way. One that has got nowhere `patience` beyond it, while nobody holds it back, will get nowhere: a wake-up was
/// lost, or a response that never comes. Time in which our own back-pressure holds the shard is not counted; the patience
/// begins anew when that ends.
///
/// It is fed with what is seen of the shard now and then, and works whatever the pauses between two looks; they only
/// delay the verdict.
struct ShardWatchdog: Equatable, Sendable {
    typealias Instant = ContinuousClock.Instant

    /// How long a shard may get nowhere beyond its deadline. Longer than any time-out of a call (30 s), so that it never
    /// races one.
    static let patience: Duration = .seconds(35)

    /// What is seen of a shard at one moment.
    struct Sight: Equatable, Sendable {
        /// When the service last responded with anything but a failure.
        var lastProgress: Instant
        /// When the shard has something to do by itself, or its call is over at the latest; nil when it waits for others.
        var deadline: Instant?
        /// Whether it waits for its reader, or for room in the budget.
        var isHeldBack: Bool
        /// What the shard is at, for the log.
        var activity: String
    }

    /// Why a shard is restarted.
    struct Verdict: Equatable, Sendable {
        let activity: String
        /// Since when the shard should have got on.
        let overdue: Duration
    }

    private let patience: Duration
    /// From when on the shard should have got on.
    private var due: Instant

    init(patience: Duration = Self.patience, now: Instant) {
        self.patience = patience
        due = now
    }

    /// Takes a look. After a verdict the patience begins anew.
    mutating func look(_ sight: Sight, now: Instant) -> Verdict? {
        due = max(due, sight.lastProgress)
        if let deadline = sight.deadline { due = max(due, deadline) }
        if sight.isHeldBack { due = max(due, now) }
        guard now > due + patience else { return nil }
        defer { due = now }
        return Verdict(activity: sight.activity, overdue: due.duration(to: now))
    }
}
