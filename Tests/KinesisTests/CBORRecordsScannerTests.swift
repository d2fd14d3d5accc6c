import Bytes
import CBOR
import JSON
import Kinesis
import TestSupport
import Testing

@Suite struct CBORRecordsScannerTests {
    /// Data and partition keys of all kinds.
    private static let records: [(data: String, key: String)] = [
        (#"{"a":[1,2,{"b":null}]}"#, "k"), ("{\"a\":\n 1}\r\n", "schlüssel"), ("text \"quoted\"\n", #"a\"b\\c"#),
        ("", "é😀"), ("{\"a\":\"\u{2028}\"}", "line\u{85}\u{2028}\u{2029}"), ("[1,", #"\t\u0001"#), ("12", "12"),
        (String(repeating: "x", count: 70_000), "long"), (#"{"z":0}"#, "z"),
    ]

    private static func answer() -> String {
        var all = records.enumerated().map { AnswerText.record($0 + 1, Array($1.data.utf8), key: $1.key) }
        all.append(AnswerText.record(20, [0xff, 0xfe, 0x00], key: nil, extra: #","EncryptionType":"KMS""#))
        all.append(AnswerText.record(21, Array(0...255), arrival: nil, extra: #","Unknown":{"Data":[true,"x",-1]}"#))
        return AnswerText.answer(all)
    }

    private func events(
        _ answer: ByteBuffer, _ encoding: RecordEncoding, maxBytes: Int = .max
    ) throws -> (payloads: [String], dataBytes: Int, envelope: GetRecordsEnvelope?) {
        var encoder = AnswerText.encoder(answer, encoding)
        var payloads: [String] = []
        var dataBytes = 0
        while let batch = try encoder.next(maxBytes: maxBytes) {
            payloads.append(batch.payload.text)
            dataBytes += batch.dataBytes
        }
        return (payloads, dataBytes, encoder.envelope)
    }

    @Test(arguments: ShouldParseJSON.allCases, [400, 60_000, 1 << 20])
    func `both formats give the same events`(_ parse: ShouldParseJSON, _ maxEventBytes: Int) throws {
        let encoding = RecordEncoding(shouldParseJSON: parse, maxEventBytes: maxEventBytes)
        let json = try events(ByteBuffer(Self.answer()), encoding)
        let cbor = try events(AnswerText.inCBOR(Self.answer()), encoding)
        #expect(json.payloads == cbor.payloads && json.payloads.count > (maxEventBytes < 1 << 20 ? 1 : 0))
        #expect(json.dataBytes == cbor.dataBytes && json.envelope == cbor.envelope && json.envelope != nil)
    }

    @Test func `both formats give the same messages of gRPC`() throws {
        func payloads(_ answer: ByteBuffer) throws -> [[UInt8]] {
            var encoder = AnswerText.encoder(answer, RecordEncoding(format: .protobuf))
            var payloads: [[UInt8]] = []
            while let batch = try encoder.next(maxBytes: .max) { payloads.append(batch.payload.array) }
            return payloads
        }
        let json = try payloads(ByteBuffer(Self.answer()))
        let cbor = try payloads(AnswerText.inCBOR(Self.answer()))
        #expect(!json.isEmpty && json == cbor)
    }

    @Test func `slices give the same records`() throws {
        let answer = try AnswerText.inCBOR(Self.answer())
        let whole = try events(answer, RecordEncoding(maxEventBytes: 1 << 20))
        let sliced = try events(answer, RecordEncoding(maxEventBytes: 1 << 20), maxBytes: 1)
        #expect(sliced.payloads.count == Self.records.count + 2)
        let records = try sliced.payloads.flatMap { try JSONParser.parse("{" + $0)["records"]?.array ?? [] }
        #expect(try JSONParser.parse("{" + whole.payloads[0])["records"]?.array == records)
    }

    @Test func `what is done is left out`() throws {
        let answer = try AnswerText.inCBOR(AnswerText.answer([AnswerText.record(1, "a"), AnswerText.record(2, "b")]))
        var encoder = AnswerText.encoder(
            answer, skip: Checkpoint(sequenceNumber: SequenceNumber("1")!, arrival: nil))
        #expect(try encoder.next()?.first.sequenceNumber.text == "2")
    }

    @Test func `maps and arrays with their lengths are read, and strings in chunks between`() throws {
        let tree = try CBORValue(AnswerText.inCBOR(Self.answer()))
        let writer = CBORWriter(ByteBuffer())
        writer.value(tree)  // With lengths.
        let expected = try events(ByteBuffer(Self.answer()), RecordEncoding())
        #expect(try events(writer.buffer, RecordEncoding()).payloads == expected.payloads)

        let chunked = ByteBuffer([0xa2, 0x7f, 0x61, 0x41, 0x61, 0x42, 0xff, 0x5f, 0x41, 0x00, 0xff, 0x67])
        chunked.append("Records")
        chunked.append(0x80)
        #expect(try events(chunked, RecordEncoding()).envelope == GetRecordsEnvelope())
    }

    @Test func `a text as data is base64, as some emulators write it`() throws {
        let record = CBORValue.map([
            CBORMember(.text("SequenceNumber"), .text("1")), CBORMember(.text("Data"), .text("eyJhIjoxfQ==")),
            CBORMember(.text("ApproximateArrivalTimestamp"), .unsigned(1_700_000_000_123)),
            CBORMember(.text("EncryptionType"), .null),
        ])
        let answer = Self.whole([CBORMember(.text("Records"), .array([record]))])
        let payload = try #require(try events(answer, RecordEncoding()).payloads.first)
        let expected: JSONValue = [
            "sequenceNumber": "1", "approximateArrivalTimestamp": "2023-11-14T22:13:20.123Z", "encryptionType": "NONE",
            "data": ["a": 1],
        ]
        #expect(try JSONParser.parse("{" + payload)["records"]?[0] == expected)
    }

    @Test(arguments: [
        CBORValue.unsigned(1_700_000_000_123), .tag(1, .unsigned(1_700_000_000_123)), .float(1_700_000_000_123),
        .tag(1, .float(1_700_000_000_122.6)),
    ])
    func `arrival times are milliseconds in any form of number`(_ time: CBORValue) throws {
        let answer = Self.record([
            "SequenceNumber": .text("1"), "Data": .bytes([]), "ApproximateArrivalTimestamp": time,
        ])
        let payload = try #require(try events(answer, RecordEncoding()).payloads.first)
        let expected = "2023-11-14T22:13:20.123Z"
        let tree = try JSONParser.parse("{" + payload)
        #expect(tree["records"]?[0]?["approximateArrivalTimestamp"]?.string == expected)
    }

    @Test func `the lag is found behind the records`() throws {
        let record = AnswerText.record(1, Array("a".utf8), extra: #","MillisBehindLatest":9"#)
        let text = #"{"Records":[\#(record)],"X":{"MillisBehindLatest":9},"MillisBehindLatest":3}"#
        let payload = try #require(try events(AnswerText.inCBOR(text), RecordEncoding()).payloads.first)
        #expect(try JSONParser.parse("{" + payload)["millisBehindLatest"] == 3)
    }

    @Test func `a shard's end names its children`() throws {
        let text =
            #"{"ChildShards":[{"ShardId":"shardId-000000000002","ParentShards":["shardId-000000000000"],"#
            + #""HashKeyRange":{"StartingHashKey":"0","EndingHashKey":"9"}}],"NextShardIterator":null,"Records":[]}"#
        let envelope = try events(AnswerText.inCBOR(text), RecordEncoding()).envelope
        #expect(envelope?.childShards.map(\.id) == [ShardID(number: 2)] && envelope?.next == nil)
    }

    // MARK: What is refused

    private static func whole(_ members: [CBORMember]) -> ByteBuffer {
        let writer = CBORWriter(ByteBuffer())
        writer.value(.map(members))
        return writer.buffer
    }

    private static func record(_ members: KeyValuePairs<String, CBORValue>) -> ByteBuffer {
        whole([CBORMember(.text("Records"), .array([.map(members.map { CBORMember(.text($0), $1) })]))])
    }

    private static func iterator(_ value: [UInt8]) -> ByteBuffer {
        let answer = ByteBuffer([0xa1, 0x71])
        answer.append("NextShardIterator")
        answer.append(contentsOf: value)
        return answer
    }

    @Test(arguments: [
        record([:]), record(["SequenceNumber": .text("1")]), record(["Data": .bytes([])]),
        record(["SequenceNumber": .unsigned(1), "Data": .bytes([])]),
        record(["SequenceNumber": .text(""), "Data": .bytes([])]),
        record(["SequenceNumber": .text("01"), "Data": .bytes([])]),
        record(["SequenceNumber": .text("1a"), "Data": .bytes([])]),
        record(["SequenceNumber": .text("1"), "Data": .null]),
        record(["SequenceNumber": .text("1"), "Data": .unsigned(1)]),
        record(["SequenceNumber": .text("1"), "Data": .text("e30")]),
        record(["SequenceNumber": .text("1"), "Data": .bytes([]), "Data": .bytes([])]),
        record(["SequenceNumber": .text("1"), "SequenceNumber": .text("1"), "Data": .bytes([])]),
        record(["SequenceNumber": .text("1"), "Data": .bytes([]), "PartitionKey": .unsigned(1)]),
        record([
            "SequenceNumber": .text("1"), "Data": .bytes([]), "PartitionKey": .text("a"), "PartitionKey": .text("a"),
        ]),
        record(["SequenceNumber": .text("1"), "Data": .bytes([]), "ApproximateArrivalTimestamp": .text("1")]),
        record(["SequenceNumber": .text("1"), "Data": .bytes([]), "ApproximateArrivalTimestamp": .float(-1)]),
        record(["SequenceNumber": .text("1"), "Data": .bytes([]), "ApproximateArrivalTimestamp": .float(.nan)]),
        record(["SequenceNumber": .text("1"), "Data": .bytes([]), "ApproximateArrivalTimestamp": .float(1e300)]),
        record(["SequenceNumber": .text("1"), "Data": .bytes([]), "ApproximateArrivalTimestamp": .negative(0)]),
        record(["SequenceNumber": .text("1"), "Data": .bytes([]), "ApproximateArrivalTimestamp": .unsigned(.max)]),
        whole([CBORMember(.text("Records"), .map([]))]), whole([CBORMember(.text("Records"), .array([.unsigned(1)]))]),
        whole([CBORMember(.text("Records"), .array([])), CBORMember(.text("Records"), .array([]))]),
        whole([CBORMember(.text("MillisBehindLatest"), .negative(0))]),
        whole([CBORMember(.text("NextShardIterator"), .unsigned(1))]),
        whole([CBORMember(.text("ChildShards"), .map([]))]),
        // Nothing but an array, a tag, something behind, chunks and text that is no UTF-8, depth, reserved bytes.
        ByteBuffer([0x80]), ByteBuffer([0xc1]), ByteBuffer([0xa0, 0xa0]), ByteBuffer([0xbf]), ByteBuffer([0xbf, 0x61]),
        ByteBuffer([0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), ByteBuffer([0xa1, 0x61, 0x41, 0xff]),
        ByteBuffer([0xa1, 0x61, 0x41, 0x1c]), ByteBuffer([0xa1, 0x61, 0x41, 0x1f]),
        ByteBuffer([0xa1, 0x61, 0x41] + [UInt8](repeating: 0x81, count: 65) + [0]),
        ByteBuffer([0xa1, 0x61, 0x41, 0x5f, 0x61, 0x41, 0xff]),
        iterator([0x61, 0xff]), iterator([0x7f, 0x61, 0x41, 0xff]),
    ])
    func `a broken answer is refused`(_ answer: ByteBuffer) {
        #expect(throws: GetRecordsError.self) { try events(answer, RecordEncoding()) }
    }

    @Test(arguments: [true, false]) func `every truncation is refused`(_ hasLengths: Bool) throws {
        let text = AnswerText.answer([AnswerText.record(1, #"{"a":1}"#), AnswerText.record(2, [0xff])])
        var whole = try AnswerText.inCBOR(text)
        if hasLengths {
            let writer = CBORWriter(ByteBuffer())
            writer.value(try CBORValue(whole))
            whole = writer.buffer
        }
        for count in 0..<whole.count {
            // The exact allocation is what a sanitizer would watch.
            #expect(throws: GetRecordsError.self) {
                try events(ByteBuffer(whole.array.prefix(count)), RecordEncoding())
            }
        }
        #expect(throws: Never.self) { try events(whole, RecordEncoding()) }
    }

    @Test func `an error names what is wrong and its place`() throws {
        #expect(throws: GetRecordsError(.cbor(.unexpectedEnd), at: 2)) {
            try events(ByteBuffer([0xbf, 0x62]), RecordEncoding())
        }
        let error = GetRecordsError(.cbor(.trailingBytes), at: 1)
        let told = "the response with records is broken: something behind the item at byte 1 (set wireFormat"
        #expect("\(error)".hasPrefix(told))
    }

    @Test(arguments: 0..<20)
    func `random damage never crashes and never yields a broken payload`(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let answer = try AnswerText.inCBOR(AnswerText.answer((1...4).map { AnswerText.record($0, #"{"a":[1,2]}"#) }))
            .array
        for _ in 0..<300 {
            var damaged = answer
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let place = Int.random(in: 1..<damaged.count, using: &random)
                let byte = UInt8.random(in: .min ... .max, using: &random)
                if Bool.random(using: &random) { damaged[place] = byte } else { damaged.remove(at: place) }
            }
            var encoder = AnswerText.encoder(ByteBuffer(damaged))
            while let batch = try? encoder.next(maxBytes: 100) {
                let object = ByteBuffer("{")
                object.append(batch.payload)
                #expect(withExtendedLifetime(object) { JSONText.isValid(object.bytes) })
            }
        }
    }
}
