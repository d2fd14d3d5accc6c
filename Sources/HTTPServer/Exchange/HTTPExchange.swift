import Bytes
import HTTP
import Reactor

/// One request and its answer, as its handler sees them. Confined to its loop.
///
/// It ends when the handler returns: what is called afterwards does nothing, or throws.
package final class HTTPExchange: @unchecked Sendable {
    private enum Answer {
        case none
        case given
        case streaming(ResponseStream)
    }

    package let request: HTTPRequest
    let stream: any ExchangeStream
    private var answer = Answer.none
    /// The status that was answered, nil before, and where the connection was closed without one.
    package private(set) var answeredStatus: HTTPStatus?
    private var givenBytes = 0
    /// Bytes of the answer's body that were sent so far, or that were given where it came at once.
    package var answeredBytes: Int {
        if case .streaming(let response) = answer { response.takenBytes } else { givenBytes }
    }
    /// Fields of the answer beside those that it is given with.
    package var commonHeaders = HTTPHeaders()
    private(set) var isOver = false
    /// What counts against `HTTPLimits.bodyBytesTogether`.
    var heldBodyBytes = 0
    private var isDisconnected = false

    /// Called once, on the loop, when the peer is gone, a write's deadline passes, or the server closes hard; at once
    /// where that has happened. Of a peer that only shuts its writing side it tells while a stream is under way that
    /// was not started with `peerMayHalfClose`.
    package var onDisconnect: (() -> Void)? {
        didSet {
            guard isDisconnected, let action = onDisconnect else { return }
            onDisconnect = nil
            action()
        }
    }

    /// Called once, on the loop, when the peer shuts its writing side while a stream is under way: it has asked for all
    /// that it wanted, or has closed. Without it that counts as gone.
    package var onPeerFinished: (() -> Void)?
    /// Whether the peer has shut its writing side while a stream was under way.
    private(set) var hasPeerFinished = false

    init(request: HTTPRequest, stream: any ExchangeStream) {
        self.request = request
        self.stream = stream
    }

    package var loop: EventLoop { stream.server.loop }

    /// `127.0.0.1:50000` or `[::1]:50000`, for logs.
    package var remoteAddress: String { ListenAddress(stream.channel.peer).description }

    /// The subject alternative names of the client's certificate, which one of `TLSContext`'s authorities has signed; none of
    /// a client that has shown none.
    package var peerNames: [PeerName] { stream.channel.peerNames }

    /// Whether the peer is on this machine.
    package var isLoopbackPeer: Bool { stream.channel.peer.isLoopback }

    /// Whether an answer was given or begun.
    package var isAnswered: Bool {
        if case .none = answer { return false }
        return true
    }

    // MARK: Answer

    /// Gives the whole answer. A second one is ignored. HEAD gets the head that GET would, without the body. Trailers are for
    /// an answer with a body, where `carriesTrailers`.
    ///
    /// Returns when it is on its way: a small answer leaves with the turn, a large one when the kernel has taken it.
    package func respond(
        _ status: HTTPStatus, headers: HTTPHeaders = [:], body: ByteBuffer? = nil, trailers: HTTPHeaders = [:]
    ) async {
        guard !isOver, stream.isOpen, case .none = answer else { return }
        answer = .given
        answeredStatus = status
        let hasBody = request.method != .head && !status.isBodiless
        givenBytes = hasBody ? body?.count ?? 0 : 0
        await stream.respond(
            status, headers + commonHeaders, length: body?.count ?? 0, hasBody ? body : nil, trailers: trailers)
    }

    /// Sends the head of an answer whose body comes piece by piece.
    ///
    /// A peer that shuts its writing side has gone, as far as an endless stream can know; a client that does so after
    /// a long request body and reads on needs `peerMayHalfClose`. With `closesConnection` the head says that no request
    /// follows on this connection, so that clients close it once they have all; of HTTP/2 the stream ends alone.
    package func startStreaming(
        _ status: HTTPStatus, headers: HTTPHeaders = [:], peerMayHalfClose: Bool = false,
        closesConnection: Bool = false
    ) async throws(ConnectionClosed) -> ResponseStream {
        guard !isOver, stream.isOpen, case .none = answer else { throw ConnectionClosed() }
        let isHead = request.method == .head
        let response = ResponseStream(stream, isHead: isHead)
        answer = .streaming(response)
        answeredStatus = status
        try await stream.begin(
            status, headers + commonHeaders, isHead: isHead, peerMayHalfClose: peerMayHalfClose,
            closesConnection: closesConnection)
        return response
    }

    /// Whether an answer may end with fields behind its body.
    package var carriesTrailers: Bool { stream.carriesTrailers }

    /// Gives an answer that is fields alone, which say nothing of a body either: gRPC's where a call fails at once. Only where
    /// `carriesTrailers`.
    package func respond(fieldsAlone headers: HTTPHeaders) async {
        guard !isOver, stream.isOpen, case .none = answer else { return }
        answer = .given
        answeredStatus = .ok
        // A client that has gone meanwhile needs no answer.
        try? await stream.begin(
            .ok, headers + commonHeaders, isHead: true, peerMayHalfClose: true, closesConnection: false)
    }

    /// Whether an answer in pieces was begun.
    var isStreaming: Bool { if case .streaming = answer { true } else { false } }

    /// Closes the connection without an answer, or in the middle of one; of HTTP/2 the stream.
    package func abort() {
        guard !isOver else { return }
        answer = .given
        stream.abort()
    }

    // MARK: From the stream

    func peerFinished() {
        hasPeerFinished = true
        let action = onPeerFinished
        onPeerFinished = nil
        action?()
    }

    func disconnected() {
        guard !isOver else { return }
        isDisconnected = true
        guard let action = onDisconnect else { return }
        onDisconnect = nil
        action()
    }

    /// The handler has returned.
    func conclude() async {
        switch answer {
        case .none:
            guard stream.isOpen else { break }
            stream.server.logger.error("a request was not answered", metadata: ["path": "\(request.path)"])
            await respond(.internalServerError)
        case .given: break
        case .streaming(let response):
            // An orderly end would tell the client that it has everything.
            if !response.isFinished { response.abort() }
        }
        countBody(0)
        isOver = true
        onDisconnect = nil
        onPeerFinished = nil
    }
}
