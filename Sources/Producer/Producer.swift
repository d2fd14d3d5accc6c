import AWS
import Kinesis
import Logging
import Reactor

/// The put path: takes encoded puts, bounds what waits, and answers each when Kinesis has.
///
/// Confined to its loop. Puts that one connection makes one after the other keep their order, because each is answered
/// before the next is read. Who puts a long sequence opens a feed (`PutFeed`).
package final class Producer: @unchecked Sendable {
    /// Lanes that are kept although nothing is on its way in them.
    private static let idleLanes = 256
    /// What a client is told to wait when too much waits already; a batch is answered within about that time.
    private static let retryAfter = Duration.seconds(1)

    package let options: ProducerOptions
    let loop: EventLoop
    private let target: any PutTarget
    private let streams: StreamDirectory
    /// nil: every record is put as it is.
    private let items: LargeItems?
    private let logger: Logger
    private var lanes: [StreamName: PutLane] = [:]
    private var isDraining = false
    private var unanswered = 0
    private var drained: UnsafeContinuation<Void, Never>?
    private var memory: PutMemory
    /// Who stands in line for room; false tells them that they wait no longer.
    private var inLine: [PutMemory.Ticket: UnsafeContinuation<Bool, Never>] = [:]
    private var feeds: [ObjectIdentifier: PutFeed] = [:]

    /// Bytes that wait in this process for their answers, over all streams.
    package var waitingBytes: Int { memory.waiting }

    /// How many may, `maxPutBytes`.
    package var maxWaitingBytes: Int { memory.limit }

    package init(
        loop: EventLoop, target: any PutTarget, options: ProducerOptions, items: LargeItems? = nil, logger: Logger
    ) {
        self.loop = loop
        self.target = target
        self.options = options
        self.items = items
        self.logger = logger
        memory = PutMemory(limit: options.maxPutBytes)
        streams = StreamDirectory(
            loop: loop, target: target, capacity: options.capacity, logger: logger)
    }

    /// Refuses a put of about so many bytes for which there is no room now: before its body is read.
    package func checkRoom(for bytes: Int) throws(PutBacklog) {
        guard memory.hasRoom(for: bytes) else { throw backlog }
    }

    /// Writes records, and returns with the service's answer for each. Nothing is sent of a put that is refused before.
    /// - Parameters:
    ///   - waitsForRoom: whether a put that finds no room waits for it, for `putTimeout` at most, instead of being
    ///     refused: where much work has gone into it, and its memory is bounded by somebody else.
    ///   - onRoom: called once the put has its room, which `maxPutBytes` bounds.
    package func put(
        _ put: EncodedPut, to stream: StreamName, waitsForRoom: Bool = false, onRoom: () -> Void = {}
    ) async throws(PutError) -> PutAnswer {
        if isDraining { throw .draining }
        let bytes = bytesHeld(by: put)
        unanswered += 1
        defer { oneIsAnswered() }
        let hasRoom =
            waitsForRoom
            ? await waitForRoom(bytes, .put, until: loop.now + options.putTimeout) : memory.take(bytes)
        guard hasRoom else { throw .busy(backlog) }
        onRoom()
        defer { giveRoom(bytes) }
        let arrived = loop.now
        let stored = try await store(put, to: stream, arrived: arrived)
        guard let left = stored.put else { return try stored.answer(nil).get() }
        let limit = try await recordLimit(of: stream, for: left)
        return try stored.answer(await lane(of: stream).put(left, largestRecord: limit, arrived: arrived)).get()
    }

    /// The put with its large items in S3.
    func store(
        _ put: EncodedPut, to stream: StreamName, arrived: EventLoop.Instant
    ) async throws(PutError) -> StoredPut {
        guard let items else { return StoredPut(put: put) }
        return try await items.store(
            put, to: stream, options.encoding(stream), until: arrived + options.putTimeout)
    }

    /// Bytes of memory that the put holds until it is answered: what it gathers in has them once more.
    func bytesHeld(by put: EncodedPut) -> Int {
        guard options.shaping.aggregation != nil else { return put.heldBytes }
        return put.heldBytes + put.records.reduce(0) { $0 + $1.size }
    }

    private var backlog: PutBacklog {
        PutBacklog(waiting: waitingBytes, limit: memory.limit, retryAfter: Self.retryAfter)
    }

    /// The bytes that a record of the stream may have, which no record of the put passes.
    func recordLimit(of stream: StreamName, for put: EncodedPut?) async throws(PutError) -> Int {
        if let region = options.region, let arn = stream.arn, arn.region != region { throw .otherRegion(region) }
        guard let put else { return StreamDirectory.defaultRecordBytes }
        let largest = put.largest
        let limit: Int
        if let known = streams.knownRecordBytes(of: stream, forRecordOf: largest.size) {
            limit = known
        } else {
            limit = try await streams.askRecordBytes(of: stream)
        }
        guard largest.size <= limit else {
            throw .recordTooLarge(index: largest.index, size: largest.size, limit: limit)
        }
        return limit
    }

    /// Records of the stream's puts that left in a call once more, since its lane was made; an idle lane may be dropped.
    package func retriedRecords(of stream: StreamName) -> Int { lanes[stream]?.retriedRecords ?? 0 }

    /// The service can be reached again: puts that wait because it could not go now.
    package func serviceReturned() {
        for lane in lanes.values { lane.serviceReturned() }
    }

    /// Takes no new puts, lets feeds come to their end, and returns when every put has its answer, or at the deadline.
    package func drain(deadline: EventLoop.Instant) async {
        isDraining = true
        for feed in feeds.values { feed.onDraining?() }
        guard unanswered > 0, loop.now < deadline else { return }
        let timer = loop.schedule(at: deadline) { [weak self] in self?.finishDraining() }
        await withUnsafeContinuation { drained = $0 }
        loop.cancel(timer)
    }

    private func oneIsAnswered() {
        unanswered -= 1
        if unanswered == 0 { finishDraining() }
    }

    private func finishDraining() {
        drained?.resume()
        drained = nil
    }

    func lane(of stream: StreamName) -> PutLane {
        if let lane = lanes[stream] { return lane }
        if lanes.count >= Self.idleLanes { lanes = lanes.filter { !$0.value.isIdle } }
        var limits = PutBatcher.Limits()
        limits.timeout = options.putTimeout
        limits.linger = options.putLinger
        let lane = PutLane(
            loop: loop, stream: stream, target: target, streams: streams, limits: limits, shaping: options.shaping,
            logger: logger)
        lanes[stream] = lane
        return lane
    }
}

// MARK: - Feeds

extension Producer {
    /// Opens a feed, which must be closed. Until then a drain waits for it.
    package func openFeed() throws(PutError) -> PutFeed {
        if isDraining { throw .draining }
        let feed = PutFeed(producer: self, share: memory.feedShare)
        feeds[ObjectIdentifier(feed)] = feed
        unanswered += 1
        return feed
    }

    func close(_ feed: PutFeed) {
        guard feeds.removeValue(forKey: ObjectIdentifier(feed)) != nil else { return }
        oneIsAnswered()
    }

    /// Returns when the bytes have their room, which has been taken then; false at the deadline.
    func waitForRoom(_ bytes: Int, _ kind: PutMemory.Kind, until deadline: EventLoop.Instant? = nil) async -> Bool {
        guard let ticket = memory.takeOrStandInLine(bytes, kind) else { return true }
        let timer = deadline.map { loop.schedule(at: $0) { [weak self] in self?.leaveLine(ticket) } }
        defer { if let timer { loop.cancel(timer) } }
        return await withUnsafeContinuation { inLine[ticket] = $0 }
    }

    func giveRoom(_ bytes: Int) {
        memory.give(bytes)
        admitWaiting()
    }

    private func leaveLine(_ ticket: PutMemory.Ticket) {
        memory.leave(ticket)
        inLine.removeValue(forKey: ticket)?.resume(returning: false)
        admitWaiting()
    }

    private func admitWaiting() {
        while let ticket = memory.admitNext() { inLine.removeValue(forKey: ticket)?.resume(returning: true) }
    }
}
