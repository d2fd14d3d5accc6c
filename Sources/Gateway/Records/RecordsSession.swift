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
    private let reader: RecordsReader
    private let exchange: HTTPExchange
    private let presence: PeerPresence
    private let framing: EventFraming
    private let lastEvent: String?
    private let heartbeatInterval: Duration
    private let gateway: Gateway
    private var timer: TimerToken?
    private var nextStats: EventLoop.Instant
    private var hasPeerFinished = false

    init(
        _ reader: RecordsReader, _ exchange: HTTPExchange, _ presence: PeerPresence, _ request: RecordsRequest,
        of gateway: Gateway
    ) {
        self.reader = reader
        self.exchange = exchange
        self.presence = presence
        framing = request.framing
        lastEvent = request.lastEvent
        heartbeatInterval = request.heartbeatInterval ?? gateway.options.heartbeatInterval
        self.gateway = gateway
        nextStats = exchange.loop.now + reader.statsInterval
    }

    func run() async {
        presence.onLoss = { [reader] in reader.detach(.lost) }  // `next` gives nil from here on
        exchange.onPeerFinished = { [weak self] in self?.peerFinished() }
        reader.onCut = { [exchange] in exchange.abort() }
        do {
            let stream = try await exchange.startStreaming(
                .ok, headers: framing.headers, closesConnection: true)
            if framing == .serverSentEvents {
                try await stream.write([Greeting(reader, resuming: lastEvent).text])
            }
            try await deliver(to: stream)
            guard presence.isThere else { return }
            if !hasPeerFinished { try await stream.write([framing.head("end"), ending, framing.end]) }
            // The connection's end says from here on whether all was read.
            presence.onLoss = nil
            reader.detach(await stream.finishWithProof() ? .orderly : .lost)
        } catch {
            reader.detach(.lost)
        }
    }

    /// The peer wants nothing more, or has closed: what is being written is the last.
    private func peerFinished() {
        hasPeerFinished = true
        reader.leave()
    }

    /// Until the consumer ends or the peer has gone.
    private func deliver(to stream: ResponseStream) async throws(ConnectionClosed) {
        beat(stream)
        defer {
            if let timer { exchange.loop.cancel(timer) }
            timer = nil
        }
        while let event = await reader.next() { try await write(event, to: stream) }
    }

    /// Apart from `deliver`, whose frame lives for as long as the connection does.
    @inline(never)
    private func write(_ event: ReaderEvent, to stream: ResponseStream) async throws(ConnectionClosed) {
        switch event {
        case .records(let delivery):
            let id = reader.group == nil ? nil : delivery.id
            try await stream.write([framing.head("records", id: id), delivery.batch.payload, framing.end])
            reader.settle(delivery, sentBytes: stream.takenBytes)
        case .shard(let notice):
            try await stream.write([framing.head("shard"), members(of: notice), framing.end])
        case .problem(let problem):
            let document = Problem.reader(problem, stream: reader.stream).document
            try await stream.write([framing.head("problem"), document.openBody, framing.end])
        }
    }

    // MARK: Now and then

    /// The stats when they are due, else a sign of life, which keeps proxies from closing what looks idle to them. A write
    /// that is on its way says as much.
    private func beat(_ stream: ResponseStream) {
        let now = exchange.loop.now
        let next = min(now + heartbeatInterval, nextStats)
        timer = exchange.loop.schedule(at: next) { [weak self] in
            guard let self else { return }
            let isStatsTime = exchange.loop.now >= nextStats
            if isStatsTime { nextStats = exchange.loop.now + reader.statsInterval }
            if !stream.isWriting {
                exchange.loop.spawn { isStatsTime ? await self.writeStats(stream) : await self.writeHeartbeat(stream) }
            }
            beat(stream)
        }
    }

    // A closed connection is told to the session by `onDisconnect`.

    private func writeHeartbeat(_ stream: ResponseStream) async {
        try? await stream.write([framing.heartbeat])
    }

    private func writeStats(_ stream: ResponseStream) async {
        let members = await gateway.statsMembers(of: reader.stream)
        // Nothing follows the event `end`, which may have been written meanwhile.
        guard timer != nil else { return }
        try? await stream.write([framing.head("stats"), members, framing.end])
    }

    // MARK: Texts

    private var ending: ByteBuffer {
        var json = JSONWriter(capacity: 32)
        json.member("reason", reader.endReason.rawValue)
        json.endObject()
        return json.buffer
    }

    private func members(of notice: ShardNotice) -> ByteBuffer {
        var json = JSONWriter(capacity: 128)
        json.member("streamName", reader.stream.text)
        json.member("shardId", notice.shard.text)
        json.member("change", notice.change.rawValue)
        json.endObject()
        return json.buffer
    }
}
