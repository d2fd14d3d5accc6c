import HTTP

/// What each request is called in its response and in the log: as whoever asks calls it, else by a name of ours. Performs no
/// I/O.
struct RequestIDs {
    static let header = "X-Request-Id"
    /// Characters of a name that is taken over.
    static let longest = 128

    /// Tells this process's names from others'.
    private let prefix = String(UInt32.random(in: 0x1000_0000...UInt32.max), radix: 16) + "-"
    private var last: UInt64 = 0

    /// A random number for each request would cost a call of the kernel.
    mutating func next() -> String {
        last += 1
        return prefix + String(last)
    }

    /// Visible ASCII is taken over: it can neither end a header's line nor steer a terminal.
    mutating func id(of request: HTTPRequest) -> String {
        guard let given = request.header("x-request-id"), (1...Self.longest).contains(given.utf8.count),
            given.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return next() }
        return given
    }
}
