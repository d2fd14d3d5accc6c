import Bytes

/// Reads `METHOD SP request-target SP HTTP-version` (RFC 9112, 3). Performs no I/O.
enum RequestLine {
    /// `line` has no line end and only text bytes; `offset` is where it lies in the head.
    static func read(
        _ line: UnsafeRawBufferPointer, at offset: Int, into head: RequestHead
    ) throws(HTTPParseError) {
        var methodEnd = 0
        while methodEnd < line.count, ASCII.isToken(line[methodEnd]) { methodEnd += 1 }
        guard methodEnd > 0, methodEnd < line.count, line[methodEnd] == ASCII.space else {
            throw .malformedRequestLine
        }
        let targetStart = methodEnd + 1
        var targetEnd = targetStart
        var question: Int?
        while targetEnd < line.count, line[targetEnd] != ASCII.space {
            let byte = line[targetEnd]
            // Only visible ASCII, and no fragment (RFC 9112, 3.2; RFC 3986, 2).
            guard byte > 0x20, byte < 0x7F, byte != UInt8(ascii: "#") else { throw .invalidTarget }
            if byte == UInt8(ascii: "?"), question == nil { question = targetEnd }
            targetEnd += 1
        }
        guard targetEnd > targetStart, targetEnd < line.count else { throw .malformedRequestLine }
        head.facts.minorVersion = try minorVersion(line, from: targetEnd + 1)
        head.method = HTTPMethod(token: UnsafeRawBufferPointer(rebasing: line[..<methodEnd]))
        guard head.method != .connect else { throw .unsupportedMethod }
        head.query = question.map { RequestHead.Span32(offset + $0 + 1, offset + targetEnd) }
        let pathEnd = question ?? targetEnd
        let pathStart = try readTarget(line, from: targetStart, to: pathEnd, at: offset, into: head)
        head.path = RequestHead.Span32(offset + pathStart, offset + pathEnd)
    }

    /// Where the path begins: origin-form, absolute-form and asterisk-form (RFC 9112, 3.2.1, 3.2.2, 3.2.4).
    private static func readTarget(
        _ line: UnsafeRawBufferPointer, from start: Int, to end: Int, at offset: Int, into head: RequestHead
    ) throws(HTTPParseError) -> Int {
        if start < end, line[start] == UInt8(ascii: "/") { return start }
        if end - start == 1, line[start] == UInt8(ascii: "*"), head.method == .options, head.query == nil {
            return start
        }
        let schemes: [StaticString] = ["http://", "https://"]
        for scheme in schemes {
            let length = scheme.utf8CodeUnitCount
            guard end - start > length,
                ASCII.equalsIgnoringCase(
                    UnsafeRawBufferPointer(rebasing: line[start..<start + length]), lowered: scheme)
            else { continue }
            var slash = start + length
            while slash < end, line[slash] != UInt8(ascii: "/") { slash += 1 }
            let authority = UnsafeRawBufferPointer(rebasing: line[start + length..<slash])
            guard !authority.isEmpty, Authority.isValid(authority) else { throw .invalidTarget }
            head.targetAuthority = RequestHead.Span32(offset + start + length, offset + slash)
            return slash
        }
        throw .invalidTarget
    }

    /// `HTTP/1.x`. Another major version is 505, anything else no version at all (RFC 9112, 2.3).
    private static func minorVersion(
        _ line: UnsafeRawBufferPointer, from start: Int
    ) throws(HTTPParseError) -> Int {
        guard line.count - start == 8,
            ASCII.equals(UnsafeRawBufferPointer(rebasing: line[start..<start + 5]), "HTTP/"),
            line[start + 5].isDigit, line[start + 6] == UInt8(ascii: "."), line[start + 7].isDigit
        else { throw .malformedRequestLine }
        guard line[start + 5] == UInt8(ascii: "1") else { throw .unsupportedVersion }
        return line[start + 7] == UInt8(ascii: "0") ? 0 : 1
    }
}
