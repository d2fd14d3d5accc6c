import Bytes
import HTTP

/// A request that no handler gets to see, because it cannot be read or there is no room for it.
///
/// The connection is closed behind the answer, in such a way that the client gets to see it.
package enum RefusedRequest: Equatable, Sendable {
    case malformed(HTTPParseError)
    /// The head took longer than `HTTPLimits.headerTime`.
    case headTimedOut
    case tooManyConnections(limit: Int)
    /// On a connection that has to speak TLS.
    case plainHTTP

    package var status: HTTPStatus {
        switch self {
        case .malformed(let error): error.status
        case .headTimedOut: .requestTimeout
        case .tooManyConnections: .serviceUnavailable
        case .plainHTTP: .badRequest
        }
    }

    /// What stands in `code` of the problem document.
    package var code: String {
        switch self {
        case .malformed(let error): error.code
        case .headTimedOut: "requestTimeout"
        case .tooManyConnections: "tooManyConnections"
        case .plainHTTP: "tlsRequired"
        }
    }

    package var detail: String {
        switch self {
        case .malformed(let error): error.detail
        case .headTimedOut: "The request head did not arrive in time."
        case .plainHTTP: "This port speaks HTTP over TLS only: use https."
        case .tooManyConnections(let limit): "This server has its \(limit) connections open; try again later."
        }
    }

    /// A problem document (RFC 9457). None of its texts has a byte of the request, so none needs escaping.
    package var problem: ByteBuffer {
        ByteBuffer(
            """
            {"type":"about:blank","title":"\(status.reason)","status":\(status.rawValue),\
            "detail":"\(detail)","code":"\(code)"}
            """)
    }
}
