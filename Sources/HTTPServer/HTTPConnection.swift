import Bytes
import Glibc
import HTTP
import Reactor

/// One connection: a socket, what was read from it, what waits to be written, and the one task that serves it.
/// Confined to its loop.
///
/// The task waits in one of two ways, `reader` and `writer`; the socket's events, the deadlines and `shut` end the
/// waits. Heads are parsed where the bytes are read, so that the task is only woken for a whole one. Answers gather in
/// `output` and leave with one `send` at the end of the turn.
///
/// `run` (HTTPConnection+Serve), input and bodies (+Input), output (+Output).
final class HTTPConnection: @unchecked Sendable {
    /// What the bytes that arrive are for.
    enum Wish {
        /// Nobody reads: an event switches the interest off until somebody does.
        case nothing
        /// The task waits for a head.
        case head
        /// The task waits for bytes of a body.
        case body
        /// The last answer has been sent; what still comes is read away.
        case farewell
    }

    /// What became of waiting for a head.
    enum HeadOutcome {
        /// `head` is filled.
        case request
        case refused(HTTPParseError)
        case timedOut
        /// Nothing more will come, or nothing more is wanted.
        case closed
    }

    // Masks, because the set operations of another module's option sets are neither inlined nor specialised here.
    private static let gone = Readiness.hangUp.rawValue | Readiness.error.rawValue
    private static let error = Readiness.error.rawValue
    private static let writable = Readiness.write.rawValue
    private static let readable = Readiness.read.rawValue
    private static let peerClosed = Readiness.peerClosed.rawValue

    let server: HTTPServer
    let peer: SocketAddress
    /// -1 once it is closed.
    private(set) var fd: Int32
    private var watch: Watch?

    /// What epoll is asked for. It is left standing after a wait: asking anew for each would be a system call each.
    var interest: Interest = .read {
        didSet { watch?.change(interest) }
    }

    // Input: at most a head, or what one read brought.
    var input: ByteBuffer?
    /// Bytes of `input` before this one have been used.
    var inputStart = 0
    var inputEnded = false
    var head = RequestHead()
    var parser: RequestHeadParser
    var headOutcome: HeadOutcome?
    var wish = Wish.nothing
    var reader: UnsafeContinuation<Void, Never>?
    var readTimedOut = false

    // Output: small answers that leave together.
    var output: ByteBuffer?
    var outputStart = 0
    var isFlushScheduled = false
    var isWriting = false
    var writer: UnsafeContinuation<Void, Never>?
    var writersInLine: [UnsafeContinuation<Void, Never>] = []

    // The request that is being served.
    var body = BodyProgress.none
    var owesContinue = false
    /// The handler wants no more of the body.
    var isBodyAbandoned = false
    /// The connection ends behind the current answer.
    var mustClose = false
    /// Nothing is sent any more, and the peer has been told.
    private(set) var hasShutWriting = false
    /// Somebody waits for proof that all of it has arrived: a peer's close alone does not end the connection.
    var awaitsProof = false
    /// The peer's FIN has come behind our own, and no reset. It says nothing about what it has acknowledged.
    private(set) var hasPeerClosed = false
    var exchange: HTTPExchange?

    // Deadlines share one timer, which is only moved when a deadline comes before it: a busy connection's idle time is
    // pushed back with every request, and its timer is not touched.
    private var readDeadline: EventLoop.Instant?
    private var writeDeadline: EventLoop.Instant?
    private var writeTime = Duration.zero
    /// Bytes that the peer had not acknowledged when the write's deadline was set.
    private var unacknowledgedBytes = 0
    private var timer: TimerToken?
    private var timerTime: EventLoop.Instant?

    init(fd: Int32, peer: SocketAddress, server: HTTPServer) throws(SystemError) {
        self.fd = fd
        self.peer = peer
        self.server = server
        parser = RequestHeadParser(limits: server.limits)
        watch = try server.loop.watch(fd, interest) { [unowned self] in ready($0) }
    }

    var isOpen: Bool { fd >= 0 }
    var loop: EventLoop { server.loop }
    var limits: HTTPLimits { server.limits }

    // MARK: Events

    private func ready(_ readiness: Readiness) {
        let bits = readiness.rawValue
        if bits & Self.gone != 0 {
            // Without our own FIN a hang-up is a reset: there is nobody to answer. Behind it, both sides are done.
            guard awaitsProof, hasShutWriting, bits & Self.error == 0 else { return shut() }
            hasPeerClosed = true
            // epoll would tell of the hang-up in every turn, whether asked for or not.
            return unwatch()
        }
        if bits & Self.writable != 0 { becameWritable() }
        guard isOpen else { return }
        if bits & Self.peerClosed != 0 {
            guard let exchange, exchange.onPeerFinished != nil else { return shut() }
            interest.remove(.peerClosed)
            return exchange.peerFinished()
        }
        if bits & Self.readable != 0 { becameReadable() }
    }

    private func becameReadable() {
        switch wish {
        case .head: readHead()
        case .body, .farewell: wakeReader()
        case .nothing: interest.remove(.read)
        }
    }

    func wakeReader() {
        guard let continuation = reader else { return }
        reader = nil
        continuation.resume()
    }

    func wakeWriter() {
        guard let continuation = writer else { return }
        writer = nil
        continuation.resume()
    }

    // MARK: The end

    /// Tells the peer that nothing follows. What it sends can still be read.
    func shutWriting() {
        // It fails where the peer has reset the connection: then there is no FIN.
        guard isOpen, shutdown(fd, Int32(SHUT_WR)) == 0 else { return }
        hasShutWriting = true
    }

    /// Closes the socket, wakes whoever waits and tells the exchange. Nothing happens on a closed connection.
    func shut(withReset: Bool = false) {
        guard isOpen else { return }
        unwatch()
        if withReset { Socket.resetOnClose(fd) }
        close(fd)
        fd = -1
        if let timer { loop.cancel(timer) }
        timer = nil
        dropInput()
        dropOutput()
        headOutcome = .closed
        wakeReader()
        wakeWriter()
        exchange?.disconnected()
    }

    private func unwatch() {
        watch?.cancel()
        watch = nil
    }

    // MARK: Deadlines

    func setReadDeadline(after time: Duration) {
        readDeadline = loop.now + time
        arm()
    }

    func clearReadDeadline() {
        readDeadline = nil
    }

    /// Zero is no deadline. The deadline moves as long as the peer takes something: one that reads slowly empties a part of
    /// the kernel's buffer for a long time before that takes more.
    func setWriteDeadline(after time: Duration) {
        guard time > .zero, isOpen else { return }
        writeTime = time
        unacknowledgedBytes = Socket.unacknowledgedBytes(fd)
        writeDeadline = loop.now + time
        arm()
    }

    func clearWriteDeadline() {
        writeDeadline = nil
    }

    private func arm() {
        guard isOpen, let next = nextDeadline else { return }
        if let timerTime {
            guard next < timerTime else { return }
            if let timer { loop.cancel(timer) }
        }
        timerTime = next
        timer = loop.schedule(at: next) { [unowned self] in timerFired() }
    }

    private var nextDeadline: EventLoop.Instant? {
        guard let readDeadline else { return writeDeadline }
        guard let writeDeadline else { return readDeadline }
        return min(readDeadline, writeDeadline)
    }

    private func timerFired() {
        timer = nil
        timerTime = nil
        let now = loop.now
        if let writeDeadline, writeDeadline <= now {
            let left = Socket.unacknowledgedBytes(fd)
            // The kernel would go on offering what it holds to a peer that takes nothing.
            guard left < unacknowledgedBytes else { return shut(withReset: true) }
            unacknowledgedBytes = left
            self.writeDeadline = now + writeTime
        }
        if let readDeadline, readDeadline <= now {
            self.readDeadline = nil
            readExpired()
        }
        arm()
    }

    private func readExpired() {
        switch wish {
        case .nothing: break
        case .head:
            headOutcome = hasInput ? .timedOut : .closed
            wakeReader()
        case .body, .farewell:
            readTimedOut = true
            wakeReader()
        }
    }
}
