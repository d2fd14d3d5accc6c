import AWS

/// Decides how a stream becomes usable: when it is looked at again, whether it is created, and when the waiting is over.
/// Performs no I/O.
///
/// ```
/// look ── described: usable ─────────────────────────▶ ready
///  ▲ ├─── described: not usable, passing failure ──┐
///  │ ├─── missing ──▶ create ── created, in use ───┤
///  │ │                  └────── passing failure ───┤
///  │ └─── any other failure, the time is over ─────┼──▶ fail
///  └────────────────────────── after a pause ◀─────┘
/// ```
package struct StreamProvision: Sendable {
    package typealias Instant = ContinuousClock.Instant

    /// What is to be done next.
    package enum Step: Equatable, Sendable {
        case look(at: Instant)
        case create(StreamCapacity)
        case ready(StreamSummary)
        case fail(StreamProvisionError)
    }

    /// How long a stream may take to be usable. The service needs half a minute, and up to a whole one.
    package static let patience: Duration = .seconds(120)
    /// The pause before the second look; each further one is twice as long.
    static let firstPause: Duration = .milliseconds(50)
    /// DescribeStreamSummary: 20 calls a second are all that an account has.
    static let longestPause: Duration = .seconds(2)

    /// What a missing stream is created with; nil: it is not.
    private let capacity: StreamCapacity?
    /// Whether a passing failure is waited out here; false where each call tries again itself.
    private let waitsOutFailures: Bool
    private let deadline: Instant
    private var pause = Self.firstPause
    /// The stream's last known status.
    private var status = "missing"
    private var isCreated = false
    /// Whether the stream was seen to come into being.
    package private(set) var isNew = false

    package init(creating capacity: StreamCapacity?, waitsOutFailures: Bool, now: Instant) {
        self.capacity = capacity
        self.waitsOutFailures = waitsOutFailures
        deadline = now + Self.patience
    }

    // MARK: Facts

    /// The stream is there.
    package mutating func described(_ summary: StreamSummary, now: Instant) -> Step {
        status = summary.status.rawValue
        if summary.status == .creating { isNew = true }
        return summary.status.isUsable ? .ready(summary) : lookAgain(now)
    }

    package mutating func describeFailed(_ error: AWSError, now: Instant) -> Step {
        switch error.disposition {
        case .notFound: return missing(now)
        case .retry, .throttled, .limitExceeded: return failed(error, now)
        case .denied, .refreshCredentials, .clockSkew, .expiredIterator, .expiredNextToken, .resourceInUse,
            .invalidArgument, .cancelled, .fatal:
            return .fail(.service(error))
        }
    }

    package mutating func created(now: Instant) -> Step {
        isCreated = true
        isNew = true
        return lookAgain(now)
    }

    package mutating func createFailed(_ error: AWSError, now: Instant) -> Step {
        switch error.disposition {
        case .resourceInUse:
            // Somebody else was faster, which is as well.
            isNew = true
            return lookAgain(now)
        case .retry, .throttled, .limitExceeded: return failed(error, now)
        case .denied, .refreshCredentials, .clockSkew, .expiredIterator, .expiredNextToken, .notFound,
            .invalidArgument, .cancelled, .fatal:
            return .fail(.service(error))
        }
    }

    // MARK: Deciding

    private mutating func missing(_ now: Instant) -> Step {
        status = "missing"
        // The service may not show at once what it has just created.
        if isCreated { return lookAgain(now) }
        guard let capacity else { return .fail(.missing) }
        return now < deadline ? .create(capacity) : .fail(.notReady(status: status))
    }

    private mutating func failed(_ error: AWSError, _ now: Instant) -> Step {
        waitsOutFailures ? lookAgain(now) : .fail(.service(error))
    }

    private mutating func lookAgain(_ now: Instant) -> Step {
        guard now < deadline else { return .fail(.notReady(status: status)) }
        defer { pause = min(pause * 2, Self.longestPause) }
        return .look(at: now + pause)
    }
}

/// Why a stream cannot be used.
package enum StreamProvisionError: Error, Equatable, Sendable {
    /// There is none, and it is not to be created.
    case missing
    /// It did not become usable in `StreamProvision.patience`; the status is the last one that was seen.
    case notReady(status: String)
    case service(AWSError)
    /// The waiting task was cancelled.
    case cancelled
}
