import Bytes
import Testing

@Suite struct Base64Tests {
    /// RFC 4648, section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func `the vectors of RFC 4648 both ways`(_ plain: String, _ text: String) {
        #expect(Base64.encode(Array(plain.utf8)) == text)
        #expect(Base64.decode(text) == Array(plain.utf8))
    }

    @Test func `every length up to 300 comes back and agrees with a bit-by-bit encoder`() {
        var random = SystemRandomNumberGenerator()
        for count in 0...300 {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
            let text = Base64.encode(bytes)
            #expect(text == naive(bytes))
            #expect(text.utf8.count == Base64.encodedCount(count))
            #expect(Base64.decode(text) == bytes)
        }
    }

    @Test(arguments: [
        ("Zg", 2), ("Zg=", 2), ("Zg==Zg==", 2), ("Z===", 1), ("====", 0), ("Zm9v\n", 4), ("Zm9\n", 3), ("Zm9-", 3),
        ("Zm9_Zm9v", 3), ("Zh==", 1), ("Zm9=", 2), ("Zm=v", 2), ("Zg== ", 2), ("Zm9vZm9vZm9\u{e9}", 11),
        ("Zm9vZm9v=m9v", 8), ("=", 0), ("Zm9vYmF", 7),
    ])
    func `what is not base64 is refused, with its place and nothing appended`(_ text: String, _ place: Int) {
        let buffer = ByteBuffer("kept")
        #expect(Array(text.utf8).withUnsafeBytes { Base64.decode($0, to: buffer) } == place)
        #expect(buffer.text == "kept")
    }

    @Test func `every byte that is not in the alphabet is refused in every place`() {
        let alphabet = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        for byte in UInt8.min...UInt8.max {
            for place in 0..<12 {
                var text = Array("Zm9vYmFyZm9v".utf8)
                text[place] = byte
                let isGood =
                    alphabet.contains(byte)
                    || (byte == UInt8(ascii: "=") && place == 11 && text[10] == UInt8(ascii: "0"))
                let fault = text.withUnsafeBytes { Base64.decode($0, to: ByteBuffer()) }
                #expect((fault == nil) == isGood)
            }
        }
    }

    private func naive(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        let bits = bytes.flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 } }
        var text = ""
        for start in stride(from: 0, to: bits.count, by: 6) {
            let value = (0..<6).reduce(0) { $0 * 2 + Int(start + $1 < bits.count ? bits[start + $1] : 0) }
            text.append(alphabet[value])
        }
        return text + String(repeating: "=", count: (4 - text.count % 4) % 4)
    }
}
