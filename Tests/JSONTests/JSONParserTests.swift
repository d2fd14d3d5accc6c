import Bytes
import JSON
import Testing

@Suite struct JSONParserTests {
    @Test func `a tree keeps the order of members and the digits of numbers`() throws {
        let value = try JSONParser.parse(#" {"b": 123456789012345678901234567890, "a": [true, null, "x\u00e9"]} "#)
        #expect(value.object?.map(\.key) == ["b", "a"])
        #expect(value["b"]?.number == "123456789012345678901234567890")
        #expect(value["a"] == [true, .null, "xé"])
    }

    @Test func `escapes and surrogate pairs become characters`() throws {
        let value = try JSONParser.parse(#""\"\\\/\b\f\n\r\t\u0041\uD83D\uDE00é😀""#)
        #expect(value.string == "\"\\/\u{8}\u{c}\n\r\tA😀é😀")
    }

    @Test func `numbers are read as the integers that they are`() throws {
        let value = try JSONParser.parse("[1, -5, 1.0, 1e3, 1.5, 9223372036854775807, 1e300]")
        #expect(value.array?.map(\.int) == [1, -5, 1, 1000, nil, .max, nil])
        #expect(value[4]?.double == 1.5)
    }

    @Test(arguments: [
        (#"{"a":1,"a":2}"#, JSONError(.duplicateKey("a"), at: 7)),
        (#"{"a":1,"\u0061":2}"#, JSONError(.duplicateKey("a"), at: 7)),
        (#""\ud800""#, JSONError(.loneSurrogate, at: 1)),
        (#"["\ud83dx"]"#, JSONError(.loneSurrogate, at: 2)),
        (#""\udc00\ud800""#, JSONError(.loneSurrogate, at: 1)),
        ("1 2", JSONError(.trailingBytes, at: 2)),
        ("", JSONError(.unexpectedEnd, at: 0)),
        ("[1,]", JSONError(.unexpectedByte(UInt8(ascii: "]")), at: 3)),
        ("{'a':1}", JSONError(.unexpectedByte(UInt8(ascii: "'")), at: 1)),
        ("01", JSONError(.badNumber, at: 1)),
    ])
    func `a refusal says what and where`(_ text: String, _ expected: JSONError) {
        #expect(throws: expected) { try JSONParser.parse(text) }
    }

    @Test func `brackets beyond the limit are refused, up to it they are read`() throws {
        let limits = JSONLimits(depth: 3)
        #expect(try JSONParser.parse("[[[1]]]", limits: limits) == [[[1]]])
        #expect(throws: JSONError(.tooDeep(limit: 3), at: 3)) { try JSONParser.parse("[[[[1]]]]", limits: limits) }
        #expect(throws: JSONError.self) { try JSONParser.parse(String(repeating: "[", count: 1_000_000)) }
    }

    @Test func `what a writer writes is read back`() throws {
        let tree: JSONValue = [
            "text": "a\"b\\c\u{1}\u{1f}\n😀\u{7f}", "list": [1, -2, true, false, .null, [], [:]], "": .number("1.5e-7"),
        ]
        var writer = JSONWriter()
        writer.value(tree)
        #expect(try JSONParser.parse(writer.buffer) == tree)
    }
}
