import AWS
import Kinesis
import Logging
import Reactor

/// The put path: takes encoded puts, bounds what waits, and answers each when Kinesis has.
///
/// Confined to its loop. Puts that one connection makes one after the other keep their order, because each is answered
/// before the next is read.
package final class Producer: @unchecked Sendable {
    /// Lanes that are kept although nothing is on its way in them.
    private static let idleLanes = 256
    /// What a client is told to wait when too much waits already; a batch is answered within about that time.
    private static let retryAfter = Duration.seconds(1)

    package let options: ProducerOptions
    let loop: EventLoop
    private let target: any PutTarget
    private let streams: StreamDirectory
    private let logger: Logger
    private var lanes: [StreamName: PutLane] = [:]
    private var isDraining = false
    private var unanswered = 0
    private var drained: UnsafeContinuation<Void, Never>?

    /// Bytes that wait in this process for their answers, over all streams.
    package private(set) var waitingBytes = 0

    package init(loop: EventLoop, target: any PutTarget, options: ProducerOptions, logger: Logger) {
        self.loop = loop
        self.target = target
        self.options = options
        self.logger = logger
        streams = StreamDirectory(
            loop: loop, target: target, shardsToCreate: options.shardsToCreate, logger: logger)
    }

    /// Writes records, and returns with the service's answer for each. Nothing is sent of a put that is refused before.
    package func put(_ put: EncodedPut, to stream: StreamName) async throws(PutError)
        -> PutAnswer
    {
        if isDraining { throw .draining }
        let bytes = put.heldBytes
        // A put is never refused when nothing waits, whatever its size: it could never be made.
        guard waitingBytes == 0 || waitingBytes + bytes <= options.maxPutBytes else {
            throw .busy(waiting: waitingBytes, limit: options.maxPutBytes, retryAfter: Self.retryAfter)
        }
        waitingBytes += bytes
        unanswered += 1
        defer { answered(bytes) }
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
        return try await lane(of: stream).put(put, largestRecord: limit).get()
    }

    /// Records of the stream's puts that left in a call once more, since its lane was made; an idle lane may be dropped.
    package func retriedRecords(of stream: StreamName) -> Int { lanes[stream]?.retriedRecords ?? 0 }

    /// Takes no new puts, and returns when every one has its answer, or at the deadline.
    package func drain(deadline: EventLoop.Instant) async {
        isDraining = true
        guard unanswered > 0, loop.now < deadline else { return }
        let timer = loop.schedule(at: deadline) { [weak self] in self?.finishDraining() }
        await withUnsafeContinuation { drained = $0 }
        loop.cancel(timer)
    }

    private func answered(_ bytes: Int) {
        waitingBytes -= bytes
        unanswered -= 1
        if unanswered == 0 { finishDraining() }
    }

    private func finishDraining() {
        drained?.resume()
        drained = nil
    }

    private func lane(of stream: StreamName) -> PutLane {
        if let lane = lanes[stream] { return lane }
        if lanes.count >= Self.idleLanes { lanes = lanes.filter { !$0.value.isIdle } }
        var limits = PutBatcher.Limits()
        limits.timeout = options.putTimeout
        limits.linger = options.putLinger
        let lane = PutLane(
            loop: loop, stream: stream, target: target, streams: streams, limits: limits, logger: logger)
        lanes[stream] = lane
        return lane
    }
}
