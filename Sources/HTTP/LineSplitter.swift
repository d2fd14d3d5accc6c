import Bytes

import func Glibc.memchr

/// Cuts a body into lines, in whatever parts it comes. LF ends a line, or CR LF; lines of white space alone are passed
/// over, but have their numbers. Performs no I/O.
///
/// Holds the line that is not complete, at most `limit` bytes of it and one part: beyond that it is told as too long, and
/// the rest is dropped as it comes. The lines are the same wherever the body is cut into parts.
package struct LineSplitter: Sendable {
    package enum Line: Equatable, Sendable {
        /// Where the line stands, without its end; see `text`.
        case text(Range<Int>)
        /// It has more than `limit` bytes.
        case tooLong
    }

    /// What is kept of a buffer that a long line has made large.
    private static let keptCapacity = 64 * 1024

    private let limit: Int
    private var buffer = ByteBuffer()
    /// Where the line begins that is not complete.
    private var start = 0
    /// There is no line feed between `start` and here.
    private var searched = 0
    /// The rest of a line that was given up is dropped.
    private var isSkipping = false
    /// The number of the line that was given last, blank ones counted; from 1.
    package private(set) var number = 0

    /// - Parameter limit: bytes that a line may have without its end.
    package init(limit: Int) {
        self.limit = limit
    }

    /// Bytes of memory in use.
    package var heldBytes: Int { buffer.capacity }

    package mutating func append(_ part: ByteBuffer) {
        buffer.append(part)
    }

    /// The next complete line, or one that is too long already; nil when more of the body is needed.
    package mutating func next() -> Line? {
        while let end = nextLineFeed() {
            let line = start..<end
            start = end + 1
            searched = start
            if isSkipping {
                isSkipping = false
            } else if let line = counted(line) {
                return line
            }
        }
        return partOfLongLine()
    }

    /// The body has ended in order: its last line, where no line feed ends it.
    package mutating func finish() -> Line? {
        let line = start..<buffer.count
        start = buffer.count
        searched = start
        return isSkipping || line.isEmpty ? nil : counted(line)
    }

    /// Gives up the line that is not complete, which has a number from now on. False when there is none.
    package mutating func skipLine() -> Bool {
        guard !isSkipping, start < buffer.count else { return false }
        number += 1
        isSkipping = true
        dropAll()
        return true
    }

    /// A line's bytes, until the next call that changes the splitter.
    package func text(_ range: Range<Int>) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: buffer.bytes[range])
    }

    // MARK: Lines

    private mutating func nextLineFeed() -> Int? {
        let rest = buffer.count - searched
        guard rest > 0, let found = memchr(buffer.base + searched, Int32(ASCII.lineFeed), rest) else {
            searched = buffer.count
            return nil
        }
        return UnsafeRawPointer(found) - UnsafeRawPointer(buffer.base)
    }

    /// Gives the line its number; nil for a blank one.
    private mutating func counted(_ line: Range<Int>) -> Line? {
        number += 1
        let text = withoutReturn(line)
        if text.count > limit { return .tooLong }
        return isBlank(text) ? nil : .text(text)
    }

    private func withoutReturn(_ line: Range<Int>) -> Range<Int> {
        guard let last = line.last, buffer[last] == ASCII.carriageReturn else { return line }
        return line.dropLast()
    }

    private func isBlank(_ line: Range<Int>) -> Bool {
        for index in line {
            let byte = buffer[index]
            guard byte == ASCII.space || byte == ASCII.tab || byte == ASCII.carriageReturn else { return false }
        }
        return true
    }

    // MARK: The line that is not complete

    private mutating func partOfLongLine() -> Line? {
        if isSkipping {
            dropAll()
        } else if withoutReturn(start..<buffer.count).count > limit, skipLine() {
            return .tooLong
        } else {
            moveToFront()
        }
        return nil
    }

    private mutating func dropAll() {
        start = buffer.count
        moveToFront()
    }

    /// Gives the memory of what has been used back.
    private mutating func moveToFront() {
        let rest = buffer.count - start
        if buffer.capacity > Self.keptCapacity, rest < buffer.capacity / 4 {
            let smaller = ByteBuffer(capacity: max(rest, Self.keptCapacity))
            smaller.append(text(start..<buffer.count))
            buffer = smaller
        } else if start > 0 {
            buffer.removeFirst(start)
        }
        start = 0
        searched = buffer.count
    }
}
