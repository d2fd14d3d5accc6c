import Bytes
import Consumer
import HTTP
import State

/// How what a reader is told is written: as server-sent events, as lines, or as messages of gRPC. Performs no I/O.
///
/// What `members` are is the framing's own: of records what the reader's format says, of all else the members of one JSON object
/// without the opening brace, which many may share.
protocol ReaderFraming: Sendable {
    var headers: HTTPHeaders { get }
    /// Fields behind an orderly end.
    var trailers: HTTPHeaders { get }
    /// What an idle reader gets, so that proxies keep the connection; nil where the protocol does that itself.
    var heartbeat: ByteBuffer? { get }
    /// What stands before the first event.
    func greeting(_ reader: RecordsReader, resuming lastEvent: String?) -> ByteBuffer?
    func records(_ id: EventID?, _ members: ByteBuffer) -> [ByteBuffer]
    /// The event `shard`, `stats` or `end`.
    func event(_ event: ReaderTold, _ members: ByteBuffer) async -> [ByteBuffer]
    func problem(_ document: ProblemDocument) -> [ByteBuffer]
}

/// What a reader is told beside records and problems. The raw values are the names of the events.
enum ReaderTold: String {
    case shard, stats, end
}

extension EventFraming {
    var trailers: HTTPHeaders { [:] }

    func greeting(_ reader: RecordsReader, resuming lastEvent: String?) -> ByteBuffer? {
        self == .serverSentEvents ? Greeting(reader, resuming: lastEvent).text : nil
    }

    func records(_ id: EventID?, _ members: ByteBuffer) -> [ByteBuffer] { [head("records", id: id), members, end] }

    func event(_ event: ReaderTold, _ members: ByteBuffer) async -> [ByteBuffer] {
        [head(event.rawValue), members, end]
    }

    func problem(_ document: ProblemDocument) -> [ByteBuffer] { [head("problem"), document.openBody, end] }
}
