import AWS
import Bytes
import HTTP
import HTTPServer
import Kinesis
import Logging
import Reactor
import Synchronization

/// A service that answers each operation by a script, over a real connection on one loop with the client.
final class ScriptedService: HTTPHandler, Sendable {
    struct Answer: Sendable {
        var status = HTTPStatus.ok
        var body: String
    }

    /// The operation's name, the request's body, and how many requests came before.
    typealias Script = @Sendable (_ operation: String, _ body: String, _ earlier: Int) -> Answer

    private let script: Script
    private let seen = Mutex<[String]>([])

    private init(_ script: @escaping Script) {
        self.script = script
    }

    func handle(_ exchange: HTTPExchange) async {
        do throws(HTTPBodyError) {
            let body = try await exchange.body().text
            let target = exchange.request.header("X-Amz-Target") ?? ""
            let operation = String(target.split(separator: ".").last ?? "")
            let earlier = seen.withLock { seen in
                seen.append(operation + " " + body)
                return seen.count - 1
            }
            let answer = script(operation, body, earlier)
            await exchange.respond(answer.status, body: ByteBuffer(answer.body))
        } catch {
            exchange.abort()
        }
    }

    /// Runs `body` with a client of the service; returns the requests that came, `Operation body`.
    static func run(
        _ script: @escaping Script, _ body: @escaping @Sendable (KinesisClient) async throws -> Void
    ) async throws -> [String] {
        let service = ScriptedService(script)
        let loop = try EventLoop(name: "kinesis-test")
        try loop.startThread()
        let result: Result<Void, any Error> = await withUnsafeContinuation { done in
            loop.spawn {
                done.resume(returning: await service.serve(loop, body))
            }
        }
        loop.stop()
        loop.join()
        try result.get()
        return service.seen.withLock { $0 }
    }

    private func serve(
        _ loop: EventLoop, _ body: (KinesisClient) async throws -> Void
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
                service: "kinesis", serviceProtocol: KinesisClient.serviceProtocol, region: .local,
                endpoint: try Endpoint("http://\(address)"), credentials: .fixed(.local), transport: transport,
                logger: logger)
            try await body(KinesisClient(client))
            return .success(())
        } catch {
            return .failure(error)
        }
    }
}
