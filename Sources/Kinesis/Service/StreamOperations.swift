import AWS
import JSON
import Time

/// CreateStream: the stream is CREATING until DescribeStreamSummary says ACTIVE. An existing name fails with
/// ResourceInUseException.
package struct CreateStream: KinesisOperation {
    package static let name = "CreateStream"
    /// Somebody else was faster.
    package static let expectedCodes = ["ResourceInUseException"]
    package let stream: StreamName
    /// nil: an on-demand stream.
    package let shardCount: Int?

    package init(stream: StreamName, shardCount: Int?) {
        self.stream = stream
        self.shardCount = shardCount
    }

    package func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("StreamName", stream.text)
        if let shardCount {
            json.member("ShardCount", shardCount)
        } else {
            json.key("StreamModeDetails")
            json.beginObject()
            json.member("StreamMode", StreamMode.onDemand.rawValue)
            json.endObject()
        }
        json.endObject()
    }

    package static func read(_ json: JSONValue) throws(ResponseError) {}
}

/// DescribeStreamSummary: 20 calls a second and account.
package struct DescribeStreamSummary: KinesisOperation {
    package static let name = "DescribeStreamSummary"
    /// Whoever asks makes the stream, or says that there is none.
    package static let expectedCodes = ["ResourceNotFoundException"]
    package let stream: StreamName

    package init(stream: StreamName) {
        self.stream = stream
    }

    package func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("StreamName", stream.text)
        json.endObject()
    }

    package static func read(_ json: JSONValue) throws(ResponseError) -> StreamSummary {
        let fields = try ResponseFields(json).fields("StreamDescriptionSummary")
        let mode =
            try fields.optional("StreamModeDetails") == nil
            ? nil : fields.fields("StreamModeDetails").optionalString("StreamMode")
        return StreamSummary(
            name: try fields.required("StreamName", StreamName(fields.string("StreamName"))),
            arn: try fields.string("StreamARN"),
            status: StreamStatus(rawValue: try fields.string("StreamStatus")),
            creation: try fields.time("StreamCreationTimestamp"),
            openShards: try fields.int("OpenShardCount"),
            retentionHours: try fields.int("RetentionPeriodHours"),
            encryption: try fields.optionalString("EncryptionType") ?? "NONE",
            mode: mode.map(StreamMode.init(rawValue:)) ?? .provisioned,
            maxRecordBytes: (fields.optional("MaxRecordSizeInKiB")?.int ?? 1024) * 1024)
    }
}

/// A stream as DescribeStreamSummary shows it.
package struct StreamSummary: Equatable, Sendable {
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

    package init(
        name: StreamName, arn: String, status: StreamStatus, creation: WallTime, openShards: Int,
        retentionHours: Int, encryption: String, mode: StreamMode, maxRecordBytes: Int
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
