import Reactor

/// Which refusals get a line in the log: one of each kind in a while, since every put of a client fails when AWS is out
/// of reach, and a reader that is refused comes back every second. Performs no I/O.
struct RefusalLog {
    struct Kind: Hashable {
        let code: ProblemCode
        /// The option or field that the problem names. Clients choose its text, so `mostKinds` bounds what is remembered.
        let subject: String?
    }

    /// Between two lines of a kind.
    static let interval: Duration = .seconds(10)
    /// Kinds that are remembered; beyond it no line is written for a new one until others are older than `interval`.
    static let mostKinds = 64

    private var logged: [Kind: EventLoop.Instant] = [:]

    mutating func isWorthALine(_ kind: Kind, now: EventLoop.Instant) -> Bool {
        if let last = logged[kind], now - last < Self.interval { return false }
        if logged.count >= Self.mostKinds { logged = logged.filter { now - $0.value < Self.interval } }
        guard logged.count < Self.mostKinds else { return false }
        logged[kind] = now
        return true
    }
}

extension ProblemDocument {
    /// By what its lines in the log are told apart.
    var kind: RefusalLog.Kind {
        let subject = members.first { ["option", "field"].contains($0.key) }
        return RefusalLog.Kind(code: code, subject: subject?.value.string)
    }
}
