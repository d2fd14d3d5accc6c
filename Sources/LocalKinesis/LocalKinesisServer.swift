import HTTP
import HTTPServer
import Logging
import Reactor
import Time

/// The embedded Kinesis: the service's wire protocol over HTTP, stored in SQLite. Confined to its loop.
package final class LocalKinesisServer: @unchecked Sendable {
    /// Between two looks for what has outlived the retention period. A day is the shortest period there is.
    private static let trimInterval = Duration.seconds(60)

    private let loop: EventLoop
    private let service: KinesisService
    private let handler: RequestHandler
    private let server: HTTPServer
    private var trimming: Task<Void, Never>?

    private init(loop: EventLoop, service: KinesisService, logger: Logger) {
        self.loop = loop
        self.service = service
        handler = RequestHandler(service)
        server = HTTPServer(loop: loop, limits: HTTPLimits(), handler: handler, logger: logger)
    }

    /// Opens the store and listens. Port 0 picks one.
    /// - Parameter tls: what clients that begin with TLS get; nil: all speak plain HTTP.
    /// - Returns: also where it listens.
    /// - Throws: `SQLiteError` where the store cannot be opened, `SystemError` where the address cannot be listened on.
    package static func start(
        loop: EventLoop, address: ListenAddress, configuration: LocalKinesisConfiguration, tls: TLSContext? = nil,
        logger: Logger
    ) async throws -> (server: LocalKinesisServer, address: ListenAddress) {
        let service = try await KinesisService.open(loop: loop, configuration: configuration, logger: logger)
        let local = LocalKinesisServer(loop: loop, service: service, logger: logger)
        if let tls { local.server.use(tls) }
        let bound = try local.server.listen(address, isSecure: tls != nil)
        local.trimming = loop.spawn { await local.trimForEver() }
        return (local, bound)
    }

    /// Ends the server: connections are closed, and what was acknowledged is in the store.
    package func stop() async {
        trimming?.cancel()
        server.stopAccepting()
        server.closeAll()
        await service.close()
    }

    private func trimForEver() async {
        while !Task.isCancelled {
            await service.trim(now: .now())
            do throws(CancellationError) { try await loop.sleep(for: Self.trimInterval) } catch { return }
        }
    }
}
