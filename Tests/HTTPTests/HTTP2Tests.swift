import Bytes
import Testing

@testable import HTTP

/// What is made of the fields of HTTP/2, and made into them.
@Suite struct HTTP2Tests {
    private static func request(_ fields: [(String, String)]) -> HTTP2Request {
        var request = HTTP2Request()
        for (name, value) in fields {
            var (name, value) = (name, value)
            name.withUTF8 { name in
                value.withUTF8 { request.add(UnsafeRawBufferPointer(name), UnsafeRawBufferPointer($0)) }
            }
        }
        return request
    }

    private static let get = [(":method", "GET"), (":scheme", "http"), (":path", "/a%20b?x=1"), (":authority", "h:80")]

    @Test func `a request is read as one of HTTP/1.1 is`() throws {
        let fields = Self.get + [("accept", "text/plain"), ("content-length", "5"), ("expect", "100-continue")]
        let head = try Self.request(fields).head(HTTPLimits())
        let request = HTTPRequest(head: head, scheme: "https")
        #expect(request.method == .get && request.path == "/a%20b" && request.query == "x=1")
        #expect(request.authority == "h:80" && request.header("accept") == "text/plain")
        #expect(head.facts.contentLength == 5 && head.facts.expectsContinue && !head.facts.wantsClose)
    }

    @Test func `a Host field says what :authority leaves out`() throws {
        let fields = Self.get.dropLast() + [("host", "other")]
        #expect(HTTPRequest(head: try Self.request(Array(fields)).head(HTTPLimits())).authority == "other")
    }

    private struct Bad: CustomTestStringConvertible {
        let fields: [(String, String)]
        let error: HTTPParseError
        var testDescription: String { "\(fields)" }

        init(_ error: HTTPParseError, method: String? = "GET", path: String? = "/", more: (String, String)...) {
            self.error = error
            fields = (method.map { [(":method", $0)] } ?? []) + (path.map { [(":path", $0)] } ?? []) + more
        }
    }

    private static let bad = [
        Bad(.malformedRequestLine, method: nil),
        Bad(.malformedRequestLine, path: nil),
        Bad(.missingHost),
        Bad(.malformedRequestLine, path: "/ x", more: (":authority", "a")),
        Bad(.unsupportedMethod, method: "CONNECT", more: (":authority", "a")),
        Bad(.severalHosts, more: ("host", "a"), ("host", "b")),
        // A line end would begin a field of its own, or end the head.
        Bad(.invalidByte(13), path: "/ HTTP/1.1\r\nx: y\r\n\r\n", more: (":authority", "a")),
        Bad(.invalidByte(13), more: (":authority", "a\r\nx: y")),
        Bad(.invalidByte(13), more: (":authority", "a"), ("x", "y\r\n\r\nGET /")),
        Bad(.invalidByte(10), more: (":authority", "a"), ("x\n", "y")),
    ]

    @Test(arguments: bad) private func `what HTTP/1.1 refuses is refused`(bad: Bad) {
        #expect(throws: bad.error) { _ = try Self.request(bad.fields).head(HTTPLimits()) }
    }

    @Test func `a head beyond its limit is refused`() {
        let fields = Self.get + [("x", String(repeating: "y", count: 20_000))]
        #expect(throws: HTTPParseError.headerTooLarge(limit: 16 * 1024)) {
            _ = try Self.request(fields).head(HTTPLimits())
        }
    }

    @Test func `an answer's names are in lower case, and no value has a line end`() {
        let fields = HTTP2Fields(
            .ok, ["Content-Type": "text/plain", "X-Odd": "a\r\nb: c"], length: 7, date: "now")
        let bytes = fields.bytes.array
        let pairs = fields.fields.map { field in
            [field.name, field.value].map { String(decoding: bytes[$0], as: UTF8.self) }
        }
        #expect(
            pairs == [
                [":status", "200"], ["date", "now"], ["content-type", "text/plain"], ["x-odd", "a  b: c"],
                ["content-length", "7"],
            ])
    }
}
