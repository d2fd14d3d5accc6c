/// How a child ended.
package enum ChildExit: Hashable, Sendable, CustomStringConvertible {
    /// By itself, with this code.
    case exited(code: Int32)
    /// By a signal.
    case signalled(Int32)
    /// The kernel did not say, with this errno: somebody else has taken its status.
    case unknown(code: Int32)

    /// The macros of wait(2), which Swift cannot import.
    init(waitStatus status: Int32) {
        let signal = status & 0x7f
        self = signal == 0 ? .exited(code: (status >> 8) & 0xff) : .signalled(signal)
    }

    package var description: String {
        switch self {
        case .exited(let code): "ended with code \(code)"
        case .signalled(let signal): "was ended by signal \(signal)"
        case .unknown(let code): "ended, and its status is not known (errno \(code))"
        }
    }
}
