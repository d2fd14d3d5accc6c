import Bytes
import CBOR
import JSON
import Logging
import Reactor
import Testing

@testable import LocalKinesis

/// The service without its wire: operations as JSON texts or in CBOR, on a loop of its own, in memory.
final class Embedded: Sendable {
    let loop: EventLoop
    let service: KinesisService

    init(
        limits: Bool = false, memoryLimit: Int = 1 << 30, stateDelay: Duration = .zero, time: LoopTime = .system
    ) async throws {
        loop = try EventLoop(name: "kinesis", time: time)
        try loop.startThread()
        let (store, loaded) = try await StreamStore.open(.memory)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let configuration = LocalKinesisConfiguration(
            limits: limits, stateDelay: stateDelay, memoryLimit: memoryLimit)
        service = KinesisService(
            loop: loop, configuration: configuration, store: store, loaded: loaded, logger: logger)
    }

    deinit {
        loop.stop()
    }

    func onLoop<Result: Sendable>(
        _ body: @escaping @Sendable (KinesisService) async throws -> Result
    ) async throws -> Result {
        try await withUnsafeThrowingContinuation { continuation in
            loop.spawn { [service] in
                do {
                    continuation.resume(returning: try await body(service))
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }

    @discardableResult
    func call(_ operation: LocalKinesis.Operation, _ body: String) async throws -> JSONValue {
        try await onLoop { service in
            let body = ByteBuffer(body)
            let fields = try RequestFields(JSONParser.parse(body.bytes))
            let answer = try await service.perform(operation, fields, body, failing: nil)
            guard let answer else { return .null }
            return try JSONParser.parse(answer.bytes)
        }
    }

    /// The same in CBOR; null where the answer is empty.
    @discardableResult
    func call(_ operation: LocalKinesis.Operation, cbor request: CBORValue) async throws -> CBORValue {
        try await onLoop { service in
            let writer = CBORWriter(ByteBuffer())
            writer.value(request)
            let answer = try await service.respond(to: operation.rawValue, writer.buffer, as: .cbor)
            guard let answer, !answer.isEmpty else { return .null }
            return try CBORValue(answer)
        }
    }

    func create(_ shards: Int) async throws {
        try await call(.createStream, #"{"StreamName":"s","ShardCount":\#(shards)}"#)
        try await active()
    }

    /// Until the stream is ACTIVE; its delay is zero, so that a few turns of the loop do.
    func active() async throws {
        try await onLoop { service in
            let deadline = ContinuousClock.now + .seconds(20)
            while service.find("s")?.status != .active {
                try #require(ContinuousClock.now < deadline, "the stream does not become ACTIVE")
                await service.loop.nextTurn()
            }
        }
    }

    func put(_ data: String, key: String = "0") async throws -> JSONValue {
        let data = Base64.encode(Array(data.utf8))
        return try await call(
            .putRecord, #"{"StreamName":"s","Data":"\#(data)","PartitionKey":"k","ExplicitHashKey":"\#(key)"}"#)
    }

    func iterator(_ shard: Int, _ type: String = "TRIM_HORIZON", from number: String? = nil) async throws -> String {
        let number = number.map { #","StartingSequenceNumber":"\#($0)""# } ?? ""
        let answer = try await call(
            .getShardIterator,
            #"{"StreamName":"s","ShardId":"\#(LocalShard.id(shard))","ShardIteratorType":"\#(type)"\#(number)}"#)
        return try #require(answer["ShardIterator"]?.string)
    }

    func read(_ iterator: String) async throws -> JSONValue {
        try await call(.getRecords, #"{"ShardIterator":"\#(iterator)"}"#)
    }

    func shards() async throws -> [Int] {
        let answer = try await call(.listShards, #"{"StreamName":"s"}"#)
        return (answer["Shards"]?.array ?? []).compactMap { $0["ShardId"]?.string.flatMap { Int($0.suffix(12)) } }
    }
}
