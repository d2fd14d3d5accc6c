import Bytes
import Glibc

/// A descriptor that a command writes to, which may be a terminal, a file or a pipe. Writing waits for who reads.
package final class Output: @unchecked Sendable {
    let fd: Int32
    package let isTerminal: Bool
    /// Why something could not be written, as the system says it; a reader that has left a pipe is no failure.
    private(set) var failure: String?

    package init(fd: Int32) {
        self.fd = fd
        isTerminal = isatty(fd) == 1
    }

    /// Whether it is a pipe, whose reader may leave while nothing is written.
    var isPipe: Bool {
        var status = stat()
        return fstat(fd, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
    }

    /// - Returns: false when nobody reads any more, or nothing can be written.
    package func write(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { write(UnsafeRawBufferPointer($0)) }
    }

    package func write(_ buffer: ByteBuffer) -> Bool {
        withExtendedLifetime(buffer) { write(buffer.bytes) }
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = Glibc.write(fd, rest.baseAddress, rest.count)
            if count > 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
            } else if errno == EAGAIN {
                // Somebody who shares the terminal has made it non-blocking.
                var writable = pollfd(fd: fd, events: Int16(POLLOUT), revents: 0)
                guard poll(&writable, 1, -1) > 0 || errno == EINTR else { return false }
            } else if errno != EINTR {
                if errno != EPIPE { failure = SmallInput.lastError }
                return false
            }
        }
        return true
    }

    package func check() throws(ClientError) {
        if let failure { throw .failed("its output cannot be written: \(failure)") }
    }
}
