import Glibc

/// A system call that failed: which one, and the errno it left.
package struct SystemError: Error, Equatable, CustomStringConvertible {
    package var call: StaticString
    package var code: Int32

    package init(_ call: StaticString, _ code: Int32 = errno) {
        self.call = call
        self.code = code
    }

    package static func == (left: SystemError, right: SystemError) -> Bool {
        left.code == right.code && left.call.description == right.call.description
    }

    /// `bind: Address already in use (98)`.
    package var description: String {
        "\(call): \(String(cString: strerror(code))) (\(code))"
    }
}

/// Repeats a call that a signal interrupted; its result otherwise, -1 with errno set where it failed.
@inline(__always)
package func retryingInterrupts<Result: FixedWidthInteger>(_ call: () -> Result) -> Result {
    while true {
        let result = call()
        if result != -1 || errno != EINTR { return result }
    }
}
