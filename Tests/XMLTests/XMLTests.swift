import Testing

@testable import XML

@Suite struct XMLTests {
    private func read(_ text: String, limits: XMLLimits = XMLLimits()) throws -> XMLElement {
        try Array(text.utf8).withUnsafeBytes { try XMLReader.read($0, limits: limits) }
    }

    @Test func `elements, texts, entities and prefixes`() throws {
        let root = try read(
            """
            <?xml version="1.0" encoding="UTF-8"?>
            <!-- as STS writes it -->
            <s:Answer xmlns:s="https://sts.amazonaws.com/doc/2011-06-15/">
              <Key a="1">a&amp;b &#x20AC;<![CDATA[<c>]]></Key><Empty/><Key>2</Key>
            </s:Answer>
            """)
        #expect(root.name == "Answer")
        #expect(root.children.map(\.name) == ["Key", "Empty", "Key"])
        #expect(root["Key"]?.text == "a&b €<c>")
        #expect(root["Empty"]?.text.isEmpty == true)
        #expect(root.all("Key").map(\.text) == ["a&b €<c>", "2"])
        #expect(root["key"] == nil)
    }

    @Test func `what is written is read back`() throws {
        let element = XMLElement("Tagging", [XMLElement("TagSet", [XMLElement("Key", "<a> & \"b\"\r\n'é\u{1F600}'")])])
        let text = element.document(namespace: "http://s3.amazonaws.com/doc/2006-03-01/")
        #expect(text.hasPrefix(#"<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet><Key>&lt;a&gt;"#))
        #expect(try read(text) == element)
    }

    @Test(arguments: ["", "text", "<a>", "<a></b>", "<a/><b/>", "<a>&unknown;</a>", "<a>\u{1}</a>", "<a b=1/>"])
    func `what is no document is refused with its line`(text: String) {
        let error = #expect(throws: XMLError.self) { try read(text) }
        guard case .malformed(let words) = error?.reason else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(!words.isEmpty && error?.line == 1)
    }

    @Test func `bytes that are not UTF-8 are refused`() {
        let bytes: [UInt8] = Array("<a>".utf8) + [0xFF, 0xC0] + Array("</a>".utf8)
        #expect(throws: XMLError.self) { try bytes.withUnsafeBytes { try XMLReader.read($0) } }
    }

    @Test func `a document type is refused before its entities are`() {
        let bomb = #"<!DOCTYPE a [<!ENTITY b "bbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]>"# + "\n<a>&c;</a>"
        #expect(throws: XMLError(reason: .doctype, line: 1)) { try read(bomb) }
    }

    @Test func `depth, number and length are bounded`() throws {
        var limits = XMLLimits()
        limits.depth = 3
        limits.elements = 5
        limits.bytes = 100
        #expect(try read("<a><b><c/></b></a>", limits: limits)["b"]?["c"] != nil)
        #expect(throws: XMLError(reason: .tooDeep(limit: 3), line: 2)) {
            try read("<a><b>\n<c><d/></c></b></a>", limits: limits)
        }
        #expect(throws: XMLError(reason: .tooManyElements(limit: 5), line: 1)) {
            try read("<a><b/><b/><b/><b/><b/><b/></a>", limits: limits)
        }
        #expect(throws: XMLError(reason: .tooLong(limit: 100), line: 1)) {
            try read("<a>" + String(repeating: "x", count: 100) + "</a>", limits: limits)
        }
    }
}
