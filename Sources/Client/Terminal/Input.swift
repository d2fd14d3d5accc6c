import Bytes
import Glibc
import Reactor

/// A descriptor that a command reads from. Pipes and terminals are waited for on the loop; files of a disk are read as they
/// are. Confined to its loop.
final class Input: @unchecked Sendable {
    /// Bytes that are read at once.
    static let partBytes = 64 * 1024

    let fd: Int32
    let isTerminal: Bool
    private var part = [UInt8](repeating: 0, count: Input.partBytes)

    init(fd: Int32) {
        self.fd = fd
        isTerminal = isatty(fd) == 1
    }

    static func open(_ path: String) -> Input? {
        let fd = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        return fd < 0 ? nil : Input(fd: fd)
    }

    func close() {
        if fd > 2 { _ = Glibc.close(fd) }
    }

    /// Bytes of a file; nil for what has no length.
    static func size(of path: String) -> Int? {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }

    /// Whether a read gives something, or the end, at once.
    var isReady: Bool {
        var readable = pollfd(fd: fd, events: Int16(POLLIN), revents: 0)
        return poll(&readable, 1, 0) > 0
    }

    /// Returns once `isReady`, or after `news` when `isOver` holds.
    func wait(on loop: EventLoop, orFor news: Gate, isOver: () -> Bool) async {
        guard !isReady else { return }
        // What epoll does not take (EPERM) is a file, which is always ready.
        guard let watch = try? loop.watch(fd, .read, { _ in news.open() }) else { return }
        defer { watch.cancel() }
        try? await news.wait(while: { !isOver() && !isReady })
    }

    enum Part {
        case bytes(Int)
        case end
        /// errno's text.
        case failed(String)
    }

    /// Appends what can be had by one read.
    func read(to buffer: ByteBuffer) -> Part {
        while true {
            let count = Glibc.read(fd, &part, part.count)
            if count > 0 {
                part.withUnsafeBytes { buffer.append(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
                return .bytes(count)
            }
            if count == 0 { return .end }
            if errno != EINTR { return .failed(SmallInput.lastError) }
        }
    }
}
