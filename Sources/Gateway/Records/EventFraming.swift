import Bytes
import HTTP
import State

/// How the events of a stream of records are written. Performs no I/O.
///
/// An event is three chunks: its head, the members of one JSON object without the opening brace, which many may share,
/// and an end.
enum EventFraming: CaseIterable {
    case serverSentEvents
    /// One JSON object a line (https://github.com/ndjson/ndjson-spec), with the event's name and id among its members.
    case lines

    var contentType: String {
        switch self {
        case .serverSentEvents: ServerSentEvents.contentType
        case .lines: "application/x-ndjson"
        }
    }

    /// What stands before the members.
    func head(_ event: String, id: EventID? = nil) -> ByteBuffer {
        let head = ByteBuffer(capacity: 64)
        switch self {
        case .serverSentEvents:
            ServerSentEvents.appendHead(id: id?.description, event: event, to: head)
            head.append("{")
        case .lines:
            head.append("{\"event\":\"")
            head.append(event)
            if let id {
                head.append("\",\"id\":\"")
                head.append(id.description)
            }
            head.append("\",")
        }
        return head
    }

    /// What stands behind the members.
    var end: ByteBuffer {
        switch self {
        case .serverSentEvents: ServerSentEvents.end
        case .lines: Self.lineEnd
        }
    }

    /// What an idle reader gets, so that proxies keep the connection.
    var heartbeat: ByteBuffer {
        switch self {
        case .serverSentEvents: Self.comment
        case .lines: Self.lineEnd
        }
    }

    private static let comment = ByteBuffer(":\n\n")
    private static let lineEnd = ByteBuffer("\n")
}
