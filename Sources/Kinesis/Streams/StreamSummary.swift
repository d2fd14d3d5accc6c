import Time

/// A stream as DescribeStreamSummary shows it.
package struct StreamSummary: Equatable, Sendable {
    /// Also where it was asked for by its ARN.
    package let name: StreamName
    package let arn: String
    package let status: StreamStatus
    /// Tells a stream from an earlier one of the same name.
    package let creation: WallTime
    package let openShards: Int
    package let retentionHours: Int
    /// `NONE` or `KMS`.
    package let encryption: String
    package let mode: StreamMode
    /// Data and partition key of one record together: 1 MiB where the service does not say.
    package let maxRecordBytes: Int
    package let distribution: RecordDistribution

    /// Whether records lie in any shard, whatever their keys, and may have none: no hash of a key tells its shard then.
    package var isAutoDistributed: Bool { distribution == .auto }

    package init(
        name: StreamName, arn: String, status: StreamStatus, creation: WallTime, openShards: Int,
        retentionHours: Int, encryption: String, mode: StreamMode, maxRecordBytes: Int,
        distribution: RecordDistribution = .userPartitionKey
    ) {
        self.name = name
        self.arn = arn
        self.status = status
        self.creation = creation
        self.openShards = openShards
        self.retentionHours = retentionHours
        self.encryption = encryption
        self.mode = mode
        self.maxRecordBytes = maxRecordBytes
        self.distribution = distribution
    }
}

/// A stream's state; the service may grow others, which are kept as they are.
package struct StreamStatus: RawRepresentable, Hashable, Sendable {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package static let creating = StreamStatus(rawValue: "CREATING")
    package static let active = StreamStatus(rawValue: "ACTIVE")
    /// Reading and writing go on.
    package static let updating = StreamStatus(rawValue: "UPDATING")
    package static let deleting = StreamStatus(rawValue: "DELETING")

    /// Whether records can be read and written.
    package var isUsable: Bool { self == .active || self == .updating }
}

/// How a stream's capacity is given; the service may grow others, which are kept as they are.
package struct StreamMode: RawRepresentable, Hashable, Sendable {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    package static let provisioned = StreamMode(rawValue: "PROVISIONED")
    package static let onDemand = StreamMode(rawValue: "ON_DEMAND")
}

/// Which shard takes a record (`RecordDistributionStrategy`); the service may grow other ways, which are kept as they are.
///
/// Source: the service's API reference, UpdateStreamRecordDistributionStrategy.
package struct RecordDistribution: RawRepresentable, Hashable, Sendable {
    package let rawValue: String
    package init(rawValue: String) { self.rawValue = rawValue }
    /// The service spreads records evenly, and ignores the keys that they may have.
    package static let auto = RecordDistribution(rawValue: "AUTO")
    /// The hash of the partition key says it.
    package static let userPartitionKey = RecordDistribution(rawValue: "USER_PARTITION_KEY")
}

/// What a stream is created with.
package enum StreamCapacity: Hashable, Sendable {
    case provisioned(shards: Int)
    case onDemand
}

extension StreamCapacity: CustomStringConvertible {
    package var description: String {
        switch self {
        case .provisioned(let shards): "with \(shards) shard\(shards == 1 ? "" : "s")"
        case .onDemand: "on demand"
        }
    }
}
