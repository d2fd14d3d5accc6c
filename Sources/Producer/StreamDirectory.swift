import AWS
import Kinesis
import Logging
import Reactor

/// What the put path knows of streams: their largest record, and how a missing one is created, once, while every put
/// that needs it waits.
///
/// Confined to its loop.
final class StreamDirectory: @unchecked Sendable {
    /// What every stream takes unless it was told otherwise. Source: the service's quotas, UpdateMaxRecordSize.
    static let defaultRecordBytes = 1 << 20
    /// The most that a stream can be told to take.
    static let largestRecordBytes = 10 << 20
    /// How long a summary is believed when it forbids a record: it may have been changed since.
    private static let refusalAge = Duration.seconds(5)
    /// Streams whose size is remembered; beyond it all are asked for again.
    private static let capacity = 1000

    private struct Known {
        var recordBytes: Int
        var at: EventLoop.Instant
    }

    private let loop: EventLoop
    private let target: any PutTarget
    private let shardsToCreate: @Sendable (String) -> Int?
    private let logger: Logger
    private var known: [StreamName: Known] = [:]
    /// Who waits for a stream that is being created.
    private var waiting: [StreamName: [UnsafeContinuation<Result<Void, PutError>, Never>]] = [:]

    init(
        loop: EventLoop, target: any PutTarget, shardsToCreate: @escaping @Sendable (String) -> Int?, logger: Logger
    ) {
        self.loop = loop
        self.target = target
        self.shardsToCreate = shardsToCreate
        self.logger = logger
    }

    /// The bytes of data and partition key that one record of the stream may have, as far as a record of `size` bytes
    /// needs to know it; nil when that has to be asked for. Nothing is asked for what every stream takes.
    func knownRecordBytes(of stream: StreamName, forRecordOf size: Int) -> Int? {
        if size <= Self.defaultRecordBytes { return Self.defaultRecordBytes }
        guard let known = known[stream] else { return nil }
        return size <= known.recordBytes || known.at + Self.refusalAge > loop.now ? known.recordBytes : nil
    }

    /// The service refused a record: what is known of the stream may be old.
    func forget(_ stream: StreamName) {
        known[stream] = nil
    }

    /// The same from the service; a missing stream is created where that is allowed.
    func askRecordBytes(of stream: StreamName) async throws(PutError) -> Int {
        do {
            return remember(try await target.describe(stream))
        } catch {
            switch error.disposition {
            case .denied: return Self.largestRecordBytes  // who may not ask leaves the judgement to the service
            case .notFound: try await create(stream)
            default: throw .service(error)
            }
        }
        do {
            return remember(try await target.describe(stream))
        } catch {
            throw .service(error)
        }
    }

    private func remember(_ summary: StreamSummary) -> Int {
        if known.count >= Self.capacity { known.removeAll() }
        known[summary.name] = Known(recordBytes: summary.maxRecordBytes, at: loop.now)
        return summary.maxRecordBytes
    }

    // MARK: Creation

    /// Creates a missing stream where that is allowed, and returns when it can be written to. Who comes while a stream is
    /// being created waits for that creation.
    func create(_ stream: StreamName) async throws(PutError) {
        guard let shards = shardsToCreate(stream.text) else { throw .streamMissing }
        let outcome: Result<Void, PutError>
        if waiting[stream] != nil {
            outcome = await withUnsafeContinuation { waiting[stream]?.append($0) }
        } else {
            waiting[stream] = []
            do {
                try await makeReady(stream, shards)
                outcome = .success(())
            } catch {
                outcome = .failure(error)
            }
            for waiter in waiting.removeValue(forKey: stream) ?? [] { waiter.resume(returning: outcome) }
        }
        try outcome.get()
    }

    private func makeReady(_ stream: StreamName, _ shards: Int) async throws(PutError) {
        let provision = StreamProvision(shardsToCreate: shards, waitsOutFailures: true, now: loop.now)
        do throws(StreamProvisionError) {
            _ = try await ProvisionedStream(provision, on: loop) { () throws(AWSError) in
                try await target.describe(stream)
            } create: { shards throws(AWSError) in
                try await target.createStream(stream, shards: shards)
                logger.info("created the stream \(stream) with \(shards) shards for a put")
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
