/// What of a thing that repeats is told: its first time at once, how often it came afterwards once a minute, until a minute
/// brings none. Performs no I/O.
package struct Repetitions<Kind: Hashable & Sendable>: Sendable {
    package static var interval: Duration { .seconds(60) }
    /// Kinds that are told apart; beyond them none is told until others are forgotten.
    package static var mostKinds: Int { 64 }

    /// Times since the kind was told of last.
    private var untold: [Kind: Int] = [:]

    package init() {}

    /// Whether anything may be to be told at the end of the minute.
    package var isEmpty: Bool { untold.isEmpty }

    /// It has happened. Whether that is told now.
    package mutating func happened(_ kind: Kind) -> Bool {
        if let count = untold[kind] {
            untold[kind] = count + 1
            return false
        }
        guard untold.count < Self.mostKinds else { return false }
        untold[kind] = 0
        return true
    }

    /// A minute is over: how often what is to be told has happened in it.
    package mutating func minuteEnded() -> [Kind: Int] {
        let told = untold.filter { $0.value > 0 }
        untold = told.mapValues { _ in 0 }
        return told
    }
}
