import Bytes
import CBOR
import Testing

/// Bytes of hexadecimal digits.
func bytes(_ hex: String) -> ByteBuffer {
    let digits = hex.utf8.compactMap(Hex.value)
    return ByteBuffer(stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] })
}

@Suite struct CBORReadingTests {
    @Test(arguments: CBORVectors.shortest + CBORVectors.longer)
    func `an example of RFC 8949 is read`(_ vector: (hex: String, value: CBORValue)) throws {
        #expect(try CBORValue(bytes(vector.hex)) == vector.value)
    }

    @Test(arguments: CBORVectors.notNumbers) func `what is not a number is read as such`(_ hex: String) throws {
        guard case .float(let value) = try CBORValue(bytes(hex)) else { Issue.record("no float"); return }
        #expect(value.isNaN)
    }

    @Test func `a zero below zero keeps its sign`() throws {
        guard case .float(let value) = try CBORValue(bytes("f98000")) else { Issue.record("no float"); return }
        #expect(value.sign == .minus)
    }

    @Test(arguments: CBORVectors.shortest + CBORVectors.longer)
    func `an example that is cut anywhere is refused at its end`(_ vector: (hex: String, value: CBORValue)) {
        let whole = bytes(vector.hex).array
        for count in 0..<whole.count {
            let error = #expect(throws: CBORError.self) { try CBORValue(ByteBuffer(whole[..<count])) }
            #expect(error == CBORError(.unexpectedEnd, at: count))
        }
    }

    @Test(arguments: [
        ("1c", CBORError(.reserved(0x1c), at: 0)), ("82015e", CBORError(.reserved(0x5e), at: 2)),
        ("ff", CBORError(.unexpectedBreak, at: 0)), ("8201ff", CBORError(.unexpectedBreak, at: 2)),
        ("bf6161ff", CBORError(.unexpectedBreak, at: 3)), ("a1ff00", CBORError(.unexpectedBreak, at: 1)),
        ("1f", CBORError(.reserved(0x1f), at: 0)), ("3f", CBORError(.reserved(0x3f), at: 0)),
        ("df00", CBORError(.reserved(0xdf), at: 0)), ("c1ff", CBORError(.unexpectedBreak, at: 1)),
        ("5f6161ff", CBORError(.badChunk, at: 1)), ("7f4161ff", CBORError(.badChunk, at: 1)),
        ("5f5f4161ffff", CBORError(.badChunk, at: 1)), ("7f00ff", CBORError(.badChunk, at: 1)),
        ("f800", CBORError(.badSimple(0), at: 0)), ("81f81f", CBORError(.badSimple(31), at: 1)),
        ("61ff", CBORError(.badUTF8, at: 1)), ("63eda080", CBORError(.badUTF8, at: 1)),
        ("7f61c361bcff", CBORError(.badUTF8, at: 2)), ("0000", CBORError(.trailingBytes, at: 1)),
        ("bf616101616102ff", CBORError(.duplicateKey, at: 4)),
        ("5affffffff", CBORError(.stringTooLong(limit: 16 << 20), at: 0)),
        ("7bffffffffffffffff", CBORError(.stringTooLong(limit: 16 << 20), at: 0)),
        ("9bffffffffffffffff", CBORError(.tooManyItems(limit: 1 << 20), at: 0)),
        ("bb7fffffffffffffff", CBORError(.tooManyItems(limit: 1 << 20), at: 0)),
        ("9a000fffff", CBORError(.unexpectedEnd, at: 5)), ("ba000fffff", CBORError(.unexpectedEnd, at: 5)),
    ])
    func `what is malformed is refused where it is`(_ hex: String, _ expected: CBORError) {
        let error = #expect(throws: CBORError.self) { try CBORValue(bytes(hex)) }
        #expect(error == expected)
    }

    @Test func `limits are kept`() throws {
        let limits = CBORLimits(depth: 2, stringBytes: 3, items: 4)
        func error(_ hex: String) -> CBORError? {
            #expect(throws: CBORError.self) { try CBORValue(bytes(hex), limits: limits) }
        }
        _ = try CBORValue(bytes("8180"), limits: limits)
        #expect(error("818180") == CBORError(.tooDeep(limit: 2), at: 2))
        #expect(error("9f9f9f") == CBORError(.tooDeep(limit: 2), at: 2))
        #expect(error("c1c1c100") == CBORError(.tooDeep(limit: 2), at: 2))
        _ = try CBORValue(bytes("83636162630102"), limits: limits)
        #expect(error("6461626364") == CBORError(.stringTooLong(limit: 3), at: 0))
        #expect(error("5f4201024201028000ff") == CBORError(.stringTooLong(limit: 3), at: 0))
        #expect(error("8400010203") == CBORError(.tooManyItems(limit: 4), at: 4))
        #expect(error("9f00010203ff") == CBORError(.tooManyItems(limit: 4), at: 4))
        #expect(error("8500010203") == CBORError(.tooManyItems(limit: 4), at: 0))
        let deep = ByteBuffer([UInt8](repeating: 0x81, count: 1 << 20))
        let tooDeep = #expect(throws: CBORError.self) { try CBORValue(deep) }
        #expect(tooDeep == CBORError(.tooDeep(limit: 64), at: 64))
    }

    @Test func `an error says what is wrong and at which byte`() {
        #expect(CBORError(.reserved(0x1c), at: 7).description == "the initial byte 0x1c has no meaning at byte 7")
        #expect(CBORError(.tooDeep(limit: 64), at: 9).description == "nested deeper than 64 levels at byte 9")
        #expect(CBORError(.notA(.map), at: 0).description == "an item that is no map at byte 0")
    }
}
