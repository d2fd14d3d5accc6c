import Bytes
import JSON
import TestSupport
import Testing

@Suite struct JSONTextTests {
    @Test(arguments: [
        "{}", "[]", "0", "-0", "-1.5e+10", "1E5", "\"\"", "true", "false", "null", " [ 1 , 2 ] ", "{\"a\":{\"b\":[]}}",
        "\"\\u00e9\\ud83d\"", "\"\u{7f}\"", "\"é😀\u{10FFFF}\"", "\t\r\n1\n", "[\"a\\\\\"]", "{\"a\":1,\"a\":2}",
    ])
    func `valid JSON is accepted`(_ text: String) {
        #expect(isValid(Array(text.utf8)))
    }

    @Test(arguments: [
        "", " ", "{", "}", "[", "]", "[1,]", "[,1]", "{,}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{1:2}", "{a:1}",
        "'a'",
        "01", "-", "-a", "1.", ".5", "1e", "1e+", "+1", "0x1", "1 2", "tru", "truE", "nul", "True", "NaN", "Infinity",
        "\"", "\"a", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"a\nb\"", "\"\u{1}\"", "[1]]", "{}}", "[}",
        "{]",
        "//x\n1", "1/**/", "\u{feff}1", "[1\u{a0}]", "\u{c}1", "\"a\"\"b\"", "[\"a\" \"b\"]", "{\"a\" 1}", "{\"a\"::1}",
    ])
    func `what is not JSON is refused`(_ text: String) {
        #expect(!isValid(Array(text.utf8)))
    }

    @Test(
        arguments: [
            [0x80], [0xc0, 0x80], [0xc1, 0xbf], [0xe0, 0x80, 0x80], [0xe0, 0x9f, 0xbf], [0xed, 0xa0, 0x80],
            [0xf0, 0x80, 0x80, 0x80],
            [0xf0, 0x8f, 0xbf, 0xbf], [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xff], [0xc3], [0xe2, 0x82],
            [0xf0, 0x9f, 0x98], [0xc3, 0x28], [0xe2, 0x28, 0xa1], [0xf0, 0x28, 0x8c, 0xbc], [0xf0, 0x9f, 0x28, 0x80],
        ] as [[UInt8]])
    func `a string of bytes that are not UTF-8 is refused in every place`(_ bytes: [UInt8]) {
        for before in 0..<20 {
            let text = [UInt8](repeating: 0x61, count: before) + bytes
            #expect(!isValid([0x22] + text + [0x22]))
            #expect(!isValid([0x22] + text + [UInt8](repeating: 0x61, count: 9) + [0x22]))
            #expect(!text.withUnsafeBytes(UTF8Text.isValid))
        }
    }

    @Test func `all characters are accepted as UTF-8`() {
        for value in stride(from: UInt32(0x80), through: 0x10ffff, by: 97) {
            guard let scalar = UnicodeScalar(value) else { continue }
            #expect(isValid(Array("\"a\(String(scalar))b\"".utf8)))
        }
    }

    @Test(arguments: [1, 63, 64, 65, 127, 128, 129, 511, 512])
    func `brackets are counted up to the limit and not beyond`(_ depth: Int) {
        let arrays = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        let objects = String(repeating: "{\"a\":", count: depth) + "1" + String(repeating: "}", count: depth)
        for text in [arrays, objects] {
            let bytes = Array(text.utf8)
            #expect(isValid(bytes, depth: depth))
            #expect(!isValid(bytes, depth: depth - 1))
            #expect(!isValid(Array(bytes.dropLast()), depth: depth))
            #expect(!isValid(bytes + [bytes.last!], depth: depth))
        }
        #expect(!isValid(Array((String(repeating: "[", count: depth) + String(repeating: "}", count: depth)).utf8)))
    }

    @Test func `every truncation of a document is refused`() {
        let text = Array(#"{"a":[1,-2.5e10,true,false,null,"é\u00e9\n"],"b":{"c":"long enough for two words"}}"#.utf8)
        #expect(isValid(text))
        for count in 0..<text.count { #expect(!isValid(Array(text.prefix(count)))) }
    }

    @Test(
        arguments: [
            ("[1,\n2]", .betweenTokens), ("{\"a\"\r:1}", .betweenTokens), ("[1, \t2]", []), ("[\"\\n\"]", []),
            ("1\n", .betweenTokens), ("[\"a\u{2028}\"]", .inStrings), ("{\"\u{2029}\":1}", .inStrings),
            ("\"\u{85}\"", .inStrings), ("[\"\u{2028}\",\n1]", [.inStrings, .betweenTokens]),
            ("\"\u{2027}\u{202a}\u{84}\u{86}\u{1085}\u{20a8}\"", []),
        ] as [(String, JSONLineBreaks)])
    func `what would end a line is reported`(_ text: String, _ expected: JSONLineBreaks) {
        let bytes = Array(text.utf8)
        var lineBreaks = JSONLineBreaks()
        bytes.withUnsafeBufferPointer {
            #expect(JSONText.isValid($0.baseAddress!, 0, bytes.count, depth: 9, lineBreaks: &lineBreaks))
        }
        #expect(lineBreaks == expected)
    }

    @Test(arguments: [("\u{85}", "\\u0085"), ("\u{2028}", "\\u2028"), ("\u{2029}", "\\u2029")])
    func `what ends a line of Unicode text is escaped, in every place of a string`(_ text: String, _ escape: String) {
        for before in 0..<20 {
            for neighbour in ["a", "é", "\u{2027}", "§"] {
                let start = String(repeating: neighbour, count: before)
                #expect(written(start + text + "b" + text) == "\"\(start)\(escape)b\(escape)\"")
                let json = "[\"\(start)\(text)\",\"\(text)\"]"
                #expect(escaping(json) == "[\"\(start)\(escape)\",\"\(escape)\"]")
            }
        }
    }

    @Test func `characters beside them stay as they are`() {
        let text = "\u{84}\u{86}\u{a0}\u{c2}\u{2027}\u{202a}\u{e2}\u{3028}\u{10ffff}"
        #expect(written(text) == "\"\(text)\"")
        #expect(escaping("\"\(text)\"") == "\"\(text)\"")
    }

    private func written(_ text: String) -> String {
        let buffer = ByteBuffer()
        JSONText.appendString(text, to: buffer)
        return buffer.text
    }

    private func escaping(_ json: String) -> String {
        let buffer = ByteBuffer()
        let bytes = ByteBuffer(json)
        withExtendedLifetime(bytes) { JSONText.appendEscapingLineBreaks(bytes.bytes, to: buffer) }
        return buffer.text
    }

    /// Documents made at random and then damaged, judged by a checker that shares nothing with ours.
    @Test(arguments: 0..<40)
    func `a simple recursive checker comes to the same verdict`(_ seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<400 {
            var text = SampleJSON.text(&random, depth: 4)
            for _ in 0..<Int.random(in: 0...2, using: &random) { SampleJSON.damage(&text, &random) }
            let expected = SimpleJSONChecker.isValid(text)
            #expect(isValid(text) == expected, "\(String(decoding: text, as: UTF8.self))")
            if !expected { #expect(throws: JSONError.self) { try text.withUnsafeBytes { try JSONParser.parse($0) } } }
        }
    }

    private func isValid(_ text: [UInt8], depth: Int = 512) -> Bool {
        text.withUnsafeBytes { JSONText.isValid($0, limits: JSONLimits(depth: depth)) }
    }
}
