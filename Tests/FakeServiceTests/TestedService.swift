import AWS
import Consumer
import FakeService
import HTTPServer
import Kinesis
import LocalKinesis
import Logging
import Producer
import Reactor
import TestSupport

typealias TestedService = OperationCaller & PutTarget & StreamSource

/// How the service is reached: each way keeps the same contract.
enum Way: CaseIterable, Sendable {
    /// `KinesisClient`, signed, over a connection to the embedded Kinesis.
    case wire
    /// `FakeKinesis`.
    case inProcess
    /// `FakeKinesis` with the habits of kinesis-mock.
    case kinesisMock

    func run(_ body: @escaping @Sendable (any TestedService) async throws -> Void) async throws {
        switch self {
        case .wire: try await onLoop { loop in try await Self.onWire(loop, body) }
        case .inProcess: try await Self.inProcess(.aws, body)
        case .kinesisMock: try await Self.inProcess(.kinesisMock, body)
        }
    }

    private static func inProcess(
        _ dialect: Dialect, _ body: @escaping @Sendable (any TestedService) async throws -> Void
    ) async throws {
        try await onLoop { loop in try await FakeKinesis.run(on: loop, dialect: dialect) { try await body($0) } }
    }

    private static func onWire(
        _ loop: EventLoop, _ body: @escaping @Sendable (any TestedService) async throws -> Void
    ) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let configuration = LocalKinesisConfiguration(limits: false, stateDelay: .zero)
        let (server, address) = try await LocalKinesisServer.start(
            loop: loop, address: ListenAddress("127.0.0.1:0")!, configuration: configuration, logger: logger)
        var options = Transport.Options()
        options.environment = Environment([:])
        let transport = Transport(loop: loop, options: options)
        let client = AWSClient(
            service: "kinesis", serviceProtocol: KinesisClient.serviceProtocol, region: .local,
            endpoint: ServiceEndpoint(try Endpoint("http://\(address)")), credentials: .fixed(.local),
            transport: transport,
            logger: logger)
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(KinesisClient(client)))
        } catch {
            result = .failure(error)
        }
        transport.close()
        await server.stop()
        try result.get()
    }
}
