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
        write(text, to: STDOUT_FILENO)
        exit(code.rawValue)
    }

    /// One line for each mistake, on standard error.
    static func complain(_ lines: [String], code: Code) -> Never {
        write(lines.map { "kinesis-sidecar: \($0)\n" }.joined(), to: STDERR_FILENO)
        exit(code.rawValue)
    }

    private static func write(_ text: String, to fd: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(fd, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
