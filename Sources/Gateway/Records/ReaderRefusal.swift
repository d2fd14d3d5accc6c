import HTTP

/// How a request for records is refused, so that its client comes back where that helps. Performs no I/O.
///
/// An EventSource that meets any status but 200 ends for good, and so do most libraries for server-sent events. Where
/// the cause passes by itself they are told in a way after which they connect again.
/// Source: WHATWG HTML, 9.2.2 ("fail the connection" against "reestablish the connection").
enum ReaderRefusal: Equatable {
    /// The problem as an event of a stream that ends, with this id, which the client keeps.
    case event(id: String)
    /// The connection is closed without a response: a 200 would say that what is put from now on is read.
    case close
    /// The problem as the response.
    case response

    /// As the log calls it.
    var name: String {
        switch self {
        case .event: "event"
        case .close: "close"
        case .response: "response"
        }
    }

    init(_ status: HTTPStatus, of request: RecordsRequest) {
        let passes = [.tooManyRequests, .badGateway, .serviceUnavailable, .gatewayTimeout].contains(status)
        guard passes, request.isOfLibrary else {
            self = .response
            return
        }
        self = request.lastEvent.map { .event(id: $0) } ?? .close
    }
}
