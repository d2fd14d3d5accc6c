import Bytes
import Testing

@testable import HTTP

@Suite struct WritingTests {
    private let date = ByteBuffer("Date: D\r\n")

    @Test func `a head says status, date, fields, framing and connection`() {
        let cases: [(ResponseHead.Framing, ResponseHead.Persistence, String)] = [
            (.length(12), .implied, "Content-Length: 12\r\n\r\n"),
            (.none, .close, "Connection: close\r\n\r\n"),
            (.chunked, .implied, "Transfer-Encoding: chunked\r\n\r\n"),
            (.untilClose, .close, "Connection: close\r\n\r\n"),
            (.length(0), .keepAlive, "Content-Length: 0\r\nConnection: keep-alive\r\n\r\n"),
        ]
        for (framing, persistence, ending) in cases {
            #expect(
                head(.notFound, ["A": "b"], framing, persistence)
                    == "HTTP/1.1 404 Not Found\r\nDate: D\r\nA: b\r\n" + ending)
        }
        #expect(head(.ok, [:], .none, .implied) == "HTTP/1.1 200 OK\r\nDate: D\r\n\r\n")
        #expect(head(HTTPStatus(rawValue: 299), [:], .none, .implied).hasPrefix("HTTP/1.1 299 \r\n"))
    }

    @Test func `a line end in a value begins no other field`() {
        let text = head(.ok, ["A": "b\r\nSet-Cookie: c\u{0}", "B\r\nC": "d"], .none, .implied)
        #expect(text == "HTTP/1.1 200 OK\r\nDate: D\r\nA: b  Set-Cookie: c \r\nBC: d\r\n\r\n")
    }

    @Test func `chunk sizes are hexadecimal`() {
        let buffer = ByteBuffer()
        ResponseHead.appendChunkSize(255, to: buffer)
        #expect(buffer.text == "ff\r\n")
    }

    @Test func `header fields compare without case`() {
        var headers: HTTPHeaders = ["A": "1", "b": "2", "a": "3"]
        #expect(headers.first("a") == "1")
        #expect(headers.all("A") == ["1", "3"])
        headers.set("a", "4")
        #expect(headers.all("A") == ["4"])
        #expect(headers.count == 2)
    }

    @Test func `events are framed`() {
        let buffer = ByteBuffer()
        ServerSentEvents.appendRetry(milliseconds: 1000, to: buffer)
        ServerSentEvents.appendComment("two\nlines", to: buffer)
        ServerSentEvents.appendHead(id: "r-1", event: "records", to: buffer)
        buffer.append("{}")
        buffer.append(ServerSentEvents.end)
        #expect(buffer.text == "retry: 1000\n: two\n: lines\nid: r-1\nevent: records\ndata: {}\n\n")
    }

    @Test func `an id or a name cannot begin another field`() {
        let buffer = ByteBuffer()
        ServerSentEvents.appendHead(id: "a\r\ndata: x\u{2028}", event: "b\rc", to: buffer)
        #expect(buffer.text == "id: adata: x\nevent: bc\ndata: ")
        buffer.removeAll()
        ServerSentEvents.appendHead(id: "a\u{0}", event: "e", to: buffer)
        #expect(buffer.text == "event: e\ndata: ")
    }

    @Test(arguments: ["a\r\nb\rc\nd", "a\u{85}b\u{2028}c\u{2029}d"])
    func `each line of a comment is one, wherever clients see lines`(_ text: String) {
        let buffer = ByteBuffer()
        ServerSentEvents.appendComment(text, to: buffer)
        #expect(buffer.text == ": a\n: b\n: c\n: d\n")
    }

    @Test func `every refusal has a status that is an error`() {
        for bad in RequestHeadParserTests.refused {
            #expect((400...505).contains(bad.error.status.rawValue))
            #expect(!bad.error.detail.contains("\""))
        }
    }

    private func head(
        _ status: HTTPStatus, _ headers: HTTPHeaders, _ framing: ResponseHead.Framing,
        _ persistence: ResponseHead.Persistence
    ) -> String {
        let buffer = ByteBuffer()
        ResponseHead.append(
            status, headers: headers, framing: framing, persistence: persistence, date: date, to: buffer)
        return buffer.text
    }
}
