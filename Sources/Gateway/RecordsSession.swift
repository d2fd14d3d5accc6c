import Bytes
import Consumer
import HTTP
import HTTPServer
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
        while let delivery = await reader.next() {
            let head = ByteBuffer(capacity: 64)
            ServerSentEvents.appendHead(id: delivery.eventID, event: "records", to: head)
            try await stream.write([head, delivery.batch.payload, ServerSentEvents.end])
            reader.settle(delivery)
        }
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
        let names = shards.isEmpty ? "" : ": " + shards.prefix(20).joined(separator: ", ")
        let more = shards.count > 20 ? ", …" : ""
        ServerSentEvents.appendComment(
            "reader \(reader.id) of \(reader.stream), group \(reader.group), has \(shards.count) shards\(names)\(more)",
            to: text)
        return text
    }
}
