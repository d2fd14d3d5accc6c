import Bytes
import Consumer
import HTTP
import Protobuf
import State

/// What a reader is told as messages of gRPC: each a `FollowResponse` with its prefix. Performs no I/O.
struct MessageFraming: ReaderFraming {
    /// The fields of `FollowResponse`.
    private enum Field: Int {
        case records = 1
        case shard, stats, problem, end
    }

    /// What the message of an event is.
    private struct Told {
        let field: Field
        let message: String
    }

    let gateway: Gateway

    var headers: HTTPHeaders { GRPCCall.headers }
    var trailers: HTTPHeaders { GRPCStatus.ok }
    // HTTP/2 has pings.
    var heartbeat: ByteBuffer? { nil }

    func greeting(_ reader: RecordsReader, resuming lastEvent: String?) -> ByteBuffer? { nil }

    func records(_ id: EventID?, _ members: ByteBuffer) -> [ByteBuffer] {
        let id = id?.description ?? ""
        let idBytes = id.isEmpty ? 0 : ProtobufWriter.size(1, bytes: id.utf8.count)
        let head = Self.head(.records, idBytes + members.count, more: idBytes)
        if !id.isEmpty { ProtobufWriter(head).text(1, id) }
        return [head, members]
    }

    func event(_ event: ReaderTold, _ members: ByteBuffer) async -> [ByteBuffer] {
        let told =
            switch event {
            case .shard: Told(field: .shard, message: "ShardChange")
            case .stats: Told(field: .stats, message: "Stats")
            case .end: Told(field: .end, message: "End")
            }
        let text = ByteBuffer(capacity: members.count + 1)
        text.append("{")
        text.append(members)
        let message = await gateway.message(told.message, text)
        return [Self.head(told.field, message.count), message]
    }

    func problem(_ document: ProblemDocument) -> [ByteBuffer] {
        let message = ByteBuffer(capacity: 256)
        document.write(ProtobufWriter(message))
        return [Self.head(.problem, message.count), message]
    }

    /// The prefix, and the tag and length of the one field, which has `count` bytes.
    private static func head(_ field: Field, _ count: Int, more: Int = 0) -> ByteBuffer {
        let head = ByteBuffer(capacity: 16 + more)
        MessageSplitter.prefix(ProtobufWriter.size(field.rawValue, bytes: count), to: head)
        ProtobufWriter(head).beginBytes(field.rawValue, count)
        return head
    }
}
