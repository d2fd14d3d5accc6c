import HTTP

/// What answers the requests of a server.
package protocol HTTPHandler: AnyObject, Sendable {
    /// Answers one request. Runs inside the connection's one task, on its loop: the connection's next request is read
    /// when this returns. A request that was not answered by then gets 500, a stream that was not finished is cut.
    func handle(_ exchange: HTTPExchange) async
}

/// The peer is gone, its connection was closed, or a write to it took too long.
package struct ConnectionClosed: Error, Equatable, Sendable {
    package init() {}
}

/// Why the body of a request cannot be had. The connection closes behind the answer.
package enum HTTPBodyError: Error, Equatable, Sendable {
    /// `actual` is nil where the client did not say how long the body is.
    case tooLarge(limit: Int, actual: Int?)
    /// The bodies that are held take all the memory there is for them: `HTTPLimits.bodyBytesTogether`.
    case tooMuchTogether(limit: Int)
    /// Nothing came for `HTTPLimits.bodyTime`.
    case timedOut
    /// The client shut its side before the end of the body.
    case truncated
    case malformed(HTTPParseError)
    /// The handler wanted no more of it: `HTTPExchange.abandonBody`.
    case abandoned
    /// Nobody is there to be answered.
    case connectionClosed

    package var status: HTTPStatus {
        switch self {
        case .tooLarge: .contentTooLarge
        case .tooMuchTogether: .serviceUnavailable
        case .timedOut: .requestTimeout
        case .malformed(let error): error.status
        case .truncated, .abandoned, .connectionClosed: .badRequest
        }
    }
}
