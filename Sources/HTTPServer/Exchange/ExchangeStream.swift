import Bytes
import HTTP

/// What carries one request and its answer: a connection of HTTP/1.1, which carries one after the other, or one stream of
/// HTTP/2. Confined to its loop.
protocol ExchangeStream: AnyObject {
    var server: HTTPServer { get }
    var channel: Channel { get }
    /// Whether the peer can still be answered.
    var isOpen: Bool { get }

    // MARK: The request's body

    /// How far it has been read.
    var body: BodyProgress { get }
    /// Appends what comes next of the body; false when there is no more.
    /// - Parameter time: without a byte; nil is without end.
    func readBody(into buffer: ByteBuffer, within time: Duration?) async throws(HTTPBodyError) -> Bool
    /// The whole body where it has come already and has at most so many bytes.
    func takeArrivedBody(limit: Int) -> ByteBuffer?
    /// A read of the body that waits, and every later one that would, ends with `.abandoned`.
    func abandonBody()
    /// The rest of the body is not wanted: no request follows it where that would have to be read.
    func refuseRest()

    // MARK: The answer

    /// Sends a whole answer: a small one leaves with the turn, for a large one the call waits until the kernel has it.
    /// - Parameters:
    ///   - body: nil where the head says all, as for HEAD; `length` is what the head says of it.
    ///   - trailers: none unless there is a body, and `carriesTrailers`.
    func respond(
        _ status: HTTPStatus, _ headers: HTTPHeaders, length: Int, _ body: ByteBuffer?, trailers: HTTPHeaders
    ) async
    /// Sends the head of an answer that comes in pieces. Parameters as of `HTTPExchange.startStreaming`.
    func begin(
        _ status: HTTPStatus, _ headers: HTTPHeaders, isHead: Bool, peerMayHalfClose: Bool, closesConnection: Bool
    ) async throws(ConnectionClosed)
    /// Whether a write is on its way.
    var isWriting: Bool { get }
    /// Returns the bytes that it took, framing included, when the kernel has them all.
    /// - Parameter time: without a byte that the peer takes; zero is without end.
    func write(_ chunks: [ByteBuffer], within time: Duration) async throws(ConnectionClosed) -> Int
    /// The peer has so long from now on to take something of a write that is on its way.
    func hasten(to time: Duration)
    /// Whether an answer may end with fields behind its body: over HTTP/2.
    var carriesTrailers: Bool { get }
    /// Ends the answer in order.
    /// - Parameter trailers: none unless `carriesTrailers`.
    func finish(trailers: HTTPHeaders) async
    /// The same, and says whether the peer is known to have got all of it.
    func finishWithProof(trailers: HTTPHeaders) async -> Bool
    /// Cuts the answer off, or gives none, so that the peer knows that it does not have all.
    func abort()
}
