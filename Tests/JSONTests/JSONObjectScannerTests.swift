import Bytes
import JSON
import Testing

@Suite struct JSONObjectScannerTests {
    @Test func `members come in order, their values as they are written`() throws {
        let text = #" { "data" : {"a": [1, 2]} , "partition\u004bey":"k\u00e9y", "n":-1.5e3 ,"b":false,"z":null } "#
        let seen = try members(text)
        #expect(seen.map(\.key) == ["data", "partitionKey", "n", "b", "z"])
        #expect(seen.map(\.raw) == [#"{"a": [1, 2]}"#, #""k\u00e9y""#, "-1.5e3", "false", "null"])
        #expect(seen.map(\.kind) == [.object, .string, .number, .bool, .null])
        #expect(seen.map(\.string) == [nil, "kéy", nil, nil, nil])
    }

    @Test func `an escaped key is the key that it means`() throws {
        let buffer = ByteBuffer(#"{"d\u0061ta":1}"#)
        try withExtendedLifetime(buffer) {
            var scanner = try JSONObjectScanner(buffer.bytes)
            let member = try #require(try scanner.next())
            #expect(member.key.isString("data"))
            #expect(!member.key.isString("date"))
            #expect(try scanner.next() == nil)
        }
    }

    @Test func `elements of an array, nested offsets count from the whole text`() throws {
        let buffer = ByteBuffer(#"{"records":[ {"x":1}, "two" ,3]}"#)
        try withExtendedLifetime(buffer) {
            var object = try JSONObjectScanner(buffer.bytes)
            let list = try #require(try object.next()).value
            var array = try JSONArrayScanner(list)
            var offsets: [Int] = []
            while let element = try array.next() { offsets.append(element.offset) }
            #expect(offsets == [13, 22, 29])
        }
    }

    @Test(arguments: [
        "", "[]", "1", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{,}", "{\"a\" 1}", "{a:1}",
        "{1:1}",
        "{\"a\":1}x", "{\"a\":1}{}", "{\"a\":tru}", "{\"a\":\"\u{1}\"}", "{\"a\":1 \"b\":2}", "{\"a\":[1,2}",
        "{\"a\":01}",
    ])
    func `a broken object is refused`(_ text: String) {
        #expect(throws: JSONError.self) { try members(text) }
    }

    @Test func `every truncation is refused`() {
        let text = #"{"a":[1,{"b":"x\u00e9"}],"c":"d","e":12}"#
        for count in 0..<text.utf8.count {
            #expect(throws: JSONError.self) { try members(String(decoding: text.utf8.prefix(count), as: UTF8.self)) }
        }
    }

    private func members(
        _ text: String
    ) throws -> [(key: String?, raw: String, kind: JSONKind, string: String?)] {
        let buffer = ByteBuffer(text)
        return try withExtendedLifetime(buffer) {
            var scanner = try JSONObjectScanner(buffer.bytes)
            var seen: [(key: String?, raw: String, kind: JSONKind, string: String?)] = []
            while let (key, value) = try scanner.next() {
                let raw = String(decoding: value.raw, as: UTF8.self)
                seen.append((try key.string(), raw, value.kind, try value.string()))
            }
            return seen
        }
    }
}
