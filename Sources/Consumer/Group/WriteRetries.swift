/// When a member may ask for the group's item again, after refusals and where others write it meanwhile. Performs no I/O.
struct WriteRetries: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// Conditions that fail in a row without a pause: whoever is first changes what the next attempt goes by.
    private static let conflictsAtOnce = 3
    static let firstPause: Duration = .milliseconds(250)

    /// The longest pause.
    private let recoveryInterval: Duration
    /// Nothing is sent before.
    private(set) var retryAt: Instant
    /// Requests in a row that have come to nothing.
    private var failures = 0
    /// Writes in a row before which somebody else had written.
    private(set) var conflicts = 0

    init(recoveryInterval: Duration, now: Instant) {
        self.recoveryInterval = recoveryInterval
        retryAt = now
    }

    /// Whether the item changes under every write, or does not stay.
    var isStuck: Bool { conflicts > 3 * Self.conflictsAtOnce }

    /// The table has responded as it should.
    mutating func responded() { failures = 0 }

    /// A write has taken place.
    mutating func wrote() { conflicts = 0 }

    /// Somebody else was first, or the item is not what it should be.
    mutating func conflict(now: Instant) {
        conflicts += 1
        if conflicts > Self.conflictsAtOnce { pause(now: now) } else { failures = 0 }
    }

    /// The table refuses, or nothing was heard of it.
    mutating func pause(now: Instant) {
        failures += 1
        retryAt = now + min(recoveryInterval, Self.firstPause * (1 << min(failures - 1, 10)))
    }

    /// Nothing can be done before others have.
    mutating func recover(now: Instant) { retryAt = now + recoveryInterval }
}
