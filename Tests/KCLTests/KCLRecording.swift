import DynamoDB
import JSON
import Kinesis
import TestSupport

@testable import KCL

/// What workers of the KCL left in their lease tables: the files of Tests/Recordings/kcl.
struct KCLRecording: Sendable, CustomStringConvertible {
    static let names = [
        "01-basic", "02-join-handoff-graceful-shutdown", "03-sigkill-takeover", "04-split-merge",
        "05-aggregated-subsequence", "06-prepared-checkpoint", "07-2x-compatible", "08-kcl313-three-tables",
        "09-kcl272-beside-351", "10-kcl313-joins-351", "11-kcl272-joins-351",
    ]

    /// A table at a named moment.
    struct Moment: Sendable {
        let name: String
        let table: String
        let rows: [Item]

        /// Rows as the JSON has them, for expectations that owe nothing to what is tested.
        let json: [JSONValue]
    }

    let name: String
    let moments: [Moment]
    /// All shards that the stream had in the end.
    let shards: [Shard]
    /// Where workers began: `at {SequenceNumber: …,SubsequenceNumber: …} pending …`.
    let beginnings: [(worker: String, text: String)]

    init(_ name: String) throws {
        self.name = name
        let json = try JSONParser.parse(try testFile("Recordings/kcl/\(name).json"))
        moments = try (json["items"]?.array ?? []).map { entry in
            let rows = entry["items"]?.array ?? []
            return Moment(
                name: entry["moment"]?.string ?? "", table: entry["table"]?.string ?? "",
                rows: try rows.map { try AttributeValue.item($0, path: "row") }, json: rows)
        }
        shards = try ListShards.read(json["steps"]?.array?.last?["response"] ?? .null).shards
        beginnings = (json["events"]?.array ?? []).map { ($0["who"]?.string ?? "", $0["text"]?.string ?? "") }
    }

    var description: String { name }
}
