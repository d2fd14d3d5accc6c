import Testing

@testable import LocalKinesis

@Suite struct CBORFaultTests {
    @Test(arguments: [0, 1, 23, 24, 255, 256, 3000]) func `a fault is a map of two texts, of any length`(_ length: Int)
    {
        let message = String(repeating: "é", count: length / 2) + String(repeating: "x", count: length % 2)
        let body = CBORFault.body(ServiceFault(code: "ValidationException", message: message))
        var reader = Reader(Array(body.bytes))
        #expect(reader.take() == 0xa2)
        #expect(reader.text() == "__type")
        #expect(reader.text() == "ValidationException")
        #expect(reader.text() == "message")
        #expect(reader.text() == message)
        #expect(reader.rest.isEmpty)
    }

    /// Reads text of major type 3 as RFC 8949 has it, by itself.
    private struct Reader {
        var rest: ArraySlice<UInt8>

        init(_ bytes: [UInt8]) { rest = bytes[...] }

        mutating func take() -> UInt8? { rest.popFirst() }

        mutating func text() -> String? {
            guard let head = take(), head >> 5 == 3 else { return nil }
            let length: Int
            switch head & 0x1f {
            case let small where small < 24: length = Int(small)
            case 24: length = Int(take() ?? 0)
            case 25: length = Int(take() ?? 0) << 8 | Int(take() ?? 0)
            default: return nil
            }
            defer { rest = rest.dropFirst(length) }
            return String(decoding: rest.prefix(length), as: UTF8.self)
        }
    }
}
