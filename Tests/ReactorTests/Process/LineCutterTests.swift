import TestSupport
import Testing

@testable import Reactor

@Suite struct LineCutterTests {
    private typealias Line = LineCutter.Line

    /// The lines of a whole output, which is given in pieces of `size` bytes.
    private static func lines(_ output: [UInt8], limit: Int, size: () -> Int) -> [Line] {
        var cutter = LineCutter(limit: limit)
        var lines: [Line] = []
        var rest = output[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(size()))
            rest = rest.dropFirst(piece.count)
            piece.withUnsafeBytes { lines += cutter.append($0) }
        }
        if let last = cutter.finish() { lines.append(last) }
        return lines
    }

    private static func lines(_ output: String, limit: Int = 100) -> [Line] {
        lines(Array(output.utf8), limit: limit) { 3 }
    }

    private static func whole(_ text: String) -> Line {
        Line(start: Array(text.utf8), count: text.utf8.count)
    }

    @Test func `lines end with LF or CRLF, the last one also with the output`() {
        #expect(Self.lines("a\n\nbc\r\nd\re\n") == ["a", "", "bc", "d\re"].map(Self.whole))
        #expect(Self.lines("a\nrest") == ["a", "rest"].map(Self.whole))
        #expect(Self.lines("\r\n\r\n") == ["", ""].map(Self.whole))
        #expect(Self.lines("").isEmpty)
    }

    @Test func `any bytes are a line`() {
        let bytes: [UInt8] = [0, 0xff, 0xc0, 0x80]
        #expect(Self.lines(bytes + [0x0a], limit: 4) { 1 } == [Line(start: bytes, count: 4)])
    }

    @Test func `of a line beyond the limit its start is kept and its length, and the next one is as any`() {
        #expect(
            Self.lines("abcd\nabcde\nab\n", limit: 4)
                == [Self.whole("abcd"), Line(start: Array("abcd".utf8), count: 5), Self.whole("ab")])
        #expect(Self.lines("abcd\r\n", limit: 4) == [Line(start: Array("abcd".utf8), count: 5)])
    }

    @Test func `a random walk agrees with cutting the whole at once`() async {
        var random = SeededGenerator(seed: 16)
        await takeSteps(600) {
            let alphabet = Array("\n\r\0ab".utf8)
            let output = (0..<random.below(200)).map { _ in alphabet[random.below(random.below(3) == 0 ? 5 : 3)] }
            let limit = 1 + random.below(8)
            var model = output.split(separator: 0x0a, omittingEmptySubsequences: false).map { Array($0) }
            if model.last?.isEmpty ?? false { model.removeLast() }
            let expected = model.enumerated().map { index, line in
                // Without an LF there is no CRLF; but who cut there could not tell.
                let isWhole = line.count <= limit && line.last == 0x0d
                let line = isWhole ? Array(line.dropLast()) : line
                return Line(start: Array(line.prefix(limit)), count: line.count)
            }
            #expect(Self.lines(output, limit: limit) { 1 + random.below(9) } == expected)
        }
    }
}
