import Bytes
import HTTP
import HTTPServer
import Testing

@Suite struct RequestTests {
    private static let post = "POST /p HTTP/1.1\r\nHost: localhost\r\n"

    @Test func `a connection serves one request after the other`() async throws {
        try await ServerFixture.run(handle: { await $0.echo() }) { fixture in
            let client = try Client(port: fixture.port)
            for path in ["/a", "/b", "/c"] {
                let answer = try client.get(path)
                #expect(answer.status == 200)
                #expect(answer.body == "GET \(path) ")
                #expect(client.field("x-answer", answer.head) == "echo")
                #expect(client.field("date", answer.head)?.hasSuffix(" GMT") == true)
                #expect(client.field("connection", answer.head) == nil)
            }
            #expect(fixture.ask { ($0.connectionCount, $0.requestCount) } == (1, 3))
        }
    }

    @Test func `pipelined requests are answered in order`() async throws {
        try await ServerFixture.run(handle: { exchange in
            if exchange.request.path == "/slow" { for _ in 0..<3 { await exchange.loop.nextTurn() } }
            await exchange.echo()
        }) { fixture in
            let client = try Client(port: fixture.port)
            let get = { (path: String) in "GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n" }
            client.send(
                get("/1") + Self.post + "Content-Length: 3\r\n\r\nabc" + get("/slow") + Self.post
                    + "Transfer-Encoding: chunked\r\n\r\n2\r\nde\r\n0\r\n\r\n" + get("/5"))
            let bodies = try (0..<5).map { _ in try client.answer().body }
            #expect(bodies == ["GET /1 ", "POST /p abc", "GET /slow ", "POST /p de", "GET /5 "])
        }
    }

    /// Confined to the server's loop.
    private final class Turns: @unchecked Sendable {
        var current = 0
        var ofRequests: [Int] = []
    }

    @Test func `a turn of the loop lies between two requests of one packet`() async throws {
        let turns = Turns()
        try await ServerFixture.run(handle: { exchange in
            turns.ofRequests.append(turns.current)
            exchange.loop.endOfTurn { turns.current += 1 }
            await exchange.echo()
        }) { fixture in
            let client = try Client(port: fixture.port)
            client.send(String(repeating: "GET / HTTP/1.1\r\nHost: a\r\n\r\n", count: 20))
            for _ in 0..<20 { #expect(try client.answer().status == 200) }
            #expect(fixture.ask { _ in turns.ofRequests } == Array(0..<20))
        }
    }

    @Test func `a body that came with its head is had without a wait, and the next request stands behind it`()
        async throws
    {
        try await ServerFixture.run(handle: { exchange in
            await exchange.respond(.ok, body: exchange.arrivedBody(limit: 4) ?? ByteBuffer("none"))
        }) { fixture in
            let client = try Client(port: fixture.port)
            client.send(
                Self.post + "Content-Length: 3\r\n\r\nabc" + Self.post + "Content-Length: 5\r\n\r\n12345" + Self.post
                    + "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n" + Self.post
                    + "Content-Length: 4\r\n\r\nde")
            let bodies = try (0..<4).map { _ in try client.answer().body }
            #expect(bodies == ["abc", "none", "none", "none"])
            client.send("fg" + Self.post + "Content-Length: 4\r\n\r\nhijk")
            #expect(try client.answer().body == "hijk")
        }
    }

    @Test func `many pipelined requests with answers that the client does not read are all answered`() async throws {
        try await ServerFixture.run(handle: { exchange in
            await exchange.respond(.ok, body: ByteBuffer([UInt8](repeating: 120, count: 8000)))
        }) { fixture in
            let client = try Client(port: fixture.port, receiveBuffer: 4096)
            let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
            client.send(String(repeating: request, count: 1000))
            for _ in 0..<1000 { #expect(try client.answer().body.utf8.count == 8000) }
        }
    }

    @Test func `a request that comes byte by byte is read`() async throws {
        try await ServerFixture.run(handle: { await $0.echo() }) { fixture in
            let client = try Client(port: fixture.port)
            client.sendByteByByte("\r\n" + Self.post + "Content-Length: 5\r\n\r\nhello")
            #expect(try client.answer().body == "POST /p hello")
            client.sendByteByByte(
                Self.post + "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: v\r\n\r\n")
            #expect(try client.answer().body == "POST /p abcde")
        }
    }

    @Test func `large bodies come through both ways`() async throws {
        try await ServerFixture.run(handle: { await $0.echo() }) { fixture in
            let client = try Client(port: fixture.port)
            let body = String(repeating: "0123456789abcdef", count: 200_000)
            client.send(Self.post + "Content-Length: \(body.utf8.count)\r\n\r\n" + body)
            #expect(try client.answer().body == "POST /p " + body)
            let chunk = String(body.prefix(100_000))
            client.send(Self.post + "Transfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<3 { client.send(String(chunk.utf8.count, radix: 16) + "\r\n" + chunk + "\r\n") }
            client.send("0\r\n\r\n")
            #expect(try client.answer().body == "POST /p " + chunk + chunk + chunk)
        }
    }

    @Test func `a body is read in parts`() async throws {
        try await ServerFixture.run(handle: { exchange in
            var length = 0
            var parts = 0
            while let part = try? await exchange.bodyPart() {
                length += part.count
                parts += 1
            }
            await exchange.respond(.ok, body: ByteBuffer("\(length) \(parts > 1)"))
        }) { fixture in
            let client = try Client(port: fixture.port)
            client.send(Self.post + "Content-Length: 100000\r\n\r\n" + String(repeating: "x", count: 100_000))
            #expect(try client.answer().body == "100000 true")
        }
    }

    @Test func `a client that expects 100 Continue gets it when the body is wanted`() async throws {
        try await ServerFixture.run(handle: { await $0.echo() }) { fixture in
            let client = try Client(port: fixture.port)
            client.send(Self.post + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            #expect(try client.answer().status == 100)
            client.send("hi")
            #expect(try client.answer().body == "POST /p hi")
            client.send(Self.post + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nho")
            #expect(try client.answer().body == "POST /p ho")
        }
    }

    @Test func `a client that expects 100 Continue gets the answer alone when the body is not wanted`() async throws {
        try await ServerFixture.run(handle: { await $0.respond(.notFound) }) { fixture in
            let client = try Client(port: fixture.port)
            client.send(Self.post + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            let answer = try client.answer()
            #expect(answer.status == 404)
            // Whether the body follows is not known, so nothing else can.
            #expect(client.field("connection", answer.head) == "close")
            #expect(client.isClosed())
        }
    }

    @Test func `a body that nobody reads is skipped`() async throws {
        try await ServerFixture.run(handle: { await $0.respond(.ok, body: ByteBuffer($0.request.path)) }) { fixture in
            let client = try Client(port: fixture.port)
            client.send(Self.post + "Content-Length: 50000\r\n\r\n" + String(repeating: "x", count: 50_000))
            #expect(try client.answer().body == "/p")
            client.send(Self.post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
            #expect(try client.answer().body == "/p")
            #expect(try client.get("/next").body == "/next")
        }
    }

    @Test func `HEAD gets the head alone`() async throws {
        try await ServerFixture.run(handle: { await $0.echo() }) { fixture in
            let client = try Client(port: fixture.port)
            client.send("HEAD /h HTTP/1.1\r\nHost: a\r\n\r\n")
            let answer = try client.answer(isHead: true)
            #expect(client.field("content-length", answer.head) == "8")
            #expect(try client.get("/next").body == "GET /next ")
        }
    }

    @Test func `HTTP 1.0 closes unless it asks to stay`() async throws {
        try await ServerFixture.run(handle: { await $0.echo() }) { fixture in
            let staying = try Client(port: fixture.port)
            staying.send("GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let answer = try staying.answer()
            #expect(staying.field("connection", answer.head) == "keep-alive")
            staying.send("GET /b HTTP/1.0\r\n\r\n")
            let last = try staying.answer()
            #expect(last.body == "GET /b ")
            #expect(staying.field("connection", last.head) == "close")
            #expect(staying.isClosed())
        }
    }

    @Test func `a client that asks to close is closed behind the answer`() async throws {
        try await ServerFixture.run(handle: { await $0.echo() }) { fixture in
            let client = try Client(port: fixture.port)
            let answer = try client.get("/a", "Connection: close\r\n")
            #expect(client.field("connection", answer.head) == "close")
            #expect(client.isClosed())
        }
    }

    @Test func `a client that half-closes after its request gets its answer`() async throws {
        try await ServerFixture.run(handle: { exchange in
            for _ in 0..<5 { await exchange.loop.nextTurn() }
            await exchange.echo()
        }) { fixture in
            let client = try Client(port: fixture.port)
            client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
            client.shutdownWriting()
            #expect(try client.answer().body == "GET /1 ")
            #expect(try client.answer().body == "GET /2 ")
            #expect(client.isClosed())
        }
    }

    @Test func `a request that a handler forgets gets 500`() async throws {
        try await ServerFixture.run(handle: { _ in }) { fixture in
            let client = try Client(port: fixture.port)
            #expect(try client.get("/").status == 500)
        }
    }

    @Test func `an aborted request gets no answer`() async throws {
        try await ServerFixture.run(handle: { $0.abort() }) { fixture in
            let client = try Client(port: fixture.port)
            client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.readToEnd() == "")
            #expect(fixture.becomes { $0.connectionCount == 0 })
        }
    }

    @Test func `a handler knows its peer`() async throws {
        try await ServerFixture.run(handle: { exchange in
            await exchange.respond(
                .ok, body: ByteBuffer("\(exchange.isLoopbackPeer) \(exchange.remoteAddress.hasPrefix("127.0.0.1:"))"))
        }) { fixture in
            let client = try Client(port: fixture.port)
            #expect(try client.get("/").body == "true true")
        }
    }
}
