import Bytes
import JSON
import Testing

@Suite struct JSONParserTests {
    @Test func `a tree keeps the order of members and the digits of numbers`() throws {
        let value = try JSONParser.parse(#" {"b": 123456789012345678901234567890, "a": [true, null, "x\u00e9"]} "#)
        #expect(value.object?.map(\.key) == ["b", "a"])
        #expect(value["b"]?.number == "123456789012345678901234567890")
        #expect(value["a"] == [true, nil, "xé"])
    }
}
