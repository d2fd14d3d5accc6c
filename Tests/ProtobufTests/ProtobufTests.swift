import Bytes
import Protobuf
import Testing

@Suite struct ProtobufReaderTests {
    private func fields(_ bytes: [UInt8]) throws(ProtobufError) -> [(Int, ProtobufField.Value)] {
        var reader = ProtobufReader(ByteBuffer(bytes))
        var fields: [(Int, ProtobufField.Value)] = []
        while let field = try reader.next() { fields.append((field.number, field.value)) }
        return fields
    }

    private func first(_ bytes: [UInt8]) throws -> ProtobufField {
        var reader = ProtobufReader(ByteBuffer(bytes))
        return try #require(try reader.next())
    }

    @Test func `the examples of the encoding's description are read`() throws {
        #expect(try first([0x08, 0x96, 0x01]).unsigned() == 150)
        #expect(try first([0x12, 0x07] + "testing".utf8).text() == "testing")
        var outer = try first([0x1a, 0x03, 0x08, 0x96, 0x01]).message()
        #expect(try outer.next()?.unsigned() == 150)
        #expect(try outer.next() == nil)
    }

    @Test func `a negative number has ten bytes`() throws {
        let bytes: [UInt8] = [0x08] + Array(repeating: 0xff, count: 9) + [0x01]
        #expect(try first(bytes).int() == -1)
        #expect(try first(bytes).unsigned() == .max)
    }

    @Test func `fixed numbers come least significant byte first`() throws {
        let found = try fields([0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0x15, 1, 0, 0, 2])
        #expect(found.map(\.0) == [1, 2])
        #expect(found.map(\.1) == [.fixed64(0x0807_0605_0403_0201), .fixed32(0x0200_0001)])
    }

    @Test func `an empty message has no field`() throws {
        #expect(try fields([]).isEmpty)
    }

    @Test(
        arguments: [
            ([0x08], .unexpectedEnd, 1),
            ([0x08, 0x80], .unexpectedEnd, 2),
            ([0x09, 1, 2, 3], .unexpectedEnd, 4),
            ([0x0d, 1, 2, 3], .unexpectedEnd, 4),
            ([0x0a, 0x02, 0x61], .unexpectedEnd, 3),
            ([0x0a] + Array(repeating: 0xff, count: 9) + [0x01], .unexpectedEnd, 11),
            ([0x08] + Array(repeating: 0xff, count: 9) + [0x02], .varintTooLong, 1),
            ([0x08] + Array(repeating: 0x80, count: 10) + [0x01], .varintTooLong, 1),
            ([0x00, 0x00], .badFieldNumber(0), 0),
            ([0x80, 0x80, 0x80, 0x80, 0x10, 0x00], .badFieldNumber(1 << 29), 0),
            ([0x0b, 0x0c], .group(field: 1), 0),
            ([0x0c], .group(field: 1), 0),
            ([0x0e], .reservedWireType(field: 1), 0),
        ] as [([UInt8], ProtobufError.Reason, Int)])
    func `what is no message is refused`(bytes: [UInt8], reason: ProtobufError.Reason, offset: Int) {
        #expect(throws: ProtobufError(reason, at: offset)) { try fields(bytes) }
    }

    @Test func `a field of another wire type is refused when it is asked for`() throws {
        let number = try first([0x08, 0x01])
        #expect(throws: ProtobufError(.notA(.bytes, field: 1), at: 0)) { try number.text() }
        #expect(throws: ProtobufError(.notA(.fixed64, field: 1), at: 0)) { try number.double() }
        let text = try first([0x0a, 0x01, 0x61])
        #expect(throws: ProtobufError(.notA(.varint, field: 1), at: 0)) { try text.int() }
    }

    @Test func `a text that is not UTF-8 is refused`() throws {
        let field = try first([0x0a, 0x01, 0xff])
        #expect(throws: ProtobufError(.badUTF8(field: 1), at: 0)) { try field.text() }
        #expect(try field.bytes() == 2..<3)
    }
}

@Suite struct ProtobufWriterTests {
    private func written(_ body: (ProtobufWriter) -> Void) -> [UInt8] {
        let buffer = ByteBuffer()
        body(ProtobufWriter(buffer))
        return buffer.array
    }

    @Test func `fields are written as the encoding's description has them`() {
        #expect(written { $0.unsigned(1, 150) } == [0x08, 0x96, 0x01])
        #expect(written { $0.text(2, "testing") } == [0x12, 0x07] + "testing".utf8)
        #expect(written { $0.message(3) { $0.unsigned(1, 150) } } == [0x1a, 0x03, 0x08, 0x96, 0x01])
        #expect(written { $0.int(1, -1) } == [0x08] + Array(repeating: 0xff, count: 9) + [0x01])
        #expect(written { $0.bool(16, true) } == [0x80, 0x01, 0x01])
        #expect(written { $0.double(1, 1) } == [0x09, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f])
    }

    @Test(arguments: [0, 1, 127, 128, 129, 16_383, 16_384, 100_000])
    func `a message of any length stands behind its length`(count: Int) throws {
        let data = ByteBuffer([UInt8](repeating: 7, count: count))
        let buffer = ByteBuffer()
        ProtobufWriter(buffer).message(1) { $0.message(2) { $0.bytes(3, data) } }
        ProtobufWriter(buffer).unsigned(4, 9)
        var reader = ProtobufReader(buffer)
        var outer = try #require(try reader.next()).message()
        var inner = try #require(try outer.next()).message()
        #expect(try #require(try inner.next()).bytes().count == count)
        #expect(try inner.next() == nil)
        #expect(try outer.next() == nil)
        #expect(try reader.next()?.unsigned() == 9)
    }

    @Test(arguments: [0, 127, 128, 16_383, 16_384, 1 << 35, UInt64.max])
    func `a number takes as many bytes as its size says`(value: UInt64) {
        #expect(written { $0.varint(value) }.count == ProtobufWriter.size(value))
    }
}
