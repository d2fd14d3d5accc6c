import Bytes
import JSON
import TestSupport
import Testing

@testable import AWS

/// Messages of the event stream: Tests/Vectors/event-stream.json.
@Suite struct EventStreamTests {
    private static let vectors = try! JSONParser.parse(testFile("Vectors/event-stream.json"))

    private static func decode(_ bytes: [UInt8], inPiecesOf size: Int = .max) throws(EventStreamError)
        -> [EventStreamMessage]
    {
        var decoder = EventStreamDecoder()
        var messages: [EventStreamMessage] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(size))
            rest = rest.dropFirst(piece.count)
            let result = piece.withUnsafeBytes { start in
                var input = start
                return Result { () throws(EventStreamError) in
                    while let message = try decoder.next(&input) { messages.append(message) }
                }
            }
            try result.get()
        }
        guard decoder.isBetweenMessages else { throw .header("is cut off") }
        return messages
    }

    private static func bytes(_ base64: JSONValue?) throws -> [UInt8] {
        let text = try #require(base64?.string)
        return try #require(Base64.decode(text))
    }

    /// As the vectors write a header's value.
    private static func described(_ value: EventStreamMessage.Value) -> JSONValue {
        switch value {
        case .bool(let value): .bool(value)
        case .int8(let value): .number(String(value))
        case .int16(let value): .number(String(value))
        case .int32(let value): .number(String(value))
        case .int64(let value), .timestamp(let value): .number(String(value))
        case .string(let value): .string(value)
        case .bytes(let value): .string("base64:" + Base64.encode(value))
        case .uuid(let value):
            .string(
                [0..<4, 4..<6, 6..<8, 8..<10, 10..<16].map { Hex.encode(Array(value[$0])) }.joined(separator: "-"))
        }
    }

    @Test(arguments: vectors["frames"]?.array ?? [])
    func `each frame of the vectors is read or refused as they say, and is written the same`(_ vector: JSONValue) throws
    {
        let frame = try Self.bytes(vector["frameBase64"])
        guard let expected = vector["expected"], expected != .string("error") else {
            #expect(throws: EventStreamError.self) { try Self.decode(frame) }
            return
        }
        let messages = try Self.decode(frame)
        try #require(messages.count == 1)
        let headers = (expected["headers"]?.object ?? []).map { ($0.key, $0.value) }
        #expect(messages[0].headers.mapValues(Self.described) == Dictionary(uniqueKeysWithValues: headers))
        #expect(messages[0].payload.array == (try Self.bytes(expected["payloadBase64"])))
        let written = ByteBuffer()
        messages[0].write(to: written)
        let again = try Self.decode(written.array)
        #expect(again.map(\.headers) == messages.map(\.headers))
        #expect(again.map(\.payload.array) == messages.map(\.payload.array))
    }

    @Test func `a whole response is the same however its bytes are cut up`() throws {
        let stream = try #require(Self.vectors["subscribeToShardStream"])
        let body = try Self.bytes(stream["bodyBase64"])
        let whole = try Self.decode(body)
        #expect(Double(whole.count) == stream["messages"]?.double)
        for size in [1, 7, 13, 4096] {
            let messages = try Self.decode(body, inPiecesOf: size)
            #expect(messages.map(\.headers) == whole.map(\.headers))
            #expect(messages.map(\.payload.array) == whole.map(\.payload.array))
        }
    }

    @Test func `every bit that is turned is noticed`() throws {
        let frame = try Self.bytes(Self.vectors["frames"]?.array?[0]["frameBase64"])
        for bit in 0..<frame.count * 8 {
            var turned = frame
            turned[bit / 8] ^= 1 << (bit % 8)
            #expect(throws: EventStreamError.self) { try Self.decode(turned) }
        }
    }

    @Test func `errors name what was wrong`() {
        #expect(
            EventStreamError.length(15).description == "a message of 15 bytes; one has 16 to 16777216")
        #expect(EventStreamError.header("comes twice: a").description == "a header comes twice: a")
    }
}
