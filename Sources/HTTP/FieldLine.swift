import Bytes

/// Reads `name: value` (RFC 9112, 5) and, of the fields that frame a message, what they say. Performs no I/O.
enum FieldLine {
    /// `line` has no line end, only text bytes, and is not empty.
    static func read(
        _ line: UnsafeRawBufferPointer, at offset: Int, into head: RequestHead
    ) throws(HTTPParseError) {
        // A folded line would be the last one's value to one parser and a field to the next (RFC 9112, 5.2).
        guard !ASCII.isBlank(line[0]) else { throw .foldedLine }
        var colon = 0
        while colon < line.count, ASCII.isToken(line[colon]) { colon += 1 }
        guard colon > 0, colon < line.count else { throw .invalidFieldName }
        guard line[colon] == ASCII.colon else {
            // RFC 9112, 5.1: must be refused.
            throw ASCII.isBlank(line[colon]) ? .spaceBeforeColon : .invalidFieldName
        }
        var start = colon + 1
        var end = line.count
        while start < end, ASCII.isBlank(line[start]) { start += 1 }
        while end > start, ASCII.isBlank(line[end - 1]) { end -= 1 }
        let value = RequestHead.Span32(offset + start, offset + end)
        head.fields.append(.init(name: RequestHead.Span32(offset, offset + colon), value: value))
        try note(
            UnsafeRawBufferPointer(rebasing: line[..<colon]), UnsafeRawBufferPointer(rebasing: line[start..<end]),
            value, head)
    }

    /// What only the whole head can tell.
    static func conclude(_ head: RequestHead) throws(HTTPParseError) {
        // RFC 9112, 3.2: a request of HTTP/1.1 without Host must be refused.
        guard head.host != nil || head.facts.minorVersion == 0 else { throw .missingHost }
        guard head.facts.isChunked else {
            finishConnection(head)
            return
        }
        // RFC 9112, 6.1: both together are how requests are smuggled; in HTTP/1.0 the framing is faulty.
        guard head.facts.contentLength == nil else { throw .contentLengthWithTransferEncoding }
        guard head.facts.minorVersion > 0 else { throw .transferEncodingInHTTP10 }
        finishConnection(head)
    }

    /// The length of a name rules out nearly every field before a byte is compared.
    private static func note(
        _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, _ span: RequestHead.Span32,
        _ head: RequestHead
    ) throws(HTTPParseError) {
        switch name.count {
        case 4 where ASCII.equalsIgnoringCase(name, lowered: "host"):
            guard head.host == nil else { throw .severalHosts }
            guard Authority.isValid(value) else { throw .invalidHost }
            head.host = span
        case 6 where ASCII.equalsIgnoringCase(name, lowered: "expect"):
            guard ASCII.equalsIgnoringCase(value, lowered: "100-continue") else { throw .unknownExpectation }
            head.facts.expectsContinue = true
        case 10 where ASCII.equalsIgnoringCase(name, lowered: "connection"):
            readConnection(value, head)
        case 14 where ASCII.equalsIgnoringCase(name, lowered: "content-length"):
            guard head.facts.contentLength == nil else { throw .severalContentLengths }
            head.facts.contentLength = try decimal(value)
        case 17 where ASCII.equalsIgnoringCase(name, lowered: "transfer-encoding"):
            guard !head.facts.isChunked else { throw .severalTransferEncodings }
            try readTransferEncoding(value)
            head.facts.isChunked = true
        default: break
        }
    }

    /// 1*DIGIT (RFC 9110, 8.6). A list of equal numbers, which some accept, is refused as two lengths are.
    private static func decimal(_ value: UnsafeRawBufferPointer) throws(HTTPParseError) -> Int {
        guard !value.isEmpty, value.count <= 18 else { throw .invalidContentLength }
        var number = 0
        for byte in value {
            guard byte.isDigit else { throw .invalidContentLength }
            number = number &* 10 &+ Int(byte &- UInt8(ascii: "0"))
        }
        return number
    }

    /// RFC 9112, 6.1 and 7: chunked once and last; what comes before it is not implemented here.
    private static func readTransferEncoding(_ value: UnsafeRawBufferPointer) throws(HTTPParseError) {
        if ASCII.equalsIgnoringCase(value, lowered: "chunked") { return }
        let codings = value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).map {
            ASCII.trimmed(UnsafeRawBufferPointer(rebasing: $0))
        }
        let chunked = codings.filter { ASCII.equalsIgnoringCase($0, lowered: "chunked") }
        guard let last = codings.last, chunked.count == 1, ASCII.equalsIgnoringCase(last, lowered: "chunked") else {
            throw .chunkedNotLast
        }
        guard codings.allSatisfy({ !$0.isEmpty && $0.allSatisfy(ASCII.isText) }) else { throw .chunkedNotLast }
        throw .unsupportedTransferCoding
    }

    private static func readConnection(_ value: UnsafeRawBufferPointer, _ head: RequestHead) {
        for option in value.split(separator: UInt8(ascii: ",")) {
            let option = ASCII.trimmed(UnsafeRawBufferPointer(rebasing: option))
            if ASCII.equalsIgnoringCase(option, lowered: "close") { head.facts.wantsClose = true }
            if ASCII.equalsIgnoringCase(option, lowered: "keep-alive") { head.facts.wantsKeepAlive = true }
        }
    }

    /// RFC 9112, 9.3: 1.0 closes unless it was asked to stay. RFC 9110, 10.1.1: no 100 for a client of 1.0.
    private static func finishConnection(_ head: RequestHead) {
        guard head.facts.minorVersion == 0 else { return }
        if !head.facts.wantsKeepAlive { head.facts.wantsClose = true }
        head.facts.expectsContinue = false
    }
}
