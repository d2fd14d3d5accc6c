import Bytes
import JSON
import Kinesis
import TestSupport
import Testing

/// Tests/Vectors/lzutf8.json, and what is not that format.
@Suite struct LZUTF8Tests {
    struct Vector: Sendable, CustomTestStringConvertible {
        let name: String
        let text: [UInt8]
        /// What the npm package lzutf8 makes of it.
        let compressed: [UInt8]
        var testDescription: String { name }
    }

    @Test func `the vectors are there`() {
        #expect(Self.vectors().count == 15)
    }

    @Test(arguments: vectors())
    func `what lzutf8 compressed comes out`(vector: Vector) throws {
        #expect(try decompress(vector.compressed) == vector.text)
    }

    @Test(arguments: vectors())
    func `what is compressed comes out, and takes about as little as with lzutf8`(vector: Vector) throws {
        let compressed = compress(vector.text)
        #expect(try decompress(compressed) == vector.text)
        #expect(compressed.count <= vector.compressed.count + vector.compressed.count / 10)
    }

    @Test(arguments: vectors())
    func `text that was never compressed reads as itself`(vector: Vector) throws {
        #expect(try decompress(vector.text) == vector.text)
    }

    @Test func `a match may overlap what it yields`() throws {
        #expect(try decompress([0x61, 0x62, 0xc7, 2]) == Array("ababababa".utf8))
        #expect(try decompress([0x61, 0xff, 0, 1]) == Array(String(repeating: "a", count: 32).utf8))
    }

    @Test func `matches reach over 15 bits of distance, and no farther`() throws {
        for gap in [32_767, 32_768] {
            // A text whose four last bytes stood that far before, and nowhere else.
            var text = Array("same".utf8)
            while text.count < gap { text.append(UInt8(ascii: "x")) }
            text += "same".utf8
            let compressed = compress(text)
            #expect(try decompress(compressed) == text)
            #expect(compressed.suffix(3) == (gap == 32_767 ? [0xe4, 0x7f, 0xff] : [0x61, 0x6d, 0x65]))
        }
    }

    @Test func `pointers that lead out of the text, or are cut, are named`() {
        #expect(throws: LZUTF8Error.pointerOutsideText(at: 1, distance: 2, written: 1)) {
            try decompress([0x61, 0xc4, 2])
        }
        #expect(throws: LZUTF8Error.pointerOutsideText(at: 1, distance: 0, written: 1)) {
            try decompress([0x61, 0xc4, 0])
        }
        #expect(throws: LZUTF8Error.pointerOutsideText(at: 0, distance: 32_767, written: 0)) {
            try decompress([0xe4, 0x7f, 0xff])
        }
        #expect(throws: LZUTF8Error.cutPointer(at: 1)) { try decompress([0x61, 0xc4]) }
        #expect(throws: LZUTF8Error.cutPointer(at: 1)) { try decompress([0x61, 0xe4, 0]) }
    }

    @Test func `no more comes out than the limit, and after an error nothing`() throws {
        let bomb: [UInt8] = [0x61] + Array(repeating: [0xdf, 1], count: 100_000).joined()
        let output = ByteBuffer("before")
        #expect(throws: LZUTF8Error.textOverLimit(1000)) {
            try bomb.withUnsafeBytes { try LZUTF8.decompress($0, to: output, limit: 1000) }
        }
        #expect(output.text == "before")
        #expect(output.capacity < 8192)
        #expect(try decompress([0x61, 0x61, 0xc4, 1], limit: 6).count == 6)
        #expect(throws: LZUTF8Error.textOverLimit(5)) { try decompress([0x61, 0x61, 0xc4, 1], limit: 5) }
        #expect(throws: LZUTF8Error.textOverLimit(9)) { try decompress(Array("0123456789".utf8), limit: 9) }
    }

    @Test func `texts of any kind come out as they were`() async throws {
        var generator = SeededGenerator(seed: 7)
        let words = ["a", "é", "€", "😀", "order", "\u{0}", "\"id\":", "zz", "\u{2028}"]
        await takeSteps(300) {
            var text = ""
            // Few words repeat far, many near.
            let variety = 1 + generator.below(words.count)
            for _ in 0..<generator.below(2000) { text += words[generator.below(variety)] }
            let compressed = compress(Array(text.utf8))
            #expect(compressed.count <= text.utf8.count)
            #expect((try? decompress(compressed)) == Array(text.utf8))
        }
    }

    private func compress(_ text: [UInt8]) -> [UInt8] {
        let output = ByteBuffer()
        text.withUnsafeBytes { LZUTF8.compress($0, to: output) }
        return output.array
    }

    private func decompress(_ bytes: [UInt8], limit: Int = 1 << 20) throws(LZUTF8Error) -> [UInt8] {
        let output = ByteBuffer()
        // A copy of exactly this length, so that the sanitizer sees a read beyond it.
        let input = ByteBuffer(bytes)
        try LZUTF8.decompress(input.bytes, to: output, limit: limit)
        return output.array
    }

    static func vectors() -> [Vector] {
        guard let file = try? testFile("Vectors/lzutf8.json") else { return [] }
        guard let cases = try? JSONParser.parse(file.text)["cases"]?.array else { return [] }
        return cases.map { vector in
            Vector(
                name: vector["name"]?.string ?? "", text: Array((vector["text"]?.string ?? "").utf8),
                compressed: vector["compressedBase64"]?.string.flatMap { Base64.decode($0) } ?? [])
        }
    }
}
