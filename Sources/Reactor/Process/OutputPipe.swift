import CLinux
import Glibc

/// The end of a pipe at which is read what a program prints. Confined to its loop.
final class OutputPipe {
    /// Read of one pipe in one turn of the loop: what a pipe holds unless its writer made it larger (pipe(7)).
    private static let turnBytes = 64 << 10
    /// Larger than anybody may make a pipe (/proc/sys/fs/pipe-max-size, which only root goes beyond).
    private static let largestPipe = 1 << 20

    private var descriptor: Descriptor?
    private var watch: Watch?

    init(_ descriptor: consuming Descriptor) {
        self.descriptor = consume descriptor
    }

    deinit { close() }

    /// Calls `becameReadable` when there is something to read, up to `close`.
    func watch(on loop: EventLoop, _ becameReadable: @escaping () -> Void) throws(SystemError) {
        guard let number = descriptor?.number else { return }
        _ = fcntl(number, F_SETFL, O_NONBLOCK)
        watch = try loop.watch(number, .read) { _ in becameReadable() }
    }

    var isOpen: Bool { descriptor != nil }

    /// Reads a turn's share. The pipe is closed where it is at its end, or broken.
    func read(_ body: (UnsafeRawBufferPointer) -> Void) {
        _ = read(upTo: Self.turnBytes, body)
    }

    /// Reads what a program can have left in the pipe. Whoever still writes to it does not make that more.
    func readRest(_ body: (UnsafeRawBufferPointer) -> Void) {
        var left = Self.largestPipe
        while left > 0 {
            let count = read(upTo: min(left, Self.turnBytes), body)
            if count == 0 { return }
            left -= count
        }
    }

    /// Bytes that were there: 0 for now, or for ever.
    private func read(upTo limit: Int, _ body: (UnsafeRawBufferPointer) -> Void) -> Int {
        guard let number = descriptor?.number else { return 0 }
        return withUnsafeTemporaryAllocation(byteCount: limit, alignment: 16) { room in
            let count = retryingInterrupts { Glibc.read(number, room.baseAddress, limit) }
            if count > 0 {
                body(UnsafeRawBufferPointer(rebasing: room[..<count]))
            } else if count == 0 || errno != EAGAIN {
                close()
            }
            return max(count, 0)
        }
    }

    /// Nothing is read any more: whoever writes to it gets SIGPIPE.
    func close() {
        watch?.cancel()
        watch = nil
        descriptor = nil
    }
}
