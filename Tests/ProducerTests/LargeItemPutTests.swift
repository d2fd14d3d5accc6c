import AWS
import Bytes
import JSON
import Kinesis
import S3
import Testing

@testable import Producer

private let stream = StreamName("orders")!
private let bucket = BucketName("items")!

/// What becomes of puts with large items; that the items are put is for the tests with S3 itself.
@Suite struct LargeItemPutTests {
    private func put(_ texts: [String], isGroup: Bool = true) -> EncodedPut {
        EncodedPut(
            texts.map { .init(PutRecordEntry(ByteBuffer($0), partitionKey: "k")) }, isOrdered: true, isGroup: isGroup)
    }

    private func error(_ index: Int) -> PutError {
        .itemNotStored(index: index, bucket: bucket, .service(ServiceError(code: "SlowDown", message: "", status: 503)))
    }

    /// What a put of these texts is with a threshold of 40 bytes.
    private func encoded(_ texts: [String], _ compression: Compression) throws -> [EncodedPut.Record] {
        let rule = LargeItemRule(bucket: bucket, threshold: 40, keptMembers: [])
        var encoder = PutEncoder(capacity: 0, PutEncoding(compression: compression, largeItems: rule))
        for text in texts {
            var values = PutRecordValues()
            values.data = 0..<text.utf8.count
            try encoder.add(values, in: ByteBuffer(text))
            let json = ByteBuffer("{\"data\":\"\(text)\"}")
            try withExtendedLifetime(json) {
                var fields = PutRecordFields()
                var scanner = try JSONObjectScanner(json.bytes)
                fields.data = try #require(try scanner.next()).value
                try encoder.add(fields)
            }
        }
        return encoder.records
    }

    @Test(arguments: Compression.allCases)
    func `an item is what is over the threshold, by its bytes, and is never compressed`(
        compression: Compression
    ) throws {
        let texts = ["a", "ä"].flatMap { [String(repeating: $0, count: 20), String(repeating: $0, count: 41)] }
        let records = try encoded(texts + [String(repeating: "ä", count: 21)], compression)
        #expect(records.map(\.isItem) == [false, false, true, true, false, false, true, true, true, true])
        for (index, record) in records.enumerated() {
            let text = index < 8 ? texts[index / 2] : String(repeating: "ä", count: 21)
            let isPlain = record.isItem || compression == .none
            #expect((String(decoding: record.entry.data, as: UTF8.self) == text) == isPlain)
        }
    }

    @Test func `the pointer is what is compressed`() throws {
        let record = EncodedPut.Record(PutRecordEntry(ByteBuffer(#"{"id":1}"#), partitionKey: "k"), isItem: true)
        let pointer = ItemPointer(bucket: "items", key: "x", eTag: "e")
        let pointing = record.pointing(to: pointer, keeping: ["id"], .lzUTF8)
        let text = ByteBuffer()
        try LZUTF8.decompress(pointing.entry.data, to: text, limit: 1 << 10)
        #expect(text.text == #"{"@S3Item":{"bucket":"items","eTag":"e","key":"x"},"id":1}"#)
        #expect(pointing.entry.partitionKey == "k" && !pointing.isItem)
    }

    @Test func `where pointers are compressed an item is a text too`() throws {
        let rule = LargeItemRule(bucket: bucket, threshold: 1, keptMembers: [])
        #expect(throws: PutFieldError("data", .notUTF8(for: .lzUTF8))) {
            _ = try EncodedPut(
                data: ByteBuffer([0xc3, 0x28]), partitionKey: nil, explicitHashKey: nil,
                encoding: PutEncoding(compression: .lzUTF8, largeItems: rule))
        }
    }

    @Test func `keys are below a prefix that is the stream's alone`() {
        let key = LargeItemRule.key(of: stream, id: Array(1...16))
        #expect(key.hasPrefix(LargeItemRule.prefix(of: stream)) && key.hasSuffix(".json"))
        #expect(
            LargeItemRule.prefix(of: StreamName("orders-old")!).hasPrefix(LargeItemRule.prefix(of: stream)) == false)
        let arn = StreamName(nameOrARN: "arn:aws:kinesis:eu-central-1:123456789012:stream/orders")!
        #expect(LargeItemRule.prefix(of: arn) == LargeItemRule.prefix(of: stream))
    }

    @Test func `a pointer keeps the record's keys`() {
        let hashKey = HashKey("17")
        let record = EncodedPut.Record(
            PutRecordEntry(ByteBuffer(#"{"id":1}"#), partitionKey: "k", explicitHashKey: hashKey),
            sequenceNumberForOrdering: SequenceNumber("42"))
        let pointing = record.pointing(to: ItemPointer(bucket: "items", key: "x", eTag: "e"), keeping: ["id"], .none)
        #expect(pointing.entry.partitionKey == "k" && pointing.entry.explicitHashKey == hashKey)
        #expect(pointing.sequenceNumberForOrdering == SequenceNumber("42"))
        let data = String(decoding: pointing.entry.data, as: UTF8.self)
        #expect(data == #"{"@S3Item":{"bucket":"items","eTag":"e","key":"x"},"id":1}"#)
    }

    @Test func `of a group the records whose items failed have results of their own, in their places`() throws {
        let put = put(["0", "1", "2", "3"])
        let stored = StoredPut(put.records, like: put, failures: [0: error(0), 2: error(2)])
        let left = try #require(stored.put)
        #expect(left.records.map { String(decoding: $0.entry.data, as: UTF8.self) } == ["1", "3"])
        #expect(left.isOrdered && left.isGroup)
        let accepted = PutResult.accepted(shard: ShardID(number: 0), sequenceNumber: SequenceNumber("7")!)
        let answer = try stored.answer(
            .success(PutAnswer(results: [accepted, .failed(code: "X", message: "")], encryptionType: "KMS"))
        ).get()
        #expect(answer.results.map(\.code) == ["itemNotStored", nil, "itemNotStored", "X"])
        #expect(answer.encryptionType == "KMS")
    }

    @Test func `where the others fail together each still has its own reason`() throws {
        let put = put(["0", "1"])
        let stored = StoredPut(put.records, like: put, failures: [1: error(1)])
        #expect(
            try stored.answer(.failure(.streamMissing)).get().results.map(\.code) == [
                "ResourceNotFoundException", "itemNotStored",
            ])
    }

    @Test func `a group of which nothing is left is answered`() throws {
        let put = put(["0"])
        let stored = StoredPut(put.records, like: put, failures: [0: error(0)])
        #expect(stored.put == nil)
        #expect(try stored.answer(nil).get().results.map(\.code) == ["itemNotStored"])
    }
}

extension PutResult {
    fileprivate var code: String? { if case .failed(let code, _) = self { code } else { nil } }
}
