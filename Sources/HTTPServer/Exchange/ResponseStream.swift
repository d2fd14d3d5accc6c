import Bytes
import HTTP

/// The body of an answer that is written piece by piece. Confined to its loop.
package final class ResponseStream: @unchecked Sendable {
    private let stream: any ExchangeStream
    /// HEAD: everything that is written is dropped.
    private let isHead: Bool
    /// `finish` or `abort` was called.
    private(set) var isFinished = false
    /// Whether a peer that takes nothing is waited for without end: one that sends a long body before it reads. Once it
    /// has sent that, the answer should be impatient again.
    package var isPatient = false {
        didSet { if !isPatient, isWriting { stream.hasten(to: writeTime) } }
    }
    /// Bytes of the body, framing included, that the kernel has taken with writes that are over.
    package private(set) var takenBytes = 0

    init(_ stream: any ExchangeStream, isHead: Bool) {
        self.stream = stream
        self.isHead = isHead
    }

    /// Whether a write is on its way.
    package var isWriting: Bool { stream.isWriting }

    /// Returns when the kernel's socket buffer has taken every byte: that is the back-pressure. The chunks are sent
    /// from where they are, together, and must not change before this returns. Several tasks may write: each write goes
    /// out whole, in the order of the calls.
    ///
    /// Throws when the peer is gone or took nothing for `HTTPLimits.streamWriteTime`, unless the stream is patient; how
    /// much it got is not known.
    package func write(_ chunks: [ByteBuffer]) async throws(ConnectionClosed) {
        guard !isFinished, stream.isOpen else { throw ConnectionClosed() }
        if !isHead { takenBytes += try await stream.write(chunks, within: writeTime) }
    }

    /// Zero is without end.
    private var writeTime: Duration { isPatient ? .zero : stream.server.limits.streamWriteTime }

    /// Ends the body in order. The connection serves the client's next request.
    /// - Parameter trailers: fields behind the body, only where `HTTPExchange.carriesTrailers`.
    package func finish(trailers: HTTPHeaders = [:]) async {
        guard !isFinished, stream.isOpen else { return }
        isFinished = true
        await stream.finish(trailers: trailers)
    }

    /// Ends the body in order, and says whether the peer is known to have got all of it. Waits `HTTPLimits.lingerTime` at
    /// most. Over HTTP/1.1 the connection ends with it: the head should have said that it closes.
    package func finishWithProof(trailers: HTTPHeaders = [:]) async -> Bool {
        guard !isFinished, stream.isOpen else { return false }
        isFinished = true
        return await stream.finishWithProof(trailers: trailers)
    }

    /// Cuts the body off, so that the client knows that it does not have all.
    package func abort() {
        guard !isFinished else { return }
        isFinished = true
        stream.abort()
    }
}
