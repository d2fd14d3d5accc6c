import Bytes
import Glibc
import HTTP
import HTTPServer
import Logging
import Reactor

/// A server on a loop whose time stands still, for all inputs. Its limits are low, so that a short input meets them.
final class Server: HTTPHandler, @unchecked Sendable {
    static let it = Server()

    let loop: EventLoop
    let path = "/tmp/FuzzHTTP2Session-\(getpid())"
    private(set) var handlersRunning = 0
    private var http: HTTPServer!

    private init() {
        do {
            loop = try EventLoop(name: "server", time: .manual(.whenAdvanced))
            try loop.startThread()
        } catch {
            preconditionFailure("\(error)")
        }
        var logger = Logger(label: "fuzz")
        logger.logLevel = .critical
        http = HTTPServer(loop: loop, limits: Self.limits, handler: self, logger: logger)
        onLoop { server in
            do {
                _ = try server.http.listen(.unix(path: server.path))
            } catch {
                preconditionFailure("\(error)")
            }
        }
        atexit { unlink(Server.it.path) }
    }

    private static var limits: HTTPLimits {
        var limits = HTTPLimits()
        limits.headerBytes = 1024
        limits.headerFields = 20
        limits.bodyBytes = 1000
        limits.bodyBytesTogether = 2000
        limits.http2Streams = 4
        limits.http2ResetsPerMinute = 10
        limits.http2PingsPerMinute = 20
        limits.http2SettingsPerMinute = 10
        limits.http2EmptyFramesPerMinute = 10
        limits.http2Continuations = 4
        limits.http2WindowUpdatesPerMinute = 20
        limits.http2PrioritiesPerMinute = 10
        limits.http2WindowBytes = 1024
        return limits
    }

    var connectionCount: Int { http.connectionCount }

    /// Runs `body` as a task of the loop, and waits for it.
    func onLoop(_ body: @escaping @Sendable (Server) async -> Void) {
        let done = Done()
        loop.spawn {
            await body(self)
            done.tell()
        }
        done.wait()
    }

    // MARK: Answers

    /// The path's first letter says how a request is answered.
    func handle(_ exchange: HTTPExchange) async {
        handlersRunning += 1
        defer { handlersRunning -= 1 }
        let letter = exchange.request.path.utf8.dropFirst().first ?? 0
        switch letter {
        case UInt8(ascii: "b"): await answerBody(exchange)
        case UInt8(ascii: "e"): await echo(exchange)
        case UInt8(ascii: "l"): await answerLong(exchange)
        case UInt8(ascii: "w"): await waitForPeer(exchange)
        case UInt8(ascii: "a"): exchange.abort()
        case UInt8(ascii: "u"):
            exchange.abandonBody()
            await exchange.respond(fieldsAlone: ["grpc-status": "8"])
        case UInt8(ascii: "s"): await exchange.respond(.ok, body: ByteBuffer([UInt8](repeating: 1, count: 20_000)))
        default: await exchange.respond(.ok, body: ByteBuffer("now"))
        }
    }

    private func answerBody(_ exchange: HTTPExchange) async {
        do throws(HTTPBodyError) {
            let body = if let body = exchange.arrivedBody() { body } else { try await exchange.body() }
            await exchange.respond(.ok, body: body, trailers: ["checked": "yes"])
        } catch {
            await exchange.respond(error.status)
        }
    }

    /// Piece by piece, as it comes.
    private func echo(_ exchange: HTTPExchange) async {
        guard let response = try? await exchange.startStreaming(.ok, peerMayHalfClose: true) else { return }
        do {
            while let part = try await exchange.bodyPart(isPatient: true) { try await response.write([part]) }
            await response.finish(trailers: ["grpc-status": "0"])
        } catch {
            response.abort()
        }
    }

    /// More than the kernel takes at once, by two who write, and with proof that it has arrived.
    private func answerLong(_ exchange: HTTPExchange) async {
        guard let response = try? await exchange.startStreaming(.ok) else { return }
        let chunk = ByteBuffer([UInt8](repeating: 2, count: 200_000))
        let other = loop.spawn { try? await response.write([chunk, chunk]) }
        try? await response.write([chunk])
        await other.value
        _ = await response.finishWithProof()
    }

    /// Says nothing until the client has gone.
    private func waitForPeer(_ exchange: HTTPExchange) async {
        let gate = Gate(loop: loop)
        var isThere = true
        exchange.onDisconnect = {
            isThere = false
            gate.open()
        }
        try? await gate.wait(while: { isThere })
    }
}

/// One thread waits for another.
private final class Done: @unchecked Sendable {
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(semaphore, 0, 0) }

    func tell() { sem_post(semaphore) }

    func wait() {
        while sem_wait(semaphore) != 0 {}
        sem_destroy(semaphore)
        semaphore.deallocate()
    }
}
