import Glibc

/// Cuts what a program prints into lines. Performs no I/O.
///
/// A line ends with LF or CRLF, which do not belong to it; the last one may end with the output. Of a line longer than
/// the limit its start alone is kept, so that the cutter holds `limit` bytes at most.
struct LineCutter {
    struct Line: Equatable {
        /// The line, or its first `limit` bytes.
        var start: [UInt8]
        /// Bytes of the line, a CR before its LF included where it was cut.
        var count: Int

        var isCut: Bool { start.count < count }
    }

    let limit: Int
    private var start: [UInt8] = []
    private var count = 0

    init(limit: Int) {
        self.limit = limit
    }

    /// The lines that these bytes end.
    mutating func append(_ bytes: UnsafeRawBufferPointer) -> [Line] {
        var lines: [Line] = []
        var rest = bytes
        while let base = rest.baseAddress, let end = memchr(base, Int32(UInt8(ascii: "\n")), rest.count) {
            let length = UnsafeRawPointer(end) - base
            keep(UnsafeRawBufferPointer(rebasing: rest[..<length]))
            lines.append(take())
            rest = UnsafeRawBufferPointer(rebasing: rest[(length + 1)...])
        }
        keep(rest)
        return lines
    }

    /// The line that the output's end ends: nil where the last one had its own.
    mutating func finish() -> Line? {
        count == 0 ? nil : take()
    }

    private mutating func keep(_ bytes: UnsafeRawBufferPointer) {
        start += bytes.prefix(limit - start.count)
        count += bytes.count
    }

    private mutating func take() -> Line {
        defer { (start, count) = ([], 0) }
        if start.count == count, start.last == UInt8(ascii: "\r") {
            start.removeLast()
            count -= 1
        }
        return Line(start: start, count: count)
    }
}
