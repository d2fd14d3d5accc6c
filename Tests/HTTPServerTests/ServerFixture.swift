import Bytes
import Glibc
import HTTP
import Logging
import Reactor

@testable import HTTPServer

/// A server on a loop with a thread of its own, for one test.
final class ServerFixture: Sendable {
    typealias Handle = @Sendable (HTTPExchange) async -> Void

    private final class Handler: HTTPHandler {
        let handle: Handle
        init(_ handle: @escaping Handle) { self.handle = handle }
        func handle(_ exchange: HTTPExchange) async { await handle(exchange) }
    }

    let loop: EventLoop
    let server: HTTPServer
    let port: Int

    private init(_ limits: HTTPLimits, _ handle: @escaping Handle) async throws {
        loop = try EventLoop(name: "http-test")
        try loop.startThread()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        server = HTTPServer(loop: loop, limits: limits, handler: Handler(handle), logger: logger)
        let server = server
        port = try await Self.on(loop) { try server.listen(ListenAddress("127.0.0.1:0")!).port! }
    }

    /// Runs `body` with a client-side thread of its own, so that blocking calls hold up nobody.
    static func run<T: Sendable>(
        _ limits: HTTPLimits = HTTPLimits(), handle: @escaping Handle,
        _ body: @escaping @Sendable (ServerFixture) throws -> T
    ) async throws -> T {
        let fixture = try await ServerFixture(limits, handle)
        let result = await onThread { Result { try body(fixture) } }
        let server = fixture.server
        try await on(fixture.loop) {
            server.stopAccepting()
            server.closeAll()
        }
        fixture.loop.stop()
        fixture.loop.join()
        return try result.get()
    }

    /// What `read` says of the server, on its loop.
    func ask<T: Sendable>(_ read: @escaping @Sendable (HTTPServer) -> T) -> T {
        let box = Box<T>()
        let server = server
        loop.post { box.put(read(server)) }
        return box.take()
    }

    /// Asks until it is so; false after half a minute.
    func becomes(_ condition: @escaping @Sendable (HTTPServer) -> Bool) -> Bool {
        let deadline = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < deadline {
            if ask(condition) { return true }
            usleep(500)
        }
        return false
    }

    private static func on<T: Sendable>(
        _ loop: EventLoop, _ body: @escaping @Sendable () throws -> T
    ) async throws -> T {
        try await withUnsafeThrowingContinuation { continuation in
            loop.post { continuation.resume(with: Result { try body() }) }
        }
    }

    private static func onThread<T: Sendable>(_ body: @escaping @Sendable () -> T) async -> T {
        await withUnsafeContinuation { continuation in
            let work = Unmanaged.passRetained(Work { continuation.resume(returning: body()) })
            var thread = pthread_t()
            pthread_create(
                &thread, nil,
                { pointer in
                    Unmanaged<Work>.fromOpaque(pointer!).takeRetainedValue().body()
                    return nil
                }, work.toOpaque())
            pthread_detach(thread)
        }
    }

    private final class Work {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }
}

/// A value that one thread puts and another waits for.
final class Box<T: Sendable>: @unchecked Sendable {
    private var mutex = pthread_mutex_t()
    private var condition = pthread_cond_t()
    private var value: T?

    init() {
        pthread_mutex_init(&mutex, nil)
        pthread_cond_init(&condition, nil)
    }

    func put(_ value: T) {
        pthread_mutex_lock(&mutex)
        self.value = value
        pthread_cond_signal(&condition)
        pthread_mutex_unlock(&mutex)
    }

    func take() -> T {
        pthread_mutex_lock(&mutex)
        defer { pthread_mutex_unlock(&mutex) }
        while value == nil { pthread_cond_wait(&condition, &mutex) }
        return value!
    }
}

extension HTTPExchange {
    /// Answers with the method, the path and the body that came.
    func echo() async {
        do throws(HTTPBodyError) {
            let content = ByteBuffer("\(request.method.text) \(request.path) ")
            content.append(try await body())
            await respond(.ok, headers: ["X-Answer": "echo"], body: content)
        } catch {
            await respond(error.status, body: ByteBuffer("\(error)"))
        }
    }
}
