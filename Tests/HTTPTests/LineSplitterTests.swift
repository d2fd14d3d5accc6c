import Bytes
import HTTP
import Testing

@Suite struct LineSplitterTests {
    @Test(arguments: [
        ("", []), ("\n", []), ("a", ["1 a"]), ("a\n", ["1 a"]), ("a\r\n", ["1 a"]), ("a\nb", ["1 a", "2 b"]),
        ("\n \t\r\n\na\n\r\nb\n", ["4 a", "6 b"]), ("a\r\r\n", ["1 a\r"]), ("a\rb\n", ["1 a\rb"]), (" a \n", ["1  a "]),
        ("a\n  ", ["1 a"]), ("a\r", ["1 a"]), ("a\n\r", ["1 a"]), ("\u{0}\n", ["1 \u{0}"]),
        // Ten bytes are the limit, line ends not counted.
        ("0123456789\r\nx", ["1 0123456789", "2 x"]), ("0123456789", ["1 0123456789"]),
        ("0123456789a\nx\n", ["1 too long", "2 x"]), ("0123456789\rx\ny", ["1 too long", "2 y"]),
        ("0123456789\r\r\ny", ["1 too long", "2 y"]), ("0123456789\r", ["1 0123456789"]),
        ("0123456789a", ["1 too long"]), ("           \nx", ["1 too long", "2 x"]),
        ("\n01234567890123456789012345678901234567890\n\nx", ["2 too long", "4 x"]),
    ])
    func `a body gives the same lines wherever it is cut`(body: String, lines: [String]) {
        #expect(split(body, cuts: []) == lines)
        let count = body.utf8.count
        for cut in 0...count { #expect(split(body, cuts: [cut]) == lines, "cut at \(cut)") }
        #expect(split(body, cuts: Array(0...count)) == lines, "byte by byte")
    }

    @Test func `lines are numbered from one, and the number counts those that are passed over`() {
        var splitter = LineSplitter(limit: 10)
        #expect(splitter.number == 0)
        splitter.append(ByteBuffer("\n\na\n\n"))
        #expect(splitter.next() == .text(2..<3))
        #expect(splitter.number == 3)
        #expect(splitter.next() == nil)
        #expect(splitter.number == 4)
    }

    @Test func `a long line gives its memory back, and one that is too long takes none`() {
        var splitter = LineSplitter(limit: 1 << 20)
        let part = ByteBuffer([UInt8](repeating: 120, count: 16 * 1024))
        for _ in 0..<63 {
            splitter.append(part)
            #expect(splitter.next() == nil)
        }
        #expect(splitter.heldBytes >= 63 * 16 * 1024)
        splitter.append(ByteBuffer("\nx"))
        #expect(splitter.next() == .text(0..<63 * 16 * 1024))
        #expect(splitter.next() == nil)
        #expect(splitter.heldBytes <= 64 * 1024)
        var most = 0
        var tooLong = 0
        for _ in 0..<1000 {
            splitter.append(part)
            while splitter.next() != nil { tooLong += 1 }
            most = max(most, splitter.heldBytes)
        }
        #expect(tooLong == 1)
        #expect(most <= 2 << 20)
        #expect(splitter.heldBytes <= 64 * 1024)
    }

    @Test func `a line can be given up before its end`() {
        var splitter = LineSplitter(limit: 100)
        let isNone = splitter.skipLine()
        #expect(!isNone)
        splitter.append(ByteBuffer("a\nbc"))
        #expect(splitter.next() == .text(0..<1))
        #expect(splitter.next() == nil)
        let isSkipped = splitter.skipLine()
        #expect(isSkipped && splitter.number == 2)
        splitter.append(ByteBuffer("d\nef"))
        #expect(splitter.next() == nil)
        #expect(splitter.finish().map { text($0, splitter) } == "ef")
        #expect(splitter.number == 3)
    }

    private func split(_ body: String, cuts: [Int]) -> [String] {
        let bytes = Array(body.utf8)
        var splitter = LineSplitter(limit: 10)
        var lines: [String] = []
        var start = 0
        for end in cuts + [bytes.count] {
            splitter.append(ByteBuffer(bytes[start..<end]))
            while let line = splitter.next() { lines.append("\(splitter.number) " + text(line, splitter)) }
            start = end
        }
        if let line = splitter.finish() { lines.append("\(splitter.number) " + text(line, splitter)) }
        return lines
    }

    private func text(_ line: LineSplitter.Line, _ splitter: LineSplitter) -> String {
        guard case .text(let range) = line else { return "too long" }
        return String(decoding: splitter.text(range), as: UTF8.self)
    }
}
