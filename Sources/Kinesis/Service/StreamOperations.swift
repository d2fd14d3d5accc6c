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
    package let capacity: StreamCapacity

    package init(stream: StreamName, capacity: StreamCapacity) {
        self.stream = stream
        self.capacity = capacity
    }

    package func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("StreamName", stream.text)
        switch capacity {
        case .provisioned(let shards): json.member("ShardCount", shards)
        case .onDemand:
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
        json.member(stream)
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
            maxRecordBytes: min(max(fields.optional("MaxRecordSizeInKiB")?.int ?? 1024, 1), 1 << 20) * 1024,
            distribution: try fields.optionalString("RecordDistributionStrategy")
                .map(RecordDistribution.init(rawValue:)) ?? .userPartitionKey)
    }
}

/// StartStreamEncryption: 25 calls in 24 hours. The stream is UPDATING for some seconds, and what is put from then on is
/// encrypted. ResourceInUseException: the stream is not ACTIVE.
package struct StartStreamEncryption: KinesisOperation {
    package static let name = "StartStreamEncryption"
    /// Somebody else changes the stream just now; or it is another service than AWS's, which encrypts nothing.
    package static let expectedCodes = ["ResourceInUseException", "UnknownOperationException"]
    let stream: StreamName
    /// An id, ARN or alias of KMS.
    let keyID: String

    package init(stream: StreamName, keyID: String) {
        self.stream = stream
        self.keyID = keyID
    }

    package func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member(stream)
        json.member("EncryptionType", "KMS")
        json.member("KeyId", keyID)
        json.endObject()
    }

    package static func read(_ json: JSONValue) throws(ResponseError) {}
}

/// ListTagsForStream, one page: 5 calls a second and account.
package struct ListTagsForStream: KinesisOperation {
    package static let name = "ListTagsForStream"
    /// Tags of one page, and all that a stream may have.
    static let pageSize = 50
    let stream: StreamName
    /// The last key of the page before; nil: the first page.
    let after: String?

    package init(stream: StreamName, after: String?) {
        self.stream = stream
        self.after = after
    }

    package struct Page: Equatable, Sendable {
        /// Values by their keys.
        package let tags: [String: String]
        /// The last key where another page follows.
        package let next: String?
    }

    package func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member(stream)
        json.optional("ExclusiveStartTagKey", after)
        json.member("Limit", Self.pageSize)
        json.endObject()
    }

    package static func read(_ json: JSONValue) throws(ResponseError) -> Page {
        var tags: [String: String] = [:]
        var last: String?
        for tag in try ResponseFields(json).list("Tags") {
            let key = try tag.string("Key")
            tags[key] = try tag.optionalString("Value") ?? ""
            last = key
        }
        return Page(tags: tags, next: json["HasMoreTags"]?.bool == true ? last : nil)
    }
}

/// AddTagsToStream: sets tags beside those that there are. 5 calls a second and account.
package struct AddTagsToStream: KinesisOperation {
    package static let name = "AddTagsToStream"
    /// The stream is being changed; it is tried again.
    package static let expectedCodes = ["ResourceInUseException"]
    let stream: StreamName
    /// Values by their keys, at most 50.
    let tags: [String: String]

    package init(stream: StreamName, tags: [String: String]) {
        self.stream = stream
        self.tags = tags
    }

    package func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member(stream)
        json.key("Tags")
        json.beginObject()
        for (key, value) in tags.sorted(by: { $0.key < $1.key }) {
            json.key(key)
            json.string(value)
        }
        json.endObject()
        json.endObject()
    }

    package static func read(_ json: JSONValue) throws(ResponseError) {}
}
