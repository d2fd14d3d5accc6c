import Bytes
import JSON
import Kinesis
import TestSupport
import Testing

/// Records as the MultiLangDaemon gives them to record processors.
@Suite struct ProcessRecordsEncoderTests {
    private static let encoding = RecordEncoding(format: .processRecords, maxEventBytes: 256 << 10)

    private func messages(_ answer: ByteBuffer, skip: Checkpoint? = nil) throws -> [JSONValue] {
        var encoder = AnswerText.encoder(answer, Self.encoding, skip: skip)
        var messages: [JSONValue] = []
        while let batch = try encoder.next(maxBytes: .max) { messages.append(try JSONParser.parse(batch.payload)) }
        return messages
    }

    /// The message of a recording, and the response that the service gave for it: an aggregate is one record there.
    private func recorded() throws -> (message: JSONValue, answer: String) {
        let recording = try JSONParser.parse(
            try testFile("Recordings/multilang/02-checkpoint-variants.json"))
        let line = try #require(
            recording["transcript"]?.array?.lazy.compactMap { $0["line"]?.string }.first {
                $0.contains("processRecords\",")
            })
        let message = try JSONParser.parse(line)
        var groups: [(number: String, arrival: Int, users: [AggregateText.User])] = []
        for record in try #require(message["records"]?.array) {
            let number = try #require(record["sequenceNumber"]?.string)
            let user = AggregateText.User(
                key: try #require(record["partitionKey"]?.string),
                data: try #require(record["data"]?.string.flatMap { Base64.decode($0) }))
            if groups.last?.number == number {
                groups[groups.count - 1].users.append(user)
            } else {
                groups.append((number, try #require(record["approximateArrivalTimestamp"]?.int), [user]))
            }
        }
        let records = groups.map { group in
            let data = group.users.count > 1 ? AggregateText.aggregate(group.users) : group.users[0].data
            return
                "{\"ApproximateArrivalTimestamp\":\(group.arrival / 1000).\(String(1000 + group.arrival % 1000).dropFirst()),"
                + "\"Data\":\"\(Base64.encode(data))\",\"PartitionKey\":\"\(group.users[0].key)\","
                + "\"SequenceNumber\":\"\(group.number)\"}"
        }
        return (message, AnswerText.answer(records, lag: 0))
    }

    @Test func `the message is the daemon's, of JSON and of CBOR`() throws {
        let (message, answer) = try recorded()
        for answer in [ByteBuffer(answer), try AnswerText.inCBOR(answer)] {
            let ours = try #require(try messages(answer).first)
            for member in ["action", "records", "millisBehindLatest"] { #expect(ours[member] == message[member]) }
        }
    }

    @Test func `any bytes, keys with escapes and a record without a time are given`() throws {
        let records = [
            AnswerText.record(7, [0, 0xff], key: #"a\"\u00e9"#, arrival: nil), AnswerText.record(8, []),
            #"{"Data":"\/\/8=","PartitionKey":"k","SequenceNumber":"9"}"#,
        ]
        let given = try #require(try messages(ByteBuffer(AnswerText.answer(records))).first?["records"]?.array)
        #expect(given.map { $0["data"] } == ["AP8=", "", "//8="])
        #expect(given[0]["partitionKey"] == "a\"é" && given[0]["approximateArrivalTimestamp"] == .null)
    }

    @Test func `a record that is not aggregated is done with its sub-sequence number 0, as the KCL stores it`() throws {
        let users = [AggregateText.User(data: [1]), AggregateText.User(data: [2])]
        let records = [
            AnswerText.record(7, "plain"), AnswerText.record(8, AggregateText.aggregate(users)),
            AnswerText.record(9, "last"),
        ]
        func places(behind number: UInt128, _ extent: Checkpoint.Extent) throws -> [String] {
            let skip = Checkpoint(sequenceNumber: SequenceNumber(number), extent: extent)
            return try messages(ByteBuffer(AnswerText.answer(records)), skip: skip).flatMap {
                $0["records"]?.array?.map {
                    "\($0["sequenceNumber"]?.string ?? "")/\($0["subSequenceNumber"]?.int ?? -1)"
                } ?? []
            }
        }
        #expect(try places(behind: 7, .part(through: 0)) == ["8/0", "8/1", "9/0"])
        #expect(try places(behind: 8, .part(through: 0)) == ["8/1", "9/0"])
        #expect(try places(behind: 8, .part(through: 1)) == ["9/0"])
        #expect(try places(behind: 9, .part(through: 0)) == [])
        // Done further than it goes: it is not what it was.
        #expect(try places(behind: 9, .part(through: 3)) == ["9/0"])
    }
}
