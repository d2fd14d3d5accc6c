import Bytes
import HTTP
import Reactor
import Testing

@testable import HTTPServer

@Suite struct StreamTests {
    private static let request = "GET /s HTTP/1.1\r\nHost: a\r\n\r\n"

    @Test func `a streamed answer is chunked and the connection goes on`() async throws {
        try await ServerFixture.run(handle: { exchange in
            guard let stream = try? await exchange.startStreaming(.ok, headers: ["X": "y"]) else { return }
            for part in ["one", "two"] {
                try? await stream.write([ByteBuffer(part), ByteBuffer(), ByteBuffer("!")])
            }
            try? await stream.write([])
            await stream.finish()
        }) { fixture in
            let client = try Client(port: fixture.port)
            for _ in 0..<2 {
                let answer = try client.get("/s")
                #expect(client.field("transfer-encoding", answer.head) == "chunked")
                #expect(answer.body == "one!two!")
            }
        }
    }

    @Test func `a stream to HTTP 1.0 ends with the connection`() async throws {
        try await ServerFixture.run(handle: { exchange in
            guard let stream = try? await exchange.startStreaming(.ok) else { return }
            try? await stream.write([ByteBuffer("plain")])
            await stream.finish()
        }) { fixture in
            let client = try Client(port: fixture.port)
            client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            let answer = try client.answer()
            #expect(answer.body == "plain")
            #expect(client.field("transfer-encoding", answer.head) == nil)
            #expect(client.field("connection", answer.head) == "close")
        }
    }

    @Test func `HEAD of a stream has no body`() async throws {
        try await ServerFixture.run(handle: { exchange in
            guard exchange.request.method == .head, let stream = try? await exchange.startStreaming(.ok) else {
                return await exchange.echo()
            }
            try? await stream.write([ByteBuffer("dropped")])
            await stream.finish()
        }) { fixture in
            let client = try Client(port: fixture.port)
            client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(try client.answer(isHead: true).status == 200)
            #expect(try client.get("/next").body == "GET /next ")
        }
    }

    @Test func `a stream that is not finished is cut`() async throws {
        try await ServerFixture.run(handle: { exchange in
            guard let stream = try? await exchange.startStreaming(.ok) else { return }
            try? await stream.write([ByteBuffer("half")])
        }) { fixture in
            let client = try Client(port: fixture.port)
            client.send(Self.request)
            #expect(throws: Client.Failure.self) { try client.answer() }
        }
    }

    @Test func `a reader that does not read stops the writer`() async throws {
        let piece = ByteBuffer([UInt8](repeating: 120, count: 256 * 1024))
        let total = 64
        try await Self.runWriter(piece, total) { fixture, state in
            let client = try Client(port: fixture.port, receiveBuffer: 64 * 1024)
            client.send(Self.request)
            #expect(fixture.becomes { _ in state.isWaiting })
            let before = fixture.ask { _ in state.written }
            #expect(before < total)
            #expect(try client.answer().body.utf8.count == total * piece.count)
            #expect(fixture.ask { _ in state.written } == total)
        }
    }

    @Test func `a reader that takes nothing for too long is cut`() async throws {
        var limits = HTTPLimits()
        limits.streamWriteTime = .milliseconds(50)
        let piece = ByteBuffer([UInt8](repeating: 120, count: 1 << 20))
        try await Self.runWriter(piece, .max, limits) { fixture, state in
            let client = try Client(port: fixture.port, receiveBuffer: 64 * 1024)
            client.send(Self.request)
            #expect(fixture.becomes { _ in state.disconnects == 1 && state.failed })
            #expect(fixture.becomes { $0.connectionCount == 0 })
        }
    }

    @Test(arguments: ["close", "half-close", "reset"])
    func `a peer that goes while nothing is written is noticed once`(_ how: String) async throws {
        let state = WriterState()
        try await ServerFixture.run(handle: { exchange in
            let gone = Gate(loop: exchange.loop)
            exchange.onDisconnect = {
                state.disconnects += 1
                gone.open()
            }
            let stream = try? await exchange.startStreaming(.ok)
            try? await gone.wait()
            do throws(ConnectionClosed) { try await stream?.write([ByteBuffer("x")]) } catch { state.failed = true }
        }) { fixture in
            let client = try Client(port: fixture.port)
            client.send(Self.request)
            _ = try client.read(through: "\r\n\r\n")
            switch how {
            case "close", "reset": client.reset()
            default: client.shutdownWriting()
            }
            #expect(fixture.becomes { _ in state.disconnects == 1 && state.failed })
            #expect(fixture.becomes { $0.connectionCount == 0 })
        }
    }

    @Test func `a peer may half-close where the handler allows it`() async throws {
        try await ServerFixture.run(handle: { exchange in
            guard let stream = try? await exchange.startStreaming(.ok, peerMayHalfClose: true) else { return }
            var length = 0
            while let part = try? await exchange.bodyPart() { length += part.count }
            try? await stream.write([ByteBuffer("\(length)")])
            await stream.finish()
        }) { fixture in
            let client = try Client(port: fixture.port)
            client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
            _ = try client.read(through: "\r\n\r\n")
            client.send("3\r\nabc\r\n0\r\n\r\n")
            client.shutdownWriting()
            #expect(try client.chunk() == "3")
            #expect(try client.chunk() == nil)
        }
    }

    @Test(arguments: ["closes", "half-closes first", "resets", "does nothing"])
    func `that a stream has arrived is known by the peer's close, and by nothing else`(how: String) async throws {
        let state = WriterState()
        var limits = HTTPLimits()
        // Long where the peer ends it: a busy machine closes late.
        limits.lingerTime = how == "does nothing" ? .milliseconds(200) : .seconds(30)
        try await ServerFixture.run(
            limits,
            handle: { exchange in
                let finished = Gate(loop: exchange.loop)
                exchange.onPeerFinished = { finished.open() }
                let stream = try? await exchange.startStreaming(.ok, closesConnection: true)
                try? await stream?.write([ByteBuffer("x")])
                if how == "half-closes first" { try? await finished.wait() }
                state.proof = await stream?.finishWithProof()
            }
        ) { fixture in
            var client: Client? = try Client(port: fixture.port)
            client?.send(Self.request)
            if how == "half-closes first" {
                _ = try client?.read(through: "x\r\n")
                client?.shutdownWriting()
            }
            _ = try client?.read(through: "0\r\n\r\n")
            switch how {
            case "closes": client = nil
            case "resets": client?.reset()
            default: break
            }
            #expect(fixture.becomes { _ in state.proof != nil })
            #expect(fixture.ask { _ in state.proof } == (how == "closes" || how == "half-closes first"))
            withExtendedLifetime(client) {}
        }
    }

    @Test func `a peer that closes with bytes unread has not got the stream`() async throws {
        let state = WriterState()
        try await ServerFixture.run(handle: { exchange in
            exchange.onPeerFinished = {}
            let stream = try? await exchange.startStreaming(.ok, closesConnection: true)
            try? await stream?.write([ByteBuffer([UInt8](repeating: 120, count: 100_000))])
            state.proof = await stream?.finishWithProof()
        }) { fixture in
            var client: Client? = try Client(port: fixture.port)
            client?.send(Self.request)
            _ = try client?.read(through: "\r\n\r\n")
            client = nil
            #expect(fixture.becomes { _ in state.proof == false })
        }
    }

    @Test(arguments: [false, true])
    func `a close that comes before the last acknowledgement proves nothing by itself`(readsOn: Bool) async throws {
        let state = WriterState()
        var limits = HTTPLimits()
        limits.lingerTime = readsOn ? .seconds(10) : .milliseconds(200)
        try await ServerFixture.run(
            limits,
            handle: { exchange in
                exchange.onPeerFinished = {}
                let stream = try? await exchange.startStreaming(.ok, closesConnection: true)
                try? await stream?.write([ByteBuffer([UInt8](repeating: 120, count: 100_000))])
                state.connection = exchange.stream as? HTTPConnection
                state.proof = await stream?.finishWithProof()
            }
        ) { fixture in
            // Its window is full long before the end, so that its FIN acknowledges nothing of that.
            let client = try Client(port: fixture.port, receiveBuffer: 4 * 1024)
            client.send(Self.request)
            #expect(fixture.becomes { _ in state.connection?.channel.hasShutWriting == true })
            client.shutdownWriting()
            #expect(fixture.becomes { _ in state.connection?.channel.hasPeerClosed == true || state.proof != nil })
            if readsOn { #expect(try client.answer().body.utf8.count == 100_000) }
            #expect(fixture.becomes { _ in state.proof == readsOn })
            withExtendedLifetime(client) {}
        }
    }

    @Test func `two writers of one stream do not mix their chunks`() async throws {
        let piece = ByteBuffer([UInt8](repeating: 97, count: 1 << 20))
        let other = ByteBuffer([UInt8](repeating: 98, count: 1 << 20))
        try await ServerFixture.run(handle: { exchange in
            guard let stream = try? await exchange.startStreaming(.ok) else { return }
            await withTaskGroup(of: Void.self) { group in
                group.addTask { for _ in 0..<8 { try? await stream.write([piece]) } }
                group.addTask { for _ in 0..<8 { try? await stream.write([other]) } }
            }
            await stream.finish()
        }) { fixture in
            let client = try Client(port: fixture.port, receiveBuffer: 64 * 1024)
            client.send(Self.request)
            _ = try client.read(through: "\r\n\r\n")
            var chunks = 0
            while let chunk = try client.chunk() {
                #expect(Set(chunk.utf8).count == 1 && chunk.utf8.count == 1 << 20)
                chunks += 1
            }
            #expect(chunks == 16)
        }
    }

    @Test func `what came before a malformed chunk is given before the fault`() async throws {
        try await ServerFixture.run(handle: { exchange in
            var parts = ""
            do throws(HTTPBodyError) {
                while let part = try await exchange.bodyPart() { parts += part.text }
            } catch {
                parts += " \(error)"
            }
            await exchange.respond(.ok, body: ByteBuffer(parts))
        }) { fixture in
            let client = try Client(port: fixture.port)
            client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n")
            #expect(try client.answer().body == "abc malformed(HTTP.HTTPParseError.invalidChunkSize)")
            #expect(client.isClosed())
        }
    }

    @Test func `a body that is abandoned ends the read that waits for it, and the connection`() async throws {
        try await ServerFixture.run(handle: { exchange in
            guard let stream = try? await exchange.startStreaming(.ok, peerMayHalfClose: true) else { return }
            _ = exchange.loop.schedule(after: .milliseconds(1)) { exchange.abandonBody() }
            var outcomes: [HTTPBodyError] = []
            for _ in 0..<2 {
                do throws(HTTPBodyError) {
                    while try await exchange.bodyPart() != nil {}
                } catch {
                    outcomes.append(error)
                }
            }
            try? await stream.write([ByteBuffer("\(outcomes == [.abandoned, .abandoned])")])
            await stream.finish()
        }) { fixture in
            let client = try Client(port: fixture.port)
            client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
            #expect(try client.answer().body == "true")
            client.send("0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
            #expect(client.isClosed())
        }
    }

    @Test func `abandoning a body that was read to its end changes nothing`() async throws {
        try await ServerFixture.run(handle: { exchange in
            while (try? await exchange.bodyPart()) ?? nil != nil {}
            exchange.abandonBody()
            await exchange.respond(.ok)
        }) { fixture in
            let client = try Client(port: fixture.port)
            for _ in 0..<2 {
                client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc")
                #expect(try client.answer().status == 200)
            }
        }
    }

    @Test func `a patient stream waits for a reader that takes nothing, until it is impatient`() async throws {
        var limits = HTTPLimits()
        limits.streamWriteTime = .milliseconds(20)
        let state = WriterState()
        try await ServerFixture.run(
            limits,
            handle: { exchange in
                guard let stream = try? await exchange.startStreaming(.ok) else { return }
                stream.isPatient = true
                state.connection = exchange.stream as? HTTPConnection
                _ = exchange.loop.schedule(after: .milliseconds(100)) {
                    state.written = state.isWaiting ? 1 : 0
                    stream.isPatient = false
                }
                let piece = ByteBuffer([UInt8](repeating: 120, count: 1 << 20))
                do throws(ConnectionClosed) {
                    while true { try await stream.write([piece]) }
                } catch {
                    state.failed = true
                }
            }
        ) { fixture in
            let client = try Client(port: fixture.port, receiveBuffer: 64 * 1024)
            client.send(Self.request)
            #expect(fixture.becomes { _ in state.failed })
            #expect(fixture.ask { _ in state.written } == 1)
        }
    }

    @Test func `bodies that are held in parts count with those that are read whole`() async throws {
        var limits = HTTPLimits()
        limits.bodyBytesTogether = 100_000
        try await ServerFixture.run(
            limits,
            handle: { exchange in
                guard exchange.request.path == "/parts" else { return await exchange.echo() }
                _ = try? await exchange.bodyPart()
                try? exchange.holdBody(90_000)
                guard let stream = try? await exchange.startStreaming(.ok, peerMayHalfClose: true) else { return }
                while (try? await exchange.bodyPart()) ?? nil != nil {}
                await stream.finish()
            }
        ) { fixture in
            let parts = try Client(port: fixture.port)
            parts.send("POST /parts HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\na")
            _ = try parts.read(through: "\r\n\r\n")
            let body = String(repeating: "x", count: 80_000)
            let whole = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 80000\r\n\r\n" + body
            let refused = try Client(port: fixture.port)
            refused.send(whole)
            #expect(try refused.answer().status == 503)
            parts.send("b")
            #expect(try parts.chunk() == nil)
            let taken = try Client(port: fixture.port)
            taken.send(whole)
            #expect(try taken.answer().status == 200)
        }
    }

    /// What the test looks at. Confined to the server's loop.
    private final class WriterState: @unchecked Sendable {
        var written = 0
        var failed = false
        var disconnects = 0
        var proof: Bool?
        weak var connection: HTTPConnection?
        var isWaiting: Bool { connection?.output.writer != nil }
    }

    private static func runWriter(
        _ piece: ByteBuffer, _ total: Int, _ limits: HTTPLimits = HTTPLimits(),
        _ body: @escaping @Sendable (ServerFixture, WriterState) throws -> Void
    ) async throws {
        let state = WriterState()
        try await ServerFixture.run(
            limits,
            handle: { exchange in
                exchange.onDisconnect = { state.disconnects += 1 }
                guard let stream = try? await exchange.startStreaming(.ok) else { return }
                state.connection = exchange.stream as? HTTPConnection
                do throws(ConnectionClosed) {
                    while state.written < total {
                        try await stream.write([piece])
                        state.written += 1
                    }
                    await stream.finish()
                } catch {
                    state.failed = true
                }
            }
        ) { try body($0, state) }
    }
}
