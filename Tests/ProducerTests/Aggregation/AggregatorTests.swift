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
        aggregator.listed(.unknown, now: start)
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
        aggregator.listed(.byHashKey(Self.split), now: later)
        let again = units(aggregator, now: later)
        #expect(again.count == of.count { $0 != of[0] } && !again.isEmpty)
        for unit in again { accept(aggregator, unit, by: 3 - of[0]) }
        let results = try #require(aggregator.nextAnswer()).result.get().results
        for (index, shard) in of.enumerated() {
            #expect(results[index] == accepted(shard, shard == of[0] ? index : nil))
        }
    }

    /// Gathering, or full and held back by the shard's rate.
    @Test(arguments: [false, true])
    func `what has not left is sorted again by a new map`(isHeldBack: Bool) throws {
        var shaping = PutShaping()
        shaping.aggregation = PutShaping.Aggregation()
        shaping.aggregation?.maxBufferedTime = .seconds(5)
        shaping.aggregation?.maxCount = isHeldBack ? 20 : 100
        if isHeldBack { shaping.share = 0.001 }
        let aggregator = Subject(shaping, timeout: .seconds(30))
        _ = aggregator.submitted(put(["first"]), now: start)
        list(aggregator)
        let first = try #require(aggregator.dueUnits(now: start + .seconds(5)).first)
        let ticket = aggregator.submitted(put((0..<20).map { "key\($0)" }), now: start + .seconds(5))
        #expect(units(aggregator, now: start + .seconds(5)).isEmpty)
        accept(aggregator, first, by: half(of: first), now: start + .seconds(5))
        #expect(aggregator.nextAnswer() != nil)
        // A further record asks for the map.
        _ = aggregator.submitted(put(["last"]), now: start + .seconds(5))
        #expect(aggregator.beginsListing(now: start + .seconds(6)))
        aggregator.listed(.byHashKey(Self.split), now: start + .seconds(6))
        let halves = aggregator.dueUnits(now: start + .seconds(12))
        #expect(Set(halves.map { half(of: $0) }) == [1, 2] && halves.count <= 3)
        for unit in halves { accept(aggregator, unit, by: half(of: unit), now: start + .seconds(12)) }
        let answers = (0..<2).compactMap { _ in aggregator.nextAnswer() }
        let answer = try #require(answers.first { $0.ticket == ticket })
        for (index, result) in try answer.result.get().results.enumerated() {
            guard case .accepted(let shard, _, _) = result else {
                Issue.record("not accepted")
                return
            }
            let key = HashKey(partitionKey: "key\(index)")
            #expect(Self.split.range(of: shard)?.contains(key) == true)
        }
        #expect(units(aggregator, now: start + .seconds(13)).isEmpty)
    }

    @Test func `in a stream that is distributed automatically each record travels alone`() throws {
        let aggregator = made()
        _ = aggregator.submitted(put(["a", "b", "c"]), now: start)
        #expect(aggregator.beginsListing(now: start))
        aggregator.listed(.automatic(Self.split), now: start)
        let alone = units(aggregator, now: start)
        #expect(alone.count == 3)
        for unit in alone { accept(aggregator, unit, by: 1) }
        #expect(try aggregator.nextAnswer()?.result.get().results == (0..<3).map { _ in accepted(1, nil) })
        // Nor is it asked for its shards again, until that may have changed.
        _ = aggregator.submitted(put(["a"]), now: start + .seconds(299))
        #expect(!aggregator.beginsListing(now: start + .seconds(299)))
        #expect(units(aggregator, now: start + .seconds(299)).count == 1)
        _ = aggregator.submitted(put(["a"]), now: start + .seconds(300))
        #expect(aggregator.beginsListing(now: start + .seconds(300)))
    }

    @Test func `a stream that puts an aggregate where its key does not lie is distributed automatically`() throws {
        let aggregator = made()
        let put = put((0..<20).map { "key\($0)" })
        _ = aggregator.submitted(put, now: start)
        #expect(aggregator.beginsListing(now: start))
        aggregator.listed(.byHashKey(Self.split), now: start)
        let first = try #require(aggregator.dueUnits(now: start + .milliseconds(100)).first)
        let wrong = 3 - half(of: first)
        accept(aggregator, first, by: wrong)
        // Readers that go by the keys find none of it there.
        let again = units(aggregator, now: start + .milliseconds(100))
        #expect(again.count == put.records.count { half(of: $0) != wrong })
        #expect(again.allSatisfy { !Aggregate.isAggregate($0.put.records[0].entry.data) })
        _ = aggregator.submitted(self.put(["a", "b"]), now: start + .seconds(1))
        #expect(units(aggregator, now: start + .seconds(1)).count == 2)
    }

    @Test func `records do not wait for a listing that does not come`() throws {
        let aggregator = made()
        _ = aggregator.submitted(put(["a", "b"]), now: start)
        #expect(aggregator.beginsListing(now: start))
        #expect(aggregator.nextDeadline == start + .seconds(2))
        #expect(aggregator.dueUnits(now: start + .seconds(2)).count == 2)
        // It came after all.
        aggregator.listed(.byHashKey(Self.whole), now: start + .seconds(3))
        _ = aggregator.submitted(put(["a", "b"]), now: start + .seconds(3))
        #expect(aggregator.dueUnits(now: start + .seconds(4)).count == 1)
    }

    @Test func `at the deadline a put says whether it may have been written`() throws {
        let aggregator = made()
        _ = aggregator.submitted(put(["a"]), now: start)
        aggregator.handleTimeout(now: start + .seconds(30))
        let answer = try #require(aggregator.nextAnswer())
        guard case .failure(.timedOut(_, let mayHaveBeenWritten, _)) = answer.result else {
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
        var isListingLost = false
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
                    let isElsewhere = random.below(20) == 0
                    accept(aggregator, unit, by: isSplit ? (isFirst != isElsewhere ? 1 : 2) : 0, now: now)
                }
            default: if random.below(10) == 0 { aggregator.serviceReturned() }
            }
            aggregator.handleTimeout(now: now)
            if aggregator.beginsListing(now: now) {
                let shards = isSplit ? Self.split : Self.whole
                switch random.below(8) {
                case 0: aggregator.listed(.unknown, now: now)
                case 1: aggregator.listed(.automatic(shards), now: now)
                case 2: isListingLost = true
                default: aggregator.listed(.byHashKey(shards), now: now)
                }
            } else if isListingLost, random.below(4) == 0 {
                isListingLost = false
                aggregator.listed(.byHashKey(Self.whole), now: now)
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
        if aggregator.beginsListing(now: start) { aggregator.listed(.byHashKey(Self.whole), now: start) }
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

    /// The shard of `split` that the unit, or the record, lies in.
    private func half(of unit: Aggregator.Unit) -> Int { half(of: unit.put.records[0]) }

    private func half(of record: EncodedPut.Record) -> Int {
        HashKeyRange.even(2)[0].contains(record.entry.hashKey) ? 1 : 2
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
    func listed(_ placement: Aggregator.Placement, now: Aggregator.Instant) { value.listed(placement, now: now) }
    func throttled(_ entry: PutRecordEntry, now: Aggregator.Instant) { value.throttled(entry, now: now) }
    func serviceReturned() { value.serviceReturned() }
    func handleTimeout(now: Aggregator.Instant) { value.handleTimeout(now: now) }
    func beginsListing(now: Aggregator.Instant) -> Bool { value.beginsListing(now: now) }
    func nextUnit(now: Aggregator.Instant) -> Aggregator.Unit? { value.nextUnit(now: now) }
    func nextAnswer() -> PutBatcher.Answer? { value.nextAnswer() }
    /// What leaves once time has passed.
    func dueUnits(now: Aggregator.Instant) -> [Aggregator.Unit] {
        value.handleTimeout(now: now)
        var units: [Aggregator.Unit] = []
        while let unit = value.nextUnit(now: now) { units.append(unit) }
        return units
    }
    var nextDeadline: Aggregator.Instant? { value.nextDeadline }
    var unanswered: Int { value.unanswered }

    func returned(_ number: Int, _ result: Result<PutAnswer, PutError>, now: Aggregator.Instant) {
        value.returned(number, result, now: now)
    }
}
