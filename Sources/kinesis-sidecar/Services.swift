import AWS
import Consumer
import DynamoDB
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
    /// Nil: groups are this process's own.
    let groups: GroupContext?
    private let table: TableSetup?
    private let state: StateStore
    private let transport: Transport

    /// - Parameter kinesisPort: the embedded Kinesis's, nil for AWS.
    static func make(
        _ settings: Settings, folder: DataFolder?, kinesisPort: Int?, process: ProcessFacts, on loop: EventLoop
    ) async throws(StartError) -> Services {
        let target = try ServiceTarget(settings, kinesisPort: kinesisPort, environment: .process)
        let transport = Transport(loop: loop)
        let client = client("kinesis", KinesisClient.serviceProtocol, target, transport)
        target.credentials.onRefreshFailure = { error in
            Logger(label: "aws").warning(
                "The AWS credentials end soon and cannot be renewed yet", metadata: ["error": "\(error)"])
        }
        if kinesisPort == nil { tellCredentials(target.credentials) }
        let activity = ActivityBook()
        let kinesis = ObservedKinesis(KinesisClient(client), activity)
        let table = try table(settings, beside: target, transport)
        let groups = table.map { table in
            let items = DynamoDBGroupTable(settings.dynamoDB.table, table.client)
            items.onMissing = { [weak table] in table?.missed() }
            return GroupContext(
                table: items, readiness: table, serviceTime: { table.client.serviceTime },
                member: MemberIdentity.of(folder, Logger(label: "group")), appName: "kinesis-sidecar",
                host: process.host, pid: process.pid, startedOn: process.startedOn)
        }
        let state = try await openState(folder, loop)
        var engine = EngineSettings()
        engine.defaults = settings.consumerDefaults
        engine.maxBufferedBytes = settings.maxBufferedBytes
        engine.createsUnlistedStreams = settings.createsUnlistedStreams
        let consumers = ConsumerRegistry(
            loop: loop, source: kinesis, state: state, group: groups, settings: engine,
            logger: Logger(label: "consumer"))
        var puts = ProducerOptions(shardsToCreate: { settings.shardsToCreate($0) })
        puts.maxPutBytes = settings.maxPutBytes
        puts.putTimeout = settings.putTimeout
        puts.putLinger = settings.putLinger
        let producer = Producer(loop: loop, target: kinesis, options: puts, logger: Logger(label: "producer"))
        client.onReturn = { [weak consumers, weak producer] in
            consumers?.serviceReturned()
            producer?.serviceReturned()
        }
        let offered = GatewayServices(
            consumers: consumers, producer: producer, streams: kinesis, state: state, activity: activity,
            kinesis: {
                ServiceActivity(lastAnswer: client.lastResponse, recentExceptions: client.recentExceptions)
            },
            tableProblem: { table?.problem })
        table?.start()
        return Services(
            consumers: consumers, producer: producer, offered: offered, groups: groups, table: table, state: state,
            transport: transport)
    }

    private static func client(
        _ service: String, _ serviceProtocol: ServiceProtocol, _ target: ServiceTarget, _ transport: Transport
    ) -> AWSClient {
        AWSClient(
            service: service, serviceProtocol: serviceProtocol, region: target.region, endpoint: target.endpoint,
            credentials: target.credentials, transport: transport, userAgent: "kinesis-sidecar/\(Help.version)",
            logger: Logger(label: "aws"))
    }

    /// The groups' table; nil where groups are not shared.
    private static func table(
        _ settings: Settings, beside kinesis: ServiceTarget, _ transport: Transport
    ) throws(StartError) -> TableSetup? {
        guard settings.sharesGroups else { return nil }
        let target = try ServiceTarget(dynamoDB: settings, beside: kinesis, environment: .process)
        let key = GroupItem.keyNames
        let wanted = CreateTable(
            table: settings.dynamoDB.table, hashKey: key.hash, rangeKey: key.range,
            capacity: settings.dynamoDB.capacity)
        let tags = settings.dynamoDB.tags.sorted { $0.key < $1.key }.map { Tag(key: $0.key, value: $0.value) }
        let client = DynamoDBClient(client("dynamodb", DynamoDBClient.serviceProtocol, target, transport))
        return TableSetup(
            wanted, tags: tags, client, advice: "; a sidecar alone needs no table: dynamoDb.enabled: false",
            logger: Logger(label: "group"))
    }

    private static func tellCredentials(_ chain: CredentialsChain) {
        let logger = Logger(label: "aws")
        do throws(CredentialsError) {
            let source = try chain.source()
            logger.notice("requests to AWS are signed", metadata: ["credentials": "\(source)"])
        } catch {
            logger.warning("there is nothing to sign requests to AWS with yet", metadata: ["error": "\(error)"])
        }
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
        table?.stop()
        await state.close()
        transport.close()
    }
}
