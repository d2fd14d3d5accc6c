import Bytes
import Testing

@testable import AWS

/// Responses that are received while they are read.
@Suite(.timeLimit(.minutes(4))) struct ResponseStreamTests {
    private static func chunked(_ parts: [[UInt8]], isWhole: Bool = true) -> [UInt8] {
        var bytes = Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Test: yes\r\n\r\n".utf8)
        for part in parts { bytes += Array("\(String(part.count, radix: 16))\r\n".utf8) + part + Array("\r\n".utf8) }
        return bytes + (isWhole ? Array("0\r\n\r\n".utf8) : [])
    }

    private static func open(_ transport: Transport, _ url: String, timeout: Duration = .seconds(20)) async throws
        -> TransportOpening
    {
        try await transport.stream(TransportTests.request(url, timeout: timeout))
    }

    private static func stream(_ transport: Transport, _ url: String) async throws -> ResponseStream {
        guard case .stream(let stream) = try await open(transport, url) else { throw TransportError.closed }
        return stream
    }

    /// The next part that is there, once one is.
    private static func part(_ stream: ResponseStream, _ transport: Transport) async -> ResponseStream.Part {
        var part = ResponseStream.Part.nothing
        _ = await turns(transport.loop) {
            part = stream.take()
            if case .nothing = part { return false }
            return true
        }
        return part
    }

    /// Everything up to the end, and how many bytes came at once at most.
    private static func rest(_ stream: ResponseStream, _ transport: Transport) async throws -> (
        bytes: [UInt8], most: Int
    ) {
        var bytes: [UInt8] = []
        var most = 0
        while true {
            switch await part(stream, transport) {
            case .bytes(let part):
                bytes += Array(part.bytes)
                most = max(most, part.count)
            case .end: return (bytes, most)
            case .failed(let error): throw error
            case .nothing: throw TransportError.timedOut(.total, after: .zero)
            }
        }
    }

    @Test func `a body comes in parts, of which few wait`() async throws {
        let body = (0..<4_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 5) }
        let server = TestServer { _ in
            .bytes(
                Self.chunked(
                    stride(from: 0, to: body.count, by: 70_000).map { Array(body[$0..<min($0 + 70_000, body.count)]) }))
        }
        defer { server.stop() }
        try await withTransport { transport in
            let stream = try await Self.stream(transport, server.url)
            #expect(stream.head.status == 200 && stream.head.headers.first("x-test") == "yes")
            // The server fills what lies between meanwhile, and no more.
            for _ in 0..<200 { await transport.loop.nextTurn() }
            let rest = try await Self.rest(stream, transport)
            #expect(rest.bytes == body && rest.most <= 2 * ResponseStream.mostBytes)
            #expect(transport.transferCount == 0)
        }
    }

    @Test func `arrivals are told once each time nothing was there`() async throws {
        let server = TestServer { _ in .bytes(Self.chunked([[1], [2], [3]])) }
        defer { server.stop() }
        try await withTransport { transport in
            let stream = try await Self.stream(transport, server.url)
            var arrivals = 0
            stream.onArrival = { arrivals += 1 }
            let bytes = try await Self.rest(stream, transport).bytes
            #expect(bytes == [1, 2, 3] && (0...4).contains(arrivals))
        }
    }

    @Test func `what is no success comes whole`() async throws {
        let server = TestServer { _ in .status(400, "no", headers: "X-Amzn-RequestId: 1\r\n") }
        defer { server.stop() }
        try await withTransport { transport in
            guard case .response(let response) = try await Self.open(transport, server.url) else {
                return #expect(Bool(false))
            }
            #expect(response.status == 400 && response.body.text == "no")
        }
    }

    @Test func `a body that is cut ends in an error, behind what came of it`() async throws {
        let server = TestServer { _ in .bytesAndCut(Self.chunked([[1, 2], [3]], isWhole: false)) }
        defer { server.stop() }
        try await withTransport { transport in
            let stream = try await Self.stream(transport, server.url)
            var bytes: [UInt8] = []
            while case .bytes(let part) = await Self.part(stream, transport) { bytes += Array(part.bytes) }
            guard case .failed(.cut) = stream.take() else { return #expect(Bool(false), "\(stream.take())") }
            #expect(bytes == [1, 2, 3])
        }
    }

    @Test func `a head that does not come ends the call in time, and the connection`() async throws {
        let server = TestServer { _ in .silence }
        defer { server.stop() }
        try await withTransport { transport in
            await #expect(throws: TransportError.timedOut(.total, after: .milliseconds(300))) {
                _ = try await Self.open(transport, server.url, timeout: .milliseconds(300))
            }
            #expect(await turns(transport.loop) { server.closed == 1 })
        }
    }

    @Test func `a stream that nobody holds any more closes its connection`() async throws {
        let server = TestServer { _ in .bytes(Self.chunked([[1]], isWhole: false)) }
        defer { server.stop() }
        try await withTransport { transport in
            var stream: ResponseStream? = try await Self.stream(transport, server.url)
            _ = await Self.part(stream!, transport)
            #expect(server.closed == 0 && transport.transferCount == 1)
            stream = nil
            #expect(await turns(transport.loop) { server.closed == 1 && transport.transferCount == 0 })
        }
    }

    @Test func `streams have connections beside those that are counted`() async throws {
        let server = TestServer { received in
            received.path == "/stream" ? .bytes(Self.chunked([[1]], isWhole: false)) : .ok("plain")
        }
        defer { server.stop() }
        var options = quietOptions()
        options.connectionsPerHost = 1
        try await withTransport(options) { transport in
            var streams: [ResponseStream] = []
            for _ in 0..<20 { streams.append(try await Self.stream(transport, server.url + "/stream")) }
            #expect(try await transport.send(try TransportTests.request(server.url)).body.text == "plain")
            #expect(server.connections == 21 && streams.count == 20)
        }
    }
}
