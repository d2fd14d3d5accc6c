/// Which lines are told of a program that may print more of them than anybody reads. Performs no I/O.
///
/// `burst` lines are told at once, then `perSecond`. The last line of all is told in any case: it is often the one that says
/// why the program ended.
struct LineRate {
    typealias Instant = ContinuousClock.Instant

    struct Told: Equatable {
        var line: [UInt8]
        /// Lines before this one, behind the one told before it, that were not told.
        var lost: Int
    }

    private let interval: Duration
    private let tolerance: Duration
    /// When all that was told would be told, had it come one `interval` after the other.
    private var due: Instant?
    private var lost = 0
    private var lastLost: [UInt8] = []

    /// - Parameters:
    ///   - perSecond: at least 1.
    ///   - burst: at least 1.
    init(perSecond: Int, burst: Int) {
        interval = .seconds(1) / perSecond
        tolerance = interval * (burst - 1)
    }

    /// nil: the line is lost.
    mutating func tell(_ line: [UInt8], now: Instant) -> Told? {
        let due = max(due ?? now, now)
        guard due - now <= tolerance else {
            lost += 1
            lastLost = line
            return nil
        }
        self.due = due + interval
        return told(line, lost)
    }

    /// The last line, where that was lost.
    mutating func finish() -> Told? {
        lost == 0 ? nil : told(lastLost, lost - 1)
    }

    private mutating func told(_ line: [UInt8], _ lost: Int) -> Told {
        (self.lost, lastLost) = (0, [])
        return Told(line: line, lost: lost)
    }
}
