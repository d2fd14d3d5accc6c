import AWS
import Bytes
import Kinesis
import TestSupport
import Testing

@testable import Producer

/// What gathers, what leaves when, and what its records are told.
@Suite struct AggregatorTests {
    private let start = ContinuousClock.now

    @Test func `records of a shard gather until their time is over, and know their places`() throws {
        let aggregator = made()
        let ticket = aggregator.submitted(put(["a", "b", "c"]), now: start)
        list(aggregator)
        #expect(aggregator.nextUnit(now: start) == nil)
        #expect(aggregator.nextDeadline == start + .milliseconds(100))
        aggregator.handleTimeout(now: start + .milliseconds(100))
        let unit = try #require(aggregator.nextUnit(now: start + .milliseconds(100)))
        #expect(unit.put.records.count == 1 && unit.arrived == start)
        #expect(Aggregate.isAggregate(unit.put.records[0].entry.data))
        #expect(aggregator.nextUnit(now: start) == nil)
        accept(aggregator, unit, by: 0)
        let answer = try #require(aggregator.nextAnswer())
        #expect(answer.ticket == ticket)
        #expect(try answer.result.get().results == (0..<3).map { accepted(0, $0) })
        #expect(aggregator.unanswered == 0 && aggregator.nextDeadline == nil)
    }

    @Test func `a lone record, an aggregate and one that is too large travel as they are`() throws {
        let aggregator = made { $0.maxSize = 100 }
        for data in [[1], Aggregate.magic + [1], [UInt8](repeating: 1, count: 101)] {
            _ = aggregator.submitted(
                EncodedPut([EncodedPut.Record(PutRecordEntry(ByteBuffer(data), partitionKey: "k"))]), now: start)
            list(aggregator)
            aggregator.handleTimeout(now: start + .milliseconds(100))
            let unit = try #require(aggregator.nextUnit(now: start))
            #expect(unit.put.records[0].entry.data.elementsEqual(data))
            accept(aggregator, unit, by: 0)
            #expect(try aggregator.nextAnswer()?.result.get().results == [accepted(0, nil)])
        }
    }

    @Test func `an aggregate is full by its size and by its number`() {
        let aggregator = made { $0.maxCount = 2 }
        _ = aggregator.submitted(put(["a", "b", "c", "d", "e"]), now: start)
        list(aggregator)
        #expect(units(aggregator, now: start).count == 2)
        let bySize = made { $0.maxSize = 64 }
        _ = bySize.submitted(put((0..<20).map { "key\($0)" }), now: start)
        list(bySize)
        let full = units(bySize, now: start)
        #expect(full.count > 2 && full.allSatisfy { $0.put.records[0].entry.data.count <= 64 })
    }

    @Test func `without a map each record travels alone`() throws {
        let aggregator = made()
        let ticket = aggregator.submitted(put(["a", "b"]), now: start)
        #expect(aggregator.beginsListing(now: start) && !aggregator.beginsListing(now: start))
        aggregator.listed(nil, now: start)
        let alone = units(aggregator, now: start)
        #expect(alone.count == 2)
        for unit in alone { accept(aggregator, unit, by: 0) }
        let answer = try #require(aggregator.nextAnswer())
        #expect(try answer.ticket == ticket && answer.result.get().results == [accepted(0, nil), accepted(0, nil)])
    }

    @Test func `after a split the records of the other child are put again, alone`() throws {
        let aggregator = made()
        let put = put((0..<20).map { "key\($0)" })
        _ = aggregator.submitted(put, now: start)
        list(aggregator)
        aggregator.handleTimeout(now: start + .milliseconds(100))
        let unit = try #require(aggregator.nextUnit(now: start))
        let halves = HashKeyRange.even(2)
        let of = put.records.map { halves[0].contains($0.entry.hashKey) ? 1 : 2 }
        accept(aggregator, unit, by: of[0])
        #expect(aggregator.nextAnswer() == nil)
        let later = start + .seconds(1)
        #expect(!aggregator.beginsListing(now: start) && aggregator.beginsListing(now: later))
        aggregator.listed(Self.split, now: later)
        let again = units(aggregator, now: later)
        #expect(again.count == of.count { $0 != of[0] } && !again.isEmpty)
        for unit in again { accept(aggregator, unit, by: 3 - of[0]) }
        let results = try #require(aggregator.nextAnswer()).result.get().results
        for (index, shard) in of.enumerated() {
            #expect(results[index] == accepted(shard, shard == of[0] ? index : nil))
        }
    }

    @Test func `where a stream is not distributed by hash keys a record is right wherever it is`() throws {
        let aggregator = made()
        let put = put(["a", "b"])
        _ = aggregator.submitted(put, now: start)
        aggregator.listed(Self.split, now: start)
        aggregator.handleTimeout(now: start + .milliseconds(100))
        for unit in units(aggregator, now: start) {
            let isFirst = HashKeyRange.even(2)[0].contains(unit.put.records[0].entry.hashKey)
            accept(aggregator, unit, by: isFirst ? 2 : 1)
        }
        aggregator.listed(Self.split, now: start + .seconds(1))
        #expect(units(aggregator, now: start).isEmpty)
        #expect(try aggregator.nextAnswer()?.result.get().results.count == 2)
    }

    @Test func `at the deadline a put says whether it may have been written`() throws {
        let aggregator = made()
        _ = aggregator.submitted(put(["a"]), now: start)
        aggregator.handleTimeout(now: start + .seconds(30))
        guard case .failure(.timedOut(_, let mayHaveBeenWritten, _)) = try #require(aggregator.nextAnswer()).result else {
            Issue.record("no timeout")
            return
        }
        #expect(!mayHaveBeenWritten)
    }

    @Test func `what is ready waits for its shard's second`() throws {
        var shaping = PutShaping()
        shaping.share = 0.5
        let aggregator = Subject(shaping, timeout: .seconds(30))
        _ = aggregator.submitted(put((0..<600).map { "\($0)" }), now: start)
        list(aggregator)
        #expect(units(aggregator, now: start).count == 500)
        let due = try #require(aggregator.nextDeadline)
        #expect(due > start && due <= start + .milliseconds(3))
        #expect(units(aggregator, now: start + .milliseconds(100)).count == 50)
        aggregator.throttled(PutRecordEntry(ByteBuffer("x"), partitionKey: "x"), now: start + .milliseconds(200))
        #expect(aggregator.nextUnit(now: start + .milliseconds(200)) == nil)
        #expect(units(aggregator, now: start + .milliseconds(300)).count == 50)
    }

    /// Whatever happens, each put is answered once, with a result for each of its records.
    @Test(arguments: 1...20)
    func `every put is answered once`(seed: UInt64) async {
        var random = SeededGenerator(seed: seed)
        var shaping = PutShaping()
        if random.below(4) > 0 {
            shaping.aggregation = PutShaping.Aggregation()
            shaping.aggregation?.maxCount = 1 + random.below(20)
        }
        if random.below(2) == 0 { shaping.share = 0.05 }
        let aggregator = Subject(shaping, timeout: .seconds(30))
        var now = start
        var open: [PutBatcher.Ticket: Int] = [:]
        var onTheirWay: [Aggregator.Unit] = []
        var isSplit = false
        var number = 0

        func step(_ choice: Int) {
            switch choice {
            case 0...2:
                number += 1
                let put = put((0...random.below(8)).map { "\(number)-\($0)" }, isGroup: random.below(2) == 0)
                open[aggregator.submitted(put, now: now)] = put.records.count
            case 3: now += .milliseconds(random.below(400))
            case 4: if random.below(20) == 0 { isSplit = true }
            case 5...8:
                guard !onTheirWay.isEmpty else { break }
                let unit = onTheirWay.remove(at: random.below(onTheirWay.count))
                switch random.below(10) {
                case 0: aggregator.returned(unit.number, .failure(.service(.transport(.cut(reason: "")))), now: now)
                case 1:
                    let error = PutError.timedOut(after: .seconds(30), mayHaveBeenWritten: true, lastFailure: nil)
                    aggregator.returned(unit.number, .failure(error), now: now)
                case 2:
                    let result = PutResult.failed(code: "ProvisionedThroughputExceededException", message: "")
                    let answer = PutAnswer(results: [result], encryptionType: nil)
                    aggregator.returned(unit.number, .success(answer), now: now)
                    aggregator.throttled(unit.put.records[0].entry, now: now)
                default:
                    let isFirst = HashKeyRange.even(2)[0].contains(unit.put.records[0].entry.hashKey)
                    accept(aggregator, unit, by: isSplit ? (isFirst ? 1 : 2) : 0, now: now)
                }
            default: if random.below(10) == 0 { aggregator.serviceReturned() }
            }
            aggregator.handleTimeout(now: now)
            if aggregator.beginsListing(now: now) {
                aggregator.listed(random.below(5) == 0 ? nil : isSplit ? Self.split : Self.whole, now: now)
            }
            while let unit = aggregator.nextUnit(now: now) { onTheirWay.append(unit) }
            while let answer = aggregator.nextAnswer() {
                let count = open.removeValue(forKey: answer.ticket)
                #expect(count != nil)
                if case .success(let answer) = answer.result { #expect(answer.results.count == count) }
            }
            if let due = aggregator.nextDeadline { #expect(due > now) }
        }

        await takeSteps(600) { step(random.below(10)) }
        for _ in 0..<400 where !open.isEmpty {
            now = max(now, aggregator.nextDeadline ?? now)
            step(9)
        }
        #expect(open.isEmpty && aggregator.unanswered == 0)
    }

    // MARK: Parts

    static let whole = ShardMap([shard(0, .all)])
    static let split = ShardMap([
        shard(0, .all, isOpen: false), shard(1, HashKeyRange.even(2)[0]), shard(2, HashKeyRange.even(2)[1]),
    ])

    private static func shard(_ number: Int, _ range: HashKeyRange, isOpen: Bool = true) -> Shard {
        Shard(
            id: ShardID(number: number), hashKeyRange: range, startingSequenceNumber: SequenceNumber("1")!,
            endingSequenceNumber: isOpen ? nil : SequenceNumber("2")!)
    }

    private func made(_ change: (inout PutShaping.Aggregation) -> Void = { _ in }) -> Subject {
        var shaping = PutShaping()
        var aggregation = PutShaping.Aggregation()
        change(&aggregation)
        shaping.aggregation = aggregation
        return Subject(shaping, timeout: .seconds(30))
    }

    private func list(_ aggregator: Subject) {
        if aggregator.beginsListing(now: start) { aggregator.listed(Self.whole, now: start) }
    }

    private func put(_ keys: [String], isGroup: Bool = false) -> EncodedPut {
        EncodedPut(
            keys.map { EncodedPut.Record(PutRecordEntry(ByteBuffer("data"), partitionKey: $0)) }, isGroup: isGroup)
    }

    private func units(_ aggregator: Subject, now: ContinuousClock.Instant) -> [Aggregator.Unit] {
        var units: [Aggregator.Unit] = []
        while let unit = aggregator.nextUnit(now: now) { units.append(unit) }
        return units
    }

    private func accept(
        _ aggregator: Subject, _ unit: Aggregator.Unit, by shard: Int, now: ContinuousClock.Instant? = nil
    ) {
        let answer = PutAnswer(results: [accepted(shard, nil)], encryptionType: "NONE")
        aggregator.returned(unit.number, .success(answer), now: now ?? start)
    }

    private func accepted(_ shard: Int, _ sub: Int?) -> PutResult {
        .accepted(
            shard: ShardID(number: shard), sequenceNumber: SequenceNumber("7")!, subSequenceNumber: sub)
    }
}

/// The value behind a reference, so that expectations may ask what changes it.
private final class Subject {
    private var value: Aggregator

    init(_ shaping: PutShaping, timeout: Duration) {
        value = Aggregator(shaping, timeout: timeout)
    }

    func submitted(_ put: EncodedPut, now: Aggregator.Instant) -> PutBatcher.Ticket { value.submitted(put, now: now) }
    func listed(_ map: ShardMap?, now: Aggregator.Instant) { value.listed(map, now: now) }
    func throttled(_ entry: PutRecordEntry, now: Aggregator.Instant) { value.throttled(entry, now: now) }
    func serviceReturned() { value.serviceReturned() }
    func handleTimeout(now: Aggregator.Instant) { value.handleTimeout(now: now) }
    func beginsListing(now: Aggregator.Instant) -> Bool { value.beginsListing(now: now) }
    func nextUnit(now: Aggregator.Instant) -> Aggregator.Unit? { value.nextUnit(now: now) }
    func nextAnswer() -> PutBatcher.Answer? { value.nextAnswer() }
    var nextDeadline: Aggregator.Instant? { value.nextDeadline }
    var unanswered: Int { value.unanswered }

    func returned(_ number: Int, _ result: Result<PutAnswer, PutError>, now: Aggregator.Instant) {
        value.returned(number, result, now: now)
    }
}
