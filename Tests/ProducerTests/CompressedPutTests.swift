import AWS
import Bytes
import JSON
import Kinesis
import Testing

@testable import Producer

/// What `compression` makes of a put's records.
@Suite struct CompressedPutTests {
    private let text = #"{"a":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","b":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#

    @Test func `data is compressed, and the key is of the compressed bytes`() throws {
        var encoder = PutEncoder(capacity: 0, PutEncoding(compression: .lzUTF8))
        try encoder.add(fields(data: text))
        try encoder.add(fields(data: text, key: #""k""#))
        for record in encoder.records {
            #expect(record.entry.data.count < text.utf8.count / 2)
            #expect(try decompress(record.entry) == text)
        }
        #expect(encoder.records[0].entry.partitionKey == Base64.encode(Digest.sha1(encoder.records[0].entry.data)))
        #expect(encoder.records[1].entry.partitionKey == "k")
        #expect(encoder.records[0].entry.buffer === encoder.records[1].entry.buffer)
    }

    @Test func `data that came as bytes is compressed where it is text, and refused where it is not`() throws {
        let put = try EncodedPut(
            data: ByteBuffer(text), partitionKey: nil, explicitHashKey: nil,
            encoding: PutEncoding(compression: .lzUTF8))
        #expect(try decompress(put.records[0].entry) == text)
        var encoder = PutEncoder(capacity: 0, PutEncoding(compression: .lzUTF8))
        var binary = try fields(data: "\"" + Base64.encode([0xc3, 0x28] as [UInt8]) + "\"")
        binary.dataEncoding = try span(#""base64""#)
        #expect(throws: PutFieldError("data", .notUTF8(for: .lzUTF8))) { try encoder.add(binary) }
        var values = PutRecordValues()
        values.data = 0..<2
        #expect(throws: PutFieldError("data", .notUTF8(for: .lzUTF8))) {
            try encoder.add(values, in: ByteBuffer([0xff, 0xff]))
        }
        #expect(encoder.count == 0 && encoder.heldBytes == 0)
    }

    @Test func `without compression bytes are shared as they are`() throws {
        let data = ByteBuffer([0xc3, 0x28])
        let put = try EncodedPut(data: data, partitionKey: nil, explicitHashKey: nil)
        #expect(put.records[0].entry.buffer === data)
    }

    private func fields(data: String, key: String? = nil) throws -> PutRecordFields {
        var fields = PutRecordFields()
        fields.data = try span(data)
        fields.partitionKey = try key.map(span)
        return fields
    }

    /// A value within a text that lives as long as the test.
    private func span(_ json: String) throws -> JSONSpan {
        let text = ByteBuffer(#"{"v":"# + json + "}")
        Self.kept.append(text)
        var scanner = try JSONObjectScanner(text.bytes)
        return try #require(try scanner.next()).value
    }

    nonisolated(unsafe) private static var kept: [ByteBuffer] = []

    private func decompress(_ entry: PutRecordEntry) throws -> String {
        let output = ByteBuffer()
        try LZUTF8.decompress(entry.data, to: output, limit: 1 << 20)
        return output.text
    }
}
