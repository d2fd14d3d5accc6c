import AWS
import Kinesis
import Logging
import Reactor

/// What the put path knows of streams: their largest record, whether they take records without a partition key, and how a
/// missing one is created, once, while every put that needs it waits.
///
/// Confined to its loop.
final class StreamDirectory: @unchecked Sendable {
    /// What every stream takes unless it was told otherwise. Source: the service's quotas, UpdateMaxRecordSize.
    static let defaultRecordBytes = 1 << 20
    /// The most that a stream can be told to take.
    static let largestRecordBytes = 10 << 20
    /// How long a summary is believed when it forbids a record: it may have been changed since.
    private static let refusalAge = Duration.seconds(5)
    /// How long it is believed how records are distributed. A wrong belief costs nothing: a key that is not needed is ignored,
    /// and a put that is refused for want of one goes again with it.
    private static let distributionAge = Duration.seconds(300)
    /// Streams that are remembered; beyond it all are asked for again.
    private static let capacity = 1000

    private struct Known {
        /// nil: it could not be learned, or is being asked.
        var facts: (recordBytes: Int, isAutoDistributed: Bool)?
        var at: EventLoop.Instant
    }

    private let loop: EventLoop
    private let target: any PutTarget
    private let capacity: @Sendable (StreamName) -> StreamCapacity?
    private let logger: Logger
    private var known: [StreamName: Known] = [:]
    /// Who waits for a stream that is being created.
    private var waiting: [StreamName: [UnsafeContinuation<Result<Void, PutError>, Never>]] = [:]

    init(
        loop: EventLoop, target: any PutTarget, capacity: @escaping @Sendable (StreamName) -> StreamCapacity?,
        logger: Logger
    ) {
        self.loop = loop
        self.target = target
        self.capacity = capacity
        self.logger = logger
    }

    /// The bytes of data and partition key that one record of the stream may have, as far as a record of `size` bytes
    /// needs to know it; nil when that has to be asked for. Nothing is asked for what every stream takes.
    func knownRecordBytes(of stream: StreamName, forRecordOf size: Int) -> Int? {
        if size <= Self.defaultRecordBytes { return Self.defaultRecordBytes }
        guard let known = known[stream], let facts = known.facts else { return nil }
        return size <= facts.recordBytes || known.at + Self.refusalAge > loop.now ? facts.recordBytes : nil
    }

    /// Whether the stream takes records without a partition key, as far as that is known. What is not known is asked for in the
    /// background: no put waits for it, since one with a key is taken too.
    func isAutoDistributed(_ stream: StreamName) -> Bool {
        let known = known[stream]
        if known.map({ $0.at + Self.distributionAge <= loop.now }) ?? true {
            remember(known?.facts, of: stream)
            loop.spawn { [self] in
                if let summary = try? await target.learn(stream) { _ = remember(summary, of: stream) }
            }
        }
        return known?.facts?.isAutoDistributed ?? false
    }

    /// The same, waiting for the answer where it is not known; false where it cannot be learned.
    func askDistribution(of stream: StreamName) async -> Bool {
        if let known = known[stream], let facts = known.facts, known.at + Self.distributionAge > loop.now {
            return facts.isAutoDistributed
        }
        guard let summary = try? await target.learn(stream) else { return false }
        _ = remember(summary, of: stream)
        return summary.isAutoDistributed
    }

    /// The service refused a record: what is known of the stream may be old.
    func forget(_ stream: StreamName) {
        known[stream] = nil
    }

    /// The same from the service; a missing stream is created where that is allowed.
    func askRecordBytes(of stream: StreamName) async throws(PutError) -> Int {
        do {
            return remember(try await target.describe(stream), of: stream)
        } catch {
            switch error.disposition {
            case .denied: return Self.largestRecordBytes  // who may not ask leaves the judgement to the service
            case .notFound: try await create(stream)
            default: throw .service(error)
            }
        }
        do {
            return remember(try await target.describe(stream), of: stream)
        } catch {
            throw .service(error)
        }
    }

    private func remember(_ summary: StreamSummary, of stream: StreamName) -> Int {
        remember((summary.maxRecordBytes, summary.isAutoDistributed), of: stream)
        return summary.maxRecordBytes
    }

    private func remember(_ facts: (recordBytes: Int, isAutoDistributed: Bool)?, of stream: StreamName) {
        if known.count >= Self.capacity { known.removeAll() }
        known[stream] = Known(facts: facts, at: loop.now)
    }

    // MARK: Creation

    /// Creates a missing stream where that is allowed, and returns when it can be written to. Who comes while a stream is
    /// being created waits for that creation.
    func create(_ stream: StreamName) async throws(PutError) {
        guard let capacity = capacity(stream) else { throw .streamMissing }
        let outcome: Result<Void, PutError>
        if waiting[stream] != nil {
            outcome = await withUnsafeContinuation { waiting[stream]?.append($0) }
        } else {
            waiting[stream] = []
            do {
                try await makeReady(stream, capacity)
                outcome = .success(())
            } catch {
                outcome = .failure(error)
            }
            for waiter in waiting.removeValue(forKey: stream) ?? [] { waiter.resume(returning: outcome) }
        }
        try outcome.get()
    }

    private func makeReady(_ stream: StreamName, _ capacity: StreamCapacity) async throws(PutError) {
        let provision = StreamProvision(creating: capacity, waitsOutFailures: true, now: loop.now)
        do throws(StreamProvisionError) {
            _ = try await ProvisionedStream(provision, on: loop) { () throws(AWSError) in
                try await target.describe(stream)
            } create: { capacity throws(AWSError) in
                try await target.createStream(stream, capacity)
                logger.info(
                    "a stream is created for a put", metadata: ["stream": "\(stream)", "capacity": "\(capacity)"])
            }
        } catch {
            switch error {
            case .missing: throw .streamMissing
            case .notReady(let status): throw .streamNotReady(status: status)
            case .service(let error): throw .service(error)
            case .cancelled: throw .draining
            }
        }
    }
}
