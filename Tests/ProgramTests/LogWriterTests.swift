import Bytes
import Glibc
import Testing

@testable import kinesis_sidecar

@Suite struct LogWriterTests {
    @Test func `lines that the descriptor refuses count as lost`() throws {
        let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
        try #require(full >= 0)
        // Its thread lives as long as the process, and so does the descriptor.
        let log = try LogWriter(full) { ByteBuffer("(\($0) lost)\n") }
        for line in ["a\n", "b\n"] { log.append(ByteBuffer(line)) }
        log.flush(within: .seconds(20))
        #expect(log.lostLines == 2)
        log.append(ByteBuffer("c\n"))
        log.flush(within: .seconds(20))
        #expect(log.lostLines == 3)
    }

    @Test func `what a pipe takes is not lost, what its end leaves over is`() throws {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        let log = try LogWriter(ends[1]) { ByteBuffer("(\($0) lost)\n") }
        log.append(ByteBuffer("a\n"))
        log.flush(within: .seconds(20))
        #expect(log.lostLines == 0)
        signal(SIGPIPE, SIG_IGN)
        close(ends[0])
        log.append(ByteBuffer("b\n"))
        log.flush(within: .seconds(20))
        #expect(log.lostLines == 1)
    }
}
