import Bytes
import JSON
import Kinesis
import TestSupport
import Testing
import Time

/// User records on their way from a response to events.
@Suite struct DeaggregationTests {
    typealias User = AggregateText.User

    /// A record of an event, or what it should be.
    struct Delivered: Equatable {
        var number: String
        var sub: Int?
        var key: String
        var hashKey: String?
        var data: JSONValue
        var encoding: String?
    }

    private static func delivered(_ batch: EncodedBatch) throws -> [Delivered] {
        let tree = try JSONParser.parse("{" + batch.payload.text)
        return try #require(tree["records"]?.array).map {
            Delivered(
                number: try #require($0["sequenceNumber"]?.string), sub: $0["subSequenceNumber"]?.int,
                key: $0["partitionKey"]?.string ?? "", hashKey: $0["explicitHashKey"]?.string,
                data: try #require($0["data"]), encoding: $0["dataEncoding"]?.string)
        }
    }

    private func batches(
        _ records: [String], _ encoding: RecordEncoding = RecordEncoding(), skip: Checkpoint? = nil
    ) throws -> [EncodedBatch] {
        var encoder = AnswerText.encoder(ByteBuffer(AnswerText.answer(records)), encoding, skip: skip)
        var batches: [EncodedBatch] = []
        while let batch = try encoder.next() { batches.append(batch) }
        return batches
    }

    private static let two = [
        User(key: "ü\"", hashKey: "5", data: Array(#"{"a":1}"#.utf8)), User(key: "k", data: [0xff]),
    ]

    @Test func `a user record has the record's number, its own keys and its place`() throws {
        let aggregate = AggregateText.aggregate(Self.two)
        let batches = try batches([AnswerText.record(7, aggregate, key: "outer"), AnswerText.record(8, "plain")])
        #expect(batches.count == 1)
        #expect(
            try Self.delivered(batches[0]) == [
                Delivered(number: "7", sub: 0, key: "ü\"", hashKey: "5", data: .object([.init(key: "a", value: 1)])),
                Delivered(number: "7", sub: 1, key: "k", data: "/w==", encoding: "base64"),
                Delivered(number: "8", key: "k", data: "plain"),
            ])
        #expect(batches[0].recordCount == 3 && batches[0].readCount == 2)
        #expect(batches[0].dataBytes == 7 + 1 + 5)
        #expect(batches[0].first == at(7, .part(through: 0)) && batches[0].last == at(8))
    }

    @Test func `an event that ends inside an aggregate says so, and one that ends with it does not`() throws {
        let users = (0..<40).map { User(data: Array("\($0)-\(String(repeating: "x", count: 60))".utf8)) }
        let batches = try batches(
            [AnswerText.record(7, AggregateText.aggregate(users))], RecordEncoding(maxEventBytes: 1024))
        #expect(batches.count > 3)
        var count = 0
        for batch in batches {
            #expect(batch.first == at(7, count == 39 ? .whole : .part(through: count)))
            count += batch.recordCount
            #expect(batch.lastNamed == at(7, .part(through: count - 1)))
            #expect(batch.last == (count == 40 ? at(7) : batch.lastNamed))
            #expect(batch.isLast == (count == 40))
        }
        #expect(batches.map(\.readCount) == [1] + batches.dropFirst().map { _ in 0 })
    }

    @Test func `false never looks, and what is no aggregate comes as it is`() throws {
        var damaged = AggregateText.aggregate(Self.two)
        damaged[damaged.count - 1] ^= 1
        for (data, deaggregation) in [(damaged, .auto(keeping: nil)), (AggregateText.aggregate(Self.two), .never)]
            as [([UInt8], Deaggregation)]
        {
            let batches = try batches([AnswerText.record(7, data)], RecordEncoding(deaggregation: deaggregation))
            let expected = Delivered(
                number: "7", key: "k", data: .string(Base64.encode(data)), encoding: "base64")
            #expect(try Self.delivered(batches[0]) == [expected])
            #expect(batches[0].last == at(7) && batches[0].lastNamed == at(7))
        }
    }

    @Test func `one that is too large comes as it is, and says why`() throws {
        let data = AggregateText.aggregate([User(data: [UInt8](repeating: 7, count: AggregatedRecords.maxBytes))])
        let batch = try batches([AnswerText.record(7, data)])[0]
        let record = try JSONParser.parse("{" + batch.payload.text)["records"]?.array?.first
        #expect(record?["dataError"]?["code"] == "aggregateTooLarge")
        #expect(record?["data"]?.string == Base64.encode(data))
    }

    @Test func `base64 may be escaped as JSON allows`() throws {
        let aggregate = AggregateText.aggregate(Self.two)
        for (plain, escaped) in [("84ma", #"\u0038\u0034ma"#), ("/", #"\/"#)] {
            let text = Base64.encode(aggregate).replacing(plain, with: escaped)
            let record = #"{"Data":"\#(text)","PartitionKey":"k","SequenceNumber":"7"}"#
            #expect(try batches([record])[0].recordCount == 2)
        }
    }

    @Test func `a response of which nothing is this shard's moves the position all the same`() throws {
        let range = try #require(HashKeyRange(start: HashKey(6), end: HashKey(9)))
        let encoding = RecordEncoding(deaggregation: .auto(keeping: range))
        let inside = AggregateText.aggregate([User(hashKey: "6", data: [])])
        let outside = AggregateText.aggregate([User(hashKey: "5", data: []), User(hashKey: "10", data: [])])
        let records = [AnswerText.record(7, inside), AnswerText.record(8, outside), AnswerText.record(9, outside)]
        var encoder = AnswerText.encoder(ByteBuffer(AnswerText.answer(records)), encoding)
        #expect(try encoder.next()?.last == at(7))
        #expect(try encoder.next() == nil)
        #expect(encoder.passed == at(9) && encoder.droppedCount == 4 && encoder.envelope != nil)
    }

    @Test func `an aggregate of which everything is done is passed`() throws {
        var encoder = AnswerText.encoder(
            ByteBuffer(AnswerText.answer([AnswerText.record(7, AggregateText.aggregate(Self.two))])),
            skip: at(7, .part(through: 1)))
        #expect(try encoder.next() == nil)
        #expect(encoder.passed == at(7) && encoder.droppedCount == 0)
    }

    /// Everything comes once and in its order, wherever events end, and wherever reading stops and begins again.
    @Test(arguments: 0..<30 as Range<UInt64>)
    func `whoever goes on behind any event gets what is behind it`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var records: [String] = []
        var expected: [Delivered] = []
        for number in 10..<Int.random(in: 11..<30, using: &random) {
            let users = (0..<Int.random(in: 1..<30, using: &random)).map { _ in
                User(
                    key: "k\(Int.random(in: 0..<5, using: &random))",
                    hashKey: Bool.random(using: &random)
                        ? String(UInt128.random(in: 0...UInt128.max, using: &random)) : nil,
                    data: (0..<Int.random(in: 0..<200, using: &random)).map { _ in .random(in: 97...122, using: &random)
                    })
            }
            guard Bool.random(using: &random) else {
                records.append(AnswerText.record(number, users[0].data))
                let text = String(decoding: users[0].data, as: UTF8.self)
                expected.append(Delivered(number: "\(number)", key: "k", data: .string(text)))
                continue
            }
            records.append(AnswerText.record(number, AggregateText.aggregate(users)))
            for (sub, user) in users.enumerated() {
                expected.append(
                    Delivered(
                        number: "\(number)", sub: sub, key: user.key, hashKey: user.hashKey,
                        data: .string(String(decoding: user.data, as: UTF8.self))))
            }
        }
        let text = AnswerText.answer(records)
        let answers = [ByteBuffer(text), try AnswerText.inCBOR(text)]
        var got: [Delivered] = []
        var skip: Checkpoint?
        var isDone = false
        while !isDone {
            let encoding = RecordEncoding(maxEventBytes: Int.random(in: 1024..<4096, using: &random))
            var encoder = AnswerText.encoder(answers.randomElement(using: &random)!, encoding, skip: skip)
            let stopsAfter = Int.random(in: 1..<5, using: &random)
            for _ in 0..<stopsAfter {
                guard let batch = try encoder.next(maxBytes: Int.random(in: 1..<8192, using: &random)) else {
                    isDone = true
                    break
                }
                got += try Self.delivered(batch)
                skip = batch.last
                #expect(batch.isLast == (encoder.envelope != nil))
            }
        }
        #expect(got == expected)
    }

    // MARK: Decompression

    private static func compressed(_ text: String) -> [UInt8] {
        let (input, output) = (ByteBuffer(text), ByteBuffer())
        withExtendedLifetime(input) { LZUTF8.compress(input.bytes, to: output) }
        return output.array
    }

    @Test func `data is decompressed behind deaggregation and before JSON is looked for`() throws {
        let json = #"{"a":"abcdabcdabcdabcd"}"#
        let users = [User(data: Self.compressed(json)), User(data: Array("plain".utf8))]
        let records = [
            AnswerText.record(7, AggregateText.aggregate(users)), AnswerText.record(8, Self.compressed("ääääääää")),
        ]
        let text = AnswerText.answer(records)
        for answer in [ByteBuffer(text), try AnswerText.inCBOR(text)] {
            var encoder = AnswerText.encoder(answer, RecordEncoding(compression: .lzUTF8))
            let batch = try #require(try encoder.next())
            #expect(
                try Self.delivered(batch).map(\.data) == [
                    .object([.init(key: "a", value: "abcdabcdabcdabcd")]), "plain", "ääääääää",
                ])
            #expect(batch.dataBytes == users.reduce(0) { $0 + $1.data.count } + Self.compressed("ääääääää").count)
        }
    }

    @Test func `what cannot be decompressed comes as it is, and says why`() throws {
        let broken: [UInt8] = [0x61, 0xc5, 0x09]
        // Fifteen bytes for each two of them.
        let endless = [UInt8](repeating: 0x61, count: 31) + (0..<600_000).flatMap { _ in [0xdf, 0x1f] as [UInt8] }
        for (data, code) in [(broken, "decompressionFailed"), (endless, "decompressedTooLarge")] {
            for record in [data, AggregateText.aggregate([User(data: data)])] {
                let encoding = RecordEncoding(compression: .lzUTF8)
                let batch = try #require(try batches([AnswerText.record(7, record)], encoding).first)
                let delivered = try JSONParser.parse("{" + batch.payload.text)["records"]?.array?.first
                #expect(delivered?["dataError"]?["code"]?.string == code)
                #expect(delivered?["dataError"]?["detail"]?.string?.isEmpty == false)
                #expect(try Self.delivered(batch).first?.data == .string(Base64.encode(data)))
                #expect(batch.dataBytes == data.count)
            }
        }
    }

    private func at(_ number: UInt128, _ extent: Checkpoint.Extent = .whole) -> Checkpoint {
        Checkpoint(
            sequenceNumber: SequenceNumber(number), extent: extent,
            arrival: WallTime(milliseconds: 1_700_000_000_123))
    }
}
