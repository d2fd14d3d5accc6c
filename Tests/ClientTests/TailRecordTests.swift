import Bytes
import JSON
import Testing

@testable import Client

@Suite struct TailRecordTests {
    private func lines(_ records: String, _ style: TailOptions.Style) throws -> String {
        let line = ByteBuffer(
            "{\"event\":\"records\",\"id\":\"r-1\",\"shardId\":\"shard-1\",\"millisBehindLatest\":0,\"records\":[\(records)]}"
        )
        let output = ByteBuffer()
        try withExtendedLifetime(line) {
            guard case .records(let event) = try TailEvent(line.bytes) else { return }
            #expect(event.id == "r-1" && event.isAtTip)
            var scanner = try JSONArrayScanner(event.records)
            while let element = try scanner.next() {
                try TailRecord(element).append(style, shard: event.shard, to: output)
            }
        }
        return output.text
    }

    private func record(_ data: String) -> String {
        "{\"sequenceNumber\":\"49\",\"partitionKey\":\"k\",\"approximateArrivalTimestamp\":\"T\",\"data\":\(data)}"
    }

    @Test func `as JSON a record is what the sidecar sent, with its shard`() throws {
        #expect(
            try lines(record("{\"n\": 1.50}"), .json)
                == "{\"shardId\":\"shard-1\",\"sequenceNumber\":\"49\",\"partitionKey\":\"k\","
                + "\"approximateArrivalTimestamp\":\"T\",\"data\":{\"n\": 1.50}}\n")
    }

    @Test(arguments: [
        ("{\"n\": 1}", "{\"n\": 1}\n"), ("\"a\\nb\"", "a\nb\n"), ("\"AAE=\",\"dataEncoding\":\"base64\"", "\0\u{1}\n"),
    ])
    func `raw is the data alone`(_ data: String, _ text: String) throws {
        #expect(try lines(record(data), .raw) == text)
    }

    @Test func `for people control characters are shown, not obeyed`() throws {
        #expect(try lines(record("\"a\\u001b[2J\\nb\""), .text) == "T  shard-1  k  a\\u{1b}[2J\\nb\n")
    }

    @Test func `data of as many levels as a payload may have is read`() throws {
        let deep = String(repeating: "[", count: 512) + String(repeating: "]", count: 512)
        let line = ByteBuffer("{\"event\":\"records\",\"shardId\":\"s\",\"records\":[\(record(deep))]}")
        try withExtendedLifetime(line) {
            if case .records = try TailEvent(line.bytes) { return }
            Issue.record("no records")
        }
    }

    @Test func `other events are told apart`() throws {
        func event(_ text: String) throws -> String {
            let line = ByteBuffer(text)
            return try withExtendedLifetime(line) {
                switch try TailEvent(line.bytes) {
                case .records: "records"
                case .assigned(let shard): "assigned \(shard)"
                case .problem(let title, let detail): "\(title): \(detail)"
                case .end(let reason): "end \(reason)"
                case .other: "other"
                }
            }
        }
        #expect(try event("{\"event\":\"shard\",\"shardId\":\"a\",\"change\":\"assigned\"}") == "assigned a")
        #expect(try event("{\"event\":\"shard\",\"shardId\":\"a\",\"change\":\"revoked\"}") == "other")
        #expect(try event("{\"event\":\"problem\",\"title\":\"T\",\"detail\":\"d\"}") == "T: d")
        #expect(try event("{\"event\":\"end\",\"reason\":\"draining\"}") == "end draining")
        #expect(try event("{\"event\":\"new\"}") == "other")
        #expect(throws: JSONError.self) { try event("<html>") }
    }
}
