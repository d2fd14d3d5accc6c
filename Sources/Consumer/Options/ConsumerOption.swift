import AWS
import Kinesis
import State
import Time

/// One row of the table of options: the only place that knows an option's name, range and default.
///
/// Query parameters, YAML keys and the environment are all checked against `all`; nothing is accepted and ignored.
package struct ConsumerOption: Sendable {
    /// Who may give the option.
    package enum Scope: Equatable, Sendable {
        /// A request's query and the configuration.
        case query
        /// The configuration only: what costs money or reaches out of this stream.
        case configuration
    }

    package let name: String
    package let kind: OptionKind
    package let scope: Scope
    /// One line that says what it does.
    package let help: String
    /// Takes a value that `kind` has read into the options.
    let apply: @Sendable (inout ConsumerOptions, OptionValue) -> Void
    /// The value in force, in the option's own notation.
    let show: @Sendable (ConsumerOptions) -> String

    /// The value that is in force when nobody names the option.
    package var defaultText: String { show(ConsumerOptions()) }

    /// The row with this name.
    package static func named(_ name: String) -> ConsumerOption? {
        byName[name]
    }

    /// Options of lifion-kinesis, and of the AWS SDK's clients to which it hands them on, that are something else here, and what.
    private static let elsewhere = [
        "streamName": "the path names the stream, and consumers lists it in the configuration",
        "streamArn": "the path names the stream, and consumers lists it in the configuration",
        "logger": "logs go to standard error; logLevel says which",
        "accessKeyId": "credentials.accessKeyId is",
        "secretAccessKey": "credentials.secretAccessKey is",
        "sessionToken": "credentials.sessionToken is",
        "maxRetries": "retryOptions say how often calls are tried again",
        "maxAttempts": "retryOptions say how often calls are tried again",
        "sslEnabled": "endpoint says http:// where TLS is not wanted",
        "httpOptions": "a call may take 10 s, of records 30 s, and a put putTimeout; HTTPS_PROXY names a proxy",
        "requestHandler": "a call may take 10 s, of records 30 s, and a put putTimeout; HTTPS_PROXY names a proxy",
        "apiVersion": "the API is that of 2013-12-02",
    ]

    /// Where to say what the option of that name, or its family's (`httpOptions.timeout`), would; nil: it is none of them.
    static func place(insteadOf name: String) -> String? {
        elsewhere[name] ?? elsewhere[String(name.prefix { $0 != "." })]
    }

    private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

    /// Every option of a consumer, in the order in which they are shown.
    package static let all: [ConsumerOption] = available + ofStream + fanOut + sharing + retrying
}

extension ConsumerOption {
    private init(
        _ name: String, _ kind: OptionKind, _ scope: Scope = .query, help: String,
        apply: @escaping @Sendable (inout ConsumerOptions, OptionValue) -> Void,
        show: @escaping @Sendable (ConsumerOptions) -> String
    ) {
        self.init(name: name, kind: kind, scope: scope, help: help, apply: apply, show: show)
    }

    private static let available: [ConsumerOption] = [
        ConsumerOption(
            "consumerGroup", .text(longest: 255),
            help: "whose checkpoints count; another group has its own copy of the stream"
        ) {
            $0.consumerGroup = $1.text ?? $0.consumerGroup
        } show: {
            $0.consumerGroup
        },
        ConsumerOption(
            "initialPositionInStream", .choice(InitialPosition.names),
            help: "where a shard without a checkpoint begins"
        ) {
            $0.initialPositionInStream = $1.text.flatMap($0.initialPositionInStream.named) ?? $0.initialPositionInStream
        } show: {
            $0.initialPositionInStream.name
        },
        ConsumerOption(
            "initialTimestamp", .moment,
            help: "the moment of AT_TIMESTAMP, which it stands beside"
        ) {
            $0.initialPositionInStream = $1.moment.map(InitialPosition.atTimestamp) ?? $0.initialPositionInStream
        } show: {
            $0.initialPositionInStream.timestamp?.iso8601 ?? ""
        },
        ConsumerOption(
            "limit", .integer(1...10_000),
            help: "records that one GetRecords may return"
        ) {
            $0.limit = $1.integer ?? $0.limit
        } show: {
            String($0.limit)
        },
        ConsumerOption(
            "pollDelay", .milliseconds(0...OptionKind.longestMilliseconds),
            help: "least time between two GetRecords of a shard"
        ) {
            $0.pollDelay = $1.duration ?? $0.pollDelay
        } show: {
            String($0.pollDelay.wholeMilliseconds)
        },
        ConsumerOption(
            "noRecordsPollDelay", .milliseconds(250...OptionKind.longestMilliseconds),
            help: "pause after an empty response at the tip of a shard"
        ) {
            $0.noRecordsPollDelay = $1.duration ?? $0.noRecordsPollDelay
        } show: {
            String($0.noRecordsPollDelay.wholeMilliseconds)
        },
        ConsumerOption(
            "shouldParseJson", .choice(ShouldParseJSON.allCases.map(\.rawValue)),
            help: "whether a payload that is JSON is embedded as JSON; auto looks only at objects and arrays"
        ) {
            $0.shouldParseJSON = $1.text.flatMap(ShouldParseJSON.init) ?? $0.shouldParseJSON
        } show: {
            $0.shouldParseJSON.rawValue
        },
        ConsumerOption(
            "shouldDeaggregate", .choice(ShouldDeaggregate.allCases.map(\.rawValue)),
            help: "whether aggregated records (Kinesis Producer Library) are taken apart"
        ) {
            $0.shouldDeaggregate = $1.text.flatMap(ShouldDeaggregate.init) ?? $0.shouldDeaggregate
        } show: {
            $0.shouldDeaggregate.rawValue
        },
        ConsumerOption(
            "compression", .choice(Compression.allCases.map(\.rawValue)),
            help: "how the records' data is compressed"
        ) {
            $0.compression = $1.text.flatMap(Compression.init) ?? $0.compression
        } show: {
            $0.compression.rawValue
        },
        ConsumerOption(
            "maxEventBytes", .bytes(1024...RecordBatchEncoder.sliceBytes),
            help: "what an event of several records has at most; a longer record comes alone"
        ) {
            $0.maxEventBytes = $1.integer ?? $0.maxEventBytes
        } show: {
            String($0.maxEventBytes)
        },
        ConsumerOption(
            "useAutoCheckpoints", .boolean,
            help: "whether what a reader's socket has taken is checkpointed; else only what is acknowledged"
        ) {
            $0.useAutoCheckpoints = $1.boolean ?? $0.useAutoCheckpoints
        } show: {
            String($0.useAutoCheckpoints)
        },
        ConsumerOption(
            "usePausedPolling", .boolean,
            help: "whether a shard waits behind each event until POST …/continue"
        ) {
            $0.usePausedPolling = $1.boolean ?? $0.usePausedPolling
        } show: {
            String($0.usePausedPolling)
        },
        ConsumerOption(
            "statsInterval", .milliseconds(1000...OptionKind.longestMilliseconds),
            help: "time between two events stats"
        ) {
            $0.statsInterval = $1.duration ?? $0.statsInterval
        } show: {
            String($0.statsInterval.wholeMilliseconds)
        },
        ConsumerOption(
            "supressThroughputWarnings", .boolean,
            help: "whether throttling is logged as debug instead of warning"
        ) {
            $0.supressThroughputWarnings = $1.boolean ?? $0.supressThroughputWarnings
        } show: {
            String($0.supressThroughputWarnings)
        },
        ConsumerOption(
            "readerGracePeriod", .milliseconds(0...OptionKind.longestMilliseconds), .configuration,
            help: "how long the shards are held without a reader"
        ) {
            $0.readerGracePeriod = $1.duration ?? $0.readerGracePeriod
        } show: {
            String($0.readerGracePeriod.wholeMilliseconds)
        },
        ConsumerOption(
            "unreadBytes", .bytes(0...1 << 30), .configuration,
            help: "how much of what was sent last counts as unread when a connection ends without order"
        ) {
            $0.unreadBytes = $1.integer ?? $0.unreadBytes
        } show: {
            String($0.unreadBytes)
        },
    ]

    /// The stream: how it is created, and what it is given.
    private static let ofStream: [ConsumerOption] = [
        ConsumerOption(
            "createStreamIfNeeded", .boolean, .configuration,
            help: "whether a stream that configuration lists is created when it is missing"
        ) {
            $0.createStreamIfNeeded = $1.boolean ?? $0.createStreamIfNeeded
        } show: {
            String($0.createStreamIfNeeded)
        },
        ConsumerOption(
            "shardCount", .integer(1...10_000), .configuration,
            help: "shards of a stream that is created"
        ) {
            $0.shardCount = $1.integer ?? $0.shardCount
        } show: {
            String($0.shardCount)
        },
        // Reads with this process's credentials whatever object a record names.
        ConsumerOption(
            "useS3ForLargeItems", .boolean, .configuration,
            help: "whether large items are put to S3 and given out from there"
        ) {
            $0.useS3ForLargeItems = $1.boolean ?? $0.useS3ForLargeItems
        } show: {
            String($0.useS3ForLargeItems)
        },
        // As StreamModeDetails has it in the service's API.
        ConsumerOption(
            "streamMode", .choice([StreamMode.provisioned, .onDemand].map(\.rawValue)), .configuration,
            help: "how the capacity of a stream is given that is created"
        ) {
            $0.streamMode = $1.text.map(StreamMode.init) ?? $0.streamMode
        } show: {
            $0.streamMode.rawValue
        },
        ConsumerOption(
            "encryption.type", .choice(EncryptionType.allCases.map(\.rawValue)), .configuration,
            help: "KMS encrypts a stream that is not encrypted, with encryption.keyId"
        ) {
            $0.encryptionType = $1.text.flatMap(EncryptionType.init) ?? $0.encryptionType
        } show: {
            $0.encryptionType.rawValue
        },
        ConsumerOption(
            "encryption.keyId", .text(longest: 2048), .configuration,
            help: "id, ARN or alias of the KMS key"
        ) {
            $0.encryptionKeyID = $1.text ?? $0.encryptionKeyID
        } show: {
            $0.encryptionKeyID ?? ""
        },
        ConsumerOption(
            "tags", .tags, .configuration,
            help: "tags that the stream gets beside those that it has"
        ) {
            $0.tags = $1.tags ?? $0.tags
        } show: {
            $0.tags.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: ",")
        },
    ]

    /// Enhanced fan-out.
    private static let fanOut: [ConsumerOption] = [
        // Registered consumers cost money, and a stream has 20.
        ConsumerOption(
            "useEnhancedFanOut", .boolean, .configuration,
            help: "whether records are pushed to a registered consumer (enhanced fan-out), which AWS bills for"
        ) {
            $0.useEnhancedFanOut = $1.boolean ?? $0.useEnhancedFanOut
        } show: {
            String($0.useEnhancedFanOut)
        },
        ConsumerOption(
            "fanOutInactivityTimeout", .milliseconds(1000...300_000), .configuration,
            help: "how long a subscription may say nothing before another one takes its place"
        ) {
            $0.fanOutInactivityTimeout = $1.duration ?? $0.fanOutInactivityTimeout
        } show: {
            String($0.fanOutInactivityTimeout.wholeMilliseconds)
        },
        ConsumerOption(
            "enhancedFanOutFallback", .boolean, .configuration,
            help: "whether records are polled where enhanced fan-out cannot be had"
        ) {
            $0.enhancedFanOutFallback = $1.boolean ?? $0.enhancedFanOutFallback
        } show: {
            String($0.enhancedFanOutFallback)
        },
        ConsumerOption(
            "maxEnhancedConsumers", .integer(1...50), .configuration,
            help: "consumers that the members of a group register at most"
        ) {
            $0.maxEnhancedConsumers = $1.integer ?? $0.maxEnhancedConsumers
        } show: {
            String($0.maxEnhancedConsumers)
        },
        ConsumerOption(
            "enhancedConsumerIdleTimeout", .milliseconds(0...OptionKind.longestMilliseconds), .configuration,
            help: "how long a registered consumer may be unused before it is deregistered; 0: for ever"
        ) {
            $0.enhancedConsumerIdleTimeout = $1.duration ?? $0.enhancedConsumerIdleTimeout
        } show: {
            String($0.enhancedConsumerIdleTimeout.wholeMilliseconds)
        },
    ]

    /// How a group's members share the shards.
    private static let sharing: [ConsumerOption] = [
        ConsumerOption(
            "leaseDuration", .milliseconds(5000...GroupMember.longestLease), .configuration,
            help: "how long a lease of a shard holds from its renewal on"
        ) {
            $0.leaseDuration = $1.duration ?? $0.leaseDuration
        } show: {
            String($0.leaseDuration.wholeMilliseconds)
        },
        ConsumerOption(
            "leaseAcquisitionInterval", .milliseconds(1...OptionKind.longestMilliseconds), .configuration,
            help: "how often a member looks for shards that it could take"
        ) {
            $0.leaseAcquisitionInterval = $1.duration ?? $0.leaseAcquisitionInterval
        } show: {
            String($0.leaseAcquisitionInterval.wholeMilliseconds)
        },
        ConsumerOption(
            "leaseAcquisitionRecoveryInterval", .milliseconds(1...OptionKind.longestMilliseconds), .configuration,
            help: "the same after a round that failed"
        ) {
            $0.leaseAcquisitionRecoveryInterval = $1.duration ?? $0.leaseAcquisitionRecoveryInterval
        } show: {
            String($0.leaseAcquisitionRecoveryInterval.wholeMilliseconds)
        },
        ConsumerOption(
            "checkpointInterval", .milliseconds(1000...OptionKind.longestMilliseconds), .configuration,
            help: "from one write of checkpoints to the group's item to the next"
        ) {
            $0.checkpointInterval = $1.duration ?? $0.checkpointInterval
        } show: {
            String($0.checkpointInterval.wholeMilliseconds)
        },
        ConsumerOption(
            "useAutoShardAssignment", .boolean,
            help: "whether the members of a group share the shards; else this one reads all of them"
        ) {
            $0.useAutoShardAssignment = $1.boolean ?? $0.useAutoShardAssignment
        } show: {
            String($0.useAutoShardAssignment)
        },
        ConsumerOption(
            "shardIds", .shardIDs,
            help: "the shards that are read, whatever became of their parents"
        ) {
            $0.shardIDs = $1.shardIDs ?? $0.shardIDs
        } show: {
            $0.shardIDs.sorted().map(\.text).joined(separator: ",")
        },
    ]

    /// async-retry's options, under their names.
    private static let retrying: [ConsumerOption] = [
        ConsumerOption(
            "retryOptions.forever", .boolean, .configuration,
            help: "whether the calls with which a consumer begins are tried again without end"
        ) {
            $0.retry.forever = $1.boolean ?? $0.retry.forever
        } show: {
            String($0.retry.forever)
        },
        ConsumerOption(
            "retryOptions.retries", .integer(0...1_000_000), .configuration,
            help: "tries after the first, where not for ever"
        ) {
            $0.retry.retries = $1.integer ?? $0.retry.retries
        } show: {
            String($0.retry.retries)
        },
        ConsumerOption(
            "retryOptions.factor", .number(atLeast: 1), .configuration,
            help: "by how much the pause grows"
        ) {
            $0.retry.factor = $1.number ?? $0.retry.factor
        } show: {
            String($0.retry.factor)
        },
        ConsumerOption(
            "retryOptions.minTimeout", .milliseconds(0...OptionKind.longestMilliseconds), .configuration,
            help: "the first pause"
        ) {
            $0.retry.minTimeout = $1.duration ?? $0.retry.minTimeout
        } show: {
            String($0.retry.minTimeout.wholeMilliseconds)
        },
        ConsumerOption(
            "retryOptions.maxTimeout", .milliseconds(0...OptionKind.longestMilliseconds), .configuration,
            help: "the longest pause"
        ) {
            $0.retry.maxTimeout = $1.duration ?? $0.retry.maxTimeout
        } show: {
            String($0.retry.maxTimeout.wholeMilliseconds)
        },
        ConsumerOption(
            "retryOptions.randomize", .boolean, .configuration,
            help: "full jitter: a pause is anything from 0 to its bound"
        ) {
            $0.retry.randomize = $1.boolean ?? $0.retry.randomize
        } show: {
            String($0.retry.randomize)
        },
        ConsumerOption(
            "retryOptions.maxRetryTime", .milliseconds(0...OptionKind.longestMilliseconds), .configuration,
            help: "after which nothing is tried again"
        ) {
            $0.retry.maxRetryTime = $1.duration ?? $0.retry.maxRetryTime
        } show: {
            $0.retry.maxRetryTime.map { String($0.wholeMilliseconds) } ?? ""
        },
    ]
}
