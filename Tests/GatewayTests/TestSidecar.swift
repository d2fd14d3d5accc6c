import Bytes
import Consumer
import FakeService
import Gateway
import HTTP
import HTTPServer
import Kinesis
import Logging
import Producer
import Reactor
import State
import Testing
import Time

/// A gateway with everything under it but AWS, listening on a port of its own, on a loop of its own.
final class TestSidecar: @unchecked Sendable {
    /// The one stream that there is, of one shard.
    static let stream = StreamName("orders")!

    let loop: EventLoop
    let kinesis: FakeKinesis
    let consumers: ConsumerRegistry
    let producer: Producer
    let gateway: Gateway
    let server: HTTPServer
    let port: Int
    /// For `adminListen`.
    let admin: HTTPServer
    let adminPort: Int

    private init(
        _ loop: EventLoop, heartbeat: Duration, patience: Duration, _ puts: ProducerOptions, _ limits: HTTPLimits,
        _ access: Access
    ) async throws {
        self.loop = loop
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        kinesis = try await FakeKinesis.open(loop: loop)
        try await kinesis.make(Self.stream)
        let activity = ActivityBook()
        let observed = ObservedKinesis(kinesis, activity)
        let state = try await StateStore.open(path: nil, loop: loop, logger: logger)
        consumers = ConsumerRegistry(
            loop: loop, source: observed, state: state, settings: EngineSettings(), logger: logger)
        producer = Producer(loop: loop, target: observed, options: puts, logger: logger)
        var options = GatewayOptions()
        options.heartbeatInterval = heartbeat
        options.readerPatience = patience
        options.version = "1.2.3"
        options.access = access
        options.allowedOrigins = ["https://app.example"]
        options.process.host = "host"
        options.process.pid = 42
        options.process.startedOn = WallTime(milliseconds: 1_500)
        options.process.figures = {
            ProcessFacts.Figures(
                residentBytes: 4096, openFiles: 3, mostOpenFiles: 1024, processorTime: .seconds(2))
        }
        let services = GatewayServices(
            consumers: consumers, producer: producer, streams: observed, state: state, activity: activity)
        gateway = Gateway(loop: loop, services: services, options: options, logger: logger)
        server = HTTPServer(loop: loop, limits: limits, handler: gateway, logger: logger)
        server.onBadRequest = gateway.refusal
        port = try server.listen(ListenAddress("127.0.0.1:0")!).port!
        admin = HTTPServer(loop: loop, limits: limits, handler: AdminHandler(gateway), logger: logger)
        adminPort = try admin.listen(ListenAddress("127.0.0.1:0")!).port!
    }

    /// Runs a test's body with a sidecar of its own, on a thread of its own: its blocking calls hold up nobody.
    static func run(
        heartbeat: Duration = .seconds(15), patience: Duration = .seconds(60),
        puts: ProducerOptions = ProducerOptions(), limits: HTTPLimits = HTTPLimits(), access: Access = Access(),
        _ body: @escaping @Sendable (TestSidecar) async throws -> Void
    ) async throws {
        let loop = try EventLoop(name: "gateway")
        try loop.startThread()
        let client = try EventLoop(name: "client")
        try client.startThread()
        defer {
            for loop in [loop, client] {
                loop.stop()
                loop.join()
            }
        }
        let sidecar = try await Task(executorPreference: loop) {
            try await TestSidecar(loop, heartbeat: heartbeat, patience: patience, puts, limits, access)
        }.value
        let result = await Task(executorPreference: client) { try await body(sidecar) }.result
        await Task(executorPreference: loop) {
            sidecar.server.closeAll()
            sidecar.admin.closeAll()
            await sidecar.kinesis.close()
        }.value
        try result.get()
    }

    /// As the program does on SIGTERM, as far as readers and puts are concerned.
    func drain() async {
        await Task(executorPreference: loop) {
            self.gateway.advance(to: .ending)
            await self.consumers.shutDown(deadline: self.loop.now + .seconds(10))
            await self.producer.drain(deadline: self.loop.now + .seconds(10))
        }.value
    }

    /// Asks, on the loop, until it is so; false after ten seconds.
    func becomes(_ condition: @escaping @Sendable (TestSidecar) -> Bool) async -> Bool {
        await Task(executorPreference: loop) {
            let deadline = self.loop.now + .seconds(30)
            while !condition(self), self.loop.now < deadline { await self.loop.nextTurn() }
            return condition(self)
        }.value
    }

    func fail(_ change: @escaping @Sendable (FakeKinesis) -> Void) async {
        await Task(executorPreference: loop) { change(self.kinesis) }.value
    }

    /// Makes another stream, with a consumer.
    func start(_ stream: StreamName) async {
        await Task(executorPreference: loop) {
            try? await self.kinesis.make(stream)
            _ = try? await self.consumers.start(stream, naming: NamedOptions())
        }.value
    }

    /// The sequence numbers that Kinesis has given, in their order: so many.
    func numbers(_ count: Int) async throws -> [String] {
        let numbers = await Task(executorPreference: loop) {
            self.kinesis.written.map(\.sequenceNumber.text)
        }.value
        try #require(numbers.count == count)
        return numbers
    }

    /// The data that Kinesis has.
    func written() async -> [String] {
        await Task(executorPreference: loop) {
            self.kinesis.written.map(\.text)
        }.value
    }

    /// When the stream was made.
    func creation() async throws -> WallTime {
        try await Task(executorPreference: loop) { try await self.kinesis.describe(Self.stream).creation }.value
    }

    /// A whole exchange on a connection of its own.
    func send(
        _ method: String, _ target: String, headers: [String] = [], body: String = "", toAdmin: Bool = false
    ) throws -> TestAnswer {
        let client = try TestClient(port: toAdmin ? adminPort : port)
        client.send(method, target, headers: headers + ["Connection: close"], body: body)
        return TestAnswer(try client.readToEnd())
    }

    /// A connection that follows records, after its head and greeting have arrived.
    func follow(_ query: String) throws -> TestClient {
        let client = try TestClient(port: port)
        client.send("GET", "/streams/orders/records?noRecordsPollDelay=250&pollDelay=0&" + query)
        try client.read(until: "shardId-000000000000\n")
        return client
    }
}
