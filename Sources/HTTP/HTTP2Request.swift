import Bytes

/// Gathers the fields of one request of HTTP/2 and reads them as a head of HTTP/1.1 is read: one parser judges both (RFC
/// 9113, 8.3.1). Performs no I/O.
package struct HTTP2Request {
    /// The values of the pseudo-header fields, one behind the other, and where each lies.
    private let pseudo = ByteBuffer(capacity: 128)
    private var method: Range<Int>?
    private var path: Range<Int>?
    private var authority: Range<Int>?
    private let fields = ByteBuffer(capacity: 256)
    private var hasHost = false
    /// A byte that no field may have: a line end would begin a field of its own.
    private var badByte: UInt8?

    package init() {}

    /// Bytes of the fields so far.
    package var byteCount: Int { fields.count }

    /// A field as it came, pseudo-header fields first.
    package mutating func add(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        for text in [name, value] {
            let end = ASCII.endOfText(text, from: 0)
            if end < text.count { badByte = badByte ?? text[end] }
        }
        if name.first == ASCII.colon {
            let place = pseudo.count..<(pseudo.count + value.count)
            pseudo.append(value)
            if ASCII.equals(name, ":method") { method = place }
            if ASCII.equals(name, ":path") { path = place }
            if ASCII.equals(name, ":authority") { authority = place }
            return
        }
        if ASCII.equals(name, "host") { hasHost = true }
        fields.append(name)
        fields.append(": ")
        fields.append(value)
        fields.append("\r\n")
    }

    /// The head, once all fields have come.
    package func head(_ limits: HTTPLimits) throws(HTTPParseError) -> RequestHead {
        if let badByte { throw .invalidByte(badByte) }
        guard let method, let path else { throw .malformedRequestLine }
        let wire = ByteBuffer(capacity: pseudo.count + fields.count + 32)
        wire.append(pseudo, method)
        wire.append(" ")
        wire.append(pseudo, path)
        wire.append(" HTTP/1.1\r\n")
        // Without :authority a Host field says the same (RFC 9113, 8.3.1), with it that one counts.
        if let authority, !hasHost {
            wire.append("host: ")
            wire.append(pseudo, authority)
            wire.append("\r\n")
        }
        wire.append(fields)
        wire.append("\r\n")
        var parser = RequestHeadParser(limits: limits)
        let head = RequestHead()
        defer { withExtendedLifetime(wire) {} }
        guard try parser.parse(wire.bytes, into: head) == wire.count else { throw .malformedRequestLine }
        return head
    }
}

extension ByteBuffer {
    fileprivate func append(_ other: ByteBuffer, _ range: Range<Int>) {
        append(UnsafeRawBufferPointer(rebasing: other.bytes[range]))
    }
}
