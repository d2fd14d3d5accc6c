import AWS
import Bytes
import FakeService
import Kinesis
import Reactor
import Time

/// The one stream that the engine's tests read, and its shards by their numbers.
extension FakeKinesis {
    private static let stream = StreamName("orders")!

    var name: StreamName { Self.stream }

    /// Runs `body` with the stream of so many shards; without it where there are none. Its records may be as large as any.
    static func run(
        on loop: EventLoop, shards: Int, stateDelay: Duration = .zero, _ body: (FakeKinesis) async throws -> Void
    ) async throws {
        try await run(on: loop, stateDelay: stateDelay) { kinesis in
            if shards > 0 { try await kinesis.make(shards: shards) }
            try await body(kinesis)
        }
    }

    func make(shards: Int = 1) async throws {
        try await make(name, shards: shards, maxRecordBytes: 10 << 20)
    }

    /// The stream is deleted and made again under its name.
    func recreate() async throws {
        let old = try await creation
        try await delete(name)
        // A stream is told from an earlier one by the millisecond in which it was made.
        while WallTime.now() <= old {}
        try await make()
    }

    var creation: WallTime {
        get async throws { try await call(DescribeStreamSummary(stream: name), retry: nil).creation }
    }

    /// - Parameter arrival: by the wall clock, which a manual time of the loop does not move.
    @discardableResult
    func put(_ texts: String..., to number: Int = 0, at arrival: WallTime? = nil) async throws -> [SequenceNumber] {
        let key = try await range(of: number).start
        let entries = texts.map { PutRecordEntry(ByteBuffer($0), partitionKey: "k", explicitHashKey: key) }
        return try await write(entries, to: name, at: arrival)
    }

    /// Closes a shard; the next two numbers continue it.
    func split(_ number: Int) async throws {
        let range = try await range(of: number)
        let middle = range.start.value + (range.end.value - range.start.value) / 2 + 1
        try await split(ShardID(number: number), of: name, at: "\(middle)")
    }

    /// Closes two neighbours; the next number continues them.
    func merge(_ number: Int, _ adjacent: Int) async throws {
        try await merge(ShardID(number: number), with: ShardID(number: adjacent), of: name)
    }

    private func range(of number: Int) async throws -> HashKeyRange {
        let shards = try await call(ListShards(.first(name)), retry: nil).shards
        guard let shard = shards.first(where: { $0.id == ShardID(number: number) }) else {
            throw Self.error("ResourceNotFoundException")
        }
        return shard.hashKeyRange
    }
}
