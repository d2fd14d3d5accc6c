import Bytes
import Consumer
import HTTP

/// What stands at the beginning of server-sent events, inside the block of the first one: when to connect again, with which
/// id, and a comment for people that says which shards the reader has. Performs no I/O.
struct Greeting {
    /// What a client waits before it connects again.
    static let retryMilliseconds = 1000
    /// Names that are listed.
    private static let mostNames = 20

    private let reader: RecordsReader
    private let lastEvent: String?

    /// - Parameter lastEvent: with what the client has come back. Some clients forget it when a connection ends before an
    ///   event with an id (those of Rust do), so the first event says it anew.
    init(_ reader: RecordsReader, resuming lastEvent: String?) {
        self.reader = reader
        self.lastEvent = lastEvent
    }

    var text: ByteBuffer {
        let text = ByteBuffer()
        ServerSentEvents.appendRetry(milliseconds: Self.retryMilliseconds, to: text)
        if let lastEvent { ServerSentEvents.appendID(lastEvent, to: text) }
        ServerSentEvents.appendComment("reader \(reader.id) of \(reader.stream), \(membership)", to: text)
        return text
    }

    private var membership: String {
        let hasShards = reader.shardCount > 0
        let names = "\(reader.shardCount) shards: \(Self.some(reader.firstShards(Self.mostNames + 1).map(\.text)))"
        guard let group = reader.group else {
            return "watches without a group, and keeps nothing: " + (hasShards ? names : "the stream has no shard")
        }
        if hasShards { return "group \(group), has \(names)" }
        return "group \(group), has no shard: \(others); tail=true watches without joining the group"
    }

    /// Who has the shards that this reader has not.
    private var others: String {
        let members = reader.members
        if !members.isEmpty {
            return "those of the stream are with "
                + Self.some(members.map { "\($0.record.host) pid \($0.record.pid) (\($0.shards.count))" })
        }
        let holders = reader.holders
        guard !holders.isEmpty else { return "the stream has none that can be read now" }
        let count = holders.reduce(0) { $0 + $1.shards }
        return "the \(count) of the stream are with " + Self.some(holders.map { "\($0.reader) (\($0.shards))" })
    }

    private static func some(_ words: [String]) -> String {
        words.prefix(mostNames).joined(separator: ", ") + (words.count > mostNames ? ", …" : "")
    }
}
