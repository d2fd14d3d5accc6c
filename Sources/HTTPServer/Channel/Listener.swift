import Glibc
import Reactor

/// One listening socket. Confined to its loop.
///
/// Out of descriptors, accept fails for as long as a connection waits, and a level-triggered loop would spin: so one
/// spare descriptor is given up to answer that connection, and then nothing is accepted for a while.
final class Listener {
    /// Connections taken in one turn; the others' events have their turn between.
    private static let acceptsPerTurn = 64
    private static let pause = Duration.milliseconds(100)

    private let loop: EventLoop
    private let fd: Int32
    /// Of a Unix socket: its file, which goes with the listener.
    private let file: (path: String, inode: ino_t?)?
    private let accept: (Int32) -> Socket.Accepted
    private let take: (Int32, SocketAddress) -> Void
    private let report: (SystemError) -> Void
    private var watch: Watch?
    private var spare: Int32
    private var resumption: TimerToken?

    /// `accept` is a parameter for the test of its failures. `take` owns the descriptor that it gets.
    init(
        loop: EventLoop, fd: Int32, path: String? = nil,
        accept: @escaping (Int32) -> Socket.Accepted = Socket.accept,
        take: @escaping (Int32, SocketAddress) -> Void, report: @escaping (SystemError) -> Void
    ) throws(SystemError) {
        self.loop = loop
        self.fd = fd
        file = path.map { ($0, UnixSocket.inode($0)) }
        self.accept = accept
        self.take = take
        self.report = report
        spare = Self.openSpare()
        watch = try loop.watch(fd, .read) { [unowned self] _ in ready() }
    }

    /// Accepts no more; connections that wait in the kernel are reset.
    func stop() {
        guard let watch else { return }
        watch.cancel()
        self.watch = nil
        if let resumption { loop.cancel(resumption) }
        resumption = nil
        close(fd)
        if let file { UnixSocket.remove(file.path, inode: file.inode) }
        if spare >= 0 { close(spare) }
    }

    private func ready() {
        for _ in 0..<Self.acceptsPerTurn {
            guard watch != nil else { return }
            switch accept(fd) {
            case .connection(let connection, let peer): take(connection, peer)
            case .nothing: return
            case .aborted: continue
            case .failed(let error):
                report(error)
                answerWithSpare()
                return rest()
            }
        }
    }

    private func answerWithSpare() {
        guard spare >= 0 else { return }
        close(spare)
        if case .connection(let connection, _) = accept(fd) {
            let answer = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            var text = answer
            text.withUTF8 { _ = Socket.send(connection, $0.baseAddress!, $0.count) }
            shutdown(connection, Int32(SHUT_WR))
            close(connection)
        }
        spare = Self.openSpare()
    }

    private func rest() {
        watch?.change([])
        resumption = loop.schedule(after: Self.pause) { [unowned self] in
            resumption = nil
            if spare < 0 { spare = Self.openSpare() }
            watch?.change(.read)
        }
    }

    private static func openSpare() -> Int32 {
        open("/dev/null", O_RDONLY | O_CLOEXEC)
    }
}
