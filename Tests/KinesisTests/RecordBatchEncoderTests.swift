import Bytes
import JSON
import Kinesis
import TestSupport
import Testing
import Time

@Suite struct RecordBatchEncoderTests {
    @Test func `a record becomes one line with the fields of the API in camelCase`() throws {
        let answer = AnswerText.answer([AnswerText.record(42, #"{"a":1}"#)])
        #expect(
            try AnswerText.payload(answer)
                == #"{"streamName":"orders","shardId":"shardId-000000000000","millisBehindLatest":7,"records":["#
                + #"{"sequenceNumber":"42","partitionKey":"k","approximateArrivalTimestamp":"2023-11-14T22:13:20.123Z","#
                + #""encryptionType":"NONE","data":{"a":1}}]}"#)
    }

    // MARK: What data becomes

    @Test(arguments: [
        (#"{"a":[1,"x"]}"#, #"{"a":[1,"x"]}"#), ("[]", "[]"), ("{\"a\":\n1,\r\n\"b\": 2}", #"{"a":1,"b": 2}"#),
        ("{a:1}", #""{a:1}""#), ("[1}", #""[1}""#), ("{\"a\":1", #""{\"a\":1""#), ("12", #""12""#),
        ("null", #""null""#), ("\"x\"", #""\"x\"""#), ("", #""""#), ("{", #""{""#),
        ("hello\nworld\r", #""hello\nworld\r""#),
        ("{\"a\":\"\u{1}\"}", #""{\"a\":\"\u0001\"}""#), ("grüße 😀", #""grüße 😀""#),
        (#"{"s":"\ud800"}"#, #"{"s":"\ud800"}"#),
    ])
    func `auto embeds what has the brackets and is JSON, all else is a string`(_ data: String, _ expected: String)
        throws
    {
        #expect(try self.data(data, .auto) == expected)
    }

    @Test(arguments: [
        ("12", "12"), ("-1.5e3", "-1.5e3"), ("null", "null"), ("\"x\"", "\"x\""), (" [1] \n", "[1]"), ("{}", "{}"),
        ("", #""""#), (" 12\n", "12"), (" \n", #"" \n""#), ("hello", #""hello""#), ("1 2", #""1 2""#),
        ("NaN", #""NaN""#),
    ])
    func `true tries every value`(_ data: String, _ expected: String) throws {
        #expect(try self.data(data, .always) == expected)
    }

    /// Producers for Firehose end every record with a line feed.
    @Test(arguments: [
        ("{\"user\":7}\n", #"{"user":7}"#), ("\r\n\t [1,\n 2] \r\n", "[1, 2]"), ("  {}", "{}"), ("{} ", "{}"),
        ("{a:1}\n", #""{a:1}\n""#), (" { ", #"" { ""#), ("\u{c}{}", #""\f{}""#), ("\u{b}[]", #""\u000b[]""#),
        ("\n", #""\n""#), ("\u{feff}{}", "\"\u{feff}{}\""), ("{}\u{a0}", "\"{}\u{a0}\""),
    ])
    func `white space around it makes JSON nothing else, and goes`(_ data: String, _ expected: String) throws {
        #expect(try self.data(data, .auto) == expected)
        #expect(try self.data(data, .always) == expected)
    }

    @Test(arguments: [
        (#"{"a":1}"#, #""{\"a\":1}""#), ("12", #""12""#), ("{\"a\":1}\n", #""{\"a\":1}\n""#),
    ])
    func `false makes a string of everything`(_ data: String, _ expected: String) throws {
        #expect(try self.data(data, .never) == expected)
    }

    @Test(arguments: [[0xff], [0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d], Array(0...255)] as [[UInt8]])
    func `bytes that are not UTF-8 come as base64 and say so`(_ bytes: [UInt8]) throws {
        let payload = try #require(try AnswerText.payload(AnswerText.answer([AnswerText.record(1, bytes)])))
        let record = try #require(try JSONParser.parse(payload)["records"]?[0])
        #expect(record["dataEncoding"] == "base64")
        #expect(record["data"]?.string == Base64.encode(bytes))
    }

    @Test(arguments: [512, 513])
    func `brackets beyond 512 levels are delivered as a string`(_ depth: Int) throws {
        let text = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        #expect(try data(text, .auto) == (depth == 512 ? text : "\"" + text + "\""))
    }

    /// Whatever the bytes are: the payload is one line of valid JSON, and the data comes back from it.
    @Test(arguments: 0..<20)
    func `random data comes back whatever it is`(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<50 {
            let bytes = Self.sample(&random)
            let parse = ShouldParseJSON.allCases.randomElement(using: &random)!
            let answer = AnswerText.answer([AnswerText.record(1, bytes)])
            let payload = try #require(try AnswerText.payload(answer, parse))
            #expect(!payload.unicodeScalars.contains { Self.lineBreaks.contains($0) })
            let record = try #require(try JSONParser.parse(payload, limits: .payload)["records"]?[0])
            let data = try #require(record["data"])
            if record["dataEncoding"] == "base64" {
                #expect(Base64.decode(data.string ?? "") == bytes)
            } else if let text = data.string, text.utf8.elementsEqual(bytes) {
                continue
            } else {
                #expect(parse != .never)
                #expect(try bytes.withUnsafeBytes { try JSONParser.parse($0, limits: .payload) } == data)
            }
        }
    }

    private static let lineBreaks: Set<Unicode.Scalar> = ["\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"]

    private static func sample(_ random: inout SeededGenerator) -> [UInt8] {
        let pieces = [
            "{", "}", "[", "]", "\"a\"", ":", ",", "1", "\n", "\\", "\"", "é", "x", "true", " ", "\u{2028}", "\u{85}",
        ]
        let count = Int.random(in: 0...12, using: &random)
        var bytes = (0..<count).flatMap { _ in Array(pieces.randomElement(using: &random)!.utf8) }
        if Int.random(in: 0..<3, using: &random) == 0 {
            bytes = Array("{\"k\":[\n\"".utf8) + [0x41] + Array("\"]}".utf8)
        }
        if Int.random(in: 0..<5, using: &random) == 0 { bytes.append(UInt8.random(in: 0...255, using: &random)) }
        return bytes
    }

    @Test(arguments: [
        ("{\"a\u{2028}\":\n\"b\u{2029}\u{85}é\"}", #"{"a\u2028":"b\u2029\u0085é"}"#),
        ("a\u{2028}b\u{85}\u{2029}", #""a\u2028b\u0085\u2029""#),
    ])
    func `what ends a line of Unicode text leaves as an escape`(_ data: String, _ expected: String) throws {
        #expect(try self.data(data, .auto) == expected)
    }

    @Test func `so it does in a partition key`() throws {
        let answer = AnswerText.answer([AnswerText.record(1, Array("x".utf8), key: "k\u{2028}\u{85}é")])
        #expect(try #require(try AnswerText.payload(answer)).contains(#""partitionKey":"k\u2028\u0085é","#))
    }

    // MARK: Events

    @Test(arguments: [1024, 5000, 60_000], [20, 300, 3000])
    func `an event of several records has at most so many bytes, and hardly fewer`(_ most: Int, _ size: Int) throws {
        let records = (1...400).map {
            let fill = String(repeating: "x", count: size + $0 % 7 * size / 8)
            return AnswerText.record($0, #"{"n":\#($0),"fill":"\#(fill)"}"#)
        }
        let batches = try batches(records, most)
        #expect(try batches.flatMap { try numbers($0) } == Array(1...400))
        for batch in batches {
            #expect(batch.recordCount == 1 || batch.payloadBytes + RecordBatchEncoder.framingBytes <= most)
        }
        for (batch, next) in zip(batches, batches.dropFirst()) {
            let record = next.payloadBytes / next.recordCount + 2 * size
            #expect(batch.payloadBytes + record > most - 200)
        }
    }

    @Test(arguments: [ShouldParseJSON.never, .auto])
    func `a record that is longer than an event stands alone`(_ parse: ShouldParseJSON) throws {
        // As a string a quote takes two bytes: more than it seems before it is written.
        let sizes = [10, 10, 40_000, 10, 70_000, 70_000, 10, 10]
        let records = sizes.enumerated().map { number, size in
            let list = String(repeating: "\"\",", count: size / 3)
            return AnswerText.record(number + 1, #"{"n":\#(number + 1),"l":[\#(list)1]}"#)
        }
        let batches = try batches(records, 60_000, parse)
        #expect(batches.flatMap { (0..<$0.recordCount).map { _ in 0 } }.count == sizes.count)
        #expect(batches.filter { $0.payloadBytes > 60_000 }.allSatisfy { $0.recordCount == 1 })
        let counts = batches.map(\.recordCount)
        #expect(counts == (parse == .never ? [2, 1, 1, 1, 1, 2] : [4, 1, 1, 2]))
        #expect(batches.map(\.first.sequenceNumber.text) == firsts(counts))
        #expect(batches.map(\.isLast) == counts.indices.map { $0 == counts.count - 1 })
        let dataBytes = sizes.map { #"{"n":1,"l":[1]}"#.utf8.count + $0 / 3 * 3 }.reduce(0, +)
        #expect(batches.map(\.dataBytes).reduce(0, +) == dataBytes)
    }

    private func firsts(_ counts: [Int]) -> [String] {
        var next = 1
        return counts.map { count in
            defer { next += count }
            return String(next)
        }
    }

    private func batches(_ records: [String], _ most: Int, _ parse: ShouldParseJSON = .auto) throws -> [EncodedBatch] {
        var encoder = RecordBatchEncoder(
            ByteBuffer(AnswerText.answer(records)), stream: StreamName("orders")!, shard: ShardID(number: 0),
            encoding: RecordEncoding(shouldParseJSON: parse, maxEventBytes: most))
        var batches: [EncodedBatch] = []
        while let batch = try encoder.next() {
            #expect((encoder.envelope != nil) == batch.isLast)
            batches.append(batch)
        }
        return batches
    }

    private func numbers(_ batch: EncodedBatch) throws -> [Int] {
        try JSONParser.parse("{" + batch.payload.text)["records"]?.array?.compactMap { $0["data"]?["n"]?.int } ?? []
    }

    // MARK: Slices

    @Test func `a long answer comes in slices that hold every record once and in order`() throws {
        let records = (1...500).map { AnswerText.record($0, #"{"n":\#($0)}"#) }
        var encoder = AnswerText.encoder(AnswerText.answer(records, lag: 9, next: "next"))
        var numbers: [Int] = []
        var lasts: [Bool] = []
        while let batch = try encoder.next(maxBytes: 4096) {
            let tree = try JSONParser.parse("{" + batch.payload.text)
            let records = try #require(tree["records"]?.array)
            #expect(records.count == batch.recordCount)
            #expect(tree["millisBehindLatest"] == 9)
            #expect(records.first?["sequenceNumber"]?.string == batch.first.sequenceNumber.text)
            #expect(records.last?["sequenceNumber"]?.string == batch.last.sequenceNumber.text)
            #expect(batch.dataBytes == records.reduce(0) { $0 + 6 + String($1["data"]!["n"]!.int!).utf8.count })
            #expect(batch.last.arrival == WallTime(milliseconds: 1_700_000_000_123))
            numbers += records.compactMap { $0["data"]?["n"]?.int }
            lasts.append(batch.isLast)
            #expect((encoder.envelope != nil) == batch.isLast)
        }
        #expect(numbers == Array(1...500))
        #expect(lasts.count > 10 && lasts.dropLast().allSatisfy { !$0 } && lasts.last == true)
        #expect(encoder.envelope == GetRecordsEnvelope(next: .iterator(ShardIterator("next")), millisBehindLatest: 9))
    }

    @Test(arguments: [
        (Checkpoint(before: SequenceNumber(10)), 10), (Checkpoint(sequenceNumber: SequenceNumber(10)), 11),
        (Checkpoint(sequenceNumber: SequenceNumber(10), extent: .part(through: 2)), 10),
        (Checkpoint(sequenceNumber: SequenceNumber(9)), 10), (Checkpoint(sequenceNumber: SequenceNumber(3)), 8),
        (Checkpoint(sequenceNumber: SequenceNumber(1000)), nil),
    ])
    func `what needs no delivery is left out, up to the checkpoint's record`(_ skip: Checkpoint, _ first: Int?) throws {
        let records = (8...14).map { AnswerText.record($0, "x") }
        var encoder = AnswerText.encoder(AnswerText.answer(records), skip: skip)
        let batch = try encoder.next()
        #expect(batch?.first.sequenceNumber == first.map { SequenceNumber(UInt128($0)) })
        #expect(batch?.recordCount == first.map { 15 - $0 })
        #expect(encoder.envelope != nil)
    }

    @Test func `a record that is longer than a slice is a slice`() throws {
        let long = AnswerText.record(1, "\"" + String(repeating: "x", count: 10_000) + "\"")
        var encoder = AnswerText.encoder(AnswerText.answer([long, AnswerText.record(2, "y")]))
        #expect(try encoder.next(maxBytes: 1)?.recordCount == 1)
        #expect(try encoder.next(maxBytes: 1)?.isLast == true)
        #expect(try encoder.next(maxBytes: 1) == nil)
    }

    @Test(arguments: [
        #"{"MillisBehindLatest":5,"NextShardIterator":"n","Records":[]}"#,
        #"{"Records":[],"NextShardIterator":"n","MillisBehindLatest":5}"#,
        #" { "NextShardIterator" : "n" , "MillisBehindLatest" : 5 , "Records" : [ ] } "#,
        #"{"MillisBehindLatest":5,"NextShardIterator":"n"}"#,
        #"{"MillisBehindLatest":5,"NextShardIterator":"n","Records":null}"#,
    ])
    func `an answer without records has no batch but an envelope`(_ text: String) throws {
        var encoder = AnswerText.encoder(text)
        #expect(try encoder.next() == nil)
        #expect(encoder.envelope == GetRecordsEnvelope(next: .iterator(ShardIterator("n")), millisBehindLatest: 5))
    }
}

extension RecordBatchEncoderTests {
    /// The text of `data` in the payload of one record.
    private func data(_ data: String, _ parse: ShouldParseJSON) throws -> String {
        let payload = try #require(try AnswerText.payload(AnswerText.answer([AnswerText.record(1, data)]), parse))
        let marker = "\"data\":"
        let start = try #require(payload.firstRange(of: marker)).upperBound
        return String(payload[start...].dropLast(3))
    }
}
