import Bytes
import Testing

@testable import HTTP

/// What a parser said of an input: the same wherever the input is cut.
private enum Outcome: Equatable {
    /// Length of the head, and what it says.
    case head(length: Int, lines: [String])
    case incomplete
    case refused(HTTPParseError)
}

@Suite struct RequestHeadParserTests {
    private static let example = """
        POST /streams/a%20b/put?x=1&y=? HTTP/1.1\r
        Host: localhost:8700\r
        Content-Type: application/json; charset=utf-8\r
        X-Empty:\r
        x-twice: one\r
        X-Twice:  \t two words \t\r
        Content-Length: 12\r
        \r

        """

    @Test func `a head is read into its parts`() throws {
        let request = try request(Self.example)
        #expect(request.method == .post)
        #expect(request.path == "/streams/a%20b/put")
        #expect(request.query == "x=1&y=?")
        #expect(request.version == "HTTP/1.1")
        #expect(request.authority == "localhost:8700")
        #expect(request.contentType == "application/json")
        #expect(request.contentLength == 12)
        #expect(request.header("x-empty")?.isEmpty == true)
        #expect(request.headerValues("x-TWICE") == ["one", "two words"])
        #expect(request.header("Absent") == nil)
        #expect(request.headers.map(\.name).first == "Host")
        #expect(request.head.facts.framing == .length(12))
        #expect(!request.head.facts.wantsClose)
    }

    @Test func `an input gives the same wherever it is cut`() {
        let inputs = [Self.example + "GET / HTTP/1.1\r\n", "\r\n" + Self.example] + Self.refused.map(\.input)
        for input in inputs {
            let bytes = Array(input.utf8)
            let whole = outcome(bytes, cuts: [])
            for cut in 0...bytes.count {
                #expect(outcome(bytes, cuts: [cut]) == whole, "cut at \(cut) of \(input.debugDescription)")
            }
            #expect(outcome(bytes, cuts: Array(0...bytes.count)) == whole, "byte by byte: \(input.debugDescription)")
        }
    }

    @Test func `limits give the same wherever the input is cut`() {
        var limits = HTTPLimits()
        limits.requestLineBytes = 40
        limits.headerBytes = 80
        limits.headerFields = 3
        for length in 1...90 {
            for head in ["GET /\(String(repeating: "a", count: length))", "GET / HTTP/1.1\r\nHost: a\r\nB: "] {
                let text = head + String(repeating: "b", count: length) + " HTTP/1.1\r\n\r\n"
                let bytes = Array(text.utf8)
                let whole = outcome(bytes, cuts: [], limits)
                #expect(outcome(bytes, cuts: Array(0...bytes.count), limits) == whole, "\(text.debugDescription)")
            }
        }
    }

    @Test func `what follows a head is left alone`() {
        let bytes = Array((Self.example + "hello world!").utf8)
        guard case .head(let length, _) = outcome(bytes, cuts: []) else { return #expect(Bool(false)) }
        #expect(length == Self.example.utf8.count)
    }

    @Test(arguments: refused)
    func `a bad head is refused with its reason`(_ bad: Bad) {
        #expect(outcome(Array(bad.input.utf8), cuts: []) == .refused(bad.error))
    }

    @Test func `bytes that no line may have are refused`() {
        for byte in UInt8(0)...31 where ![9, 10, 13].contains(byte) {
            let bytes = Array("GET / HTTP/1.1\r\nHost: a".utf8) + [byte] + Array("b\r\n\r\n".utf8)
            #expect(outcome(bytes, cuts: []) == .refused(.invalidByte(byte)))
        }
        let delete = Array("GET / HTTP/1.1\r\nHost: a\r\nX: 12345678".utf8) + [127, 13, 10, 13, 10]
        #expect(outcome(delete, cuts: []) == .refused(.invalidByte(127)))
    }

    @Test func `bytes above ASCII are values and nothing else`() throws {
        let head = "GET / HTTP/1.1\r\nHost: a\r\nX-Name: Zoë\r\n\r\n"
        #expect(try request(head).header("x-name") == "Zoë")
        #expect(outcome(Array("GET /é HTTP/1.1\r\n".utf8), cuts: []) == .refused(.invalidTarget))
        #expect(outcome(Array("GET / HTTP/1.1\r\né: a\r\n".utf8), cuts: []) == .refused(.invalidFieldName))
    }

    @Test func `limits are refused with the limit`() {
        var limits = HTTPLimits()
        limits.headerBytes = 100
        limits.requestLineBytes = 50
        limits.headerFields = 2
        let long = "GET /" + String(repeating: "a", count: 60)
        #expect(outcome(Array(long.utf8), cuts: [], limits) == .refused(.requestLineTooLong(limit: 50)))
        let field = "GET / HTTP/1.1\r\nHost: a\r\nB: " + String(repeating: "b", count: 100)
        #expect(outcome(Array(field.utf8), cuts: [], limits) == .refused(.headerTooLarge(limit: 100)))
        let many = "GET / HTTP/1.1\r\nHost: a\r\nB: b\r\nC: c\r\n\r\n"
        #expect(outcome(Array(many.utf8), cuts: [], limits) == .refused(.tooManyFields(limit: 2)))
    }

    @Test func `a head of exactly the limit is read`() {
        var limits = HTTPLimits()
        limits.headerBytes = 50
        let prefix = "GET / HTTP/1.1\r\nHost: "
        let head = prefix + String(repeating: "a", count: 50 - prefix.utf8.count - 4) + "\r\n\r\n"
        guard case .head(length: 50, _) = outcome(Array(head.utf8), cuts: [], limits) else {
            return #expect(Bool(false))
        }
        limits.headerBytes = 49
        #expect(outcome(Array(head.utf8), cuts: [], limits) == .refused(.headerTooLarge(limit: 49)))
    }

    @Test func `the connection stays or closes as version and header say`() throws {
        let cases: [(String, Bool)] = [
            ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n", true),
            ("GET / HTTP/1.0\r\n\r\n", true),
            ("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", false),
            ("GET / HTTP/1.7\r\nHost: a\r\n\r\n", false),
        ]
        for (head, close) in cases { #expect(try request(head).head.facts.wantsClose == close, "\(head)") }
    }

    @Test func `targets have the forms of RFC 9112`() throws {
        let absolute = try request("GET http://example.org:81/a?b HTTP/1.1\r\nHost: other\r\n\r\n")
        #expect(absolute.path == "/a")
        #expect(absolute.authority == "example.org:81")
        let bare = try request("GET http://example.org?b HTTP/1.1\r\nHost: other\r\n\r\n")
        #expect(bare.path == "/")
        #expect(bare.query == "b")
        #expect(try request("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n").path == "*")
        #expect(try request("GET //evil/a HTTP/1.1\r\nHost: a\r\n\r\n").path == "//evil/a")
    }

    @Test func `one parser reads one head after the other`() throws {
        var parser = RequestHeadParser(limits: HTTPLimits())
        let head = RequestHead()
        for path in ["/a", "/b", "/c"] {
            parser.reset()
            let wire = ByteBuffer("GET \(path)?q HTTP/1.1\r\nHost: h\r\n\r\n")
            #expect(try parser.parse(wire.bytes, into: head) == wire.count)
            #expect(HTTPRequest(head: head).path == path)
            #expect(HTTPRequest(head: head).headers.count == 1)
        }
    }

    @Test func `a request is made of parts for tests and tools`() throws {
        let request = try HTTPRequest(method: .put, target: "/x", headers: ["Host": "h", "A": "b"])
        #expect(request.method == .put)
        #expect(request.header("a") == "b")
        #expect(throws: HTTPParseError.missingHost) { try HTTPRequest(method: .get, target: "/", headers: [:]) }
    }

    // MARK: Helpers

    struct Bad: Sendable {
        var input: String
        var error: HTTPParseError
        init(_ input: String, _ error: HTTPParseError) {
            self.input = input
            self.error = error
        }
    }

    static let refused: [Bad] = {
        let ok = "GET / HTTP/1.1\r\nHost: a\r\n"
        return [
            Bad("GET /\r\n", .malformedRequestLine),
            Bad("GET  / HTTP/1.1\r\n", .malformedRequestLine),
            Bad("GET / HTTP/1.1 \r\n", .malformedRequestLine),
            Bad(" GET / HTTP/1.1\r\n", .malformedRequestLine),
            Bad("\r\n\r\nGET / HTTP/1.1\r\n", .malformedRequestLine),
            Bad("G@T / HTTP/1.1\r\n", .malformedRequestLine),
            Bad("GET / http/1.1\r\n", .malformedRequestLine),
            Bad("GET / HTTP/1\r\n", .malformedRequestLine),
            Bad("GET\t/ HTTP/1.1\r\n", .malformedRequestLine),
            Bad("GET a HTTP/1.1\r\n", .invalidTarget),
            Bad("GET * HTTP/1.1\r\n", .invalidTarget),
            Bad("GET /#a HTTP/1.1\r\n", .invalidTarget),
            Bad("GET http:///a HTTP/1.1\r\n", .invalidTarget),
            Bad("GET ftp://a/ HTTP/1.1\r\n", .invalidTarget),
            Bad("GET http://us er@h/ HTTP/1.1\r\n", .malformedRequestLine),
            Bad("GET http://user@h/ HTTP/1.1\r\n", .invalidTarget),
            Bad("CONNECT a:1 HTTP/1.1\r\n", .unsupportedMethod),
            Bad("PRI * HTTP/2.0\r\n", .unsupportedVersion),
            Bad("GET / HTTP/0.9\r\n", .unsupportedVersion),
            Bad("GET / HTTP/1.1\nHost: a\n\n", .bareLineFeed),
            Bad("GET / HTTP/1.1\rHost: a\r\n", .bareCarriageReturn),
            Bad("\rGET / HTTP/1.1\r\n", .bareCarriageReturn),
            Bad(ok + "A: b\rC: d\r\n\r\n", .bareCarriageReturn),
            Bad(ok + "A: b\u{0}\r\n\r\n", .invalidByte(0)),
            Bad(ok + " folded\r\n\r\n", .foldedLine),
            Bad(ok + "\tfolded: a\r\n\r\n", .foldedLine),
            Bad("GET / HTTP/1.1\r\n Host: a\r\n\r\n", .foldedLine),
            Bad(ok + "A : b\r\n\r\n", .spaceBeforeColon),
            Bad(ok + "A\t: b\r\n\r\n", .spaceBeforeColon),
            Bad(ok + ": b\r\n\r\n", .invalidFieldName),
            Bad(ok + "A\r\n\r\n", .invalidFieldName),
            Bad(ok + "A(b): c\r\n\r\n", .invalidFieldName),
            Bad("GET / HTTP/1.1\r\n\r\n", .missingHost),
            Bad(ok + "Host: a\r\n\r\n", .severalHosts),
            Bad("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .invalidHost),
            Bad("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", .invalidHost),
            Bad("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", .invalidHost),
            Bad("GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", .invalidHost),
            Bad("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", .invalidHost),
            Bad("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", .invalidHost),
            Bad("GET / HTTP/1.1\r\nHost: a:123456\r\n\r\n", .invalidHost),
            Bad(ok + "Expect: 200-ok\r\n\r\n", .unknownExpectation),
            Bad(ok + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", .severalContentLengths),
            Bad(ok + "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", .severalContentLengths),
            Bad(ok + "Content-Length: 5, 5\r\n\r\n", .invalidContentLength),
            Bad(ok + "Content-Length: +5\r\n\r\n", .invalidContentLength),
            Bad(ok + "Content-Length: -5\r\n\r\n", .invalidContentLength),
            Bad(ok + "Content-Length: 0x5\r\n\r\n", .invalidContentLength),
            Bad(ok + "Content-Length: 5 5\r\n\r\n", .invalidContentLength),
            Bad(ok + "Content-Length:\r\n\r\n", .invalidContentLength),
            Bad(ok + "Content-Length: 9223372036854775808\r\n\r\n", .invalidContentLength),
            Bad(ok + "Content-Length: 18446744073709551617\r\n\r\n", .invalidContentLength),
            Bad(
                ok + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", .contentLengthWithTransferEncoding),
            Bad(
                ok + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", .contentLengthWithTransferEncoding),
            Bad(ok + "Transfer-Encoding: gzip, chunked\r\n\r\n", .unsupportedTransferCoding),
            Bad(ok + "Transfer-Encoding: gzip\r\n\r\n", .chunkedNotLast),
            Bad(ok + "Transfer-Encoding: identity\r\n\r\n", .chunkedNotLast),
            Bad(ok + "Transfer-Encoding: chunked, gzip\r\n\r\n", .chunkedNotLast),
            Bad(ok + "Transfer-Encoding: chunked, chunked\r\n\r\n", .chunkedNotLast),
            Bad(ok + "Transfer-Encoding: xchunked\r\n\r\n", .chunkedNotLast),
            Bad(ok + "Transfer-Encoding: \"chunked\"\r\n\r\n", .chunkedNotLast),
            Bad(ok + "Transfer-Encoding:\r\n\r\n", .chunkedNotLast),
            Bad(
                ok + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", .severalTransferEncodings),
            Bad("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncodingInHTTP10),
        ]
    }()

    private func request(_ text: String) throws -> HTTPRequest {
        var parser = RequestHeadParser(limits: HTTPLimits())
        let head = RequestHead()
        let wire = ByteBuffer(text)
        let length = try parser.parse(wire.bytes, into: head)
        withExtendedLifetime(wire) {}
        #expect(length == text.utf8.count)
        return HTTPRequest(head: head)
    }

    /// Feeds the input as it grows from cut to cut, until the parser has decided.
    private func outcome(_ bytes: [UInt8], cuts: [Int], _ limits: HTTPLimits = HTTPLimits()) -> Outcome {
        var parser = RequestHeadParser(limits: limits)
        let head = RequestHead()
        do throws(HTTPParseError) {
            for end in cuts + [bytes.count] {
                let part = ByteBuffer(bytes[..<end])
                defer { withExtendedLifetime(part) {} }
                if let length = try parser.parse(part.bytes, into: head) {
                    let request = HTTPRequest(head: head)
                    let lines = request.headers.map { "\($0.name)=\($0.value)" }
                    return .head(length: length, lines: [request.path, request.query ?? "-"] + lines)
                }
            }
            return .incomplete
        } catch {
            return .refused(error)
        }
    }
}
