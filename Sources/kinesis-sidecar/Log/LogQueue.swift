import Bytes
import Glibc

/// The lines of the log that wait to be written, bounded in bytes. Performs no I/O.
///
/// A line that does not fit is lost, and so is every one behind it until the writer has taken what waits: the note that
/// says how many there were then stands where they are missing.
struct LogQueue {
    /// Bytes that wait at most.
    let limit: Int
    private var waiting = ByteBuffer()
    /// Lines that were lost and that no note has told yet.
    private var untold = 0
    /// Lines that were lost since the start, because they did not fit or could not be written.
    private(set) var lost = 0

    init(limit: Int) {
        self.limit = limit
    }

    /// Whether `take` would give nothing.
    var isEmpty: Bool { waiting.isEmpty && untold == 0 }

    /// - Parameter line: with its end.
    mutating func append(_ line: ByteBuffer) {
        guard untold == 0, waiting.count + line.count <= limit else {
            untold += 1
            lost += 1
            return
        }
        waiting.append(line)
    }

    /// Lines that were taken and could not be written. No note tells of them: it would have to be written as well.
    mutating func couldNotWrite(_ lines: UnsafeRawBufferPointer.SubSequence) {
        lost += lines.count { $0 == UInt8(ascii: "\n") }
    }

    /// Everything that waits. Where lines are missing behind it, `note` writes the line that says so.
    mutating func take(note: (_ lostLines: Int) -> ByteBuffer) -> ByteBuffer {
        let taken = waiting
        if untold > 0 { taken.append(note(untold)) }
        waiting = ByteBuffer()
        untold = 0
        return taken
    }

    /// Where one write ends that begins at `start`: behind the last line that a pipe takes whole, so that lines of
    /// several processes never mix; behind the first one where that is longer.
    static func endOfWrite(from start: Int, in lines: UnsafeRawBufferPointer) -> Int {
        let newline = UInt8(ascii: "\n")
        let whole = lines[start..<min(lines.count, start + Int(PIPE_BUF))]
        let last = whole.lastIndex(of: newline) ?? lines[whole.endIndex...].firstIndex(of: newline)
        return last.map { $0 + 1 } ?? lines.count
    }
}
