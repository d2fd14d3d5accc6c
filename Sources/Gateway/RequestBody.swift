import Bytes
import HTTP
import HTTPServer

/// The body of a request as its sender had it: what its Content-Encoding says is undone.
///
///     socket → HTTPExchange (length or chunks) → RequestBody (gzip) → who reads it, whole or in parts
///
/// Confined to its loop.
struct RequestBody {
    private let exchange: HTTPExchange
    /// Nil where the body is as it was sent.
    private let gzip: GzipBody?

    /// Refuses a body of another coding before any of it is read.
    init(_ exchange: HTTPExchange) throws(Problem) {
        self.exchange = exchange
        gzip = try ContentCoding(exchange.request) == .gzip ? GzipBody(exchange) : nil
    }

    /// All of it; its memory is held as `HTTPExchange.body` says. `limit` counts bytes after decoding, instead of the
    /// server's.
    func whole(limit: Int? = nil) async throws(Problem) -> ByteBuffer {
        if let gzip { return try await gzip.whole(limit: limit ?? exchange.bodyLimit) }
        do {
            return try await exchange.body(limit: limit)
        } catch {
            throw .body(error)
        }
    }

    /// All of it, where it has come already and is as it was sent.
    var arrived: ByteBuffer? {
        gzip == nil ? exchange.arrivedBody() : nil
    }

    /// The next piece, at most 64 KiB; nil at the end. Of any total length: the reader bounds what it keeps.
    func next() async throws(Problem) -> ByteBuffer? {
        if let gzip { return try await gzip.next() }
        do {
            return try await exchange.bodyPart()
        } catch {
            throw .body(error)
        }
    }
}
