import AWS
import Bytes
import Consumer
import JSON
import Kinesis
import Reactor
import Time

/// One stream of a Kinesis in process: shards, records, iterators, resharding, and failures that a test asks for.
///
/// Confined to its loop. Answers come a turn later, as over a network.
final class FakeKinesis: StreamSource, @unchecked Sendable {
    enum Call: Hashable {
        case summary
        case create
        case list
        case iterator(ShardID)
        case records(ShardID)
    }

    private struct Record {
        let number: UInt128
        let arrival: WallTime
        let text: String
    }

    private struct FakeShard {
        var shard: Shard
        var records: [Record] = []
        var children: [ChildShard] = []

        /// The service knows the numbers that it gave.
        func expect(_ number: SequenceNumber) throws(AWSError) {
            let isKnown =
                records.contains { SequenceNumber($0.number) == number } || shard.startingSequenceNumber == number
                || shard.endingSequenceNumber == number
            guard isKnown else { throw FakeKinesis.error("InvalidArgumentException") }
        }
    }

    let loop: EventLoop
    let name = StreamName("orders")!
    var status = StreamStatus.active
    var exists = true
    var retentionHours = 24
    private(set) var creation = WallTime(milliseconds: 1_700_000_000_000)
    private(set) var calls: [Call] = []
    private(set) var iteratorRequests: [(ShardID, StartingPosition)] = []
    /// Told of every call as it comes.
    var onCall: ((Call) -> Void)?
    /// What every call fails with while it is set.
    var failure: AWSError?
    private var silences: [Call: Int] = [:]
    private var unanswered: [UnsafeContinuation<Void, Never>] = []
    private var failures: [Call: [AWSError]] = [:]
    private var shards: [ShardID: FakeShard] = [:]
    private var lastNumber: UInt128 = 1000
    /// Records that one answer holds at most.
    var answerLimit = 10_000
    /// What an answer of records takes from its request on.
    var answerTime = Duration.zero

    init(loop: EventLoop, shards count: Int = 1) {
        self.loop = loop
        for number in 0..<count { add(number) }
    }

    static func error(_ code: String, status: Int = 400) -> AWSError {
        .service(ServiceError(code: code, message: "as asked", status: status))
    }

    // MARK: What tests do

    /// The next calls of this kind fail so, one after the other.
    func fail(_ call: Call, _ errors: AWSError...) {
        failures[call, default: []] += errors
    }

    /// - Parameter arrival: by the wall clock, which a manual time of the loop does not move.
    func put(_ texts: String..., to number: Int = 0, at arrival: WallTime = .now()) {
        for text in texts {
            lastNumber += 1
            let record = Record(number: lastNumber, arrival: arrival, text: text)
            shards[ShardID(number: number)]!.records.append(record)
        }
    }

    /// Closes shards and opens others that continue them.
    func reshard(_ parents: [Int], into children: [Int]) {
        for child in children { add(child, parents: parents) }
        let announced = children.map {
            ChildShard(
                id: ShardID(number: $0), parents: parents.map(ShardID.init(number:)), hashKeyRange: .all)
        }
        for parent in parents {
            let id = ShardID(number: parent)
            let old = shards[id]!.shard
            lastNumber += 1
            shards[id]!.shard = Shard(
                id: id, parent: old.parent, adjacentParent: old.adjacentParent, hashKeyRange: .all,
                startingSequenceNumber: old.startingSequenceNumber, endingSequenceNumber: SequenceNumber(lastNumber))
            shards[id]!.children = announced
        }
    }

    /// The stream is deleted and made again under its name.
    func recreate(shards count: Int = 1) {
        creation = creation.advanced(by: .seconds(60))
        shards.removeAll()
        for number in 0..<count { add(number) }
    }

    /// Ends the calls that were never answered; their tasks would outlive the test.
    func hangUp() {
        for call in unanswered { call.resume() }
        unanswered.removeAll()
    }

    func count(_ call: Call) -> Int { calls.count { $0 == call } }

    private func add(_ number: Int, parents: [Int] = []) {
        lastNumber += 1
        let ids = parents.map(ShardID.init(number:))
        shards[ShardID(number: number)] = FakeShard(
            shard: Shard(
                id: ShardID(number: number), parent: ids.first, adjacentParent: ids.dropFirst().first,
                hashKeyRange: .all, startingSequenceNumber: SequenceNumber(lastNumber)))
    }

    // MARK: StreamSource

    func summary(of stream: StreamName, retry: Retrying?) async throws(AWSError) -> StreamSummary {
        try await called(.summary)
        guard exists else { throw Self.error("ResourceNotFoundException") }
        return StreamSummary(
            name: stream, arn: "arn", status: status, creation: creation, openShards: shards.count,
            retentionHours: retentionHours, encryption: "NONE", mode: .provisioned, maxRecordBytes: 1 << 20)
    }

    func create(_ stream: StreamName, shardCount: Int, retry: Retrying?) async throws(AWSError) {
        try await called(.create)
        exists = true
        status = .active
    }

    func shards(of stream: StreamName, retry: Retrying?) async throws(AWSError) -> [Shard] {
        try await called(.list)
        guard exists else { throw Self.error("ResourceNotFoundException") }
        return shards.values.map(\.shard)
    }

    func iterator(of shard: ShardID, in stream: StreamName, at position: StartingPosition)
        async throws(AWSError) -> ShardIterator
    {
        iteratorRequests.append((shard, position))
        try await called(.iterator(shard))
        guard let held = shards[shard] else { throw Self.error("ResourceNotFoundException") }
        let index: Int
        switch position {
        case .trimHorizon: index = 0
        case .latest: index = held.records.count
        case .atTimestamp(let time): index = held.records.firstIndex { $0.arrival >= time } ?? held.records.count
        case .atSequenceNumber(let number):
            try held.expect(number)
            index = held.records.firstIndex { SequenceNumber($0.number) >= number } ?? held.records.count
        case .afterSequenceNumber(let number):
            try held.expect(number)
            index = held.records.firstIndex { SequenceNumber($0.number) > number } ?? held.records.count
        }
        return ShardIterator("\(creation.milliseconds)/\(shard)/\(index)")
    }

    func records(
        of stream: StreamName, at iterator: ShardIterator, limit: Int,
        takesAnswer: @escaping @Sendable (_ bytes: Int) -> Bool
    ) async throws(AWSError) -> ByteBuffer {
        let parts = iterator.token.split(separator: "/")
        let id = ShardID(String(parts[1]))!
        try await called(.records(id))
        guard Int64(parts[0]) == creation.milliseconds, let held = shards[id] else {
            throw Self.error("ResourceNotFoundException")
        }
        let start = Int(parts[2])!
        let end = min(start + min(limit, answerLimit), held.records.count)
        let answer = answer(held, start..<end, of: id)
        if answerTime > .zero { try? await loop.sleep(for: answerTime) }
        guard takesAnswer(answer.count) else { throw .cancelled }
        return answer
    }

    /// The next calls of this kind get no answer at all, not even when they are cancelled.
    func silence(_ call: Call, times: Int = 1) {
        silences[call, default: 0] += times
    }

    private func called(_ call: Call) async throws(AWSError) {
        calls.append(call)
        onCall?(call)
        if let left = silences[call], left > 0 {
            silences[call] = left - 1
            await withUnsafeContinuation { unanswered.append($0) }
        }
        await loop.nextTurn()
        if Task.isCancelled { throw .cancelled }
        if let failure { throw failure }
        if var waiting = failures[call], !waiting.isEmpty {
            let error = waiting.removeFirst()
            failures[call] = waiting
            throw error
        }
    }

    private func answer(_ held: FakeShard, _ range: Range<Int>, of id: ShardID) -> ByteBuffer {
        let records = held.records[range].map { record in
            return """
                {"SequenceNumber":"\(record.number)","ApproximateArrivalTimestamp":\
                \(Double(record.arrival.milliseconds) / 1000),"PartitionKey":"k","Data":"\(Base64.encode(record.text.utf8))"}
                """
        }
        var tail = #""MillisBehindLatest":\#(range.upperBound < held.records.count ? 1000 : 0)"#
        if held.shard.isOpen || range.upperBound < held.records.count {
            tail += #","NextShardIterator":"\#(creation.milliseconds)/\#(id)/\#(range.upperBound)""#
        } else {
            let children = held.children.map { child in
                #"{"ShardId":"\#(child.id)","ParentShards":["\#(child.parents.map(\.text).joined(separator: "\",\""))"],"#
                    + #""HashKeyRange":{"StartingHashKey":"0","EndingHashKey":"1"}}"#
            }
            tail += #","ChildShards":[\#(children.joined(separator: ","))]"#
        }
        return ByteBuffer(#"{"Records":[\#(records.joined(separator: ","))],\#(tail)}"#)
    }
}
