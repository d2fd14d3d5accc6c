import Bytes
import Testing

@testable import kinesis_sidecar

@Suite struct LogQueueTests {
    private func taken(_ queue: inout LogQueue) -> String {
        queue.take { ByteBuffer("(\($0) lost)\n") }.text
    }

    @Test func `lines are taken in their order, together`() {
        var queue = LogQueue(limit: 100)
        for line in ["a\n", "b\n"] { queue.append(ByteBuffer(line)) }
        #expect(!queue.isEmpty)
        let lines = taken(&queue)
        #expect(lines == "a\nb\n")
        #expect(queue.isEmpty)
        #expect(queue.lost == 0)
    }

    @Test func `a line that does not fit is lost, and the note stands where it is missing`() {
        var queue = LogQueue(limit: 5)
        for line in ["ab\n", "cde\n"] { queue.append(ByteBuffer(line)) }
        let before = taken(&queue)
        #expect(before == "ab\n(1 lost)\n")
        queue.append(ByteBuffer("f\n"))
        let after = taken(&queue)
        #expect(after == "f\n")
        #expect(queue.lost == 1)
    }

    @Test func `behind a lost line none is kept until what waits was taken`() {
        var queue = LogQueue(limit: 5)
        for line in ["ab\n", "cde\n", "f\n"] { queue.append(ByteBuffer(line)) }
        let lines = taken(&queue)
        #expect(lines == "ab\n(2 lost)\n")
        #expect(queue.lost == 2)
    }

    @Test func `a line over the limit leaves its note alone`() {
        var queue = LogQueue(limit: 2)
        queue.append(ByteBuffer("abc\n"))
        #expect(!queue.isEmpty)
        let lines = taken(&queue)
        #expect(lines == "(1 lost)\n")
        #expect(queue.isEmpty)
    }

    @Test func `a write ends behind the last line that a pipe takes whole`() {
        let line = String(repeating: "x", count: 1499) + "\n"
        let lines = ByteBuffer(line + line + line + String(repeating: "y", count: 9999) + "\n" + "z\n")
        var ends: [Int] = []
        while ends.last != lines.count {
            ends.append(LogQueue.endOfWrite(from: ends.last ?? 0, in: lines.bytes))
        }
        #expect(ends == [3000, 4500, 14_500, 14_502])
    }
}
