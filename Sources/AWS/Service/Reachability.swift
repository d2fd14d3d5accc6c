import Reactor

/// Whether connections to a service can be made, and who waits until they can again. Confined to its loop.
///
///     reachable ── a connection cannot be made ──▶ unreachable
///         ▲                                            │
///         └──────── a response: all who wait go on ────┘
final class Reachability: @unchecked Sendable {
    /// Called when a response has come after a connection could not be made.
    var onReturn: (() -> Void)?

    private var isReachable = true
    private let returned: Gate

    init(loop: EventLoop) {
        returned = Gate(loop: loop)
    }

    /// A call has ended without a response.
    func failed(_ error: TransportError) {
        if error.isUnreachable { isReachable = false }
    }

    /// A response has come, whatever it says.
    func responded() {
        guard !isReachable else { return }
        isReachable = true
        returned.open()
        onReturn?()
    }

    /// Returns at the deadline, or when the service is reachable again; throws when the task is cancelled.
    func wait(until deadline: EventLoop.Instant) async throws(CancellationError) {
        try await returned.wait(until: deadline)
    }
}

extension TransportError {
    /// Whether no connection could be made: nobody has seen the request, and whoever tries again costs nobody anything.
    package var isUnreachable: Bool {
        switch self {
        case .nameNotResolved, .notConnected, .timedOut(.connect, _): true
        case .tls, .timedOut, .cut, .responseTooLarge, .badResponse, .badHeader, .closed, .cancelled, .other: false
        }
    }
}

extension AWSError {
    /// As of `TransportError`.
    package var isUnreachable: Bool {
        if case .transport(let error) = self { error.isUnreachable } else { false }
    }

    /// The longest wait before the next attempt; nil: as long as the policy says. What cannot be reached is tried often,
    /// so that nobody stands still for long once it can.
    package var longestDelay: Duration? { isUnreachable ? .seconds(5) : nil }

    /// Whether this is an error that whoever asks has a use for.
    package func isExpected(among codes: [String]) -> Bool {
        guard case .service(let error) = self else { return false }
        return codes.contains(error.code)
    }
}
