import Bytes
import Glibc
import Reactor

/// Writes the log's lines to a file descriptor on a thread of its own: where nobody takes them, that thread waits and
/// no other does.
final class LogWriter: @unchecked Sendable {
    /// Bytes that wait while the descriptor takes nothing: some 1,500 lines. As many again may be with the thread.
    private static let queueBytes = 256 * 1024

    private let fd: Int32
    private let note: @Sendable (_ lostLines: Int) -> ByteBuffer
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private let changed: UnsafeMutablePointer<pthread_cond_t>
    // Under the lock.
    private var queue = LogQueue(limit: LogWriter.queueBytes)
    private var isWriting = false

    /// Starts the thread, which lives as long as the process.
    /// - Parameter note: the line that says how many lines are missing before it.
    init(_ fd: Int32, note: @escaping @Sendable (_ lostLines: Int) -> ByteBuffer) throws(SystemError) {
        self.fd = fd
        self.note = note
        lock = .allocate(capacity: 1)
        changed = .allocate(capacity: 1)
        pthread_mutex_init(lock, nil)
        var monotonic = pthread_condattr_t()
        pthread_condattr_init(&monotonic)
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC)
        pthread_cond_init(changed, &monotonic)
        try startThread()
    }

    private func startThread() throws(SystemError) {
        var handle = pthread_t()
        let context = Unmanaged.passRetained(self)
        let code = pthread_create(
            &handle, nil,
            { context in
                Unmanaged<LogWriter>.fromOpaque(context!).takeRetainedValue().run()
                return nil
            }, context.toOpaque())
        guard code == 0 else {
            context.release()
            throw SystemError("pthread_create", code)
        }
        pthread_detach(handle)
    }

    // MARK: From any thread

    /// - Parameter line: with its end. Nobody writes to it any more.
    func append(_ line: ByteBuffer) {
        withLock {
            queue.append(line)
            pthread_cond_broadcast(changed)
        }
    }

    /// Lines that were lost since the start, because the descriptor did not take them or those before them.
    var lostLines: Int { withLock { queue.lost } }

    /// Returns when everything is written that was appended before, or after `patience`.
    func flush(within patience: Duration) {
        let deadline = ContinuousClock.now + patience
        withLock {
            while isWriting || !queue.isEmpty {
                let left = deadline - .now
                guard left > .zero else { return }
                wait(for: left)
            }
        }
    }

    /// Under the lock.
    private func wait(for time: Duration) {
        var until = timespec()
        clock_gettime(CLOCK_MONOTONIC, &until)
        let (seconds, attoseconds) = time.components
        let nanoseconds = until.tv_nsec + Int(attoseconds / 1_000_000_000)
        until.tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
        until.tv_nsec = nanoseconds % 1_000_000_000
        pthread_cond_timedwait(changed, lock, &until)
    }

    private func withLock<T>(_ body: () -> T) -> T {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return body()
    }

    // MARK: On the thread

    private func run() {
        while true { write(next()) }
    }

    /// Waits for lines.
    private func next() -> ByteBuffer {
        withLock {
            isWriting = false
            pthread_cond_broadcast(changed)
            while queue.isEmpty { pthread_cond_wait(changed, lock) }
            isWriting = true
            return queue.take(note: note)
        }
    }

    /// What the descriptor refuses for good, a full disk or a pipe whose reader has gone say, is dropped and counted: there
    /// is nobody to tell.
    private func write(_ lines: ByteBuffer) {
        var start = 0
        while start < lines.count {
            let end = LogQueue.endOfWrite(from: start, in: lines.bytes)
            let count = Glibc.write(fd, lines.base + start, end - start)
            if count > 0 {
                start += count
            } else if errno == EAGAIN {
                // Somebody who shares the descriptor has made it non-blocking.
                var writable = pollfd(fd: fd, events: Int16(POLLOUT), revents: 0)
                poll(&writable, 1, -1)
            } else if errno != EINTR {
                withLock { queue.couldNotWrite(lines.bytes[start...]) }
                return
            }
        }
    }
}
