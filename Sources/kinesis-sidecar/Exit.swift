import Glibc

/// How the program ends when it does not run: what it says, and with which code.
enum Exit {
    enum Code: Int32 {
        case success = 0
        /// It could not be built: an address in use, a folder that cannot be written.
        case failure = 1
        /// EX_USAGE of sysexits.h: the configuration is wrong.
        case usage = 64
    }

    static func print(_ text: String, code: Code) -> Never {
        write(text, to: STDOUT_FILENO, patience: -1)
        exit(code.rawValue)
    }

    /// How long standard error may take nothing before the process ends without saying why.
    private static let patience: Int32 = 1000

    /// One line for each mistake, on standard error.
    static func complain(_ lines: [String], code: Code) -> Never {
        write(lines.map { "kinesis-sidecar: \($0)\n" }.joined(), to: STDERR_FILENO, patience: patience)
        exit(code.rawValue)
    }

    /// - Parameter patience: in milliseconds, for each part; -1 is without end.
    private static func write(_ text: String, to fd: Int32, patience: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            var writable = pollfd(fd: fd, events: Int16(POLLOUT), revents: 0)
            guard poll(&writable, 1, patience) > 0 else { return }
            // A pipe that can be written to takes so much without waiting.
            let count = rest.prefix(Int(PIPE_BUF)).withUnsafeBytes { Glibc.write(fd, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
