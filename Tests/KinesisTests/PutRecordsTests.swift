import AWS
import Bytes
import JSON
import Kinesis
import Testing

@Suite struct PutRecordsTests {
    private let stream = StreamName("orders")!

    @Test func `a request names the stream and each entry's data, key and hash key`() throws {
        let shared = ByteBuffer("headfoobtail")
        let entries = [
            PutRecordEntry(ByteBuffer([0xff, 0x00]), partitionKey: "a\"b\\é"),
            PutRecordEntry(shared, range: 4..<8, partitionKey: "k", explicitHashKey: .highest),
        ]
        var json = JSONWriter()
        PutRecords(stream: stream, entries: entries).write(&json)
        let expected: JSONValue = [
            "StreamName": "orders",
            "Records": [
                ["Data": "/wA=", "PartitionKey": "a\"b\\é"],
                [
                    "Data": "Zm9vYg==", "PartitionKey": "k",
                    "ExplicitHashKey": "340282366920938463463374607431768211455",
                ],
            ],
        ]
        #expect(try JSONParser.parse(json.buffer) == expected)
        #expect(entries.map(\.byteCount) == [8, 5])
    }

    @Test func `results come in the answer's order, failures among them`() throws {
        let answer = #"""
            {"FailedRecordCount":1,"EncryptionType":"KMS","Records":[
            {"SequenceNumber":"11","ShardId":"shardId-000000000000","ErrorCode":null,"ErrorMessage":null},
            {"ErrorCode":"ProvisionedThroughputExceededException","ErrorMessage":"Rate \"exceeded\""},
            {"ShardId":"shardId-000000000001","SequenceNumber":"12"}]}
            """#
        let read = try PutRecords.read(ByteBuffer(answer), count: 3)
        #expect(read.encryptionType == "KMS")
        #expect(
            read.results == [
                .accepted(shard: ShardID(number: 0), sequenceNumber: SequenceNumber("11")!),
                .failed(code: "ProvisionedThroughputExceededException", message: "Rate \"exceeded\""),
                .accepted(shard: ShardID(number: 1), sequenceNumber: SequenceNumber("12")!),
            ])
    }

    @Test(arguments: [
        ("", "JSON"), ("[]", "JSON"), ("{}", "Records"), (#"{"Records":[]}"#, "Records"),
        (#"{"Records":{}}"#, "Records"),
        (#"{"Records":[1]}"#, "Records[0]"), (#"{"Records":[{}]}"#, "Records[0].ShardId"),
        (#"{"Records":[{"ShardId":"s"}]}"#, "Records[0].SequenceNumber"),
        (#"{"Records":[{"ShardId":"s","SequenceNumber":"x"}]}"#, "Records[0].SequenceNumber"),
        (#"{"Records":[{"ErrorCode":"E"},{"ErrorCode":"E"}]}"#, "Records"),
        (#"{"Records":[{"ErrorCode":"\ud800"}]}"#, "JSON"), (#"{"Records":[{"ErrorCode":"E"}]"#, "JSON"),
    ])
    func `an answer that does not give one result for each entry is refused`(_ answer: String, _ what: String) {
        let error = #expect(throws: ResponseError.self) { try PutRecords.read(ByteBuffer(answer), count: 1) }
        switch error {
        case .notJSON: #expect(what == "JSON")
        case .badField(let path): #expect(path == what)
        case nil: break
        }
    }

    @Test func `one record goes with the sequence number that it must follow`() throws {
        var json = JSONWriter()
        PutRecord(
            stream: stream, entry: PutRecordEntry(ByteBuffer("x"), partitionKey: "k"),
            sequenceNumberForOrdering: SequenceNumber("7")
        ).write(&json)
        let expected: JSONValue = [
            "StreamName": "orders", "Data": "eA==", "PartitionKey": "k", "SequenceNumberForOrdering": "7",
        ]
        #expect(try JSONParser.parse(json.buffer) == expected)
        let answer = try PutRecord.read(ByteBuffer(#"{"ShardId":"shardId-000000000003","SequenceNumber":"8"}"#))
        #expect(
            answer
                == PutRecordAnswer(
                    encryptionType: "NONE", shard: ShardID(number: 3), sequenceNumber: SequenceNumber("8")!))
        #expect(throws: ResponseError.badField("ShardId")) { try PutRecord.read(ByteBuffer("{}")) }
    }
}
