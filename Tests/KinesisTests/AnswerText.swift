import Bytes
import Kinesis

/// Builds GetRecords answers for tests, member by member.
enum AnswerText {
    /// One record in the service's order of members; `extra` are more members, each with its leading comma.
    static func record(
        _ number: Int, _ data: [UInt8], key: String? = "k", arrival: String? = "1700000000.123", extra: String = ""
    ) -> String {
        var text = "{"
        if let arrival { text += "\"ApproximateArrivalTimestamp\":\(arrival)," }
        text += "\"Data\":\"\(Base64.encode(data))\","
        if let key { text += "\"PartitionKey\":\"\(key)\"," }
        return text + "\"SequenceNumber\":\"\(number)\"\(extra)}"
    }

    static func record(_ number: Int, _ data: String) -> String {
        record(number, Array(data.utf8))
    }

    static func answer(_ records: [String], lag: Int = 7, next: String? = "it") -> String {
        "{\"MillisBehindLatest\":\(lag)," + (next.map { "\"NextShardIterator\":\"\($0)\"," } ?? "") + "\"Records\":["
            + records.joined(separator: ",") + "]}"
    }

    static func encoder(
        _ text: String, _ parse: ShouldParseJSON = .auto, skip: Checkpoint? = nil
    ) -> RecordBatchEncoder {
        RecordBatchEncoder(
            ByteBuffer(text), stream: StreamName("orders")!, shard: ShardID(number: 0),
            encoding: RecordEncoding(shouldParseJSON: parse), skip: skip)
    }

    /// The payload of an answer's only batch, as a whole object.
    static func payload(_ text: String, _ parse: ShouldParseJSON = .auto) throws -> String? {
        var encoder = encoder(text, parse)
        return try encoder.next().map { "{" + $0.payload.text }
    }
}
