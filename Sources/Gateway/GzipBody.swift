import Bytes
import Gzip
import HTTPServer

/// A request's body that is gzip. Confined to its loop.
///
/// Holds a read's worth of what has arrived and zlib's state; what that inflates to comes only as it is asked for, a piece
/// at a time.
final class GzipBody: @unchecked Sendable {
    /// Bytes that are decoded at once: about 0.2 ms, and behind each such piece others have their turn.
    private static let pieceBytes = 64 * 1024

    private let exchange: HTTPExchange
    private let decoder = GzipDecoder()
    /// Bytes that it may have after decoding; nil where it is read in parts.
    private var limit: Int?
    /// Bytes that came before decoding.
    private var codedBytes = 0
    /// The last piece was a full one: the decoder may go on without a wait for the socket.
    private var owesTurn = false

    init(_ exchange: HTTPExchange) {
        self.exchange = exchange
    }

    func whole(limit: Int) async throws(Problem) -> ByteBuffer {
        self.limit = limit
        try checkCoded(exchange.request.contentLength ?? 0)
        let body = ByteBuffer()
        while try await decode(into: body, atMost: min(Self.pieceBytes, limit + 1 - body.count)) {
            guard body.count <= limit else { throw .body(.tooLarge(limit: limit, actual: nil)) }
            try hold(body.capacity + GzipDecoder.stateBytes)
        }
        return body
    }

    func next() async throws(Problem) -> ByteBuffer? {
        let piece = ByteBuffer()
        return try await decode(into: piece, atMost: Self.pieceBytes) ? piece : nil
    }

    /// Appends what comes next, at most `room` bytes; false at the end.
    private func decode(into output: ByteBuffer, atMost room: Int) async throws(Problem) -> Bool {
        if owesTurn { await exchange.loop.nextTurn() }
        let start = output.count
        while try !gzip({ () throws(GzipError) in try decoder.next(into: output, atMost: room) }) {
            guard let part = try await part() else {
                try gzip { () throws(GzipError) in try decoder.finish() }
                return false
            }
            codedBytes += part.count
            try checkCoded(codedBytes)
            decoder.append(part)
        }
        owesTurn = output.count - start == room
        return true
    }

    /// Bounds what decodes to little or nothing, such as empty members without end. gzip makes nothing longer than by
    /// its head and 0.03 %.
    private func checkCoded(_ bytes: Int) throws(Problem) {
        guard let limit, bytes > limit + limit / 1024 + 1024 else { return }
        throw .body(.tooLarge(limit: limit, actual: nil))
    }

    /// What came next on the wire.
    private func part() async throws(Problem) -> ByteBuffer? {
        do {
            return try await exchange.bodyPart()
        } catch {
            throw .body(error)
        }
    }

    private func hold(_ bytes: Int) throws(Problem) {
        do {
            try exchange.holdBody(bytes)
        } catch {
            throw .body(error)
        }
    }

    private func gzip<T>(_ step: () throws(GzipError) -> T) throws(Problem) -> T {
        do {
            return try step()
        } catch {
            throw .gzip(error)
        }
    }
}
