import Bytes
import HTTP
import State

/// How the events of a stream of records are written. Performs no I/O.
///
/// An event is three chunks: its head, the members of one JSON object without the opening brace, which many may share,
/// and an end.
enum EventFraming: ReaderFraming, CaseIterable {
    case serverSentEvents
    /// One JSON object a line (https://github.com/ndjson/ndjson-spec), with the event's name and id among its members.
    case lines

    /// Its names in Accept, the usual one first.
    var mediaTypes: [String] {
        switch self {
        case .serverSentEvents: [ServerSentEvents.mediaType]
        case .lines: ["application/x-ndjson", "application/ndjson", "application/jsonl"]
        }
    }

    var contentType: String {
        switch self {
        case .serverSentEvents: ServerSentEvents.contentType
        case .lines: mediaTypes[0]
        }
    }

    /// The fields of a response that is a stream of events. A proxy that compressed it would hold events back
    /// (`no-transform`), and so would one that buffers (nginx's X-Accel-Buffering).
    var headers: HTTPHeaders {
        ["Content-Type": contentType, "Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"]
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
    var heartbeat: ByteBuffer? {
        switch self {
        case .serverSentEvents: ServerSentEvents.heartbeat
        case .lines: Self.lineEnd
        }
    }

    private static let lineEnd = ByteBuffer("\n")
}
