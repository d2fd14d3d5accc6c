import Bytes
import JSON
import Kinesis
import TestSupport
import Testing
import Time

@Suite struct GetRecordsScannerTests {
    @Test func `members come in any order, with unknown ones between`() throws {
        let text =
            #"{"X":[{"Records":[1]}],"NextShardIterator":null,"Records":[{"SequenceNumber":"1","Y":{"Data":"no"},"#
            + #""EncryptionType":"KMS","Data":"e30=","ApproximateArrivalTimestamp":1.7E9,"PartitionKey":"p"}],"#
            + #""Z":"]","MillisBehindLatest":12}"#
        let payload = try #require(try AnswerText.payload(text))
        let tree = try JSONParser.parse(payload)
        #expect(tree["millisBehindLatest"] == 12)
        let expected: JSONValue = [
            "sequenceNumber": "1", "partitionKey": "p", "approximateArrivalTimestamp": "2023-11-14T22:13:20.000Z",
            "encryptionType": "KMS", "data": [:],
        ]
        #expect(tree["records"]?[0] == expected)
    }

    @Test func `what a record need not say is left out, but for its encryption`() throws {
        let text = #"{"Records":[{"SequenceNumber":"1","Data":"","PartitionKey":null,"EncryptionType":null}]}"#
        let expected: JSONValue = ["sequenceNumber": "1", "encryptionType": "NONE", "data": ""]
        #expect(try JSONParser.parse(#require(try AnswerText.payload(text)))["records"]?[0] == expected)
    }

    @Test func `null counts as left out`() throws {
        let text =
            #"{"ChildShards":null,"MillisBehindLatest":null,"NextShardIterator":"it","Records":[{"Data":"","#
            + #""ApproximateArrivalTimestamp":null,"SequenceNumber":"1","PartitionKey":null,"EncryptionType":null}]}"#
        var encoder = AnswerText.encoder(text)
        let batch = try #require(try encoder.next())
        let expected: JSONValue = ["sequenceNumber": "1", "encryptionType": "NONE", "data": ""]
        #expect(try JSONParser.parse("{" + batch.payload.text)["records"]?[0] == expected)
        #expect(encoder.envelope?.childShards.isEmpty == true)
        #expect(encoder.envelope?.millisBehindLatest == 0)
    }

    @Test func `escapes are understood in keys, partition keys and base64`() throws {
        let text =
            #"{"\u0052ecords":[{"Sequence\u004eumber":"1","\u0044ata":"+\/8\u003d","PartitionKey":"\"\\\u00e9\ud83d\ude00\n"}]}"#
        let payload = try #require(try AnswerText.payload(text))
        let record = try #require(try JSONParser.parse(payload)["records"]?[0])
        #expect(record["partitionKey"]?.string == "\"\\é😀\n")
        #expect(record["data"] == "+/8=")
        #expect(record["dataEncoding"] == "base64")
    }

    @Test(arguments: [
        ("0", "1970-01-01T00:00:00.000Z"), ("1700000000", "2023-11-14T22:13:20.000Z"),
        ("1700000000.1", "2023-11-14T22:13:20.100Z"), ("1700000000.12", "2023-11-14T22:13:20.120Z"),
        ("1700000000.1234", "2023-11-14T22:13:20.123Z"), ("1700000000.1235999", "2023-11-14T22:13:20.124Z"),
        ("1700000000.9996", "2023-11-14T22:13:21.000Z"), ("1.700000000123E9", "2023-11-14T22:13:20.123Z"),
        ("1.7e+9", "2023-11-14T22:13:20.000Z"), ("253402300799.999", "9999-12-31T23:59:59.999Z"),
    ])
    func `arrival times are seconds in any form of number`(_ number: String, _ expected: String) throws {
        let text = AnswerText.answer([AnswerText.record(1, [], arrival: number)])
        let payload = try #require(try AnswerText.payload(text))
        #expect(try JSONParser.parse(payload)["records"]?[0]?["approximateArrivalTimestamp"]?.string == expected)
    }

    @Test func `each record has its own time, whatever the one before had`() throws {
        let times = [
            0, 1_767_225_599_999, 1_767_225_600_000, 5, 1_767_225_600_001, 1_767_225_600_999, 1_767_225_601_000,
        ]
        let records = times.enumerated().map { index, time in
            AnswerText.record(index + 1, [], arrival: "\(time / 1000).\(String(1000 + time % 1000).dropFirst())")
        }
        let payload = try #require(try AnswerText.payload(AnswerText.answer(records)))
        let written = try JSONParser.parse(payload)["records"]?.array?.map { $0["approximateArrivalTimestamp"]?.string }
        #expect(written == times.map { WallTime(milliseconds: Int64($0)).iso8601 })
    }

    @Test(arguments: [
        "-1", "253402300800", "1e300", "99999999999999999999999", "\"1\"", "true", "{}", "01", "1.", "1e", "--1",
    ])
    func `other arrival times are refused`(_ number: String) {
        let text = AnswerText.answer([AnswerText.record(1, [], arrival: number)])
        #expect(throws: GetRecordsError.self) { try AnswerText.payload(text) }
    }

    @Test(arguments: [
        // the record
        #"{"Records":[{}]}"#, #"{"Records":[{"SequenceNumber":"1"}]}"#, #"{"Records":[{"Data":""}]}"#,
        #"{"Records":[{"SequenceNumber":1,"Data":""}]}"#, #"{"Records":[{"SequenceNumber":"","Data":""}]}"#,
        #"{"Records":[{"SequenceNumber":"01","Data":""}]}"#, #"{"Records":[{"SequenceNumber":"1a","Data":""}]}"#,
        #"{"Records":[{"SequenceNumber":"1","Data":null}]}"#, #"{"Records":[{"SequenceNumber":"1","Data":1}]}"#,
        #"{"Records":[{"SequenceNumber":"1","Data":"","Data":""}]}"#,
        #"{"Records":[{"SequenceNumber":"1","SequenceNumber":"1","Data":""}]}"#,
        #"{"Records":[{"SequenceNumber":"1","Data":"","PartitionKey":1}]}"#,
        #"{"Records":[{"SequenceNumber":"1","Data":"","PartitionKey":"\x"}]}"#,
        #"{"Records":[{"SequenceNumber":"1","Data":"","PartitionKey":"a","PartitionKey":"a"}]}"#,
        "{\"Records\":[{\"SequenceNumber\":\"1\",\"Data\":\"\",\"PartitionKey\":\"a\nb\"}]}",
        // base64
        #"{"Records":[{"SequenceNumber":"1","Data":"e30"}]}"#, #"{"Records":[{"SequenceNumber":"1","Data":"e3=0"}]}"#,
        #"{"Records":[{"SequenceNumber":"1","Data":"e 0="}]}"#,
        #"{"Records":[{"SequenceNumber":"1","Data":"\"e30="}]}"#,
        #"{"Records":[{"SequenceNumber":"1","Data":"\u00e930="}]}"#,
        #"{"Records":[{"SequenceNumber":"1","Data":"e31="}]}"#,
        #"{"Records":[{"SequenceNumber":"1","Data":"e30=\"}]}"#,
        // brackets and commas
        "", "[]", "null", "{", #"{"Records"}"#, #"{"Records":}"#, #"{"Records":{}}"#, #"{"Records":[,]}"#,
        #"{"Records":[]"#,
        #"{"Records":[]]}"#, #"{"Records":[]}}"#, #"{"Records":[]}x"#, #"{"Records":[],}"#,
        #"{"Records":[],"Records":[]}"#,
        #"{"Records":[1]}"#, #"{"Records":[{"SequenceNumber":"1","Data":""},]}"#,
        #"{"Records":[{"SequenceNumber":"1","Data":""}{}]}"#, #"{"Records":[{"SequenceNumber":"1","Data":"",}]}"#,
        #"{"Records":[{"SequenceNumber":"1" "Data":""}]}"#, #"{"Records":[{"SequenceNumber":"1","Data":"","X":[}]}"#,
        // the envelope
        #"{"MillisBehindLatest":-1,"Records":[]}"#, #"{"MillisBehindLatest":"1","Records":[]}"#,
        #"{"MillisBehindLatest":1.5,"Records":[]}"#, #"{"NextShardIterator":1,"Records":[]}"#,
        #"{"NextShardIterator":"\ud800","Records":[]}"#, #"{"ChildShards":{},"Records":[]}"#,
        #"{"ChildShards":[{"ShardId":"a b"}],"Records":[]}"#,
    ])
    func `a broken answer is refused`(_ text: String) {
        #expect(throws: GetRecordsError.self) { try readAll(text) }
    }

    @Test(arguments: [true, false])
    func `every truncation is refused and nothing is read beyond the end`(_ lagFirst: Bool) {
        let records = [AnswerText.record(1, #"{"a":1}"#), AnswerText.record(2, "text"), AnswerText.record(3, [0xff])]
        let list = "\"Records\":[" + records.joined(separator: " , ") + "]"
        let rest = #""MillisBehindLatest":0,"NextShardIterator":"n\u00e9xt""#
        let text = lagFirst ? "{\(rest),\(list)}" : "{\(list),\(rest)}"
        for count in 0..<text.utf8.count {
            // The exact allocation is what a sanitizer would watch.
            #expect(throws: GetRecordsError.self) {
                try readAll(String(decoding: text.utf8.prefix(count), as: UTF8.self))
            }
        }
        #expect(throws: Never.self) { try readAll(text) }
    }

    @Test func `an error names the field and its place`() {
        let text = #"{"Records":[{"SequenceNumber":"1","Data":"?"}]}"#
        #expect(throws: GetRecordsError(.badField("Data"), at: 42)) { try readAll(text) }
        #expect(throws: GetRecordsError(.json(.unexpectedEnd), at: 5)) { try readAll(#"{"Rec"#) }
    }

    @Test func `the batches before a broken record stand`() throws {
        let text = AnswerText.answer([AnswerText.record(1, "a"), #"{"SequenceNumber":"2"}"#])
        var encoder = AnswerText.encoder(text)
        #expect(try encoder.next(maxBytes: 1)?.last.sequenceNumber.text == "1")
        #expect(throws: GetRecordsError.self) { try encoder.next(maxBytes: 1) }
    }

    @Test(arguments: [
        // Inside of strings, nested, and the real one before a long tail.
        (#"{"Records":[R],"MillisBehindLatest":3}"#, 3),
        (#"{"Records":[R],"MillisBehindLatest" : 3 , "NextShardIterator":"\"MillisBehindLatest\":9"}"#, 3),
        (#"{"Records":[R],"X":{"MillisBehindLatest":9},"MillisBehindLatest":3,"Y":{"MillisBehindLatest":9}}"#, 3),
        (#"{"Records":[R],"X":{"MillisBehindLatest":9}}"#, 0),
        (#"{"Records":[R],"X":"\"MillisBehindLatest","Y":9}"#, 0),
        (#"{"Records":[R]}"#, 0),
    ])
    func `the lag is found behind the records and told from what only looks like it`(_ text: String, _ lag: Int) throws
    {
        let record =
            #"{"SequenceNumber":"1","Data":"","MillisBehindLatest":9,"PartitionKey":"\"MillisBehindLatest\":9}"}"#
        let answer = text.split(separator: "R]").joined(separator: record + "]")
        let payload = try #require(try AnswerText.payload(answer))
        #expect(try JSONParser.parse(payload)["millisBehindLatest"]?.int == lag)
    }

    @Test func `a shard's end names its children and has no next iterator`() throws {
        let range = #"{"StartingHashKey":"0","EndingHashKey":"9"}"#
        let child =
            #"{"ShardId":"shardId-000000000002","ParentShards":["shardId-000000000000","shardId-000000000001"],"HashKeyRange":\#(range)}"#
        var encoder = AnswerText.encoder(#"{"ChildShards":[\#(child)],"MillisBehindLatest":0,"Records":[]}"#)
        #expect(try encoder.next() == nil)
        let range9 = HashKeyRange(start: .lowest, end: HashKey(9 as UInt128))!
        let expected = ChildShard(
            id: ShardID(number: 2), parents: [ShardID(number: 0), ShardID(number: 1)], hashKeyRange: range9)
        #expect(encoder.envelope?.childShards == [expected])
        #expect(encoder.envelope?.next == nil)
    }

    /// Damages an answer at random: it is read or refused, and what is read is one line of valid JSON.
    @Test(arguments: 0..<20)
    func `random damage never crashes and never yields a broken payload`(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let records = (1...4).map { AnswerText.record($0, #"{"a":[1,2]}"#) }
        let text = Array(AnswerText.answer(records).utf8)
        for _ in 0..<300 {
            var damaged = text
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = damaged.indices.randomElement(using: &random)!
                let byte = Array("{}[]\",:\\0eA=".utf8).randomElement(using: &random)!
                if Bool.random(using: &random) { damaged[place] = byte } else { damaged.remove(at: place) }
            }
            var encoder = RecordBatchEncoder(
                ByteBuffer(damaged), stream: StreamName("s")!, shard: ShardID(number: 0), encoding: RecordEncoding())
            while let batch = try? encoder.next(maxBytes: 100) {
                let object = ByteBuffer("{")
                object.append(batch.payload)
                #expect(withExtendedLifetime(object) { JSONText.isValid(object.bytes) })
            }
        }
    }

    private func readAll(_ text: String) throws {
        var encoder = AnswerText.encoder(text)
        while try encoder.next() != nil {}
        _ = try #require(encoder.envelope)
    }
}
