import AWS
import JSON
import Kinesis

/// CreateStream with a size of records, which the program itself never asks for.
struct MakeStream: KinesisOperation {
    static let name = "CreateStream"
    let stream: StreamName
    let shards: Int
    let maxRecordBytes: Int

    func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("StreamName", stream.text)
        json.member("ShardCount", shards)
        json.member("MaxRecordSizeInKiB", maxRecordBytes / 1024)
        json.endObject()
    }

    static func read(_ json: JSONValue) throws(ResponseError) {}
}

struct DeleteStream: KinesisOperation {
    static let name = "DeleteStream"
    let stream: StreamName

    func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("StreamName", stream.text)
        json.endObject()
    }

    static func read(_ json: JSONValue) throws(ResponseError) {}
}

struct UpdateStreamMode: KinesisOperation {
    static let name = "UpdateStreamMode"
    let arn: String
    let mode: StreamMode

    func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("StreamARN", arn)
        json.key("StreamModeDetails")
        json.beginObject()
        json.member("StreamMode", mode.rawValue)
        json.endObject()
        json.endObject()
    }

    static func read(_ json: JSONValue) throws(ResponseError) {}
}

struct UpdateStreamRecordDistributionStrategy: KinesisOperation {
    static let name = "UpdateStreamRecordDistributionStrategy"
    let arn: String
    let distribution: RecordDistribution

    func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("StreamARN", arn)
        json.member("RecordDistributionStrategy", distribution.rawValue)
        json.endObject()
    }

    static func read(_ json: JSONValue) throws(ResponseError) {}
}

struct SplitShard: KinesisOperation {
    static let name = "SplitShard"
    let stream: StreamName
    let shard: ShardID
    /// The first hash key of the upper child, as text.
    let key: String

    func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("StreamName", stream.text)
        json.member("ShardToSplit", shard.text)
        json.member("NewStartingHashKey", key)
        json.endObject()
    }

    static func read(_ json: JSONValue) throws(ResponseError) {}
}

struct MergeShards: KinesisOperation {
    static let name = "MergeShards"
    let stream: StreamName
    let shard: ShardID
    let adjacent: ShardID

    func write(_ json: inout JSONWriter) {
        json.beginObject()
        json.member("StreamName", stream.text)
        json.member("ShardToMerge", shard.text)
        json.member("AdjacentShardToMerge", adjacent.text)
        json.endObject()
    }

    static func read(_ json: JSONValue) throws(ResponseError) {}
}
