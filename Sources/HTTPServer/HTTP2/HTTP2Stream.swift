import Bytes
import CNGHTTP2
import HTTP
import Reactor

/// One stream of HTTP/2: a request, whose body comes in frames, and its answer. Confined to its loop.
///
/// What is written lies in `outgoing` until flow control lets nghttp2 take it; a write returns when the kernel has the last of
/// it.
final class HTTP2Stream: ExchangeStream, @unchecked Sendable {
    /// Answers up to this size leave with the turn; of larger ones the handler waits until the kernel has them.
    private static let small = 8 * 1024

    /// What is still to come of the request's body.
    private enum Coming {
        case more
        /// Nobody wants what comes.
        case unwanted
        case nothing
    }

    /// How far the answer is.
    private enum Answer {
        /// More may be written.
        case open
        /// The same, and nghttp2 was told that nothing is there: it has to be told when there is.
        case waiting
        /// All was written that will be, but for the trailers, where there are any.
        case ended(trailers: HTTP2Fields?)
    }

    let connection: HTTP2Connection
    let id: Int32
    /// The fields of the request; nil: all have come.
    var request: HTTP2Request? = HTTP2Request()
    /// What is served; nil before, and after the handler has returned.
    var exchange: HTTPExchange?
    /// Both sides have ended, or one of them has reset it.
    private(set) var isClosed = false

    // The request's body.
    /// What has come of it and was not read; nil: nothing.
    private var arrived: ByteBuffer?
    private var coming = Coming.more
    /// Who waits for more of it; true tells them that nothing came in time.
    private var reader: UnsafeContinuation<Bool, Never>?
    /// Bytes that Content-Length says are still to be read; nil: it says nothing.
    private var missing: Int?

    // The answer.
    private var outgoing = Fifo<ByteBuffer>()
    /// Bytes of the first of `outgoing` that were taken.
    private var taken = 0
    private var answer = Answer.open
    private var hasAnswerEnded: Bool { if case .ended = answer { true } else { false } }
    /// Who waits until the kernel has all; false tells them that it never will.
    private var writers: [UnsafeContinuation<Bool, Never>] = []
    /// Counts bytes that nghttp2 took.
    private var progress = 0
    /// When the peer has to have taken something; nil: nobody waits for that.
    private var limit: TimerToken?

    init(_ connection: HTTP2Connection, _ id: Int32) {
        self.connection = connection
        self.id = id
    }

    var server: HTTPServer { connection.server }
    var channel: Channel { connection.channel }
    var isOpen: Bool { !isClosed && channel.isOpen }
    private var loop: EventLoop { server.loop }

    // MARK: From the connection

    /// The head is there.
    func begin(_ facts: RequestFacts) { missing = facts.contentLength }

    func received(_ data: UnsafeRawBufferPointer) {
        if coming == .unwanted { return connection.consumed(data.count, of: id) }
        guard !data.isEmpty else { return }
        if let arrived { arrived.append(data) } else { arrived = ByteBuffer(data) }
        wakeReader()
    }

    func bodyEnded() {
        coming = .nothing
        wakeReader()
    }

    /// - Parameter isOrderly: both sides have said all.
    func closed(isOrderly: Bool) {
        guard !isClosed else { return }
        isClosed = true
        // What nobody will read has to be given back to the connection's window.
        if let arrived { connection.consumed(arrived.count, of: nil) }
        arrived = nil
        wakeReader()
        // Of an orderly end the last frames may still be on their way to the kernel.
        if !isOrderly || !outgoing.isEmpty { wakeWriters(isTaken: false) }
        if !isOrderly || !hasAnswerEnded { exchange?.disconnected() }
    }

    /// The handler has returned. Of a body that nobody read to its end no more is wanted (RFC 9113, 8.1).
    func handlerEnded() {
        exchange = nil
        if isOpen, coming != .nothing { connection.reset(id, NGHTTP2_NO_ERROR, behindAnswer: true) }
    }

    // MARK: The request's body

    var body: BodyProgress {
        if coming == .nothing, arrived == nil { return .none }
        return missing.map(BodyProgress.length) ?? .untilEnd
    }

    func readBody(into buffer: ByteBuffer, within time: Duration?) async throws(HTTPBodyError) -> Bool {
        while true {
            if let arrived {
                take(arrived, into: buffer)
                return true
            }
            if coming == .nothing { return false }
            guard isOpen else { throw .connectionClosed }
            if coming == .unwanted { throw .abandoned }
            try await waitForBody(time)
        }
    }

    func takeArrivedBody(limit: Int) -> ByteBuffer? {
        guard coming == .nothing, let body = arrived, body.count <= limit else { return nil }
        arrived = nil
        missing = missing.map { $0 - body.count }
        connection.consumed(body.count, of: id)
        return body
    }

    private func take(_ arrived: ByteBuffer, into buffer: ByteBuffer) {
        // As of HTTP/1.1 a piece is as long as what is there already, or 16 KiB.
        let count = min(arrived.count, max(BufferPool.bufferBytes, buffer.count))
        buffer.append(UnsafeRawBufferPointer(rebasing: arrived.bytes[..<count]))
        arrived.removeFirst(count)
        if arrived.isEmpty { self.arrived = nil }
        if let missing { self.missing = missing - count }
        connection.consumed(count, of: id)
    }

    private func waitForBody(_ time: Duration?) async throws(HTTPBodyError) {
        precondition(reader == nil, "a body has one reader")
        let timer = time.map { loop.schedule(after: $0) { [weak self] in self?.wakeReader(hasTimedOut: true) } }
        let hasTimedOut = await withUnsafeContinuation { reader = $0 }
        if let timer { loop.cancel(timer) }
        if hasTimedOut { throw .timedOut }
    }

    private func wakeReader(hasTimedOut: Bool = false) {
        guard let continuation = reader else { return }
        reader = nil
        continuation.resume(returning: hasTimedOut)
    }

    func abandonBody() {
        if coming == .more { coming = .unwanted }
        wakeReader()
    }

    func refuseRest() {}

    // MARK: The answer

    func respond(
        _ status: HTTPStatus, _ headers: HTTPHeaders, length: Int, _ body: ByteBuffer?, trailers: HTTPHeaders
    ) async {
        let fields = HTTP2Fields(
            status, headers, length: status.isBodiless ? nil : length, date: server.dateLine.value)
        let body = body.flatMap { $0.isEmpty ? nil : $0 }
        end(trailers)
        if let body { outgoing.append(body) }
        connection.submit(fields, for: id, hasBody: body != nil)
        if length > Self.small, body != nil {
            try? await waitUntilTaken(server.limits.answerTime)
        }
    }

    func begin(
        _ status: HTTPStatus, _ headers: HTTPHeaders, isHead: Bool, peerMayHalfClose: Bool, closesConnection: Bool
    ) async throws(ConnectionClosed) {
        let fields = HTTP2Fields(status, headers, length: nil, date: server.dateLine.value)
        if isHead { answer = .ended(trailers: nil) }
        connection.submit(fields, for: id, hasBody: !isHead)
    }

    var carriesTrailers: Bool { true }

    var isWriting: Bool { !writers.isEmpty }

    func write(_ chunks: [ByteBuffer], within time: Duration) async throws(ConnectionClosed) -> Int {
        guard isOpen, !hasAnswerEnded else { throw ConnectionClosed() }
        var size = 0
        for chunk in chunks where !chunk.isEmpty {
            outgoing.append(chunk)
            size += chunk.count
        }
        guard size > 0 else { return 0 }
        turns(to: .open)
        try await waitUntilTaken(time)
        return size
    }

    func hasten(to time: Duration) {
        if isWriting { limitTime(to: time) }
    }

    func finish(trailers: HTTPHeaders) async {
        guard isOpen, !hasAnswerEnded else { return }
        end(trailers)
        connection.flushSoon()
        // What still comes of the body is refused behind the answer, which has to be out by then.
        if coming != .nothing { try? await waitUntilTaken(server.limits.answerTime) }
    }

    private func end(_ trailers: HTTPHeaders) {
        turns(to: .ended(trailers: trailers.isEmpty ? nil : HTTP2Fields(trailers: trailers)))
    }

    /// Proof is that the peer answers a PING that went behind the last frame: its HTTP/2 has read all of them. What its
    /// program makes of them nobody can say.
    func finishWithProof(trailers: HTTPHeaders) async -> Bool {
        await finish(trailers: trailers)
        do throws(ConnectionClosed) { try await waitUntilTaken(server.limits.lingerTime) } catch { return false }
        return await connection.isHeard(within: server.limits.lingerTime)
    }

    func abort() {
        guard isOpen else { return }
        connection.reset(id, NGHTTP2_INTERNAL_ERROR, behindAnswer: false)
        closed(isOrderly: false)
    }

    // MARK: What nghttp2 takes

    /// What stands in the next frame of data.
    enum Provided {
        /// So many bytes; more may follow.
        case bytes(Int)
        /// So many, and they are the last; the trailers follow.
        case last(Int, trailers: HTTP2Fields?)
        /// There is nothing now.
        case nothing
    }

    func provide(into buffer: UnsafeMutableRawPointer, room: Int) -> Provided {
        var count = 0
        while count < room, let chunk = outgoing.first {
            let part = min(room - count, chunk.count - taken)
            (buffer + count).copyMemory(from: chunk.base + taken, byteCount: part)
            count += part
            taken += part
            if taken == chunk.count {
                outgoing.popFirst()
                taken = 0
            }
        }
        progress += count
        if outgoing.isEmpty {
            if !writers.isEmpty { connection.drained(self) }
            if case .ended(let trailers) = answer { return .last(count, trailers: trailers) }
            if count == 0 {
                answer = .waiting
                return .nothing
            }
        }
        return .bytes(count)
    }

    private func turns(to next: Answer) {
        if case .waiting = answer { connection.resume(id) }
        answer = next
    }

    /// The kernel has what was taken so far, or will never have it.
    func wakeWriters(isTaken: Bool) {
        if let limit { loop.cancel(limit) }
        limit = nil
        let waiting = writers
        writers = []
        for writer in waiting { writer.resume(returning: isTaken) }
    }

    /// Returns when the kernel has all of `outgoing`.
    private func waitUntilTaken(_ time: Duration) async throws(ConnectionClosed) {
        connection.flushSoon()
        guard isOpen, !outgoing.isEmpty || connection.holdsOutput else {
            if isOpen || hasAnswerEnded && outgoing.isEmpty { return }
            throw ConnectionClosed()
        }
        if outgoing.isEmpty { connection.drained(self) }
        limitTime(to: time)
        guard await withUnsafeContinuation({ writers.append($0) }) else { throw ConnectionClosed() }
    }

    /// The peer has to take something within this time, as long as somebody waits; zero is without end.
    private func limitTime(to time: Duration) {
        if let limit { loop.cancel(limit) }
        limit = nil
        guard time > .zero else { return }
        limit = loop.schedule(after: time) { [weak self, progress] in
            guard let self else { return }
            limit = nil
            if self.progress == progress { abort() } else { limitTime(to: time) }
        }
    }
}
