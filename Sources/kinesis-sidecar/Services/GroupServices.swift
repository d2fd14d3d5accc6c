import AWS
import Consumer
import DynamoDB
import Gateway
import Logging
import State

/// What groups of several sidecars stand on: their table in DynamoDB, and who this process is in them.
///
/// Confined to its loop.
struct GroupServices: @unchecked Sendable {
    let context: GroupContext
    let target: ServiceTarget
    private let table: TableSetup
    private let items: DynamoDBGroupTable

    /// Nil where groups are not shared.
    init?(
        _ settings: Settings, folder: DataFolder?, process: ProcessFacts, _ targets: ServiceTargets,
        over transport: Transport
    ) throws(StartError) {
        guard settings.sharesGroups else { return nil }
        target = try targets.target(.dynamoDB, settings.dynamoDB.service)
        let client = DynamoDBClient(target.client(DynamoDBClient.serviceProtocol, over: transport))
        let logger = Logger(label: "group")
        let key = GroupItem.keyNames
        let wanted = CreateTable(
            table: settings.dynamoDB.table, hashKey: key.hash, rangeKey: key.range,
            capacity: settings.dynamoDB.capacity)
        let tags = settings.dynamoDB.tags.sorted { $0.key < $1.key }.map { Tag(key: $0.key, value: $0.value) }
        let table = TableSetup(
            wanted, tags: tags, client, advice: "; a sidecar alone needs no table: dynamoDb.enabled: false",
            logger: logger)
        let items = DynamoDBGroupTable(settings.dynamoDB.table, client)
        items.onMissing = { [weak table] in table?.missed() }
        context = GroupContext(
            table: items, readiness: table, serviceTime: { client.serviceTime },
            name: MemberIdentity.of(folder, logger), appName: "kinesis-sidecar", host: process.host, pid: process.pid,
            startedOn: process.startedOn)
        self.table = table
        self.items = items
    }

    /// What has passed between this process and the table.
    var activity: TableActivity {
        TableActivity(service: ServiceActivity(table.client.client), use: items.use, problem: table.problem)
    }

    var tableName: TableName { items.name }

    func start() { table.start() }

    func stop() { table.stop() }
}

extension ServiceActivity {
    init(_ client: AWSClient) {
        self.init(
            lastAnswer: client.lastResponse, recentExceptions: client.recentExceptions,
            requestDurations: client.requestDurations)
    }
}
