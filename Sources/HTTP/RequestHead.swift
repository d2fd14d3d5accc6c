import Bytes

/// One request head: its bytes, and where in them its parts lie.
///
/// A connection parses every request into the same instance for as long as nobody keeps the last one, so that a head
/// costs no allocation. Confined to its loop while it is filled; afterwards nobody writes to it.
package final class RequestHead: @unchecked Sendable {
    /// Where one field lies. Offsets from the head's first byte.
    struct FieldRange {
        var name: Span32
        var value: Span32
    }

    /// Half-open range of bytes; 32 bits each, because a head is bounded far below.
    struct Span32: Equatable {
        var start: UInt32 = 0
        var end: UInt32 = 0

        init(_ start: Int, _ end: Int) {
            self.start = UInt32(truncatingIfNeeded: start)
            self.end = UInt32(truncatingIfNeeded: end)
        }
    }

    /// Grows to the longest head of its connection and no further: thousands of idle streams each keep theirs.
    let bytes = ByteBuffer()
    var fields: [FieldRange] = []
    var method = HTTPMethod.get
    /// The target as it was sent, without the query.
    var path = Span32(0, 0)
    /// Behind the question mark; nil without one.
    var query: Span32?
    /// The host and port of an absolute-form target, which count more than the Host field (RFC 9112, 3.2.2).
    var targetAuthority: Span32?
    var host: Span32?
    package internal(set) var facts = RequestFacts()

    package init() {
        fields.reserveCapacity(8)
    }

    func reset() {
        bytes.removeAll()
        fields.removeAll(keepingCapacity: true)
        query = nil
        targetAuthority = nil
        host = nil
        facts = RequestFacts()
    }

    func slice(_ span: Span32) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes.bytes[Int(span.start)..<Int(span.end)])
    }

    func text(_ span: Span32) -> String {
        String(decoding: slice(span), as: UTF8.self)
    }

    /// The values of all fields of that name, in order.
    func values(_ name: UnsafeRawBufferPointer) -> some Sequence<Span32> {
        fields.lazy.filter { ASCII.equalsIgnoringCase(self.slice($0.name), name) }.map(\.value)
    }
}

/// How the body of a request is delimited (RFC 9112, 6.3).
package enum BodyFraming: Equatable, Sendable {
    case none
    /// Exactly so many bytes.
    case length(Int)
    case chunked
}

/// What the framing of a request says about its connection: what the server needs before anybody asks for a field.
package struct RequestFacts: Equatable, Sendable {
    /// The minor version: 0, or 1 for everything above (RFC 9110, 2.5).
    package var minorVersion = 1
    package var contentLength: Int?
    package var isChunked = false
    package var expectsContinue = false
    /// `Connection: close`, or HTTP/1.0 without `keep-alive`.
    package var wantsClose = false
    /// `Connection: keep-alive`, which only matters to HTTP/1.0.
    package var wantsKeepAlive = false

    package init() {}

    package var framing: BodyFraming {
        if isChunked { return .chunked }
        guard let contentLength, contentLength > 0 else { return .none }
        return .length(contentLength)
    }
}
