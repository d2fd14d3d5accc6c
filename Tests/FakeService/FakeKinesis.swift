import AWS
import Bytes
import Consumer
import JSON
import Kinesis
import LocalKinesis
import Logging
import Producer
import Reactor
import SQLite
import Time

/// The embedded Kinesis without its wire: the same requests, carried out in process, with failures that a test asks for.
///
/// Confined to its loop. Responses come a turn later at the earliest, as over a network.
package final class FakeKinesis: StreamSource, PutTarget, @unchecked Sendable {
    package enum Call: Hashable, Sendable {
        case summary
        case create
        case list
        case iterator(ShardID)
        case records(ShardID)
        case subscribe(ShardID)
        /// By its name: what concerns registered consumers.
        case consumers(String)
        /// PutRecords and PutRecord.
        case put
    }

    /// A put as it was asked for.
    package struct Put: Equatable, Sendable {
        package var records: Int
        /// A PutRecord's SequenceNumberForOrdering.
        package var after: SequenceNumber?

        package init(records: Int, after: SequenceNumber? = nil) {
            self.records = records
            self.after = after
        }
    }

    /// A record that the service has taken.
    package struct Written: Sendable {
        package var text: String
        package var shard: ShardID
        package var sequenceNumber: SequenceNumber
        package var key: PartitionKey
    }

    package let loop: EventLoop
    package private(set) var calls: [Call] = []
    package private(set) var puts: [Put] = []
    /// In the order in which the calls that wrote them ended.
    package private(set) var written: [Written] = []
    /// Told of every call as it comes.
    package var onCall: ((Call) -> Void)?
    /// What every call fails with while it is set.
    package var failure: AWSError?
    /// Records that one response holds at most.
    package var recordLimit = GetRecords.maximumLimit
    /// What a response of records takes, by the loop's time.
    package var recordsTime = Duration.zero
    /// What a summary says instead of the stream's own retention, which is a day at least.
    package var retentionHours: Int?

    private let service: KinesisService
    private let dialect: Dialect
    private let gate: Gate
    private var isHeld = false
    private var failures: [Call: [AWSError]] = [:]
    private var silences: [Call: Int] = [:]
    private var silent: [UnsafeContinuation<Void, Never>] = []
    /// Called with each subscription before it brings anything.
    package var onSubscription: ((FakeSubscription) -> Void)?
    private var subscriptions: [WeakSubscription] = []

    private init(loop: EventLoop, service: KinesisService, dialect: Dialect) {
        self.loop = loop
        self.service = service
        self.dialect = dialect
        gate = Gate(loop: loop)
    }

    /// A service in memory, without streams and without limits on rates.
    /// - Parameter stateDelay: how long a stream stays in CREATING, UPDATING and DELETING, by the loop's time.
    package static func open(
        loop: EventLoop, dialect: Dialect = .aws, stateDelay: Duration = .zero
    ) async throws(SQLiteError) -> FakeKinesis {
        let logger = Logger(label: "fake kinesis") { _ in SwiftLogNoOpLogHandler() }
        let configuration = LocalKinesisConfiguration(limits: false, stateDelay: stateDelay)
        let service = try await KinesisService.open(loop: loop, configuration: configuration, logger: logger)
        return FakeKinesis(loop: loop, service: service, dialect: dialect)
    }

    /// Runs `body` with a service of its own, which is closed afterwards.
    package static func run(
        on loop: EventLoop, dialect: Dialect = .aws, stateDelay: Duration = .zero,
        _ body: (FakeKinesis) async throws -> Void
    ) async throws {
        let kinesis = try await open(loop: loop, dialect: dialect, stateDelay: stateDelay)
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(kinesis))
        } catch {
            result = .failure(error)
        }
        await kinesis.close()
        try result.get()
    }

    /// Ends the service and the calls that were never answered; their tasks would outlive the test.
    package func close() async {
        hangUp()
        release()
        await service.close()
    }

    // MARK: What tests do

    /// The next calls of this kind fail so, one after the other.
    package func fail(_ call: Call, _ errors: AWSError...) {
        failures[call, default: []] += errors
    }

    /// The next calls of this kind get no response at all, not even when they are cancelled, until `hangUp`.
    package func silence(_ call: Call, times: Int = 1) {
        silences[call, default: 0] += times
    }

    /// Lets the calls go on that got no response.
    package func hangUp() {
        for call in silent { call.resume() }
        silent.removeAll()
    }

    /// Puts wait from here on until `release`.
    package func hold() {
        isHeld = true
    }

    package func release() {
        isHeld = false
        gate.open()
    }

    /// Writes records as a put does, but neither counted nor failed, and returns their numbers.
    /// - Parameter arrival: when they arrive, nil: now. Along a shard it never goes back.
    @discardableResult
    package func write(
        _ entries: [PutRecordEntry], to stream: StreamName, at arrival: WallTime? = nil
    ) async throws(AWSError) -> [SequenceNumber] {
        if let arrival { service.arrivalTime = { arrival } }
        defer { service.arrivalTime = { .now() } }
        return try await respond(to: PutRecords(stream: stream, entries: entries)).results.compactMap { result in
            if case .accepted(_, let number, _) = result { number } else { nil }
        }
    }

    package func count(_ call: Call) -> Int { calls.count { $0 == call } }

    package static func error(_ code: String, status: Int = 400) -> AWSError {
        .service(ServiceError(code: code, message: "as asked", status: status))
    }

    private func called(_ call: Call) async throws(AWSError) {
        calls.append(call)
        onCall?(call)
        if let left = silences[call], left > 0 {
            silences[call] = left - 1
            await withUnsafeContinuation { silent.append($0) }
        }
        await loop.nextTurn()
        if call == .put {
            do throws(CancellationError) { try await gate.wait { isHeld } } catch { throw .cancelled }
        }
        if Task.isCancelled { throw .cancelled }
        if let failure { throw failure }
        if var waiting = failures[call], !waiting.isEmpty {
            let error = waiting.removeFirst()
            failures[call] = waiting
            throw error
        }
    }

    // MARK: StreamSource

    package func summary(of stream: StreamName, retry: Retrying?) async throws(AWSError) -> StreamSummary {
        try await called(.summary)
        let summary = try await call(DescribeStreamSummary(stream: stream), retry: retry)
        guard let retentionHours else { return summary }
        return StreamSummary(
            name: summary.name, arn: summary.arn, status: summary.status, creation: summary.creation,
            openShards: summary.openShards, retentionHours: retentionHours, encryption: summary.encryption,
            mode: summary.mode, maxRecordBytes: summary.maxRecordBytes, distribution: summary.distribution)
    }

    package func create(_ stream: StreamName, _ capacity: StreamCapacity, retry: Retrying?) async throws(AWSError) {
        try await called(.create)
        try await call(CreateStream(stream: stream, capacity: capacity), retry: retry)
    }

    package func shards(of stream: StreamName, retry: Retrying?) async throws(AWSError) -> [Shard] {
        try await called(.list)
        var page = try await call(ListShards(.first(stream)), retry: retry)
        var shards = page.shards
        while let token = page.nextToken {
            page = try await call(ListShards(.next(token: token)), retry: retry)
            shards += page.shards
        }
        return shards
    }

    package func iterator(of shard: ShardID, in stream: StreamName, at position: StartingPosition)
        async throws(AWSError) -> ShardIterator
    {
        try await called(.iterator(shard))
        return try await call(GetShardIterator(stream: stream, shard: shard, position: position), retry: nil)
    }

    package func records(
        of stream: StreamName, at iterator: ShardIterator, limit: Int,
        takesAnswer: @escaping @Sendable (_ bytes: Int) -> Bool
    ) async throws(AWSError) -> ByteBuffer {
        if let token = ShardIteratorToken(iterator.token) {
            try await called(.records(ShardID(number: token.shardIndex)))
        }
        let request = GetRecords(iterator: iterator, limit: min(limit, recordLimit)).body(.json)
        let response = try await respond(to: GetRecords.name, request)
        if recordsTime > .zero { try? await loop.sleep(for: recordsTime) }
        guard takesAnswer(response.count) else { throw .cancelled }
        return response
    }

    package func subscribe(
        to shard: ShardID, of stream: StreamName, as consumer: ConsumerARN, at position: StartingPosition
    )
        async throws(AWSError) -> any ShardSubscription
    {
        try await called(.subscribe(shard))
        var request = JSONWriter()
        SubscribeToShard(consumer: consumer, shard: shard, position: position).write(&request)
        let messages: KinesisService.Messages?
        loop.outsideWorkBegan()
        defer { loop.outsideWorkEnded() }
        do throws(ServiceFault) {
            messages = try await service.messages(request.buffer)
        } catch {
            throw .service(dialect.refusal(of: SubscribeToShard.name, error))
        }
        guard let messages else { throw .transport(.cut(reason: "by an ordered fault")) }
        let subscription = FakeSubscription(messages, loop: loop)
        onSubscription?(subscription)
        subscriptions.append(WeakSubscription(subscription: subscription))
        return subscription
    }

    package func call<Operation: KinesisOperation>(_ operation: Operation, of stream: StreamName, retry: Retrying?)
        async throws(AWSError) -> Operation.Response
    {
        try await called(.consumers(Operation.name))
        return try await call(operation, retry: retry)
    }

    /// The subscriptions that there are.
    package var openSubscriptions: [FakeSubscription] {
        subscriptions.removeAll { $0.subscription?.isOver ?? true }
        return subscriptions.compactMap(\.subscription)
    }

    // MARK: PutTarget

    package func putRecords(
        _ stream: StreamName, _ entries: [PutRecordEntry]
    ) async throws(AWSError) -> PutRecordsAnswer {
        puts.append(Put(records: entries.count))
        try await called(.put)
        let answer = try await respond(to: PutRecords(stream: stream, entries: entries))
        for (entry, result) in zip(entries, answer.results) {
            if case .accepted(let shard, let number, _) = result { note(entry, shard, number) }
        }
        return answer
    }

    package func putRecord(_ operation: PutRecord) async throws(AWSError) -> PutRecordAnswer {
        puts.append(Put(records: 1, after: operation.sequenceNumberForOrdering))
        try await called(.put)
        var request = JSONWriter(capacity: operation.estimatedBytes)
        operation.write(&request)
        let response = try await respond(to: PutRecord.name, request.buffer)
        let answer = try Self.read { () throws(ResponseError) in try PutRecord.read(response) }
        note(operation.entry, answer.shard, answer.sequenceNumber)
        return answer
    }

    package func listShards(_ stream: StreamName) async throws(AWSError) -> [Shard] {
        try await shards(of: stream, retry: nil)
    }

    package func describe(_ stream: StreamName) async throws(AWSError) -> StreamSummary {
        try await summary(of: stream, retry: nil)
    }

    package func createStream(_ stream: StreamName, _ capacity: StreamCapacity) async throws(AWSError) {
        try await create(stream, capacity, retry: nil)
    }

    private func note(_ entry: PutRecordEntry, _ shard: ShardID, _ number: SequenceNumber) {
        let text = String(decoding: entry.data, as: UTF8.self)
        written.append(Written(text: text, shard: shard, sequenceNumber: number, key: entry.key))
    }
}

// MARK: Requests and responses

extension FakeKinesis: OperationCaller {
    /// Carries out an operation as it is: no failure that was asked for hits it, and it is not counted.
    package func call<Operation: KinesisOperation>(
        _ operation: Operation, retry: Retrying?
    ) async throws(AWSError) -> Operation.Response {
        var request = JSONWriter()
        operation.write(&request)
        let response = try await respond(to: Operation.name, request.buffer)
        return try Self.read { () throws(ResponseError) in
            guard !response.isEmpty else { return try Operation.read(.object([])) }
            let tree: JSONValue
            do throws(JSONError) { tree = try JSONParser.parse(response) } catch { throw .notJSON(error) }
            return try Operation.read(tree)
        }
    }

    private func respond(to put: PutRecords) async throws(AWSError) -> PutRecordsAnswer {
        var request = JSONWriter(capacity: put.estimatedBytes)
        put.write(&request)
        let response = try await respond(to: PutRecords.name, request.buffer)
        return try Self.read { () throws(ResponseError) in
            try PutRecords.read(response, count: put.entries.count)
        }
    }

    /// The service's database has a thread of its own: a manual time stands still until it has answered.
    private func respond(to operation: String, _ request: ByteBuffer) async throws(AWSError) -> ByteBuffer {
        await loop.nextTurn()
        loop.outsideWorkBegan()
        defer { loop.outsideWorkEnded() }
        let response: ByteBuffer?
        do throws(ServiceFault) {
            response = try await service.respond(to: operation, request)
        } catch {
            throw .service(dialect.refusal(of: operation, error))
        }
        if Task.isCancelled { throw .cancelled }
        guard let response else { throw .transport(.cut(reason: "by an ordered fault")) }
        return dialect.response(to: operation, response)
    }

    private static func read<Response>(
        _ body: () throws(ResponseError) -> Response
    ) throws(AWSError) -> Response {
        do throws(ResponseError) {
            return try body()
        } catch {
            throw .response(reason: error.description, requestID: nil)
        }
    }
}
