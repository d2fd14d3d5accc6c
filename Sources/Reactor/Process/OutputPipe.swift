import CLinux
import Glibc

/// The end of a pipe at which is read what a program prints. Confined to its loop.
final class OutputPipe {
    /// Read of one pipe in one turn of the loop: as many lines as it can have are told in about a millisecond.
    private static let turnBytes = 16 << 10

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

    /// Reads what a program can have left in the pipe: as much as that holds (64 KiB, where nobody made it larger), whoever
    /// still writes to it.
    func readRest(_ body: (UnsafeRawBufferPointer) -> Void) {
        guard let number = descriptor?.number else { return }
        var left = Int(fcntl(number, clinux_get_pipe_size))
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
