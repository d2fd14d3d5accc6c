extension PropertyRow {
    /// Every key that KCL 3.1.3's MultiLangDaemon reads, and those of KCL 1 that have another name. In the order in which
    /// docs/multilang.md has them.
    ///
    /// Source: the setters of KCL's `MultiLangDaemonConfiguration`, `MultiLangDaemonConfig`, `PollingConfigBean` and
    /// `FanoutConfigBean`.
    package static let all: [PropertyRow] =
        application + place + credentials + reading + children + leases + tables + metrics + coexistence

    private static let application = [
        PropertyRow("executableName", is: .command),
        PropertyRow("streamArn", is: .stream(.arn)),
        PropertyRow("streamName", is: .stream(.name)),
        PropertyRow("applicationName", is: .options([.consumer("consumerGroup")], .text)),
        PropertyRow("initialPositionInStream", is: .options([.consumer("initialPositionInStream")], .position)),
        PropertyRow(
            "initialPositionInStreamExtended", "timestampAtInitialPositionInStream",
            is: .options([.consumer("initialPositionInStream"), .consumer("initialTimestamp")], .epochSeconds)),
        PropertyRow("processingLanguage", is: .nothing("the daemon put it in its User-Agent")),
        PropertyRow(
            "workerId", "workerIdentifier", is: .nothing("a sidecar finds a name for itself, and keeps it in dataDir")),
    ]

    private static let place = [
        PropertyRow("regionName", "kinesisClient.region", is: .options([.process("region")], .text)),
        PropertyRow(
            "kinesisEndpoint", "kinesisClient.endpointOverride",
            is: .options([.process("kinesis.endpoint")], .endpoint)),
        PropertyRow(
            "dynamoDBEndpoint", "dynamoDbClient.endpointOverride",
            is: .options([.process("dynamoDb.endpoint")], .endpoint)),
        PropertyRow(
            "dynamoDBRegionName", "dynamoDbClient.region", is: .options([.process("dynamoDb.region")], .text)),
        PropertyRow("cloudWatchRegionName", is: .nothing(noCloudWatch)),
        PropertyRow(
            "kinesisClient.*", "dynamoDbClient.*", "cloudWatchClient.*",
            is: .nothing("it was for the AWS SDK for Java")),
    ]

    private static let credentials = [
        PropertyRow("AwsCredentialsProvider", is: .credentials(of: "credentials")),
        PropertyRow("AwsCredentialsProviderDynamoDB", is: .credentials(of: "dynamoDb.credentials")),
        PropertyRow(
            "AwsCredentialsProviderCloudWatch", "AwsCredentialsProviderCloudWatch.*", is: .nothing(noCloudWatch)),
        PropertyRow(
            "AwsCredentialsProvider.*", "AwsCredentialsProviderDynamoDB.*",
            is: .refused(
                "builders of Java classes cannot run here; write AwsCredentialsProvider = \(CredentialsProviders.instead)"
            )),
    ]

    private static let reading = [
        PropertyRow("retrievalMode", is: .options([.consumer("useEnhancedFanOut")], .retrievalMode)),
        PropertyRow("maxRecords", "pollingConfig.maxRecords", is: .options([.consumer("limit")], .count)),
        PropertyRow(
            "idleTimeBetweenReadsInMillis", "pollingConfig.idleTimeBetweenReadsInMillis",
            is: .options([.consumer("pollDelay"), .consumer("noRecordsPollDelay")], .milliseconds(.zeroIsDefault))),
        PropertyRow(
            "retryGetRecordsInSeconds", "pollingConfig.retryGetRecordsInSeconds",
            is: .nothing("a failed read is tried again with a back-off of its own")),
        PropertyRow(
            "maxGetRecordsThreadPool", "pollingConfig.maxGetRecordsThreadPool", is: .nothing(noThreads)),
        PropertyRow(
            "millisBehindLatestThresholdForReducedTps", "pollingConfig.millisBehindLatestThresholdForReducedTps",
            is: .nothing("noRecordsPollDelay is the pause at the tip of a shard")),
        PropertyRow(
            "fanoutConfig.consumerName", "fanoutConfig.consumerArn",
            is: .nothing(
                "each member registers a consumer with a name of its own; the daemon's stays registered, and billed, "
                    + "until it is deregistered")),
        PropertyRow(
            "fanoutConfig.maxDescribeStreamSummaryRetries", "fanoutConfig.maxDescribeStreamConsumerRetries",
            "fanoutConfig.registerStreamConsumerRetries", "fanoutConfig.retryBackoffMillis",
            is: .nothing("registering is tried again until it succeeds")),
    ]

    private static let children = [
        PropertyRow(
            "callProcessRecordsEvenForEmptyRecordList",
            is: .options([.processor("callProcessRecordsEvenForEmptyRecordList")], .truth)),
        PropertyRow("timeoutInSeconds", is: .options([.processor("timeout")], .seconds)),
        PropertyRow(
            "shutdownGraceMillis", is: .options([.processor("shutdownGrace")], .milliseconds(.zeroIsZero))),
        PropertyRow(
            "validateSequenceNumberBeforeCheckpointing",
            is: .nothing("the sequence number of a checkpoint is always looked at")),
        PropertyRow("taskBackoffTimeMillis", is: .nothing("what fails is tried again with a back-off of its own")),
        PropertyRow(
            "logWarningForTaskAfterMillis", is: .nothing("stats and metrics say how long an action takes; see timeout")),
        PropertyRow("maxActiveThreads", is: .nothing(noThreads)),
    ]

    private static let leases = [
        PropertyRow(
            "failoverTimeMillis", is: .options([.consumer("leaseDuration")], .milliseconds(.zeroIsDefault))),
        PropertyRow("maxLeasesForWorker", "maxLeasesToStealAtOneTime", is: .nothing(evenShares)),
        PropertyRow("leaseAssignmentIntervalMillis", "enablePriorityLeaseAssignment", is: .nothing(noLeader)),
        PropertyRow("maxLeaseRenewalThreads", is: .nothing(noThreads)),
        PropertyRow(
            "shardSyncIntervalMillis", "parentShardPollIntervalMillis", "shardPrioritization",
            "ignoreUnexpectedChildShards", "cleanupLeasesUponShardCompletion",
            "skipShardSyncAtWorkerInitializationIfLeasesExist",
            is: .nothing("shards that are new, or at their end, are noticed as the stream is read")),
        PropertyRow(
            "listShardsBackoffTimeInMillis", "maxListShardsRetryAttempts", "schedulerInitializationBackoffTimeMillis",
            is: .nothing("retryOptions say how calls are tried again")),
    ]

    private static let tables = [
        PropertyRow(
            "tableName",
            is: .nothing(
                "it is the daemon's lease table, which import-kcl reads; groups are kept in dynamoDb.tableName")),
        PropertyRow(
            "initialLeaseTableReadCapacity", "initialLeaseTableWriteCapacity", "leaseTableDeletionProtectionEnabled",
            "leaseTablePitrEnabled",
            is: .nothing("options of dynamoDb say how the groups' table is made")),
        PropertyRow(
            "coordinatorStateTableName", "coordinatorStateBillingMode", "coordinatorStateReadCapacity",
            "coordinatorStateWriteCapacity", "coordinatorStatePointInTimeRecoveryEnabled",
            "coordinatorStateDeletionProtectionEnabled", "coordinatorStateTags", is: .nothing(oneTable)),
        PropertyRow(
            "workerMetricsTableName", "workerMetricsBillingMode", "workerMetricsReadCapacity",
            "workerMetricsWriteCapacity", "workerMetricsPointInTimeRecoveryEnabled",
            "workerMetricsDeletionProtectionEnabled", "workerMetricsTags", is: .nothing(oneTable)),
    ]

    private static let metrics = [
        PropertyRow(
            "metricsLevel", "metricsBufferTimeMillis", "metricsMaxQueueSize", "metricsEnabledDimensions",
            is: .nothing(noCloudWatch))
    ]

    private static let coexistence = [
        PropertyRow(
            "clientVersionConfig", "gracefulLeaseHandoffTimeoutMillis", "isGracefulLeaseHandoffEnabled",
            is: .nothing(
                "the sidecar is no member of the daemon's lease table; its own members hand over in order, in 30 s")),
        PropertyRow(
            "workerMetricsReporterFreqInMillis", "inMemoryWorkerMetricsCaptureFrequencyMillis",
            "noOfPersistedMetricsPerWorkerMetrics", "disableWorkerMetrics", "maxThroughputPerHostKBps",
            "dampeningPercentage", "reBalanceThresholdPercentage", "allowThroughputOvershoot",
            "varianceBalancingFrequency", "workerMetricsEMAAlpha", "staleWorkerMetricsEntryCleanupDuration",
            is: .nothing(evenShares)),
    ]

    private static let noCloudWatch = "metrics are at /metrics, and sent over OTLP, not to CloudWatch"
    private static let noThreads = "there is no pool of threads"
    private static let evenShares = "the members of a group share its shards evenly"
    private static let noLeader = "each member looks for free shards by itself, each leaseAcquisitionInterval"
    private static let oneTable = "there is one table, dynamoDb.tableName"
}
