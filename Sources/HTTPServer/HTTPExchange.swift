import Bytes
import HTTP
import Reactor

/// One request and its answer. Confined to its loop.
package final class HTTPExchange: @unchecked Sendable {
    package let request: HTTPRequest
    package let loop: EventLoop
    init(request: HTTPRequest, loop: EventLoop) { self.request = request; self.loop = loop }
    /// `127.0.0.1:50000` or `[::1]:50000`, for logs.
    package var remoteAddress: String { fatalError("in progress") }
    package var isLoopbackPeer: Bool { fatalError("in progress") }
    package var isAnswered: Bool { fatalError("in progress") }
    package var onDisconnect: (() -> Void)?
    package func body(limit: Int? = nil) async throws(HTTPBodyError) -> ByteBuffer { fatalError("in progress") }
    package func bodyPart() async throws(HTTPBodyError) -> ByteBuffer? { fatalError("in progress") }
    package func respond(_ status: HTTPStatus, headers: HTTPHeaders = [:], body: ByteBuffer? = nil) async {
        fatalError("in progress")
    }
    package func startStreaming(
        _ status: HTTPStatus, headers: HTTPHeaders = [:], peerMayHalfClose: Bool = false
    ) async throws(ConnectionClosed) -> ResponseStream { fatalError("in progress") }
    /// Closes the connection without an answer.
    package func abort() { fatalError("in progress") }
}

package final class ResponseStream: @unchecked Sendable {
    package func write(_ chunks: [ByteBuffer]) async throws(ConnectionClosed) { fatalError("in progress") }
    package func finish() async { fatalError("in progress") }
    package func abort() { fatalError("in progress") }
}
