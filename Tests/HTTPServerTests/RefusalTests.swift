import Bytes
import HTTP
import Testing

@testable import HTTPServer

@Suite struct RefusalTests {
    private static let refused: [(String, Int, String)] = [
        ("GET / HTTP/1.1\r\n\r\n", 400, "malformedRequest"),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, "malformedRequest"),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505, "unsupportedVersion"),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501, "unsupportedMethod"),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501, "unsupportedTransferCoding"),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: x\r\n\r\n", 417, "unknownExpectation"),
        ("GET /" + String(repeating: "a", count: 9000) + " HTTP/1.1\r\n", 414, "uriTooLong"),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nA: " + String(repeating: "a", count: 17_000) + "\r\n\r\n", 431,
            "headerTooLarge"
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
            "malformedRequest"
        ),
    ]

    @Test func `a refused request is answered with its status and closed`() async throws {
        try await ServerFixture.run(handle: { await $0.echo() }) { fixture in
            for (request, status, code) in Self.refused {
                let client = try Client(port: fixture.port)
                client.send(request)
                let answer = try client.answer()
                #expect(answer.status == status)
                #expect(client.field("content-type", answer.head) == "application/problem+json")
                #expect(client.field("connection", answer.head) == "close")
                #expect(answer.body.contains("\"code\":\"\(code)\""))
                #expect(client.isClosed())
            }
            #expect(fixture.ask { $0.requestCount } == 0)
        }
    }

    @Test func `requests before a refused one are answered`() async throws {
        try await ServerFixture.run(handle: { await $0.echo() }) { fixture in
            let client = try Client(port: fixture.port)
            client.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b\r\n\r\nGET /c HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.answer().body == "GET /a ")
            #expect(try client.answer().status == 400)
            #expect(client.isClosed())
        }
    }

    @Test func `a client that goes on sending sees why its body was too large`() async throws {
        var limits = HTTPLimits()
        limits.bodyBytes = 1000
        try await ServerFixture.run(limits, handle: { await $0.echo() }) { fixture in
            for framing in ["Content-Length: 50000000", "Transfer-Encoding: chunked"] {
                let client = try Client(port: fixture.port)
                client.send("POST / HTTP/1.1\r\nHost: a\r\n\(framing)\r\n\r\n100000\r\n")
                let megabyte = String(repeating: "x", count: 1 << 20)
                for _ in 0..<20 where !client.send(megabyte) { break }
                let answer = try client.answer()
                #expect(answer.status == 413)
                #expect(client.field("connection", answer.head) == "close")
                #expect(answer.body.contains("limit: 1000"))
            }
        }
    }

    @Test func `bodies that take too much memory together get 503, and one alone is read`() async throws {
        var limits = HTTPLimits()
        limits.bodyBytesTogether = 256 * 1024
        try await ServerFixture.run(limits, handle: { await $0.echo() }) { fixture in
            let half = String(repeating: "x", count: 200_000)
            let alone = try Client(port: fixture.port)
            alone.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n" + half)
            #expect(fixture.becomes { $0.bodyBytesHeld == 400_000 })
            let second = try Client(port: fixture.port)
            second.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 400000\r\n\r\n" + half)
            #expect(try second.answer().status == 503)
            let small = try Client(port: fixture.port)
            small.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n" + half.prefix(60_000))
            #expect(try small.answer().status == 200)
            alone.send(half)
            #expect(try alone.answer().status == 200)
            let later = try Client(port: fixture.port)
            later.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" + half)
            #expect(try later.answer().status == 200, "what was held is given back")
        }
    }

    @Test func `a body for whose length there is no room is refused before it is read`() async throws {
        var limits = HTTPLimits()
        limits.bodyBytesTogether = 256 * 1024
        try await ServerFixture.run(limits, handle: { await $0.echo() }) { fixture in
            func begin(_ length: Int) throws -> Client {
                let client = try Client(port: fixture.port)
                client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: \(length)\r\n\r\n")
                return client
            }
            let first = try begin(200_000)
            let firstHead = try first.read(through: "\r\n\r\n")
            #expect(firstHead.hasPrefix("HTTP/1.1 100"))
            #expect(try begin(100_000).answer().status == 503)
            let small = try begin(50_000)
            let smallHead = try small.read(through: "\r\n\r\n")
            #expect(smallHead.hasPrefix("HTTP/1.1 100"), "a small one is read")
            for (client, length) in [(first, 200_000), (small, 50_000)] {
                client.send(String(repeating: "x", count: length))
                #expect(try client.answer().status == 200)
            }
            #expect(fixture.becomes { $0.bodyBytesHeld == 0 })
        }
    }

    @Test func `a body counts until its request is answered, or its handler lets go of it`() async throws {
        var limits = HTTPLimits()
        limits.bodyBytesTogether = 256 * 1024
        try await ServerFixture.run(
            limits,
            handle: { exchange in
                _ = try? await exchange.body()
                let held = exchange.holdsLargeBody
                if exchange.request.path == "/release" { exchange.releaseBody() }
                let stillHeld = exchange.holdsLargeBody
                await exchange.respond(
                    .ok, body: ByteBuffer("\(held) \(stillHeld) \(exchange.stream.server.bodyBytesHeld)"))
            }
        ) { fixture in
            let body = String(repeating: "x", count: 200_000)
            func post(_ path: String) throws -> String {
                let client = try Client(port: fixture.port)
                client.send("POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" + body)
                return try client.answer().body
            }
            let bodies = [try post("/"), try post("/release")]
            #expect(bodies == ["true true 200000", "true false 0"])
            #expect(fixture.becomes { $0.bodyBytesHeld == 0 })
        }
    }

    @Test func `a body of exactly the limit is read`() async throws {
        var limits = HTTPLimits()
        limits.bodyBytes = 5
        try await ServerFixture.run(limits, handle: { await $0.echo() }) { fixture in
            let client = try Client(port: fixture.port)
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
            #expect(try client.answer().body == "POST / hello")
            client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello!\r\n0\r\n\r\n")
            #expect(try client.answer().status == 413)
        }
    }

    @Test func `a bad chunk gets 400`() async throws {
        try await ServerFixture.run(handle: { await $0.echo() }) { fixture in
            let client = try Client(port: fixture.port)
            client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n")
            let answer = try client.answer()
            #expect(answer.status == 400)
            #expect(answer.body.contains("missingChunkEnd"))
            #expect(client.isClosed())
        }
    }

    @Test func `a head that takes too long gets 408`() async throws {
        var limits = HTTPLimits()
        limits.headerTime = .seconds(1)
        try await ServerFixture.run(limits, handle: { await $0.echo() }) { fixture in
            let client = try Client(port: fixture.port)
            #expect(try client.get("/a").status == 200)
            client.send("GET / HTTP/1.1\r\nHost:")
            #expect(try client.answer().status == 408)
            #expect(client.isClosed())
        }
    }

    @Test func `a body that stops coming gets 408`() async throws {
        var limits = HTTPLimits()
        limits.bodyTime = .milliseconds(50)
        try await ServerFixture.run(limits, handle: { await $0.echo() }) { fixture in
            for framing in ["Content-Length: 10\r\n\r\nab", "Transfer-Encoding: chunked\r\n\r\n3\r\nab"] {
                let client = try Client(port: fixture.port)
                client.send("POST / HTTP/1.1\r\nHost: a\r\n\(framing)")
                #expect(try client.answer().status == 408)
                #expect(client.isClosed())
            }
        }
    }

    @Test func `a body that ends early is told apart`() async throws {
        try await ServerFixture.run(handle: { await $0.echo() }) { fixture in
            for framing in ["Content-Length: 10\r\n\r\nab", "Transfer-Encoding: chunked\r\n\r\n3\r\nab"] {
                let client = try Client(port: fixture.port)
                client.send("POST / HTTP/1.1\r\nHost: a\r\n\(framing)")
                client.shutdownWriting()
                let answer = try client.answer()
                #expect(answer.status == 400)
                #expect(answer.body.contains("truncated"))
            }
        }
    }

    @Test func `an idle connection is closed without a word`() async throws {
        var limits = HTTPLimits()
        limits.idleTime = .seconds(2)
        try await ServerFixture.run(limits, handle: { await $0.echo() }) { fixture in
            let fresh = try Client(port: fixture.port)
            #expect(try fresh.readToEnd() == "")
            let used = try Client(port: fixture.port)
            #expect(try used.get("/a").status == 200)
            #expect(try used.readToEnd() == "")
            #expect(fixture.becomes { $0.connectionCount == 0 })
        }
    }

    @Test func `a client that never ends is let go after the linger time`() async throws {
        var limits = HTTPLimits()
        limits.lingerTime = .milliseconds(50)
        try await ServerFixture.run(limits, handle: { await $0.echo() }) { fixture in
            let client = try Client(port: fixture.port)
            client.send("GET /\r\n\r\n")
            #expect(try client.answer().status == 400)
            #expect(fixture.becomes { $0.connectionCount == 0 })
        }
    }

    @Test func `a client that goes on sending longer than the linger time gets its answer`() async throws {
        var limits = HTTPLimits()
        limits.lingerTime = .seconds(3)
        try await ServerFixture.run(limits, handle: { await $0.echo() }) { fixture in
            let client = try Client(port: fixture.port)
            client.send("POST / HTTP/1.1\r\nHost: \r\nContent-Length: x\r\n\r\n")
            let piece = String(repeating: "x", count: 1000)
            let end = ContinuousClock.now.advanced(by: .seconds(4))
            while ContinuousClock.now < end, client.send(piece) {}
            #expect(try client.answer().status == 400)
        }
    }

    @Test func `a client that never stops sending is cut after the farewell time`() async throws {
        var limits = HTTPLimits()
        limits.farewellTime = .milliseconds(100)
        try await ServerFixture.run(limits, handle: { await $0.echo() }) { fixture in
            let client = try Client(port: fixture.port)
            client.send("GET /\r\n\r\n")
            let piece = String(repeating: "x", count: 1000)
            while client.send(piece) {}
            #expect(fixture.becomes { $0.connectionCount == 0 })
        }
    }

    @Test func `connections beyond the limit get 503`() async throws {
        var limits = HTTPLimits()
        limits.connections = 2
        try await ServerFixture.run(limits, handle: { await $0.echo() }) { fixture in
            let first = try Client(port: fixture.port)
            let second = try Client(port: fixture.port)
            #expect(try first.get("/1").status == 200)
            #expect(try second.get("/2").status == 200)
            let third = try Client(port: fixture.port)
            let answer = try third.get("/3")
            #expect(answer.status == 503)
            #expect(answer.body.contains("tooManyConnections"))
            #expect(third.isClosed())
            first.reset()
            #expect(fixture.becomes { $0.connectionCount == 1 })
            #expect(try Client(port: fixture.port).get("/4").status == 200)
        }
    }
}
