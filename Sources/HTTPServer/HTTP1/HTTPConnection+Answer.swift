import Bytes
import HTTP
import Reactor

/// The answer to the request that is served.
extension HTTPConnection: ExchangeStream {
    /// How the body of an answer that comes in pieces is delimited.
    enum AnswerFraming {
        /// HEAD: there is none.
        case none
        case chunked
        /// HTTP/1.0: the end of the connection is the end of the body.
        case untilClose
    }

    /// Answers up to this size are copied and leave together with others; larger ones are sent from where they are.
    private static let copiedBytes = 8 * 1024
    private static let lineEnd = ByteBuffer("\r\n")
    private static let lastChunk = ByteBuffer("0\r\n\r\n")

    func refuseRest() { mustClose = true }

    func respond(
        _ status: HTTPStatus, _ headers: HTTPHeaders, length: Int, _ body: ByteBuffer?, trailers: HTTPHeaders
    ) async {
        precondition(trailers.isEmpty, "trailers over HTTP/1.1")
        if !canDiscardBody { mustClose = true }
        let buffer = outputBuffer()
        ResponseHead.append(
            status, headers: headers, framing: status.isBodiless ? .none : .length(length), persistence: persistence,
            date: server.dateLine.current, to: buffer)
        guard let body else { return }
        if length <= Self.copiedBytes {
            buffer.append(body)
        } else {
            try? await send([body], within: limits.answerTime)
        }
    }

    func begin(
        _ status: HTTPStatus, _ headers: HTTPHeaders, isHead: Bool, peerMayHalfClose: Bool, closesConnection: Bool
    ) async throws(ConnectionClosed) {
        sendOwedContinue()
        let isChunked = head.facts.minorVersion > 0
        if !isChunked || closesConnection { mustClose = true }
        answerFraming = isHead ? .none : isChunked ? .chunked : .untilClose
        ResponseHead.append(
            status, headers: headers, framing: isChunked ? .chunked : .untilClose, persistence: persistence,
            date: server.dateLine.current, to: outputBuffer())
        channel.enableKeepAlive()
        if !peerMayHalfClose { channel.interest.insert(.peerClosed) }
        try await send([], within: limits.streamWriteTime)
    }

    private var persistence: ResponseHead.Persistence {
        if mustClose || server.isDraining {
            mustClose = true
            return .close
        }
        return head.facts.minorVersion == 0 ? .keepAlive : .implied
    }

    // MARK: In pieces

    var isWriting: Bool { output.isWriting }

    func write(_ chunks: [ByteBuffer], within time: Duration) async throws(ConnectionClosed) -> Int {
        let size = chunks.reduce(0) { $0 + $1.count }
        switch answerFraming {
        case .none: return 0
        case .untilClose:
            try await send(chunks, within: time)
            return size
        case .chunked:
            // A chunk of no bytes would be the end.
            guard size > 0 else { return 0 }
            let line = ByteBuffer(capacity: 24)
            ResponseHead.appendChunkSize(size, to: line)
            var pieces = [line]
            pieces.reserveCapacity(chunks.count + 2)
            pieces.append(contentsOf: chunks)
            pieces.append(Self.lineEnd)
            try await send(pieces, within: time)
            return line.count + size + Self.lineEnd.count
        }
    }

    func hasten(to time: Duration) {
        if output.writer != nil { setWriteDeadline(after: time) }
    }

    var carriesTrailers: Bool { false }

    func finish(trailers: HTTPHeaders) async {
        precondition(trailers.isEmpty, "trailers over HTTP/1.1")
        channel.interest.remove(.peerClosed)
        guard answerFraming == .chunked else { return }
        try? await send([Self.lastChunk], within: limits.answerTime)
    }

    /// Proof is that the peer's kernel has acknowledged every byte and that it closes: Linux resets a connection that is closed
    /// with unread bytes (RFC 2525, 2.17). Its FIN alone proves nothing: it may have been sent before our last bytes came,
    /// or they may never have come. A peer that closed before is not sent the end until the rest is acknowledged, since it
    /// would answer that with a reset.
    func finishWithProof(trailers: HTTPHeaders) async -> Bool {
        if exchange?.hasPeerFinished ?? false {
            let isPeersOwn = channel.hasPeerSaidEnd
            let isTaken = await becomes { $0.isOutputAcknowledged }
            if isOpen { await finish(trailers: trailers) }
            return isTaken && isPeersOwn
        }
        await finish(trailers: trailers)
        mustClose = true
        channel.awaitsProof = true
        channel.shutWriting()
        return await becomes { $0.channel.lookWhetherPeerClosed() && $0.isOutputAcknowledged }
    }

    func abort() {
        // Without chunks only a reset tells a cut from the end.
        shut(withReset: exchange?.isStreaming ?? false && answerFraming == .untilClose)
    }
}
