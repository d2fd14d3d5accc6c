import AWS
import Consumer
import Gateway
import Kinesis
import Logging
import Producer
import Reactor
import State
import Time

/// What the gateway stands on, wired: transport → AWS client → Kinesis → consumers and producer, with their state.
///
/// Confined to its loop.
struct Services: @unchecked Sendable {
    let consumers: ConsumerRegistry
    let producer: Producer
    let offered: GatewayServices
    private let state: StateStore
    private let transport: Transport

    /// - Parameter kinesisPort: the embedded Kinesis's, nil for AWS.
    static func make(
        _ settings: Settings, folder: DataFolder?, kinesisPort: Int?, on loop: EventLoop, _ logger: Logger
    ) async throws(StartError) -> Services {
        let target = try ServiceTarget(settings, kinesisPort: kinesisPort, environment: .process)
        let transport = Transport(loop: loop)
        let client = AWSClient(
            service: "kinesis", region: target.region, endpoint: target.endpoint, credentials: target.credentials,
            transport: transport,
            userAgent: "kinesis-sidecar/\(Help.version)", logger: Logger(label: "aws"))
        let kinesis = KinesisClient(client)
        let state = try await openState(folder, loop)
        var engine = EngineSettings()
        engine.defaults = settings.consumerDefaults
        engine.maxBufferedBytes = settings.maxBufferedBytes
        engine.createsUnlistedStreams = settings.createsUnlistedStreams
        let consumers = ConsumerRegistry(
            loop: loop, source: kinesis, state: state, settings: engine, logger: Logger(label: "consumer"))
        var puts = ProducerOptions(shardsToCreate: { settings.shardsToCreate($0) })
        puts.maxPutBytes = settings.maxPutBytes
        puts.putTimeout = settings.putTimeout
        puts.putLinger = settings.putLinger
        let producer = Producer(loop: loop, target: kinesis, options: puts, logger: Logger(label: "producer"))
        let offered = GatewayServices(
            consumers: consumers, producer: producer, streams: kinesis, state: state,
            recentFailures: { troubles(client) })
        return Services(
            consumers: consumers, producer: producer, offered: offered, state: state, transport: transport)
    }

    /// What the service has failed at lately, each once. A stream that is not there is told to those who ask for it, and
    /// is no trouble where it is created at once.
    private static func troubles(_ client: AWSClient) -> [String] {
        var messages: [String] = []
        for exception in client.recentExceptions.exceptions(now: .now())
        where exception.code != "ResourceNotFoundException" && !messages.contains(exception.message) {
            messages.append(exception.message)
        }
        return messages
    }

    private static func openState(_ folder: DataFolder?, _ loop: EventLoop) async throws(StartError) -> StateStore {
        do throws(StateError) {
            return try await StateStore.open(path: folder?.state, loop: loop, logger: Logger(label: "state"))
        } catch {
            throw .failed("\(error)")
        }
    }

    /// After the drain: the last commits, and the connections to the service.
    func close() async {
        await state.close()
        transport.close()
    }
}
