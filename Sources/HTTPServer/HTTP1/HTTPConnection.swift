import Bytes
import HTTP
import Reactor

/// One connection that speaks HTTP/1.1: a channel, what was read from it, what waits to be written, and the one task that
/// serves it. Confined to its loop.
///
/// The task waits in one of two ways, `input.reader` and `output.writer`; the channel's events, the deadlines and `shut` end
/// the waits. Heads are parsed where the bytes are read, so that the task is only woken for a whole one. Answers gather in
/// `output` and leave with one `send` at the end of the turn.
///
/// `run` (HTTPConnection+Serve), input and bodies (+Input), output (+Output), answers (+Answer).
final class HTTPConnection: ChannelUser, ServerConnection, @unchecked Sendable {
    /// What the bytes that arrive are for.
    enum Wish {
        /// TLS is not agreed on yet.
        case handshake
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
        /// What was read begins as HTTP/2 does.
        case http2
        case refused(HTTPParseError)
        case timedOut
        /// Nothing more will come, or nothing more is wanted.
        case closed
    }

    /// What was read, and who waits for more: at most a head, or what one read brought.
    struct Input {
        var buffer: ByteBuffer?
        /// Bytes of `buffer` before this one have been used.
        var start = 0
        var hasEnded = false
        var wish = Wish.nothing
        var reader: UnsafeContinuation<Void, Never>?
        var hasTimedOut = false
        var headOutcome: HeadOutcome?
    }

    /// Small answers that leave together, and who waits until what they write is taken.
    struct Output {
        var buffer: ByteBuffer?
        /// Bytes of `buffer` before this one were taken.
        var start = 0
        var isFlushScheduled = false
        var isWriting = false
        var writer: UnsafeContinuation<Void, Never>?
        var writersInLine: [UnsafeContinuation<Void, Never>] = []
    }

    let server: HTTPServer
    let channel: Channel
    var input = Input()
    var output = Output()
    private var deadlines = Deadlines()
    var head = RequestHead()
    var parser: RequestHeadParser

    // The request that is being served.
    var body = BodyProgress.none
    var owesContinue = false
    /// The handler wants no more of the body.
    var isBodyAbandoned = false
    var exchange: HTTPExchange?
    var answerFraming = AnswerFraming.chunked
    /// A request was read.
    var hasServed = false
    /// The connection ends behind the current answer.
    var mustClose = false

    init(_ channel: Channel, server: HTTPServer) {
        self.channel = channel
        self.server = server
        parser = RequestHeadParser(limits: server.limits)
        channel.user = self
    }

    var isOpen: Bool { channel.isOpen }
    var loop: EventLoop { server.loop }
    var limits: HTTPLimits { server.limits }

    // MARK: Events

    func peerIsGone() { shut() }

    func peerFinished() {
        guard let exchange, exchange.onPeerFinished != nil else { return shut() }
        channel.interest.remove(.peerClosed)
        exchange.peerFinished()
    }

    func becameReadable() {
        switch input.wish {
        case .head: readHead()
        case .handshake, .body, .farewell: wakeReader()
        case .nothing: channel.interest.remove(.read)
        }
    }

    func wakeReader() {
        guard let continuation = input.reader else { return }
        input.reader = nil
        continuation.resume()
    }

    func wakeWriter() {
        guard let continuation = output.writer else { return }
        output.writer = nil
        continuation.resume()
    }

    // MARK: The end

    /// Closes the channel, wakes whoever waits and tells the exchange. Nothing happens on a closed connection.
    func shut() { shut(withReset: false) }

    func shut(withReset: Bool) {
        guard isOpen else { return }
        channel.close(withReset: withReset)
        endDeadlines()
        dropInput()
        dropOutput()
        input.headOutcome = .closed
        wakeReader()
        wakeWriter()
        exchange?.disconnected()
    }

    // MARK: Deadlines

    func setReadDeadline(after time: Duration) {
        deadlines.setRead(loop.now + time)
        setTimer()
    }

    /// Somebody else has the channel from here on.
    func endDeadlines() { deadlines.end(on: loop) }

    func clearReadDeadline() { deadlines.clearRead() }

    /// Zero is no deadline.
    func setWriteDeadline(after time: Duration) {
        guard time > .zero, isOpen else { return }
        deadlines.setWrite(after: time, now: loop.now, unacknowledgedBytes: channel.unacknowledgedBytes)
        setTimer()
    }

    func clearWriteDeadline() { deadlines.clearWrite() }

    private func setTimer() {
        guard isOpen, let instant = deadlines.neededTimer else { return }
        let token = loop.schedule(at: instant) { [unowned self] in timerFired() }
        if let former = deadlines.timerIsSet(token, at: instant) { loop.cancel(former) }
    }

    private func timerFired() {
        let passed = deadlines.timerFired(now: loop.now) { channel.unacknowledgedBytes }
        if passed.write { return shut(withReset: true) }
        if passed.read { readExpired() }
        setTimer()
    }

    private func readExpired() {
        switch input.wish {
        case .nothing: break
        case .head:
            input.headOutcome = hasInput ? .timedOut : .closed
            wakeReader()
        case .handshake, .body, .farewell:
            input.hasTimedOut = true
            wakeReader()
        }
    }
}
