import Bytes
import CLinux
import Glibc

/// The end of a pipe at which is written what a program reads. Confined to its loop.
final class InputPipe {
    /// Pieces that one call writes.
    private static let piecesPerCall = 64

    private var descriptor: Descriptor?
    private var watch: Watch?
    /// Who waits for room.
    private var writer: Suspension<Void>?

    init(_ descriptor: consuming Descriptor) {
        self.descriptor = consume descriptor
    }

    deinit { close() }

    /// - Parameter bytes: what the pipe is to hold. It holds less where the kernel allows no more.
    func watch(on loop: EventLoop, bytes: Int) throws(SystemError) {
        guard let number = descriptor?.number else { return }
        _ = fcntl(number, F_SETFL, O_NONBLOCK)
        _ = fcntl(number, clinux_set_pipe_size, Int32(clamping: bytes))
        // Nothing is asked for: that the last reader has gone is told in any case.
        watch = try loop.watch(number, []) { [unowned self] in ready($0) }
    }

    /// Returns once the pipe has taken all of it.
    /// - Throws: EPIPE where nobody reads any more, or `close` was called: a part may have been taken.
    func write(_ pieces: [ByteBuffer]) async throws(SystemError) {
        var left = pieces[...]
        var skip = 0
        while true {
            skip += try send(left, skip: skip)
            while let first = left.first, skip >= first.count {
                skip -= first.count
                left.removeFirst()
            }
            if left.isEmpty { return }
            // The pipe is full, but for a reader that is as fast: the loop's other work has its turn.
            await room()
        }
    }

    /// Writes as many as the pipe takes, beginning `skip` bytes into the first; 0 where that is full.
    private func send(_ pieces: ArraySlice<ByteBuffer>, skip: Int) throws(SystemError) -> Int {
        guard let number = descriptor?.number else { throw SystemError("write", EPIPE) }
        let count = min(pieces.count, Self.piecesPerCall)
        let taken = withUnsafeTemporaryAllocation(of: iovec.self, capacity: count) { vectors in
            for (index, piece) in pieces.prefix(count).enumerated() {
                let skip = index == 0 ? skip : 0
                vectors[index] = iovec(iov_base: piece.base + skip, iov_len: piece.count - skip)
            }
            return retryingInterrupts { writev(number, vectors.baseAddress, Int32(count)) }
        }
        if taken >= 0 { return taken }
        let error = SystemError("write")
        if error.code == EAGAIN { return 0 }
        close()
        throw error
    }

    private func room() async {
        precondition(writer == nil, "one writes at a time")
        await withSuspension { suspension in
            guard let watch else { return suspension.resume() }
            watch.change(.write)
            writer = suspension
        }
    }

    private func ready(_ readiness: Readiness) {
        // Of a pipe's writing end: nobody reads it (poll(2)).
        if readiness.contains(.error) { return close() }
        watch?.change([])
        wakeWriter()
    }

    private func wakeWriter() {
        guard let writer else { return }
        self.writer = nil
        writer.resume()
    }

    /// The program reads the end behind what was written. Who waits for room gets an error.
    func close() {
        watch?.cancel()
        watch = nil
        descriptor = nil
        wakeWriter()
    }
}
