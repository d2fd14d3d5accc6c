import Bytes
import JSON
import Testing

@Suite struct JSONWriterTests {
    @Test func `commas and colons stand where they belong`() {
        var json = JSONWriter()
        json.beginObject()
        json.key("a")
        json.int(-1)
        json.key("quoted \"key\"" as String)
        json.beginArray()
        json.string("x")
        json.double(0.5)
        json.double(.infinity)
        json.bool(true)
        json.null()
        json.beginObject()
        json.endObject()
        json.endArray()
        json.key("b")
        [UInt8("[1]".utf8.first!), UInt8(ascii: "]")].withUnsafeBytes { json.raw($0) }
        json.key("c")
        Array("foob".utf8).withUnsafeBytes { json.base64($0) }
        json.endObject()
        #expect(
            json.buffer.text
                == #"{"a":-1,"quoted \"key\"":["x",0.5,null,true,null,{}],"b":[],"c":"Zm9vYg=="}"#)
    }

    @Test func `every control character, the quote and the backslash are escaped wherever they stand`() throws {
        for scalar in (0..<0x80).compactMap(UnicodeScalar.init) {
            for place in 0..<20 {
                let text = String(repeating: "a", count: place) + String(scalar) + "bé"
                var json = JSONWriter()
                json.string(text)
                #expect(try JSONParser.parse(json.buffer).string == text)
            }
        }
    }
}
