import Testing

@testable import HTTP

@Suite struct URLTextTests {
    @Test func `a query is pairs in order`() throws {
        let items = try QueryItems("a=1&b=two+words&a=%C3%A9%26&flag&empty=&&=x&c=d=e")
        #expect(items.map(\.name) == ["a", "b", "a", "flag", "empty", "", "c"])
        #expect(items.map(\.value) == ["1", "two words", "é&", "", "", "x", "d=e"])
        #expect(items["a"] == "1")
        #expect(items["absent"] == nil)
        #expect(try QueryItems(nil).items.isEmpty)
        #expect(try QueryItems("").items.isEmpty)
    }

    @Test func `a bad escape is refused where it stands`() {
        #expect(throws: URLTextError.badEscape(offset: 2)) { try QueryItems("a=%") }
        #expect(throws: URLTextError.badEscape(offset: 6)) { try QueryItems("a=%41b%4") }
        #expect(throws: URLTextError.badEscape(offset: 4)) { try QueryItems("a=1&%g1=2") }
        #expect(throws: URLTextError.badEscape(offset: 3)) { try PathSegments("/a/%zz") }
    }

    @Test func `bytes that are not UTF-8 are refused`() {
        #expect(throws: URLTextError.notUTF8(offset: 2)) { try QueryItems("a=%ff") }
        #expect(throws: URLTextError.notUTF8(offset: 1)) { try PathSegments("/%C3") }
        #expect(throws: URLTextError.notUTF8(offset: 1)) { try PathSegments("/%C0%AF") }
    }

    @Test func `a path is decoded segment by segment`() throws {
        #expect(try PathSegments("/").segments == [])
        #expect(try PathSegments("/streams").segments == ["streams"])
        #expect(try PathSegments("/streams/a%2Fb/put").segments == ["streams", "a/b", "put"])
        #expect(try PathSegments("/a+b").segments == ["a+b"])
        #expect(try PathSegments("/a/").segments == ["a", ""])
        #expect(try PathSegments("//a").segments == ["", "a"])
        #expect(try PathSegments("/../%2e").segments == ["..", "."])
    }
}
