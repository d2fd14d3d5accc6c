import JSON
import Time

/// What a call to an AWS service can end with instead of a response.
package enum AWSError: Error, Hashable, Sendable {
    /// The service, or a proxy before it, answered with an error.
    case service(ServiceError)
    /// No whole response came.
    case transport(TransportError)
    /// There is nothing to sign with.
    case credentials(CredentialsError)
    /// A 200 whose body is not what the operation promises; `reason` says what was expected.
    case response(reason: String, requestID: String?)
    /// The task that waited was cancelled.
    case cancelled
}

/// An error as the service tells it.
package struct ServiceError: Error, Hashable, Sendable {
    /// The code without namespace and URL, e.g. `ExpiredIteratorException`; `HTTP503` where the body has none.
    package var code: String
    /// The service's text, empty where it has none.
    package var message: String
    /// The HTTP status.
    package var status: Int
    package var requestID: String?
    /// The service's time, from the Date header.
    package var date: WallTime?
    /// Whether the service told it in CBOR, not in JSON or in words.
    package var isCBOR = false
    /// The region that the bucket lies in, where S3 says that it is another one.
    package var bucketRegion: String?
    /// The whole error, where the request expects its code: what else it tells is for whoever asked.
    package var body: JSONValue?

    package init(code: String, message: String, status: Int, requestID: String? = nil, date: WallTime? = nil) {
        self.code = code
        self.message = message
        self.status = status
        self.requestID = requestID
        self.date = date
    }
}

/// Why no whole response came. Nothing is known about whether the service acted on the request, except where
/// `mayHaveBeenSent` says that it cannot have.
package enum TransportError: Error, Hashable, Sendable {
    /// The name has no address.
    case nameNotResolved(host: String)
    /// Nobody accepts connections there.
    case notConnected(reason: String)
    /// The peer's certificate or the TLS handshake was refused.
    case tls(reason: String)
    /// A limit of time passed.
    case timedOut(TimeLimit, after: Duration)
    /// The connection ended before the response did.
    case cut(reason: String)
    /// The response's body is over the limit of the request. `actual` is its Content-Length, where it has one.
    case responseTooLarge(limit: Int, actual: Int?)
    /// What came is not HTTP/1.1.
    case badResponse(reason: String)
    /// A header's value has a control character; nothing was sent.
    case badHeader(name: String)
    /// The transport was closed.
    case closed
    /// The waiting task was cancelled; the transfer is gone.
    case cancelled
    /// Anything else that libcurl says; `code` is its CURLcode.
    case other(code: Int, reason: String)

    package enum TimeLimit: Hashable, Sendable { case connect, noProgress, total }

    /// False when the service cannot have seen the request.
    package var mayHaveBeenSent: Bool {
        switch self {
        case .nameNotResolved, .notConnected, .tls, .badHeader, .timedOut(.connect, _): false
        case .timedOut, .cut, .responseTooLarge, .badResponse, .closed, .cancelled, .other: true
        }
    }
}

extension ServiceError: CustomStringConvertible {
    package var description: String {
        let id = requestID.map { " (request \($0))" } ?? ""
        return message.isEmpty ? "\(code), status \(status)\(id)" : "\(code), status \(status): \(message)\(id)"
    }
}

extension TransportError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .nameNotResolved(let host): "the name \(host) cannot be resolved"
        case .notConnected(let reason): "no connection: \(reason)"
        case .tls(let reason): "TLS: \(reason)"
        case .timedOut(.connect, let after): "no connection within \(after)"
        case .timedOut(.noProgress, let after): "no progress for \(after)"
        case .timedOut(.total, let after): "no response within \(after)"
        case .cut(let reason): "the connection was cut: \(reason)"
        case .responseTooLarge(let limit, let actual):
            "the response\(actual.map { " of \($0) bytes" } ?? "") is over the limit of \(limit) bytes"
        case .badResponse(let reason): "the response is not HTTP: \(reason)"
        case .badHeader(let name): "the value of the header \(name) has a control character"
        case .closed: "the transport is closed"
        case .cancelled: "cancelled"
        case .other(let code, let reason): "\(reason) (libcurl \(code))"
        }
    }
}

extension AWSError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .service(let error): error.description
        case .transport(let error): error.description
        case .credentials(let error): error.description
        case .response(let reason, let requestID):
            "the response cannot be used: \(reason)" + (requestID.map { " (request \($0))" } ?? "")
        case .cancelled: "cancelled"
        }
    }
}
