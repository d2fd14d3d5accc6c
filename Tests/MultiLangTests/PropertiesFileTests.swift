import MultiLang
import Testing

@Suite struct PropertiesFileTests {
    private func read(_ text: String) throws(PropertiesError) -> [String] {
        try PropertiesFile(Array(text.utf8)).properties.map { "\($0.line) \($0.key)|\($0.value)" }
    }

    /// What Java's own Properties.load makes of each, by its documentation.
    @Test(arguments: [
        ("a=1", ["1 a|1"]),
        ("a:1\nb 2\nc\t3\nd = 4\ne : 5\nf   6", ["1 a|1", "2 b|2", "3 c|3", "4 d|4", "5 e|5", "6 f|6"]),
        ("a==1\nb=:2\nc :=3\nd= = 4", ["1 a|=1", "2 b|:2", "3 c|=3", "4 d|= 4"]),
        ("key\nempty=\n=value\n:", ["1 key|", "2 empty|", "3 |value", "4 |"]),
        ("  \t\u{0C}a = b  ", ["1 a|b  "]),
        ("# a\n ! b\n\n   \na#b=c!d # e", ["5 a#b|c!d # e"]),
        ("a=1\rb=2\r\nc=3\n\r\nd=4", ["1 a|1", "2 b|2", "3 c|3", "5 d|4"]),
        ("a=b\\\n   c\\\r\n\td\ne=f", ["1 a|bcd", "4 e|f"]),
        ("a=b\\\\\nc=d", [#"1 a|b\"#, "2 c|d"]),
        ("a=b\\\\\\\nc=d", [#"1 a|b\c=d"#]),
        ("a=b\\\n\nc=d", ["1 a|b", "3 c|d"]),
        ("a=b\\\n# c", ["1 a|b# c"]),
        ("# a\\\nb=c", ["2 b|c"]),
        ("\\\n# a\nb=c", ["3 b|c"]),
        ("a=b\\", ["1 a|b"]),
        ("a\\ b\\=c\\:d=e", ["1 a b=c:d|e"]),
        ("a=\\t\\n\\r\\f\\q\\\"\\\\", ["1 a|\t\n\r\u{0C}q\"\\"]),
        ("a=\\u0041\\u00e9\\uD83D\\uDE00\\uD83D!", ["1 a|Aé😀\u{FFFD}!"]),
        ("\u{FEFF}a=é", ["1 a|é"]),
        ("a=1\na=2", ["1 a|1", "2 a|2"]),
        ("", []),
    ])
    func `lines are read as Java reads them`(text: String, expected: [String]) throws {
        #expect(try read(text) == expected)
    }

    @Test(arguments: ["a=\\u12", "a=\\u12G4", "a=\\u-123", "b=\n\\u004"])
    func `an escape without four digits is told with its line`(text: String) {
        let error = #expect(throws: PropertiesError.self) { try read("# first\n" + text) }
        #expect(error?.line == (text.hasPrefix("b") ? 3 : 2))
        #expect(error?.problem.contains("four hexadecimal digits") == true)
    }

    @Test func `bytes that are no UTF-8 are ISO-8859-1`() throws {
        let file = try PropertiesFile(Array("a=".utf8) + [0xE9, 0x21])
        #expect(file.properties.map(\.value) == ["é!"])
    }
}
