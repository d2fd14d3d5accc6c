import AWS
import Consumer
import Gateway
import HTTPServer
import Kinesis
import LocalKinesis
import Logging
import MultiLang
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
    /// Applications of record processors, in the order in which configuration lists them.
    let processors: [RecordProcessors]
    let offered: GatewayServices
    /// Nil: groups are this process's own.
    let groups: GroupServices?
    /// Nil: nobody uses large items.
    private let items: ItemServices?
    /// Ended with the process, before it where they hang.
    let credentialProcesses: CommandRunner
    private let state: StateStore
    private let transport: Transport

    /// - Parameter local: where the embedded Kinesis listens, nil for AWS.
    static func make(
        _ settings: Settings, folder: DataFolder?, local: ListenAddress?, process: ProcessFacts, on loop: EventLoop
    ) async throws(StartError) -> Services {
        let transport = Transport(loop: loop)
        let targets = try await ServiceTargets(settings, local: local, environment: .process, over: transport)
        let target = targets.kinesis
        let client = target.client(KinesisClient.serviceProtocol, over: transport)
        watch(target)
        if local == nil { tellCredentials(target.credentials) }
        let activity = ActivityBook()
        let wireFormat = settings.wireFormat ?? (target.endpoint.shared.isOfAWS ? .cbor : .json)
        let kinesisClient = KinesisClient(client, wireFormat: wireFormat)
        let kinesis = ObservedKinesis(kinesisClient, activity)
        let items = try ItemServices(settings, targets, kinesisClient, over: transport)
        let groups = try GroupServices(
            settings, folder: folder, process: process, targets, over: transport)
        for other in [groups?.target, items?.target].compactMap(\.self) where other.credentials !== target.credentials {
            watch(other)
        }
        let state = try await openState(folder, isAlone: groups == nil, loop)
        var engine = EngineSettings()
        engine.defaults = settings.consumerDefaults
        engine.maxBufferedBytes = settings.maxBufferedBytes
        engine.host = process.host
        engine.createsUnlistedStreams = settings.createsUnlistedStreams
        // The embedded Kinesis looks at no ARN's account and region.
        engine.region = local == nil ? target.region.name : nil
        engine.account = local == nil ? nil : LocalKinesisConfiguration().account
        let consumers = ConsumerRegistry(
            loop: loop, source: kinesis, state: state, group: groups?.context, items: items?.store, settings: engine,
            logger: Logger(label: "consumer"))
        var puts = ProducerOptions(capacity: { settings.capacity(of: $0) })
        puts.region = engine.region
        puts.maxPutBytes = settings.maxPutBytes
        puts.putTimeout = settings.putTimeout
        puts.putLinger = settings.putLinger
        puts.shaping = settings.shaping
        puts.encoding = { settings.encoding(of: $0) }
        let producer = Producer(
            loop: loop, target: kinesis, options: puts, items: items?.puts, logger: Logger(label: "producer"))
        client.onReturn = { [weak consumers, weak producer] in
            consumers?.serviceReturned()
            producer?.serviceReturned()
        }
        var offered = GatewayServices(
            consumers: consumers, producer: producer, streams: kinesis, state: state, activity: activity,
            kinesis: { ServiceActivity(client) }, table: { groups?.activity },
            items: { items?.activity },
            credentials: { [target, groups?.target, items?.target].compactMap { $0?.credentialsStatus } })
        groups?.start()
        items?.start()
        let processors = settings.processors.map { RecordProcessors($0, consumers: consumers, on: loop) }
        offered.processors = { processors.map(\.snapshot) }
        offered.drainProcessors = { deadline in
            let drains = processors.map { application in
                loop.spawn { await application.drain(deadline: deadline) }
            }
            for drain in drains { await drain.value }
        }
        return Services(
            consumers: consumers, producer: producer, processors: processors, offered: offered, groups: groups,
            items: items,
            credentialProcesses: targets.credentialProcesses, state: state, transport: transport)
    }

    private static func watch(_ target: ServiceTarget) {
        target.credentials.onRefreshFailure = { error in
            Logger(label: "aws").warning(
                "the AWS credentials end soon and cannot be renewed yet",
                metadata: ["service": "\(target.service.signingName)", "error": "\(error)"])
        }
    }

    private static func tellCredentials(_ chain: CredentialsChain) {
        let logger = Logger(label: "aws")
        do throws(CredentialsError) {
            let source = try chain.expectedPlace()
            logger.notice("requests to AWS are signed", metadata: ["credentials": "\(source)"])
        } catch {
            logger.warning("there is nothing to sign requests to AWS with yet", metadata: ["error": "\(error)"])
        }
    }

    private static func openState(_ folder: DataFolder?, isAlone: Bool, _ loop: EventLoop) async throws(StartError)
        -> StateStore
    {
        do throws(StateError) {
            return try await StateStore.open(
                path: folder?.state, isAlone: isAlone, loop: loop, logger: Logger(label: "state"))
        } catch {
            throw .failed("\(error)")
        }
    }

    /// Starts what configuration lists.
    func startListed(_ settings: Settings) {
        for consumer in settings.consumers { consumers.start(consumer.stream, consumer.options) }
        for application in processors { application.start() }
    }

    /// Ends every program that runs, at once.
    func killChildren() {
        for application in processors { application.kill() }
        credentialProcesses.close()
    }

    /// After the drain: the last commits, and the connections to the service.
    func close() async {
        groups?.stop()
        items?.stop()
        credentialProcesses.close()
        await state.close()
        transport.close()
    }
}
