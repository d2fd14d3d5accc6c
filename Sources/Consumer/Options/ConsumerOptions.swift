import AWS
import Kinesis

/// How one consumer reads: lifion-kinesis's options that are in force in this version. Performs no I/O.
///
/// Names, ranges and texts of every option stand in `ConsumerOption.all`.
package struct ConsumerOptions: Equatable, Sendable {
    /// The group that a consumer belongs to when nobody names one.
    package static let defaultGroup = "kinesis-sidecar"

    /// Positions and checkpoints are shared by those who name the same group. 1…255 characters.
    package var consumerGroup = ConsumerOptions.defaultGroup
    /// Whether a missing stream is created. Looked at only for streams that configuration lists.
    package var createStreamIfNeeded = true
    /// Shards that a stream gets which is created for this consumer. 1…10,000.
    package var shardCount = 1
    /// How the capacity of a stream is given that is created for this consumer.
    package var streamMode = StreamMode.provisioned
    /// `KMS`: a stream that is not encrypted is, with `encryptionKeyID`.
    package var encryptionType = EncryptionType.none
    /// nil: none was named.
    package var encryptionKeyID: String?
    /// Tags that the stream gets beside those that it has: values by their keys.
    package var tags: [String: String] = [:]
    /// Where a shard without a checkpoint is begun.
    package var initialPositionInStream = InitialPosition.latest
    /// Records that one GetRecords may bring. 1…10,000.
    package var limit = 10_000
    /// From one request of a shard to its next when the first one brought records.
    package var pollDelay = Duration.milliseconds(250)
    /// From an answer without records to the next request, once the shard's tip is reached. At least 250 ms.
    package var noRecordsPollDelay = Duration.milliseconds(1000)
    package var shouldParseJSON = ShouldParseJSON.auto
    package var shouldDeaggregate = ShouldDeaggregate.auto
    /// How the records' data is compressed. Of a stream that configuration lists also how it is put.
    package var compression = Compression.none
    /// As `RecordEncoding.maxEventBytes`. 1024…262,144: what one turn of the loop encodes.
    package var maxEventBytes = RecordEncoding().maxEventBytes
    /// Whether a batch's bytes in the socket move the checkpoint; else only those who read do.
    package var useAutoCheckpoints = true
    /// Whether a shard waits behind each batch until somebody says that it goes on.
    package var usePausedPolling = false
    /// How often a reader is told the stats. At least 1 s.
    package var statsInterval = Duration.seconds(30)
    /// How long the shards are held without a reader.
    package var readerGracePeriod = Duration.seconds(30)
    /// How much of what was sent on a connection last counts as unread when it ends without order. A socket on loopback
    /// was seen to hold 4 to 8 MB (design section 6).
    package var unreadBytes = 8 << 20
    /// lifion's spelling: throttling is logged as debug instead of warning.
    package var supressThroughputWarnings = false
    /// How long a lease of a shard holds from its renewal on. At least 5 s: it is renewed three times as often, and each of
    /// these writes may take its time.
    package var leaseDuration = Duration.seconds(40)
    /// How often a member looks for shards that it could take.
    package var leaseAcquisitionInterval = Duration.seconds(20)
    /// The same after a round that failed.
    package var leaseAcquisitionRecoveryInterval = Duration.seconds(5)
    /// From one write of checkpoints to the group's item to the next. At least 1 s.
    package var checkpointInterval = Duration.seconds(1)
    /// Whether the group's members share the shards; else this one reads all of them by itself, with checkpoints of its own.
    package var useAutoShardAssignment = true
    /// The shards that are read; empty: all.
    package var shardIDs: Set<ShardID> = []
    /// Whether records are pushed to a consumer that is registered for the stream (enhanced fan-out); else they are polled.
    package var useEnhancedFanOut = false
    /// How long a subscription may say nothing before another one takes its place. 1 s to 5 minutes: an idle shard's sends an
    /// empty event every few seconds.
    package var fanOutInactivityTimeout = Duration.seconds(10)
    /// Whether records are polled where enhanced fan-out cannot be had.
    package var enhancedFanOutFallback = false
    /// Consumers that a group registers for a stream at most. 1…50; the service has 20, and 50 where the account allows it.
    package var maxEnhancedConsumers = 5
    /// How long a consumer of the group's may be unused before it is deregistered, but for the last one; 0: for ever.
    package var enhancedConsumerIdleTimeout = Duration.zero
    /// Whether large items are put to S3 and given out from there.
    package var useS3ForLargeItems = false
    /// How calls of the control plane are tried again (`retryOptions`).
    package var retry = RetryPolicy.default

    package init() {}

    /// The same for one who only watches. It shares each shard's five reads a second with those who work, so it asks less
    /// often; its checkpoints are nobody's.
    var forTail: ConsumerOptions {
        var options = self
        options.initialPositionInStream = .latest
        options.pollDelay = .seconds(1)
        options.useAutoCheckpoints = true
        options.usePausedPolling = false
        options.useEnhancedFanOut = false
        options.encryptionType = .none
        options.tags = [:]
        return options
    }

    /// What a stream is created with.
    package var capacity: StreamCapacity {
        streamMode == .onDemand ? .onDemand : .provisioned(shards: shardCount)
    }

    /// What is asked of the stream.
    var wishes: StreamWishes {
        StreamWishes(encryptionKey: encryptionType == .kms ? encryptionKeyID : nil, tags: tags)
    }
}

/// `encryption.type`; the raw values are the option's texts, and the service's.
package enum EncryptionType: String, CaseIterable, Sendable {
    case none = "NONE"
    case kms = "KMS"
}
