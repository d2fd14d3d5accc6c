import AWS

/// Decides how a table becomes usable: when it is looked at again, whether it is created, and which tags it gets. It is tried
/// until it succeeds, and meanwhile `state` says what is missing. Performs no I/O.
///
/// ```
/// describe ── usable ──▶ listTags ── other tags wanted ──▶ tag ──▶ rest
///  ▲  ├────── creating, deleting ──┐ └── tagged as wanted ─────────▲
///  │  ├────── missing ──▶ create ──┤
///  │  └────── any failure ─────────┤
///  └────────── after a pause ◀─────┘
/// ```
///
/// Items can be read and written from the first `usable` on: a table that cannot be tagged serves all the same.
package struct TableProvision: Sendable {
    package typealias Instant = ContinuousClock.Instant

    /// What is to be done next.
    package enum Step: Equatable, Sendable {
        case describe(at: Instant)
        case create
        /// - Parameter token: of the page before; nil: the first page.
        case listTags(arn: String, token: String?, at: Instant)
        case tag(arn: String, [Tag])
        /// Nothing, until `missed`.
        case rest
    }

    /// The pause before the second look at a table that is coming; each further one is twice as long.
    static let firstPause: Duration = .milliseconds(100)
    /// DescribeTable: 10 calls a second are all that an account is sure of.
    static let longestPause: Duration = .seconds(5)

    package private(set) var state = TableState.awaited(status: nil)
    private let wanted: CreateTable
    private let tags: [Tag]
    private var pause = Self.firstPause
    /// The table's tags, of the pages so far.
    private var found: [String: String] = [:]

    /// - Parameters:
    ///   - wanted: how the table is created where there is none, and which keys it has where there is one.
    ///   - tags: what it is tagged with, beside what it is tagged with already.
    package init(_ wanted: CreateTable, tags: [Tag]) {
        self.wanted = wanted
        self.tags = tags
    }

    // MARK: The table

    /// The table is there.
    /// - Parameter random: from 0 up to 1, here and below.
    package mutating func described(_ table: TableDescription, now: Instant, random: Double) -> Step {
        switch table.status {
        case .active, .updating: break
        case .creating, .deleting: return look(awaiting: table.status, now)
        default: return refuse(.status(table.status), now, random)
        }
        guard table.keys == wanted.keys else {
            return refuse(.keys(table.keys, wanted: wanted.keys), now, random)
        }
        pause = Self.firstPause
        state = .ready(untagged: nil)
        return tags.isEmpty ? .rest : .listTags(arn: table.arn, token: nil, at: now)
    }

    package mutating func describeFailed(_ error: AWSError, now: Instant, random: Double) -> Step {
        if error.disposition == .notFound { return .create }
        state = .unusable(.call("DescribeTable", error))
        return .describe(at: now + delay(after: error, random))
    }

    package mutating func created(now: Instant) -> Step { look(awaiting: .creating, now) }

    package mutating func createFailed(_ error: AWSError, now: Instant, random: Double) -> Step {
        // Somebody else was faster, which is as well, or the table is about to go.
        if error.disposition == .resourceInUse { return look(awaiting: .creating, now) }
        state = .unusable(.call("CreateTable", error))
        return .describe(at: now + delay(after: error, random))
    }

    /// Whoever uses the table was told that there is none.
    package mutating func missed(now: Instant) -> Step {
        state = .awaited(status: nil)
        return .describe(at: now)
    }

    private mutating func look(awaiting status: TableStatus, _ now: Instant) -> Step {
        state = .awaited(status: status)
        return .describe(at: now + nextPause())
    }

    private mutating func refuse(_ problem: TableProblem, _ now: Instant, _ random: Double) -> Step {
        state = .unusable(problem)
        return .describe(at: now + Self.longDelay(random))
    }

    // MARK: Tags

    package mutating func listed(_ page: ListTagsOfResource.Page, arn: String, now: Instant) -> Step {
        for tag in page.tags { found[tag.key] = tag.value }
        if let token = page.nextToken { return .listTags(arn: arn, token: token, at: now) }
        let missing = tags.filter { found[$0.key] != $0.value }
        found = [:]
        if missing.isEmpty { return tagged() }
        return .tag(arn: arn, missing)
    }

    package mutating func tagged() -> Step {
        state = .ready(untagged: nil)
        return .rest
    }

    /// - Parameter operation: which of the two that tags need.
    package mutating func taggingFailed(
        _ operation: String, _ error: AWSError, arn: String, now: Instant, random: Double
    ) -> Step {
        found = [:]
        state = .ready(untagged: .call(operation, error))
        return .listTags(arn: arn, token: nil, at: now + delay(after: error, random))
    }

    // MARK: Pauses

    private mutating func delay(after error: AWSError, _ random: Double) -> Duration {
        // A change of tags that is under way ends within seconds.
        let least = error.disposition == .resourceInUse ? .zero : error.disposition.leastDelay(random: random)
        let most = Self.longDelay(random)
        return max(min(least ?? most, most), nextPause())
    }

    private mutating func nextPause() -> Duration {
        defer { pause = min(pause * 2, Self.longestPause) }
        return pause
    }

    /// What only people can mend is looked at again every 5 to 10 s: readers wait for it.
    private static func longDelay(_ random: Double) -> Duration { .seconds(5) + .seconds(5) * random }
}

/// Whether a table can be used.
package enum TableState: Equatable, Sendable {
    /// Not looked at yet, or coming into being; the status is the last one seen.
    case awaited(status: TableStatus?)
    /// Items can be read and written. `untagged` says why it lacks the tags that it should have.
    case ready(untagged: TableProblem?)
    /// It is tried again.
    case unusable(TableProblem)

    package var isReady: Bool { if case .ready = self { true } else { false } }

    /// What people are told; nil where there is nothing to be told.
    package var problem: String? {
        switch self {
        case .awaited(nil), .ready(nil): nil
        case .awaited(let status?): "it is \(status.rawValue)"
        case .ready(let problem?): "it lacks its tags: \(problem)"
        case .unusable(let problem): "it cannot be used: \(problem)"
        }
    }
}

/// Why a table cannot be used, or not be tagged.
package enum TableProblem: Error, Equatable, Sendable {
    /// It is another table.
    case keys([TableKey], wanted: [TableKey])
    /// A status that does not end by itself.
    case status(TableStatus)
    /// The operation that failed.
    case call(String, AWSError)
}

extension TableProblem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .keys(let keys, let wanted):
            "its keys are \(Self.list(keys)) and would have to be \(Self.list(wanted))"
        case .status(let status): "it is \(status.rawValue)"
        case .call(let operation, let error) where error.isAccessDenied:
            "the right to dynamodb:\(operation) is missing: \(error)"
        case .call(let operation, let error): "\(operation): \(error)"
        }
    }

    private static func list(_ keys: [TableKey]) -> String {
        keys.map { "\($0.name) (\($0.type))" }.joined(separator: ", ")
    }
}

extension AWSError {
    fileprivate var isAccessDenied: Bool {
        guard case .service(let error) = self else { return false }
        return error.code == "AccessDeniedException"
    }
}
