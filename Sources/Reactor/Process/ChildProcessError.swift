import Glibc

/// Why a program was not started, or gave nothing.
package enum ChildProcessError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The errno of its start: it is not there, or may not be run.
    case notStarted(code: Int32)
    /// It ended, and not with success.
    case failed(ChildExit)
    case timedOut(after: Duration)
    case tooMuchOutput(limit: Int)
    /// This process is ending.
    case closed
    /// A call of this process itself failed.
    case system(call: String, code: Int32)

    static func system(_ error: SystemError) -> ChildProcessError {
        .system(call: error.call.description, code: error.code)
    }

    /// What `body` returns.
    static func ofSystem<Value: ~Copyable>(
        _ body: () throws(SystemError) -> Value
    ) throws(ChildProcessError) -> Value {
        do throws(SystemError) {
            return try body()
        } catch {
            throw .system(error)
        }
    }

    package var description: String {
        switch self {
        case .notStarted(let code): "the program cannot be started: \(String(cString: strerror(code))) (\(code))"
        case .failed(let exit): "the program \(exit)"
        case .timedOut(let after): "the program did not end within \(after)"
        case .tooMuchOutput(let limit): "the program printed more than \(limit) bytes"
        case .closed: "the program was not waited for, because the sidecar is ending"
        case .system(let call, let code): "\(call): \(String(cString: strerror(code))) (\(code))"
        }
    }
}
