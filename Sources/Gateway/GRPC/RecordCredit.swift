/// How many records a reader may still be sent. Performs no I/O.
enum RecordCredit: Equatable, Sendable {
    /// As many as it takes: nobody has counted.
    case unbounded
    /// So many; below 0 where an event had more records than were left.
    case left(Int)

    /// Whether an event may be sent.
    var isOpen: Bool {
        switch self {
        case .unbounded: true
        case .left(let records): records > 0
        }
    }

    /// So many more, which is the first that counts where there was no bound.
    mutating func give(_ records: Int) {
        switch self {
        case .unbounded: self = .left(records)
        case .left(let left):
            let (sum, overflows) = left.addingReportingOverflow(records)
            self = .left(overflows ? .max : sum)
        }
    }

    mutating func spend(_ records: Int) {
        if case .left(let left) = self { self = .left(left - records) }
    }
}
