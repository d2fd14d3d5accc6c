import Bytes
import CBOR
import JSON
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

    /// The same answer in CBOR: data as bytes, arrival times as tag 1 with milliseconds.
    static func inCBOR(_ text: String) throws -> ByteBuffer {
        let writer = CBORWriter(ByteBuffer())
        try write(JSONParser.parse(ByteBuffer(text)), named: "", writer)
        return writer.buffer
    }

    private static func write(_ value: JSONValue, named name: String, _ writer: CBORWriter) {
        switch value {
        case .null: writer.null()
        case .bool(let value): writer.bool(value)
        case .number where name == "ApproximateArrivalTimestamp":
            writer.time(milliseconds: Int64((value.double! * 1000).rounded()))
        case .number: writer.int(Int64(value.int!))
        case .string(let text):
            if name == "Data" { writer.bytes(Base64.decode(text)!) } else { writer.text(text) }
        case .array(let elements):
            writer.beginArray()
            for element in elements { write(element, named: "", writer) }
            writer.end()
        case .object(let members):
            writer.beginMap()
            for member in members {
                writer.text(member.key)
                write(member.value, named: member.key, writer)
            }
            writer.end()
        }
    }

    static func encoder(
        _ text: String, _ parse: ShouldParseJSON = .auto, skip: Checkpoint? = nil
    ) -> RecordBatchEncoder {
        encoder(ByteBuffer(text), RecordEncoding(shouldParseJSON: parse), skip: skip)
    }

    static func encoder(
        _ answer: ByteBuffer, _ encoding: RecordEncoding = RecordEncoding(), skip: Checkpoint? = nil
    ) -> RecordBatchEncoder {
        RecordBatchEncoder(
            answer, stream: StreamName("orders")!, shard: ShardID(number: 0), encoding: encoding, skip: skip)
    }

    /// The payload of an answer's only batch, as a whole object.
    static func payload(_ text: String, _ parse: ShouldParseJSON = .auto) throws -> String? {
        var encoder = encoder(text, parse)
        return try encoder.next().map { "{" + $0.payload.text }
    }
}
