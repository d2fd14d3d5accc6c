import Bytes
import Consumer
import HTTP
import HTTPServer
import JSON
import Reactor

/// One reader's connection: pulls batches, writes each as an event, and settles what the socket has taken.
///
/// Confined to its loop. Nothing is pulled before the batch ahead of it was taken, so a peer that reads slowly slows the
/// reading of its shards. The peer's going ends it at once, also while nothing is written.
final class RecordsSession: @unchecked Sendable {
    /// What a client waits before it connects again.
    private static let retryMilliseconds = 1000

    private let reader: RecordsReader
    private let exchange: HTTPExchange
    private let presence: PeerPresence
    private let heartbeat: Duration
    private var timer: TimerToken?

    init(_ reader: RecordsReader, _ exchange: HTTPExchange, _ presence: PeerPresence, heartbeat: Duration) {
        self.reader = reader
        self.exchange = exchange
        self.presence = presence
        self.heartbeat = heartbeat
    }

    func run() async {
        presence.onLoss = { [reader] in reader.detach(.lost) }  // `next` gives nil from here on
        do {
            let stream = try await exchange.startStreaming(.ok, headers: Gateway.eventHeaders)
            try await stream.write([greeting])
            try await deliver(to: stream)
            guard presence.isThere else { return }
            try await stream.write([end])
            await stream.finish()
            reader.detach(.orderly)
        } catch {
            reader.detach(.lost)
        }
    }

    /// Until the consumer ends or the peer has gone.
    private func deliver(to stream: ResponseStream) async throws(ConnectionClosed) {
        beat(stream)
        defer {
            if let timer { exchange.loop.cancel(timer) }
            timer = nil
        }
        while let event = await reader.next() {
            switch event {
            case .records(let delivery):
                let head = ByteBuffer(capacity: 64)
                ServerSentEvents.appendHead(id: delivery.eventID, event: "records", to: head)
                try await stream.write([head, delivery.batch.payload, ServerSentEvents.end])
                reader.settle(delivery)
            case .shard(let notice):
                let head = ByteBuffer(capacity: 64)
                ServerSentEvents.appendHead(id: nil, event: "shard", to: head)
                try await stream.write([head, text(of: notice), ServerSentEvents.end])
            }
        }
    }

    private func text(of notice: ShardNotice) -> ByteBuffer {
        var json = JSONWriter(capacity: 128)
        json.beginObject()
        json.member("streamName", reader.stream.text)
        json.member("shardId", notice.shard.text)
        json.member("change", notice.change.rawValue)
        json.endObject()
        return json.buffer
    }

    /// A comment now and then, which keeps proxies from closing what looks idle to them. A write that is on its way says
    /// as much.
    private func beat(_ stream: ResponseStream) {
        timer = exchange.loop.schedule(after: heartbeat) { [weak self] in
            guard let self else { return }
            if !stream.isWriting {
                // A closed connection is told to the session by `onDisconnect`.
                exchange.loop.spawn { try? await stream.write([Self.heartbeatComment]) }
            }
            beat(stream)
        }
    }

    // MARK: Texts

    private static let heartbeatComment = ByteBuffer(":\n\n")

    private var end: ByteBuffer {
        let event = ByteBuffer()
        ServerSentEvents.appendEvent(event: "end", data: #"{"reason":"\#(reader.endReason.rawValue)"}"#, to: event)
        return event
    }

    private var greeting: ByteBuffer {
        let text = ByteBuffer()
        ServerSentEvents.appendRetry(milliseconds: Self.retryMilliseconds, to: text)
        let shards = reader.assignment.map(\.text)
        guard !shards.isEmpty else {
            ServerSentEvents.appendComment(
                "reader \(reader.id) of \(reader.stream), group \(reader.group), has no shard: \(othersShards)",
                to: text)
            return text
        }
        let names = ": " + Self.some(shards)
        ServerSentEvents.appendComment(
            "reader \(reader.id) of \(reader.stream), group \(reader.group), has \(shards.count) shards\(names)",
            to: text)
        return text
    }

    /// Who has the shards that this reader has not.
    private var othersShards: String {
        let division = reader.division.filter { $0.shards > 0 }
        guard !division.isEmpty else { return "the stream has none that can be read now" }
        let count = division.reduce(0) { $0 + $1.shards }
        return "the \(count) of the stream are with " + Self.some(division.map { "\($0.reader) (\($0.shards))" })
    }

    private static func some(_ words: [String]) -> String {
        words.prefix(20).joined(separator: ", ") + (words.count > 20 ? ", …" : "")
    }
}
