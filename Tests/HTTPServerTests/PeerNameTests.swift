@testable import HTTPServer
import Testing

@Suite struct PeerNameTests {
    @Test(arguments: [
        ("app.example", PeerName.dns("app.example")), ("App.EXAMPLE", .dns("app.example")),
        ("10.0.0.1", .ip("10.0.0.1")), ("0:0:0:0:0:0:0:1", .ip("::1")),
        ("spiffe://example/App", .uri("spiffe://example/App")), ("urn:a", .uri("urn:a")),
        ("Ops@example.com", .email("Ops@example.com")),
    ]) func `a text is one kind of name`(text: String, name: PeerName) {
        #expect(PeerName(text) == name)
    }

    @Test(arguments: ["", "a b", "a\u{0}", "ä.example", "a/b", String(repeating: "a", count: 1025)])
    func `what can be no name is none`(text: String) { #expect(PeerName(text) == nil) }

    @Test func `of a certificate the kind says what a name is, whatever it looks like`() {
        func name(_ kind: PeerName.Kind, _ bytes: [UInt8]) -> PeerName? { bytes.withUnsafeBytes { PeerName(kind, $0) } }
        #expect(name(.dns, Array("spiffe://x/y".utf8)) == .dns("spiffe://x/y"))
        #expect(name(.dns, Array("App.example".utf8)) == .dns("app.example"))
        #expect(name(.uri, Array("App.example".utf8)) == .uri("App.example"))
        #expect(name(.email, Array("a@b".utf8)) == .email("a@b"))
        #expect(name(.ip, [10, 0, 0, 1]) == .ip("10.0.0.1"))
        #expect(name(.ip, [UInt8](repeating: 0, count: 15) + [1]) == .ip("::1"))
        #expect(name(.ip, [10, 0, 0]) == nil)
        // For who stops at a zero it would be another name.
        #expect(name(.dns, Array("app.example\u{0}.evil.example".utf8)) == nil)
        #expect(name(.uri, []) == nil)
    }
}
