import Client
import Consumer
import DynamoDB
import Kinesis
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

    /// - Throws: `.usage`, which names the option and what is accepted.
    init(_ values: CommandValues, _ settings: Settings) throws(ClientError) {
        table = try Self.value(
            values, "table", accepted: "a table's name: 3 to 255 letters, digits, _, - and .", TableName.init)
        let stream = try Self.value(values, "stream", accepted: "a stream's name or ARN", StreamName.init(nameOrARN:))
        key = ConsumerKey(stream: stream, group: settings.consumerDefaults.consumerGroup)
        failoverTime = try Self.optional(values, "failover-time", .milliseconds(1...3_600_000)) ?? Self.defaultFailoverTime
        moment = try Self.moment(values)
        isDryRun = values.has("dry-run")
        isForced = values.has("force")
        if settings.isLocal {
            throw .usage("local: the embedded Kinesis lives in a sidecar; --kinesis-endpoint says where that is")
        }
        if settings.sharesGroups, table == settings.dynamoDB.table {
            throw .usage("--table: \(table) is the table of the sidecars' groups (dynamoDb.tableName), and no lease table")
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
        let listed = settings.consumers.first {
            $0.stream == key.stream && $0.options.applied(to: settings.consumerDefaults).consumerGroup == key.group
        }
        let options = listed?.options.applied(to: settings.consumerDefaults) ?? settings.consumerDefaults
        return !options.useAutoShardAssignment || !options.shardIDs.isEmpty
    }

    private static func value<T>(_ values: CommandValues, _ name: String, accepted: String, _ read: (String) -> T?)
        throws(ClientError) -> T
    {
        guard let text = values.text(name) else { throw .usage("--\(name) is missing; accepted: \(accepted)") }
        guard let value = read(text) else { throw refusal(name, text, accepted) }
        return value
    }

    private static func optional(_ values: CommandValues, _ name: String, _ kind: OptionKind) throws(ClientError)
        -> Duration?
    {
        guard let text = values.text(name) else { return nil }
        guard case .duration(let duration) = kind.read(text) else { throw refusal(name, text, kind.accepted) }
        return duration
    }

    private static func moment(_ values: CommandValues) throws(ClientError) -> WallTime? {
        guard let text = values.text("timestamp") else { return nil }
        guard case .moment(let moment) = OptionKind.moment.read(text), moment <= .now() else {
            throw refusal("timestamp", text, OptionKind.moment.accepted + ", that is not still to come")
        }
        return moment
    }

    private static func refusal(_ name: String, _ text: String, _ accepted: String) -> ClientError {
        .usage("--\(name): \"\(text)\" is not accepted; accepted: \(accepted)")
    }
}
