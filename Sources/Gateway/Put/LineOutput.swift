import Bytes
import HTTP
import HTTPServer
import Reactor

/// The lines of an answer on their way to the client, while its request still comes: whoever makes them does not wait for
/// the socket. What that has not taken is held here, and bounded by the caller.
///
/// Confined to its loop. The head leaves with the first line. Once the client has gone, everything is dropped.
final class LineOutput: @unchecked Sendable {
    private let exchange: HTTPExchange
    private let headers: HTTPHeaders
    private let taken: Gate
    private var waiting = ByteBuffer()
    private var bytesBeingWritten = 0
    private var isWriting = false
    private var isLost = false
    private var stream: ResponseStream?

    /// Whether a client that takes nothing is waited for; see `ResponseStream.isPatient`.
    var isPatient = false {
        didSet { stream?.isPatient = isPatient }
    }

    init(_ exchange: HTTPExchange, headers: HTTPHeaders) {
        self.exchange = exchange
        self.headers = headers
        taken = Gate(loop: exchange.loop)
    }

    /// Bytes that the socket has not taken.
    var heldBytes: Int { waiting.count + bytesBeingWritten }

    func append(_ lines: ByteBuffer) {
        guard !isLost, !lines.isEmpty else { return }
        waiting.append(lines)
        guard !isWriting else { return }
        isWriting = true
        exchange.loop.spawn { await self.write() }
    }

    /// Returns when at most so many bytes are held.
    func wait(toHold bytes: Int) async {
        try? await taken.wait(while: { heldBytes > bytes })
    }

    /// Ends the answer when the client has all of it.
    func finish() async {
        try? await taken.wait(while: { isWriting })
        await stream?.finish()
    }

    private func write() async {
        do throws(ConnectionClosed) {
            while !waiting.isEmpty {
                let lines = waiting
                waiting = ByteBuffer()
                bytesBeingWritten = lines.count
                let stream = try await begun()
                try await stream.write([lines])
                bytesBeingWritten = 0
                taken.open()
            }
        } catch {
            isLost = true
            waiting = ByteBuffer()
            bytesBeingWritten = 0
        }
        isWriting = false
        taken.open()
    }

    private func begun() async throws(ConnectionClosed) -> ResponseStream {
        if let stream { return stream }
        // A client that shuts its writing side behind its body reads on.
        let begun = try await exchange.startStreaming(.ok, headers: headers, peerMayHalfClose: true)
        begun.isPatient = isPatient
        stream = begun
        return begun
    }
}
