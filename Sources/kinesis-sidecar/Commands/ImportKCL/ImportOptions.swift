import Client
import Consumer
import DynamoDB
import Kinesis
import MultiLang
import State
import Time

/// What `import-kcl` is told, checked. Performs no I/O.
struct ImportOptions {
    /// The KCL's lease table.
    let table: TableName
    let key: ConsumerKey
    /// A worker that is alive renews its leases within this time.
    let failoverTime: Duration
    /// At which leases stand that say AT_TIMESTAMP; nil: not said.
    let moment: WallTime?
    let isDryRun: Bool
    let isForced: Bool

    /// KCL's own default of `failoverTimeMillis`.
    private static let defaultFailoverTime = Duration.seconds(10)

    /// - Parameter application: the properties file that is named, for what the command line does not say.
    /// - Throws: `.usage`, which names the option and what is accepted.
    init(_ values: CommandValues, _ configuration: Configuration, _ application: ApplicationProperties?)
        throws(ClientError)
    {
        let settings = configuration.settings
        table = try Self.needed(
            values, "table", else: application?.leaseTable,
            accepted: "a table's name: 3 to 255 letters, digits, _, - and .", TableName.init)
        let stream = try Self.needed(
            values, "stream", else: application?.stream?.text, accepted: "a stream's name or ARN",
            StreamName.init(nameOrARN:))
        let group = values.text("consumer-group") ?? application?.consumerOption("consumerGroup")
        // The KCL calls its table as the application, unless that says another name.
        key = ConsumerKey(stream: stream, group: group ?? configuration.consumerGroup ?? table.text)
        failoverTime = try Self.failoverTime(values, application)
        moment = try Self.moment(values, application)
        isDryRun = values.has("dry-run")
        isForced = values.has("force")
        if settings.isLocal {
            throw .usage("local: the embedded Kinesis lives in a sidecar; --kinesis-endpoint says where that is")
        }
        if settings.sharesGroups, table == settings.dynamoDB.table {
            throw .usage("--table: \(table) is the table of the sidecars' groups (dynamoDb.tableName)")
        }
        if settings.sharesGroups, Self.isStandalone(settings, key) {
            throw .usage(
                "\(key) is listed with useAutoShardAssignment: false or shardIds: a member that reads for itself keeps its "
                    + "places under its own name; leave that out, or import with --dynamodb off into its --data-dir")
        }
        if !settings.sharesGroups, settings.dataDir == nil {
            throw .usage(
                "there is no place for the group's state: --data-dir names the folder of a sidecar alone, and "
                    + "--dynamodb on shares the group by a table")
        }
    }

    private static func isStandalone(_ settings: Settings, _ key: ConsumerKey) -> Bool {
        let listed =
            settings.consumers.map { ($0.stream, $0.options) } + settings.processors.map { ($0.stream, $0.options) }
        let options = listed.filter { $0.0 == key.stream }.map { $0.1.applied(to: settings.consumerDefaults) }
        let own = options.first { $0.consumerGroup == key.group } ?? settings.consumerDefaults
        return !own.useAutoShardAssignment || !own.shardIDs.isEmpty
    }

    // MARK: Values

    private static func needed<T>(
        _ values: CommandValues, _ name: String, else other: String?, accepted: String, _ read: (String) -> T?
    ) throws(ClientError) -> T {
        guard let text = values.text(name) ?? other else {
            throw .usage(
                "--\(name) is missing, and no --multilang names the application's properties file; accepted: \(accepted)"
            )
        }
        guard let value = read(text) else { throw refusal(name, text, accepted) }
        return value
    }

    private static func failoverTime(_ values: CommandValues, _ application: ApplicationProperties?)
        throws(ClientError) -> Duration
    {
        let kind = OptionKind.milliseconds(1...3_600_000)
        guard let text = values.text("failover-time") ?? application?.consumerOption("leaseDuration") else {
            return defaultFailoverTime
        }
        guard case .duration(let duration) = kind.read(text) else {
            throw refusal("failover-time", text, kind.accepted)
        }
        return duration
    }

    private static func moment(_ values: CommandValues, _ application: ApplicationProperties?)
        throws(ClientError) -> WallTime?
    {
        guard let text = values.text("timestamp") ?? application?.consumerOption("initialTimestamp") else { return nil }
        guard case .moment(let moment) = OptionKind.moment.read(text), moment <= .now() else {
            throw refusal("timestamp", text, OptionKind.moment.accepted + ", that is not still to come")
        }
        return moment
    }

    private static func refusal(_ name: String, _ text: String, _ accepted: String) -> ClientError {
        .usage("--\(name): \"\(text)\" is not accepted; accepted: \(accepted)")
    }
}
