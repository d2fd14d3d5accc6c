/// What a connection begins with whose client speaks HTTP/2 (RFC 9113, 3.4). Performs no I/O.
enum HTTP2Preface {
    enum Match {
        case none
        /// All of it that has come.
        case begun
        case whole
    }

    private static let bytes = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    static func match(_ input: UnsafeRawBufferPointer) -> Match {
        // Nearly every request ends the comparison with its first byte.
        guard zip(input, bytes).allSatisfy({ $0 == $1 }) else { return .none }
        return input.count < bytes.count ? .begun : .whole
    }
}
