import Bytes

/// The head of a request as routes see it. Says nothing of the version of HTTP that carried it but its name.
///
/// A reference to the head's bytes: texts are made when they are asked for.
package struct HTTPRequest: Sendable {
    package let head: RequestHead
    /// `http`, or `https` where the connection is encrypted.
    package let scheme: String

    package init(head: RequestHead, scheme: String = "http") {
        self.head = head
        self.scheme = scheme
    }

    /// A request out of parts, for tests and for tools that compute signatures. Parses what it would be on the wire.
    package init(
        method: HTTPMethod, target: String, headers: HTTPHeaders = ["Host": "localhost"]
    ) throws(HTTPParseError) {
        let wire = ByteBuffer("\(method.text) \(target) HTTP/1.1\r\n")
        for field in headers { wire.append("\(field.name): \(field.value)\r\n") }
        wire.append("\r\n")
        var parser = RequestHeadParser(limits: HTTPLimits())
        let head = RequestHead()
        defer { withExtendedLifetime(wire) {} }
        guard try parser.parse(wire.bytes, into: head) != nil else { throw .malformedRequestLine }
        self.init(head: head)
    }

    package var method: HTTPMethod { head.method }

    /// The path as it was sent: percent-encoded, without the query. `*` for OPTIONS of the server. Never empty.
    package var path: String {
        let text = head.text(head.path)
        return text.isEmpty ? "/" : text
    }

    /// What stands behind the question mark, as it was sent; nil without one.
    package var query: String? {
        head.query.map(head.text)
    }

    /// `HTTP/1.1` or `HTTP/1.0`, for logs.
    package var version: String {
        head.facts.minorVersion == 0 ? "HTTP/1.0" : "HTTP/1.1"
    }

    /// Host and port that the client asked for, as sent; nil only in HTTP/1.0.
    package var authority: String? {
        (head.targetAuthority ?? head.host).map(head.text)
    }

    /// Bytes that the body will have, where the client said so; nil without a body and for a chunked one.
    package var contentLength: Int? { head.facts.contentLength }

    /// The media type without parameters in lower case: `application/json`. Nil without Content-Type.
    package var contentType: String? {
        guard let value = span("content-type").map(head.slice) else { return nil }
        let type = UnsafeRawBufferPointer(rebasing: value.prefix { $0 != UInt8(ascii: ";") })
        return ASCII.lowercased(ASCII.trimmed(type))
    }

    /// The value of the first field of that name, without blanks around it.
    package func header(_ name: StaticString) -> String? {
        span(name).map(head.text)
    }

    package func header(_ name: String) -> String? {
        var name = name
        return name.withUTF8 { span(UnsafeRawBufferPointer($0)).map(head.text) }
    }

    /// The values of all fields of that name, in order.
    package func headerValues(_ name: String) -> [String] {
        var name = name
        return name.withUTF8 { head.values(UnsafeRawBufferPointer($0)).map(head.text) }
    }

    /// Every field in order, names as sent.
    package var headers: HTTPHeaders {
        var list = HTTPHeaders()
        for field in head.fields { list.add(head.text(field.name), head.text(field.value)) }
        return list
    }

    private func span(_ name: StaticString) -> RequestHead.Span32? {
        span(UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }

    private func span(_ name: UnsafeRawBufferPointer) -> RequestHead.Span32? {
        for span in head.values(name) { return span }
        return nil
    }
}
