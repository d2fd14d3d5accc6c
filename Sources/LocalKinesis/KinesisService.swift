import AWS
import Bytes
import JSON
import Kinesis
import Logging
import Reactor
import SQLite
import Time

/// The streams of the embedded Kinesis and what may be done with them; each family of operations is an extension of it
/// under Operations. Confined to its loop.
///
/// The streams in memory are what every call looks at; each change is stored before it is answered. Records are in the
/// store alone.
package final class KinesisService: @unchecked Sendable {
    let loop: EventLoop
    let configuration: LocalKinesisConfiguration
    let store: StreamStore
    let logger: Logger
    var faults = FaultPlan()
    /// The time at which the records of a put arrive. A test sets it back.
    package var arrivalTime: () -> WallTime = { .now() }
    /// Iterators that were given before this time count as expired; a test orders that.
    var iteratorsExpiredBefore = WallTime(milliseconds: 0)

    var accountSettings: AccountSettings
    let subscriptions = Subscriptions()
    private var streams: [String: LocalStream]
    /// Nil with a folder for the data.
    private var memory: MemoryBound?
    private var throttles: [StreamStore.Address: ShardThrottle] = [:]

    init(
        loop: EventLoop, configuration: LocalKinesisConfiguration, store: StreamStore, loaded: StreamLoader.Loaded,
        logger: Logger
    ) {
        self.loop = loop
        self.configuration = configuration
        self.store = store
        self.logger = logger
        streams = Dictionary(uniqueKeysWithValues: loaded.streams.map { ($0.name, $0) })
        accountSettings = loaded.account
        memory = configuration.dataDirectory == nil ? MemoryBound(limit: configuration.memoryLimit) : nil
    }

    /// Opens the store. Streams whose deletion the last process did not finish go now.
    package static func open(
        loop: EventLoop, configuration: LocalKinesisConfiguration, logger: Logger
    ) async throws(SQLiteError) -> KinesisService {
        let location = configuration.dataDirectory.map { DatabaseLocation.file($0 + "/kinesis.db") } ?? .memory
        let (store, loaded) = try await StreamStore.open(location)
        if case .rollback(let mode) = store.journal {
            logger.warning(
                "the embedded Kinesis's file system refuses SQLite's write-ahead log: each put waits for the disk instead",
                metadata: ["journalMode": "\(mode)"])
        }
        let service = KinesisService(
            loop: loop, configuration: configuration, store: store, loaded: loaded, logger: logger)
        for stream in loaded.streams where stream.status == .deleting {
            try? await service.forget(stream)  // Its failure is in the log.
        }
        try await service.makeConfiguredStreams()
        return service
    }

    /// They are ACTIVE at once: nobody has seen them missing.
    private func makeConfiguredStreams() async throws(SQLiteError) {
        for (name, shards) in configuration.streams where find(name.text) == nil {
            var stream = LocalStream(name: name.text, shardCount: shards, mode: .provisioned, created: .now())
            stream.status = .active
            streams[stream.name] = stream
            try await store.save(stream)
        }
    }

    /// Closes the store, which holds what was acknowledged.
    package func close() async {
        await store.close()
    }

    // MARK: Streams

    var streamNames: [String] { streams.keys.sorted() }

    func stream(named name: String) throws(ServiceFault) -> LocalStream {
        guard let stream = streams[name] else { throw .streamNotFound(name, configuration.account) }
        return stream
    }

    func find(_ name: String) -> LocalStream? { streams[name] }

    /// The stream that a request names by StreamName or StreamARN.
    func stream(_ fields: RequestFields) throws(ServiceFault) -> LocalStream {
        try stream(named: streamName(fields))
    }

    /// The stream that a request changes: it must not be changing already.
    func idleStream(_ fields: RequestFields) throws(ServiceFault) -> LocalStream {
        let stream = try stream(fields)
        guard stream.status == .active else {
            throw .resourceInUse(
                "Stream \(stream.name) under account \(configuration.account) not ACTIVE, instead in state "
                    + stream.status.rawValue)
        }
        return stream
    }

    func streamName(_ fields: RequestFields) throws(ServiceFault) -> String {
        let name = try fields.optionalString("StreamName")
        if let arn = try fields.optionalString("StreamARN") {
            // Whatever the account and the region: streams of all of them are these.
            guard let named = StreamARN(arn)?.name.text else {
                throw RequestFields.constraint(
                    "StreamARN", arn,
                    "Member must satisfy regular expression pattern: arn:aws.*:kinesis:.*:\\d{12}:stream/.*")
            }
            guard name == nil || name == named else {
                throw .invalidArgument("StreamARN and StreamName must refer to the same stream.")
            }
            return named
        }
        guard let name else {
            throw .invalidArgument("Either StreamARN or StreamName must be specified.")
        }
        guard StreamName(name) != nil else {
            throw RequestFields.constraint(
                "StreamName", name, "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]{1,128}")
        }
        return name
    }

    /// Puts a stream in its new state and stores it.
    func store(_ stream: LocalStream) async throws(ServiceFault) {
        streams[stream.name] = stream
        subscriptions.changed(stream.name)
        do throws(SQLiteError) {
            try await store.save(stream)
        } catch {
            throw failed("store stream \(stream.name)", error)
        }
    }

    /// Changes a stream that is still the one it was; nothing happens to one that was deleted meanwhile.
    func update(_ stream: LocalStream, _ change: (inout LocalStream) -> Void) {
        guard var current = streams[stream.name], current.created == stream.created else { return }
        change(&current)
        streams[stream.name] = current
    }

    /// Takes over shards whose ordinals have moved on. Nothing may have waited since they were read.
    func replaceShards(of stream: LocalStream) {
        streams[stream.name] = stream
    }

    func forget(_ stream: LocalStream) async throws(ServiceFault) {
        streams[stream.name] = nil
        subscriptions.changed(stream.name)
        memory?.forgot(stream.name)
        throttles = throttles.filter { $0.key.stream != stream.name }
        do throws(SQLiteError) {
            try await store.delete(stream.name)
        } catch {
            throw failed("delete stream \(stream.name)", error)
        }
    }

    /// Lets the stream be `status` until the configured delay has passed, then active again.
    func pass(_ stream: LocalStream, through status: LocalStream.Status) async throws(ServiceFault) {
        var changed = stream
        changed.status = status
        try await store(changed)
        _ = loop.schedule(after: configuration.stateDelay) { [self] in
            // Not one that is being deleted meanwhile.
            update(changed) { if $0.status == status { $0.status = .active } }
        }
    }

    /// What the service says when the store fails. The service itself would keep the cause to itself; here whoever asks can
    /// do something about a full disk.
    func failed(_ attempt: String, _ error: SQLiteError) -> ServiceFault {
        logger.error(
            "the embedded Kinesis cannot do something", metadata: ["operation": "\(attempt)", "error": "\(error)"])
        var fault = ServiceFault.internalFailure
        fault.message = "The embedded Kinesis cannot \(attempt): \(error)"
        return fault
    }

    /// The time at which an iterator is given: after the last moment at which a test let all of them expire.
    var iteratorTime: WallTime { max(.now(), iteratorsExpiredBefore) }

    // MARK: Limits

    func throttle<Result>(_ address: StreamStore.Address, _ decide: (inout ShardThrottle) -> Result) -> Result {
        decide(&throttles[address, default: ShardThrottle()])
    }

    // MARK: Retention

    /// Removes what has outlived the retention periods.
    func trim(now: WallTime) async {
        for name in streamNames {
            guard var stream = find(name) else { continue }
            let expired = stream.expireShards(now: now)
            update(stream) { _ = $0.expireShards(now: now) }
            let horizon = now.advanced(by: .seconds(-3600 * stream.retentionHours))
            do throws(SQLiteError) {
                try await store.trim(stream, before: horizon, expired: expired)
                memory?.trimmed(name, before: horizon)
            } catch {
                _ = failed("trim stream \(name)", error)
            }
        }
    }

    /// Counts records that have been stored in memory, and removes the oldest where they are too many.
    func stored(_ records: [StreamStore.NewRecord], of stream: LocalStream) async {
        guard memory != nil, let arrival = records.map(\.arrival).max() else { return }
        let cost = records.reduce(0) { $0 + MemoryBound.cost(ofStored: $1.entry.count) }
        memory?.stored(cost, in: stream.name, at: arrival)
        guard let horizons = memory?.trim(), !horizons.isEmpty else { return }
        if memory?.trims == 1 {
            logger.warning(
                "the embedded Kinesis's memory is full: from now on its oldest records go; --data-dir keeps them on disk",
                metadata: ["limit": .stringConvertible(configuration.memoryLimit)])
        }
        for (name, horizon) in horizons {
            guard let stream = find(name) else { continue }
            do throws(SQLiteError) {
                try await store.trim(stream, before: horizon, expired: [])
            } catch {
                _ = failed("trim stream \(name)", error)
            }
        }
    }
}
