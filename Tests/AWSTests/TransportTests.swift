import Bytes
import Reactor
import Testing

@testable import AWS

@Suite(.timeLimit(.minutes(4))) struct TransportTests {
    static func request(
        _ url: String, body: ByteBuffer? = ByteBuffer("{}"), timeout: Duration = .seconds(20),
        limit: Int = TransportRequest.defaultResponseLimit
    ) throws -> TransportRequest {
        TransportRequest(
            endpoint: try Endpoint(url), headers: [("x-test", "1"), ("content-type", "text/x")], body: body,
            timeout: timeout, responseLimit: limit)
    }

    @Test func `request and response arrive whole, without Expect`() async throws {
        let server = TestServer { received in
            let isRight =
                received.head.hasPrefix("POST /prefix HTTP/1.1\r\n") && received.header("x-test") == "1"
                && received.header("content-type") == "text/x" && received.header("expect") == nil
                && received.header("content-length") == "2"
            return .status(isRight ? 418 : 500, "a teapot", headers: "X-Amzn-RequestId:  id-1 \r\n")
        }
        defer { server.stop() }
        try await withTransport { transport in
            let response = try await transport.send(try Self.request(server.url + "/prefix"))
            #expect(response.status == 418)
            #expect(response.body.text == "a teapot")
            #expect(response.headers.first("x-amzn-requestid") == "id-1")
            #expect(response.headers.requestID == "id-1")
            #expect(response.headers.first("x-amzn") == nil)
            #expect(transport.transferCount == 0)
        }
    }

    @Test func `one connection carries request after request`() async throws {
        let server = TestServer { received in .ok("\(received.connection).\(received.request)") }
        defer { server.stop() }
        try await withTransport { transport in
            for number in 1...50 {
                let response = try await transport.send(try Self.request(server.url))
                #expect(response.body.text == "1.\(number)")
            }
        }
        #expect(server.connections == 1)
    }

    @Test func `a connection that the server closed is replaced`() async throws {
        let server = TestServer { received in
            .bytesAndCut(Array("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n\(received.connection)".utf8))
        }
        defer { server.stop() }
        try await withTransport { transport in
            for number in 1...5 {
                let response = try await transport.send(try Self.request(server.url))
                #expect(response.body.text == "\(number)")
                #expect(await turns(transport.loop) { server.closed == number })
            }
        }
    }

    @Test func `no response within the time-out is told`() async throws {
        let server = TestServer { _ in .silence }
        defer { server.stop() }
        try await withTransport { transport in
            let limit = Duration.milliseconds(50)
            await #expect(throws: TransportError.timedOut(.total, after: limit)) {
                try await transport.send(try Self.request(server.url, timeout: limit))
            }
        }
    }

    @Test func `no progress is told before the time-out`() async throws {
        let server = TestServer { _ in .bytes(Array("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc".utf8)) }
        defer { server.stop() }
        var options = quietOptions()
        options.progressTimeout = .seconds(1)
        try await withTransport(options) { transport in
            let error = await #expect(throws: TransportError.self) {
                try await transport.send(try Self.request(server.url, timeout: .seconds(30)))
            }
            guard case .timedOut(.noProgress, _) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func `cancelling the task removes the transfer and its connection`() async throws {
        let server = TestServer { _ in .silence }
        defer { server.stop() }
        try await withTransport { transport in
            let loop = transport.loop
            let waiting = Task(executorPreference: loop) {
                let result = await outcome(transport, server.url)
                #expect(result == .cancelled)
            }
            #expect(await turns(loop) { server.connections == 1 && transport.transferCount == 1 })
            waiting.cancel()
            await waiting.value
            #expect(transport.transferCount == 0)
            #expect(await turns(loop) { server.closed == 1 })
        }
    }

    @Test func `a task that is cancelled already sends nothing`() async throws {
        let server = TestServer { _ in .silence }
        defer { server.stop() }
        try await withTransport { transport in
            let task = Task(executorPreference: transport.loop) {
                withUnsafeCurrentTask { $0?.cancel() }
                let result = await outcome(transport, server.url)
                #expect(result == .cancelled)
            }
            await task.value
        }
    }

    @Test func `closing the transport ends what waits`() async throws {
        let server = TestServer { _ in .silence }
        defer { server.stop() }
        try await withTransport { transport in
            let waiting = Task(executorPreference: transport.loop) {
                let result = await outcome(transport, server.url)
                #expect(result == .closed)
            }
            #expect(await turns(transport.loop) { server.connections == 1 })
            transport.close()
            await waiting.value
            await #expect(throws: TransportError.closed) { try await transport.send(try Self.request(server.url)) }
        }
    }

    @Test(arguments: ["", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"])
    func `a connection that is cut in the middle is told`(start: String) async throws {
        let server = TestServer { _ in .bytesAndCut(Array(start.utf8)) }
        defer { server.stop() }
        try await withTransport { transport in
            let error = await #expect(throws: TransportError.self) {
                try await transport.send(try Self.request(server.url))
            }
            guard case .cut = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(error?.disposition == .retry)
        }
    }

    @Test func `bytes that are no HTTP are told`() async throws {
        let server = TestServer { _ in .bytesAndCut(Array("SSH-2.0-OpenSSH_9.2\r\n\r\n".utf8)) }
        defer { server.stop() }
        try await withTransport { transport in
            let error = await #expect(throws: TransportError.self) {
                try await transport.send(try Self.request(server.url))
            }
            guard case .badResponse = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test func `nobody there is told`() async throws {
        let server = TestServer { _ in .silence }
        server.stop()
        try await withTransport { transport in
            let error = await #expect(throws: TransportError.self) {
                try await transport.send(try Self.request(server.url))
            }
            guard case .notConnected = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(error?.mayHaveBeenSent == false)
        }
    }

    @Test func `big bodies go both ways unchanged`() async throws {
        let server = TestServer { .ok($0.body) }
        defer { server.stop() }
        try await withTransport { transport in
            for size in [0, 1, 65_536, 3_000_000, 11_000_000] {
                let body = ByteBuffer((0..<size).lazy.map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) })
                let response = try await transport.send(try Self.request(server.url, body: body))
                #expect(response.body.bytes.elementsEqual(body.bytes), "\(size)")
            }
        }
    }

    @Test func `a chunked response is put together`() async throws {
        let server = TestServer { _ in
            .bytes(Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n".utf8))
        }
        defer { server.stop() }
        try await withTransport { transport in
            let response = try await transport.send(try Self.request(server.url))
            #expect(response.body.text == "abcde")
        }
    }

    @Test(arguments: [true, false])
    func `a request on a kept connection that ends is sent again only where that does no harm`(isRepeatable: Bool)
        async throws
    {
        let server = TestServer {
            if $0.connection > 1 { return .ok("again") }
            return $0.request == 1 ? .ok("first") : .bytesAndCut([])
        }
        defer { server.stop() }
        try await withTransport { transport in
            #expect(try await transport.send(try Self.request(server.url)).body.text == "first")
            var request = try Self.request(server.url)
            request.isRepeatable = isRepeatable
            if isRepeatable {
                #expect(try await transport.send(request).body.text == "again")
            } else {
                let once = request
                let cut = TransportError.cut(reason: "the connection ended before the response's first byte")
                await #expect(throws: cut) { try await transport.send(once) }
                // What follows is not affected.
                #expect(try await transport.send(once).body.text == "again")
            }
        }
    }

    @Test func `whoever asks may refuse the response when its length is known, or as it comes`() async throws {
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n01234567\r\n0\r\n\r\n"
        for answer in [TestServer.Answer.ok("01234567"), .bytes(Array(chunked.utf8))] {
            let server = TestServer { _ in answer }
            defer { server.stop() }
            try await withTransport { transport in
                var request = try Self.request(server.url)
                request.acceptsResponse = { $0 < 8 }
                let refused = request
                await #expect(throws: TransportError.cancelled) { try await transport.send(refused) }
                request.acceptsResponse = { $0 <= 8 }
                #expect(try await transport.send(request).body.text == "01234567")
            }
        }
    }

    @Test func `a response over the limit is refused, by its length or as it comes`() async throws {
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\n01234567\r\n0\r\n\r\n"
        let server = TestServer {
            $0.header("x-test") == "1" && $0.request == 1 && $0.connection == 1
                ? .ok("01234567") : .bytes(Array(chunked.utf8))
        }
        defer { server.stop() }
        try await withTransport { transport in
            await #expect(throws: TransportError.responseTooLarge(limit: 7, actual: 8)) {
                try await transport.send(try Self.request(server.url, limit: 7))
            }
            await #expect(throws: TransportError.responseTooLarge(limit: 7, actual: nil)) {
                try await transport.send(try Self.request(server.url, limit: 7))
            }
            let response = try await transport.send(try Self.request(server.url, limit: 8))
            #expect(response.body.text == "01234567")
        }
    }

    @Test func `a header value that would end its line is refused`() async throws {
        try await withTransport { transport in
            var request = try Self.request("http://127.0.0.1:1")
            request.headers.append(("x-amz-security-token", "a\r\nHost: b"))
            await #expect(throws: TransportError.badHeader(name: "x-amz-security-token")) {
                try await transport.send(request)
            }
        }
    }

    @Test func `many requests at once each get their own response`() async throws {
        let server = TestServer { .ok($0.body) }
        defer { server.stop() }
        try await withTransport { transport in
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<200 {
                    group.addTask(executorPreference: transport.loop) {
                        let body = ByteBuffer("request \(number)")
                        let response = try? await transport.send(try Self.request(server.url, body: body))
                        #expect(response?.body.text == "request \(number)")
                    }
                }
            }
            #expect(transport.transferCount == 0)
        }
    }
}

/// How a request to `url` fails, nil when it does not.
private func outcome(_ transport: Transport, _ url: String) async -> TransportError? {
    do {
        _ = try await transport.send(try TransportTests.request(url))
        return nil
    } catch {
        return error as? TransportError
    }
}
