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
    private let framing: any ReaderFraming
    private let lastEvent: String?
    private let heartbeatInterval: Duration
    private let gateway: Gateway
    private var timer: TimerToken?
    private var nextStats: EventLoop.Instant
    private var hasPeerFinished = false
    private var credit: RecordCredit
    private var stream: ResponseStream?
    /// Why the session ends although nothing is wrong with the consumer; nil: its reader's events came to their end.
    private var reason: Problem?

    /// - Parameters:
    ///   - lastEvent: with what the client has come back.
    ///   - heartbeatInterval: nil: as the configuration says.
    init(
        _ reader: RecordsReader, _ exchange: HTTPExchange, _ presence: PeerPresence, _ framing: any ReaderFraming,
        lastEvent: String? = nil, heartbeatInterval: Duration? = nil, credit: RecordCredit = .unbounded,
        of gateway: Gateway
    ) {
        self.reader = reader
        self.exchange = exchange
        self.presence = presence
        self.framing = framing
        self.lastEvent = lastEvent
        self.credit = credit
        self.heartbeatInterval = heartbeatInterval ?? gateway.options.heartbeatInterval
        self.gateway = gateway
        nextStats = exchange.loop.now + reader.statsInterval
    }

    func run() async {
        // `next` gives nil from here on. An event that the socket took whole just before is settled first: a client that comes
        // back for what was sent after an earlier one gets it again.
        presence.onLoss = { [reader] in reader.leave() }
        exchange.onPeerFinished = { [weak self] in self?.peerFinished() }
        reader.onCut = { [exchange] in exchange.abort() }
        do {
            let stream = try await exchange.startStreaming(
                .ok, headers: framing.headers, closesConnection: true)
            self.stream = stream
            if let greeting = framing.greeting(reader, resuming: lastEvent) { try await stream.write([greeting]) }
            reader.takesRecords = credit.isOpen
            try await deliver(to: stream)
            guard presence.isThere else { return reader.detach(.lost) }
            try await finish(stream)
        } catch {
            reader.detach(.lost)
        }
    }

    private func finish(_ stream: ResponseStream) async throws(ConnectionClosed) {
        if !hasPeerFinished, reason == nil { try await stream.write(await framing.event(.end, ending)) }
        // The connection's end says from here on whether all was read.
        presence.onLoss = nil
        let trailers = reason.map { GRPCStatus(problem: $0.document).trailers } ?? framing.trailers
        reader.detach(await stream.finishWithProof(trailers: trailers) ? .orderly : .lost)
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
            credit.spend(delivery.batch.recordCount)
            reader.takesRecords = credit.isOpen
            try await stream.write(framing.records(id, delivery.batch.payload))
            reader.settle(delivery, sentBytes: stream.takenBytes)
        case .shard(let notice):
            try await stream.write(await framing.event(.shard, members(of: notice)))
        case .problem(let problem):
            try await stream.write(framing.problem(Problem.reader(problem, stream: reader.stream).document))
        }
    }

    // MARK: What a reader of gRPC says

    /// So many more records may be sent.
    func give(_ records: Int) {
        credit.give(records)
        reader.takesRecords = credit.isOpen
    }

    /// A request of the reader has met a problem; its records go on.
    func tell(_ document: ProblemDocument) async {
        try? await stream?.write(framing.problem(document))
    }

    /// Ends the call with this problem, behind what is being written.
    func end(_ problem: Problem) {
        if reason == nil { reason = problem }
        reader.leave()
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
        if let heartbeat = framing.heartbeat { try? await stream.write([heartbeat]) }
    }

    private func writeStats(_ stream: ResponseStream) async {
        let members = await gateway.statsMembers(of: reader.stream)
        // Nothing follows the event `end`, which may have been written meanwhile.
        guard timer != nil else { return }
        let chunks = await framing.event(.stats, members)
        guard timer != nil else { return }
        try? await stream.write(chunks)
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
