import AWS
import Bytes
import HTTP
import HTTPServer
import Logging
import Reactor
import Synchronization

/// A service that answers each operation by a script, over a real connection on one loop with the client.
package final class ScriptedService: HTTPHandler, Sendable {
    package struct Answer: Sendable {
        package var status: HTTPStatus
        package var headers: HTTPHeaders
        package var body: String
        /// The answer comes when it is opened; nil: at once.
        package var gate: Gate?

        package init(status: HTTPStatus = .ok, headers: HTTPHeaders = [:], body: String, behind gate: Gate? = nil) {
            self.status = status
            self.headers = headers
            self.body = body
            self.gate = gate
        }
    }

    package struct Request: Sendable {
        /// X-Amz-Target.
        package let target: String
        package let method: String
        package let path: String
        package let authorization: String
        package let body: String
        package let acceptEncoding: String?
        /// How many requests came before.
        package let earlier: Int

        /// The name without its service's; of a protocol without names the method and the path.
        package var operation: String { target.split(separator: ".").last.map(String.init) ?? "\(method) \(path)" }
    }

    package typealias Script = @Sendable (Request) -> Answer

    private let script: Script
    private let seen = Mutex<[String]>([])

    private init(_ script: @escaping Script) {
        self.script = script
    }

    package func handle(_ exchange: HTTPExchange) async {
        do throws(HTTPBodyError) {
            let body = try await exchange.body().text
            let request = Request(
                target: exchange.request.header("X-Amz-Target") ?? "", method: exchange.request.method.text,
                path: exchange.request.path,
                authorization: exchange.request.header("Authorization") ?? "", body: body,
                acceptEncoding: exchange.request.header("Accept-Encoding"), earlier: seen.withLock { $0.count })
            seen.withLock { $0.append(request.operation + " " + body) }
            let answer = script(request)
            try? await answer.gate?.wait()
            await exchange.respond(answer.status, headers: answer.headers, body: ByteBuffer(answer.body))
        } catch {
            exchange.abort()
        }
    }

    /// Runs `body` with a client of the service; returns the requests that came, `Operation body`.
    package static func run(
        _ serviceProtocol: ServiceProtocol, _ script: @escaping Script,
        _ body: @escaping @Sendable (AWSClient) async throws -> Void
    ) async throws -> [String] {
        try await run(serviceProtocol, script) { client, _ in try await body(client) }
    }

    /// The same, with what the client's requests go over.
    @discardableResult
    package static func run(
        _ serviceProtocol: ServiceProtocol, _ script: @escaping Script,
        _ body: @escaping @Sendable (AWSClient, Transport) async throws -> Void
    ) async throws -> [String] {
        let service = ScriptedService(script)
        let loop = try EventLoop(name: "scripted-service")
        try loop.startThread()
        let result: Result<Void, any Error> = await withUnsafeContinuation { done in
            loop.spawn {
                done.resume(returning: await service.serve(loop, serviceProtocol, body))
            }
        }
        loop.stop()
        loop.join()
        try result.get()
        return service.seen.withLock { $0 }
    }

    private func serve(
        _ loop: EventLoop, _ serviceProtocol: ServiceProtocol, _ body: (AWSClient, Transport) async throws -> Void
    ) async -> Result<Void, any Error> {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let server = HTTPServer(loop: loop, limits: HTTPLimits(), handler: self, logger: logger)
        var options = Transport.Options()
        options.environment = Environment([:])
        let transport = Transport(loop: loop, options: options)
        defer {
            transport.close()
            server.stopAccepting()
            server.closeAll()
        }
        do {
            let address = try server.listen(ListenAddress("127.0.0.1:0")!)
            let client = AWSClient(
                service: "scripted", serviceProtocol: serviceProtocol, region: .local,
                endpoint: ServiceEndpoint(try Endpoint("http://\(address)")), credentials: .fixed(.local),
                transport: transport,
                logger: logger)
            try await body(client, transport)
            return .success(())
        } catch {
            return .failure(error)
        }
    }
}
