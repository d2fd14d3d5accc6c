/// How far the process is on its way to its end. It only goes on, never back. Performs no I/O.
package enum Stage: Int, Comparable, Sendable {
    case serving
    /// A signal has come, and `shutdownDelay` runs: not ready, and everything else goes on.
    case leaving
    /// Somebody has asked for it (`POST /drain`): no reader, while puts and acknowledgements go on.
    case drained
    /// The process ends.
    case ending

    package static func < (left: Stage, right: Stage) -> Bool { left.rawValue < right.rawValue }

    var isReady: Bool { self == .serving }
    var takesReaders: Bool { self < .drained }

    /// Why it is not ready; nil: it is.
    var reason: String? {
        switch self {
        case .serving: nil
        case .leaving, .ending: "the sidecar is ending"
        case .drained: "the sidecar is drained (POST /drain): it takes no reader until it is started again"
        }
    }
}
