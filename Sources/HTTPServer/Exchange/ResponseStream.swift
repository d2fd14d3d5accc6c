import Bytes
import HTTP

/// The body of an answer that is written piece by piece. Confined to its loop.
package final class ResponseStream: @unchecked Sendable {
    enum Framing {
        /// HEAD: everything that is written is dropped.
        case none
        case chunked
        /// HTTP/1.0: the end of the connection is the end of the body.
        case plain
    }

    private static let lineEnd = ByteBuffer("\r\n")
    private static let lastChunk = ByteBuffer("0\r\n\r\n")

    private let connection: HTTPConnection
    private let framing: Framing
    /// `finish` or `abort` was called.
    private(set) var isFinished = false
    /// Whether a peer that takes nothing is waited for without end: one that sends a long body before it reads. Once it
    /// has sent that, the answer should be impatient again.
    package var isPatient = false {
        didSet { if !isPatient, connection.output.writer != nil { connection.setWriteDeadline(after: writeTime) } }
    }
    /// Bytes of the body, framing included, that the kernel has taken with writes that are over.
    package private(set) var takenBytes = 0

    init(connection: HTTPConnection, framing: Framing) {
        self.connection = connection
        self.framing = framing
    }

    /// Whether a write is on its way.
    package var isWriting: Bool { connection.output.isWriting }

    /// Returns when the kernel's socket buffer has taken every byte: that is the back-pressure. The chunks are sent
    /// from where they are, together, and must not change before this returns. Several tasks may write: each write goes
    /// out whole, in the order of the calls.
    ///
    /// Throws when the peer is gone or took nothing for `HTTPLimits.streamWriteTime`, unless the stream is patient; how
    /// much it got is not known.
    package func write(_ chunks: [ByteBuffer]) async throws(ConnectionClosed) {
        guard !isFinished, connection.isOpen else { throw ConnectionClosed() }
        let size = chunks.reduce(0) { $0 + $1.count }
        switch framing {
        case .none: return
        case .plain:
            try await connection.write(chunks, within: writeTime)
            takenBytes += size
        case .chunked:
            // A chunk of no bytes would be the end.
            guard size > 0 else { return }
            let line = ByteBuffer(capacity: 24)
            ResponseHead.appendChunkSize(size, to: line)
            var pieces = [line]
            pieces.reserveCapacity(chunks.count + 2)
            pieces.append(contentsOf: chunks)
            pieces.append(Self.lineEnd)
            try await connection.write(pieces, within: writeTime)
            takenBytes += line.count + size + Self.lineEnd.count
        }
    }

    /// Zero is without end.
    private var writeTime: Duration { isPatient ? .zero : connection.limits.streamWriteTime }

    /// Ends the body in order. The connection serves the client's next request.
    package func finish() async {
        guard !isFinished, connection.isOpen else { return }
        isFinished = true
        connection.channel.interest.remove(.peerClosed)
        guard framing == .chunked else { return }
        try? await connection.write([Self.lastChunk], within: connection.limits.answerTime)
    }

    /// Ends body and connection in order, and says whether the peer is known to have got all of it.
    ///
    /// Proof is that its kernel has acknowledged every byte and that it closes: Linux resets a connection that is closed
    /// with unread bytes (RFC 2525, 2.17). Its FIN alone proves nothing: it may have been sent before our last bytes came,
    /// or they may never have come. A peer that closed before is not sent the end until the rest is acknowledged, since it
    /// would answer that with a reset. Waits `HTTPLimits.lingerTime` at most; the head should have said that the connection
    /// closes.
    package func finishWithProof() async -> Bool {
        guard !isFinished, connection.isOpen else { return false }
        if connection.exchange?.hasPeerFinished ?? false {
            let isTaken = await connection.becomes { $0.isOutputAcknowledged }
            await finish()
            return isTaken
        }
        await finish()
        connection.mustClose = true
        connection.channel.awaitsProof = true
        connection.channel.shutWriting()
        return await connection.becomes { $0.channel.lookWhetherPeerClosed() && $0.isOutputAcknowledged }
    }

    /// Cuts the body off, so that the client knows that it does not have all.
    package func abort() {
        guard !isFinished else { return }
        isFinished = true
        // Without chunks only a reset tells a cut from the end.
        connection.shut(withReset: framing == .plain)
    }
}
