import Bytes
import Kinesis
import Protobuf
import Testing

/// Records as messages: the fields of `Records` in sidecar.proto.
@Suite struct RecordMessageTests {
    private struct Message: Equatable {
        var number = ""
        var key = ""
        var time: [UInt64] = []
        var type = ""
        var data: [UInt8] = []
    }

    private func records(of payload: ByteBuffer) throws -> [Message] {
        var reader = ProtobufReader(payload)
        var records: [Message] = []
        while let field = try reader.next() {
            switch field.number {
            case 2: #expect(try field.text() == "orders")
            case 3: #expect(try field.text() == "shardId-000000000000")
            case 4: #expect(try field.int() == 7)
            case 5: records.append(try record(field.message()))
            default: Issue.record("field \(field.number)")
            }
        }
        return records
    }

    private func record(_ fields: ProtobufReader) throws -> Message {
        var fields = fields
        var message = Message()
        while let field = try fields.next() {
            switch field.number {
            case 1: message.number = try field.text()
            case 2: message.key = try field.text()
            case 3:
                var time = try field.message()
                while let part = try time.next() { message.time.append(try part.unsigned()) }
            case 4: message.type = try field.text()
            default: message.data = Array(field.buffer.array[try field.bytes()])
            }
        }
        return message
    }

    private func message(of record: String) throws -> Message {
        let batch = try #require(try batches(AnswerText.answer([record])).first)
        return try #require(try records(of: batch.payload).first)
    }

    private func batches(_ answer: String, maxEventBytes: Int = 60_000) throws -> [EncodedBatch] {
        var encoder = RecordBatchEncoder(
            ByteBuffer(answer), stream: StreamName("orders")!, shard: ShardID(number: 0),
            encoding: RecordEncoding(format: .protobuf, maxEventBytes: maxEventBytes))
        var batches: [EncodedBatch] = []
        while let batch = try encoder.next() { batches.append(batch) }
        return batches
    }

    @Test(arguments: 0...70) func `data comes as it was put, of any length`(count: Int) throws {
        let data = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) }
        let batch = try #require(try batches(AnswerText.answer([AnswerText.record(42, data)])).first)
        let expected = Message(
            number: "42", key: "k", time: [1_700_000_000, 123_000_000], type: "NONE", data: data)
        #expect(try records(of: batch.payload) == [expected])
        #expect(batch.dataBytes == count)
    }

    @Test func `escapes in a key and in base64 are resolved`() throws {
        let text = AnswerText.record(1, [255, 239, 191], key: #"a\"\u00e4"#, extra: #","EncryptionType":"KMS""#)
            .replacing("/++/", with: #"\/++\/"#)
        let message = try message(of: text)
        #expect(message.key == "a\"ä")
        #expect(message.type == "KMS")
        #expect(message.data == [255, 239, 191])
    }

    @Test func `a record without key and time has neither`() throws {
        let text = AnswerText.record(1, [1], key: nil, arrival: nil)
        let message = try message(of: text)
        #expect(message == Message(number: "1", type: "NONE", data: [1]))
    }

    @Test func `no event of several records is longer than maxEventBytes`() throws {
        let texts = (1...50).map { AnswerText.record($0, [UInt8](repeating: 9, count: $0 * 7)) }
        let batches = try batches(AnswerText.answer(texts), maxEventBytes: 1024)
        #expect(batches.count > 5)
        for batch in batches { #expect(batch.recordCount == 1 || batch.payloadBytes <= 1024) }
        #expect(try batches.flatMap { try records(of: $0.payload) }.map(\.number) == (1...50).map(String.init))
    }

    @Test(arguments: ["AAA", "A", "====", "AA=A", "AAAAAAA*", #"AA\\u00zz"#, "AB=="])
    func `what is not base64 is refused`(data: String) throws {
        let text = AnswerText.answer([#"{"Data":"\#(data)","PartitionKey":"k","SequenceNumber":"1"}"#])
        #expect(throws: GetRecordsError.self) { try batches(text) }
    }
}
