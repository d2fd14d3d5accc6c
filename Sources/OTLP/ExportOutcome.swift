/// What a collector's response means for what was sent. Performs no I/O.
///
/// Source: OpenTelemetry, "OTLP Specification" 1.x, OTLP/HTTP Response.
enum ExportOutcome: Equatable, Sendable {
    case accepted
    /// It may be sent again, not before so long; nil: when we like.
    case again(after: Duration?)
    /// It would be refused again.
    case refused

    /// The longest that a collector may have us wait: it could say anything.
    private static let longestWait = 300

    /// - Parameter retryAfter: the header as it came; only seconds are read.
    init(status: Int, retryAfter: String?) {
        switch status {
        case 200...299: self = .accepted
        case 429, 502, 503, 504:
            let seconds = retryAfter.flatMap(Int.init).flatMap { $0 >= 0 ? min($0, Self.longestWait) : nil }
            self = .again(after: seconds.map { .seconds($0) })
        default: self = .refused
        }
    }
}
