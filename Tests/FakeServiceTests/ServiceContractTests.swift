import AWS
import Bytes
import Consumer
import FakeService
import JSON
import Kinesis
import Producer
import Testing
import Time

/// What engine and producer rely on, held to `FakeKinesis` as to the embedded Kinesis over HTTP.
@Suite(.timeLimit(.minutes(4))) struct ServiceContractTests {
    private static let stream = StreamName("orders")!
    private static let first = ShardID(number: 0)
    private static let half = HashKey(1 << 127)

    // MARK: Streams

    @Test(arguments: Way.allCases) func `every call that names a missing stream is refused`(_ way: Way) async throws {
        try await way.run { kinesis in
            let entry = Self.entry("a")
            let missing = "ResourceNotFoundException"
            await Self.refused(missing) { _ = try await kinesis.summary(of: Self.stream, retry: nil) }
            await Self.refused(missing) { _ = try await kinesis.describe(Self.stream) }
            await Self.refused(missing) { _ = try await kinesis.shards(of: Self.stream, retry: nil) }
            await Self.refused(missing) {
                _ = try await kinesis.iterator(of: Self.first, in: Self.stream, at: .trimHorizon)
            }
            await Self.refused(missing) { _ = try await kinesis.putRecords(Self.stream, [entry]) }
            await Self.refused(missing) {
                _ = try await kinesis.putRecord(PutRecord(stream: Self.stream, entry: entry))
            }
        }
    }

    @Test(arguments: Way.allCases) func `a stream that was created says what it is`(_ way: Way) async throws {
        try await way.run { kinesis in
            try await kinesis.create(Self.stream, .provisioned(shards: 2), retry: nil)
            var summary = try await kinesis.summary(of: Self.stream, retry: nil)
            while summary.status == .creating { summary = try await kinesis.describe(Self.stream) }
            #expect(summary.status == .active)
            #expect(summary.name == Self.stream)
            #expect(summary.openShards == 2)
            #expect(summary.retentionHours == 24)
            #expect(summary.encryption == "NONE")
            #expect(summary.mode == .provisioned)
            #expect(summary.maxRecordBytes == 1 << 20)
            await Self.refused("ResourceInUseException") {
                try await kinesis.createStream(Self.stream, .provisioned(shards: 1))
            }
        }
    }

    @Test(arguments: Way.allCases) func `a stream that is made anew is another one`(_ way: Way) async throws {
        try await way.run { kinesis in
            try await kinesis.make(Self.stream, maxRecordBytes: 2 << 20)
            let old = try await kinesis.describe(Self.stream)
            #expect(old.maxRecordBytes == 2 << 20)
            let iterator = try await kinesis.iterator(of: Self.first, in: Self.stream, at: .trimHorizon)
            try await kinesis.delete(Self.stream)
            await Self.refused("ResourceNotFoundException") { _ = try await kinesis.describe(Self.stream) }
            // A stream is told from an earlier one by the millisecond in which it was made.
            while WallTime.now() <= old.creation {}
            try await kinesis.make(Self.stream)
            #expect(try await kinesis.describe(Self.stream).creation > old.creation)
            await Self.refused("ResourceNotFoundException") { _ = try await Self.read(kinesis, iterator) }
        }
    }

    @Test(arguments: Way.allCases) func `shards tell whom they come from after a split and a merge`(_ way: Way)
        async throws
    {
        try await way.run { kinesis in
            try await kinesis.make(Self.stream)
            try await kinesis.split(Self.first, of: Self.stream, at: Self.half.description)
            try await kinesis.merge(ShardID(number: 1), with: ShardID(number: 2), of: Self.stream)
            let shards = try await kinesis.shards(of: Self.stream, retry: nil).sorted { $0.id.text < $1.id.text }
            #expect(shards.map(\.id) == (0..<4).map(ShardID.init(number:)))
            #expect(shards.map(\.isOpen) == [false, false, false, true])
            #expect(shards.map { $0.parents.map(\.text) } == [[], [0], [0], [1, 2]].map(Self.ids))
            let lower = HashKeyRange(start: .lowest, end: HashKey(Self.half.value - 1))
            let upper = HashKeyRange(start: Self.half, end: .highest)
            #expect(shards.map(\.hashKeyRange) == [.all, lower, upper, .all])
        }
    }

    @Test(arguments: Way.allCases) func `shards of all pages are listed`(_ way: Way) async throws {
        try await way.run { kinesis in
            let count = ListShards.pageSize + 1
            try await kinesis.make(Self.stream, shards: count)
            let shards = try await kinesis.shards(of: Self.stream, retry: nil)
            #expect(Set(shards.map(\.id)) == Set((0..<count).map(ShardID.init(number:))))
            #expect(shards.count == count)
        }
    }

    // MARK: Reading

    @Test(arguments: Way.allCases) func `each kind of iterator begins where it says`(_ way: Way) async throws {
        try await way.run { kinesis in
            try await kinesis.make(Self.stream)
            let numbers = try await Self.put(kinesis, "a", "b", "c")
            let latest = try await kinesis.iterator(of: Self.first, in: Self.stream, at: .latest)
            let all = try await Self.read(kinesis, at: .trimHorizon)
            #expect(all.texts == ["a", "b", "c"])
            #expect(all.numbers == numbers)
            #expect(all.millisBehindLatest == 0)
            #expect(try await Self.read(kinesis, at: .atSequenceNumber(numbers[1])).texts == ["b", "c"])
            #expect(try await Self.read(kinesis, at: .afterSequenceNumber(numbers[1])).texts == ["c"])
            #expect(try await Self.read(kinesis, at: .atTimestamp(all.arrivals[0])).texts == ["a", "b", "c"])
            while WallTime.now() <= all.arrivals[2] {}
            let between = WallTime.now()
            _ = try await Self.put(kinesis, "d")
            #expect(try await Self.read(kinesis, at: .atTimestamp(between)).texts == ["d"])
            #expect(try await Self.read(kinesis, latest).texts == ["d"])
        }
    }

    @Test(arguments: Way.allCases) func `a limit cuts a response, and the next one goes on there`(_ way: Way)
        async throws
    {
        try await way.run { kinesis in
            try await kinesis.make(Self.stream)
            _ = try await Self.put(kinesis, "a", "b", "c")
            let start = try await kinesis.iterator(of: Self.first, in: Self.stream, at: .trimHorizon)
            let two = try await Self.read(kinesis, start, limit: 2)
            #expect(two.texts == ["a", "b"])
            let rest = try await Self.read(kinesis, try #require(two.next), limit: 2)
            #expect(rest.texts == ["c"])
            let none = try await Self.read(kinesis, try #require(rest.next))
            #expect(none.texts == [] && none.next != nil)
        }
    }

    @Test(arguments: Way.allCases) func `a closed shard ends with its children, and no iterator`(_ way: Way)
        async throws
    {
        try await way.run { kinesis in
            try await kinesis.make(Self.stream)
            _ = try await Self.put(kinesis, "a", "b")
            try await kinesis.split(Self.first, of: Self.stream, at: Self.half.description)
            let start = try await kinesis.iterator(of: Self.first, in: Self.stream, at: .trimHorizon)
            let begun = try await Self.read(kinesis, start, limit: 1)
            #expect(begun.texts == ["a"])
            #expect(begun.children.isEmpty)
            let end = try await Self.read(kinesis, try #require(begun.next))
            #expect(end.texts == ["b"])
            #expect(end.next == nil)
            #expect(end.children == Self.ids([1, 2]))
        }
    }

    @Test(arguments: Way.allCases) func `a response that is not taken ends the call as cancelled`(_ way: Way)
        async throws
    {
        try await way.run { kinesis in
            try await kinesis.make(Self.stream)
            _ = try await Self.put(kinesis, "a")
            let start = try await kinesis.iterator(of: Self.first, in: Self.stream, at: .trimHorizon)
            await #expect(throws: AWSError.cancelled) {
                try await kinesis.records(of: Self.stream, at: start, limit: 10) { _ in false }
            }
        }
    }

    @Test(arguments: Way.allCases) func `what cannot be read is refused`(_ way: Way) async throws {
        try await way.run { kinesis in
            try await kinesis.make(Self.stream, shards: 2)
            let answer = try await kinesis.putRecord(
                PutRecord(stream: Self.stream, entry: Self.entry("a", hashKey: .highest)))
            let start = try await kinesis.iterator(of: Self.first, in: Self.stream, at: .trimHorizon)
            if way == .kinesisMock {
                let wordless = AWSError.service(ServiceError(code: "HTTP500", message: "", status: 500))
                await #expect(throws: wordless) { try await Self.read(kinesis, ShardIterator("none")) }
            } else {
                await Self.refused("InvalidArgumentException") {
                    _ = try await Self.read(kinesis, ShardIterator("none"))
                }
            }
            await Self.refused("ValidationException") { _ = try await Self.read(kinesis, start, limit: 0) }
            // The number is of the other shard.
            await Self.refused("InvalidArgumentException") {
                _ = try await Self.read(kinesis, at: .atSequenceNumber(answer.sequenceNumber))
            }
            await Self.refused("InvalidArgumentException") {
                _ = try await Self.read(kinesis, at: .atTimestamp(WallTime.now().advanced(by: .seconds(3600))))
            }
            await Self.refused("ResourceNotFoundException") {
                _ = try await kinesis.iterator(of: ShardID(number: 9), in: Self.stream, at: .latest)
            }
        }
    }

    @Test(arguments: Way.allCases) func `a number that no put gave orders nothing`(_ way: Way) async throws {
        try await way.run { kinesis in
            try await kinesis.make(Self.stream)
            let given = try #require(try await Self.put(kinesis, "a").first)
            let later = try #require(SequenceNumber(String(given.text.prefix(30) + "7" + given.text.dropFirst(31))))
            let lastDigit = given.text.last == "9" ? "8" : "9"
            let otherTime = try #require(SequenceNumber(given.text.dropLast() + lastDigit))
            for number in [SequenceNumber(UInt128(7)), later, otherTime] {
                let put = PutRecord(stream: Self.stream, entry: Self.entry("b"), sequenceNumberForOrdering: number)
                await Self.refused("InvalidArgumentException") { _ = try await kinesis.putRecord(put) }
            }
            let put = PutRecord(stream: Self.stream, entry: Self.entry("b"), sequenceNumberForOrdering: given)
            #expect(try await kinesis.putRecord(put).sequenceNumber > given)
        }
    }

    // MARK: Putting

    @Test(arguments: Way.allCases) func `a put has a result for each entry, in their order`(_ way: Way) async throws {
        try await way.run { kinesis in
            try await kinesis.make(Self.stream, shards: 2)
            let entries = [
                Self.entry("high", hashKey: .highest), Self.entry("low", hashKey: .lowest),
                Self.entry("higher", hashKey: .highest),
            ]
            let answer = try await kinesis.putRecords(Self.stream, entries)
            #expect(answer.encryptionType == "NONE")
            let accepted = answer.results.compactMap { result -> (shard: ShardID, number: SequenceNumber)? in
                guard case .accepted(let shard, let number, _) = result else { return nil }
                return (shard, number)
            }
            #expect(accepted.map(\.shard.text) == Self.ids([1, 0, 1]))
            #expect(accepted[0].number < accepted[2].number)
            let one = PutRecord(
                stream: Self.stream, entry: Self.entry("last", hashKey: .highest),
                sequenceNumberForOrdering: accepted[2].number)
            let last = try await kinesis.putRecord(one)
            #expect(last.shard == ShardID(number: 1))
            #expect(last.encryptionType == "NONE")
            #expect(accepted[2].number < last.sequenceNumber)
        }
    }

    @Test(arguments: Way.allCases) func `a put that the API does not allow is refused whole`(_ way: Way) async throws {
        try await way.run { kinesis in
            try await kinesis.make(Self.stream)
            let large = Self.entry(String(repeating: "x", count: 1 << 20))
            let many = (0...PutRecordEntry.maximumRecords).map { Self.entry("\($0)") }
            for entries in [[], [Self.entry("a"), large], many] {
                await Self.refused("ValidationException") { _ = try await kinesis.putRecords(Self.stream, entries) }
            }
            await Self.refused("ValidationException") {
                _ = try await kinesis.putRecord(PutRecord(stream: Self.stream, entry: large))
            }
            #expect(try await Self.read(kinesis, at: .trimHorizon).texts == [])
        }
    }

    // MARK: Helpers

    /// A GetRecords response as values.
    private struct Response {
        var texts: [String]
        var numbers: [SequenceNumber]
        var arrivals: [WallTime]
        var next: ShardIterator?
        var millisBehindLatest: Int?
        var children: [String]

        init(_ body: ByteBuffer) throws {
            let json = try JSONParser.parse(body)
            let records = json["Records"]?.array ?? []
            texts = records.map { String(decoding: Base64.decode($0["Data"]?.string ?? "") ?? [], as: UTF8.self) }
            numbers = records.compactMap { $0["SequenceNumber"]?.string.flatMap(SequenceNumber.init) }
            arrivals = records.compactMap { $0["ApproximateArrivalTimestamp"]?.double.map(WallTime.init(seconds:)) }
            next = json["NextShardIterator"]?.string.map { ShardIterator($0) }
            millisBehindLatest = json["MillisBehindLatest"]?.int
            children = (json["ChildShards"]?.array ?? []).compactMap { $0["ShardId"]?.string }
        }
    }

    private static func read(
        _ kinesis: any TestedService, _ iterator: ShardIterator, limit: Int = GetRecords.maximumLimit
    ) async throws -> Response {
        try Response(try await kinesis.records(of: stream, at: iterator, limit: limit) { _ in true })
    }

    /// One response of the first shard.
    private static func read(_ kinesis: any TestedService, at position: StartingPosition) async throws -> Response {
        try await read(kinesis, try await kinesis.iterator(of: first, in: stream, at: position))
    }

    private static func put(_ kinesis: any TestedService, _ texts: String...) async throws -> [SequenceNumber] {
        let answer = try await kinesis.putRecords(stream, texts.map { entry($0) })
        return answer.results.compactMap { result in
            guard case .accepted(_, let number, _) = result else { return nil }
            return number
        }
    }

    private static func entry(_ text: String, hashKey: HashKey? = nil) -> PutRecordEntry {
        PutRecordEntry(ByteBuffer(text), partitionKey: "k", explicitHashKey: hashKey)
    }

    private static func ids(_ numbers: [Int]) -> [String] {
        numbers.map { ShardID(number: $0).text }
    }

    private static func refused(
        _ code: String, sourceLocation: SourceLocation = #_sourceLocation, _ call: () async throws -> Void
    ) async {
        let error = await #expect(throws: AWSError.self, sourceLocation: sourceLocation) { try await call() }
        guard case .service(let fault) = error else {
            Issue.record("\(String(describing: error))", sourceLocation: sourceLocation)
            return
        }
        #expect(fault.code == code, sourceLocation: sourceLocation)
        #expect(fault.status == 400, sourceLocation: sourceLocation)
        #expect(!fault.message.isEmpty, sourceLocation: sourceLocation)
    }
}
