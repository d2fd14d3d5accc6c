import Bytes
import Testing

@testable import HTTP

private enum Outcome: Equatable {
    /// The decoded body, and how many bytes of the input belong to it.
    case body(String, length: Int)
    case incomplete(String)
    case refused(HTTPParseError, after: String)
}

@Suite struct ChunkedBodyParserTests {
    private static let example = "5\r\nhello\r\n00A;x=1;y=\"z\"\r\n, world!!!\r\n0\r\nX-Trailer: a b\r\nY:\r\n\r\n"

    @Test func `chunks are joined and the trailer is dropped`() {
        #expect(
            outcome(Self.example + "GET /", cuts: []) == .body("hello, world!!!", length: Self.example.utf8.count))
    }

    @Test func `an input gives the same wherever it is cut`() {
        for input in [Self.example + "GET /"] + Self.refused.map(\.input) {
            let whole = outcome(input, cuts: [])
            let count = input.utf8.count
            for cut in 0...count {
                #expect(outcome(input, cuts: [cut]) == whole, "\(cut) of \(input.debugDescription)")
            }
            #expect(outcome(input, cuts: Array(0...count)) == whole, "byte by byte: \(input.debugDescription)")
        }
    }

    @Test func `a body that ends early is incomplete`() {
        for end in 0..<Self.example.utf8.count {
            let part = String(decoding: Self.example.utf8.prefix(end), as: UTF8.self)
            guard case .incomplete = outcome(part, cuts: []) else { return #expect(Bool(false), "\(end)") }
        }
    }

    @Test(arguments: refused)
    func `a bad body is refused with its reason`(_ bad: Bad) {
        guard case .refused(let error, _) = outcome(bad.input, cuts: []) else { return #expect(Bool(false)) }
        #expect(error == bad.error)
    }

    @Test func `extensions and trailers are bounded`() {
        var limits = HTTPLimits()
        limits.chunkExtensionBytes = 10
        limits.headerBytes = 20
        let inOne = "1;" + String(repeating: "x", count: 11) + "\r\na\r\n"
        #expect(outcome(inOne, cuts: [], limits) == .refused(.chunkExtensionsTooLarge(limit: 10), after: ""))
        let spread = String(repeating: "1;xxxx\r\na\r\n", count: 3)
        #expect(outcome(spread, cuts: [], limits) == .refused(.chunkExtensionsTooLarge(limit: 10), after: "aa"))
        let trailer = "0\r\nA: " + String(repeating: "b", count: 30)
        #expect(outcome(trailer, cuts: [], limits) == .refused(.trailerTooLarge(limit: 20), after: ""))
    }

    struct Bad: Sendable {
        var input: String
        var error: HTTPParseError
        init(_ input: String, _ error: HTTPParseError) {
            self.input = input
            self.error = error
        }
    }

    static let refused: [Bad] = [
        Bad("\r\n", .invalidChunkSize),
        Bad("g\r\n", .invalidChunkSize),
        Bad("-1\r\n", .invalidChunkSize),
        Bad("+1\r\n", .invalidChunkSize),
        Bad("0x1\r\n", .invalidChunkSize),
        Bad(" 1\r\n", .invalidChunkSize),
        Bad(";a\r\n", .invalidChunkSize),
        Bad("1\nab", .invalidChunkSize),
        Bad("1_0\r\n", .invalidChunkSize),
        Bad("1 \r\na", .invalidChunkExtension),
        Bad("1 a\r\n", .invalidChunkExtension),
        Bad("1;a\u{0}\r\n", .invalidChunkExtension),
        Bad("1;a\nb\r\n", .invalidChunkExtension),
        Bad("1\rX", .bareCarriageReturn),
        Bad("1;a\rX", .bareCarriageReturn),
        Bad("ffffffffffffffff\r\n", .chunkSizeOverflow),
        Bad("10000000000000000\r\n", .chunkSizeOverflow),
        Bad("0000000000000001\r\n", .chunkSizeOverflow),
        Bad("1\r\nab\r\n", .missingChunkEnd),
        Bad("2\r\nab\n0\r\n", .missingChunkEnd),
        Bad("1\r\na\rb", .missingChunkEnd),
        Bad("0\r\n folded\r\n\r\n", .invalidTrailer),
        Bad("0\r\nA b: c\r\n\r\n", .invalidTrailer),
        Bad("0\r\nA : c\r\n\r\n", .invalidTrailer),
        Bad("0\r\n: c\r\n\r\n", .invalidTrailer),
        Bad("0\r\nA: b\u{1}\r\n\r\n", .invalidTrailer),
        Bad("0\r\nA: b\n\r\n", .invalidTrailer),
        Bad("0\r\n\n", .invalidTrailer),
        Bad("0\r\n\rX", .bareCarriageReturn),
        Bad("0\r\nA: b\rX", .bareCarriageReturn),
    ]

    private func outcome(_ text: String, cuts: [Int], _ limits: HTTPLimits = HTTPLimits()) -> Outcome {
        let bytes = Array(text.utf8)
        var parser = ChunkedBodyParser(limits: limits)
        var body = ""
        var start = 0
        do throws(HTTPParseError) {
            for end in cuts + [bytes.count] {
                let part = ByteBuffer(bytes[start..<end])
                defer { withExtendedLifetime(part) {} }
                var at = 0
                while true {
                    switch try parser.next(part.bytes, at: &at) {
                    case .data(let range): body += String(decoding: part.bytes[range], as: UTF8.self)
                    case .end: return .body(body, length: start + at)
                    case .needsMore:
                        start = end
                    }
                    if start == end { break }
                }
            }
            return .incomplete(body)
        } catch {
            return .refused(error, after: body)
        }
    }
}
