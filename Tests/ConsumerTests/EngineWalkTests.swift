import Kinesis
import State
import TestSupport
import Testing
import Time

@testable import Consumer

/// Random walks of the decisions together: shard readers, the book with its lineage, and the budget, against a stream that
/// is written to and resharded meanwhile, with a clock that the walk moves. No I/O.
@Suite struct EngineWalkTests {
    @Test(arguments: 0..<20 as Range<UInt64>)
    func `order, lineage and budget hold, every permit comes back and every record arrives`(seed: UInt64) async {
        var walk = EngineWalk(seed: seed)
        await takeSteps(1500) { walk.step() }
        walk.drain()
        #expect(walk.faults == [])
        #expect(walk.delivered == walk.written)
        #expect(walk.budget.used == 0 && walk.budget.waiting == 0)
    }
}

/// A stream in a few arrays, and what reads it.
private struct EngineWalk {
    private struct WalkShard {
        let parents: [ShardID]
        var records: [UInt128] = []
        var children: [ChildShard] = []
        var isOpen = true
    }

    private struct Reading {
        var machine: ShardReader
        /// Where the iterator that is held or asked for stands.
        var index = 0
        var answer: Range<Int>?
        var permit: (ticket: BufferBudget.Ticket, bytes: Int)?
        /// Handed on and neither taken nor settled: number, checkpoint index.
        var waiting: [Int] = []
        var taken: [Int] = []

        var isUnsettled: Bool { !waiting.isEmpty || !taken.isEmpty }
    }

    private(set) var budget = BufferBudget(limit: 40 << 20)
    private(set) var faults: [String] = []
    private(set) var written: [ShardID: [UInt128]] = [:]
    private(set) var delivered: [ShardID: [UInt128]] = [:]

    private var random: SplitMix64
    private var now = ContinuousClock.now
    private var shards: [ShardID: WalkShard] = [:]
    private var book: ShardBook
    private var readings: [ShardID: Reading] = [:]
    private var lastRecord: UInt128 = 0
    private var lastNumber = 0
    private var paces = ReadPaces()
    private var calls: [ShardID: [ContinuousClock.Instant]] = [:]

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
        let first = ShardID(number: 0)
        shards[first] = WalkShard(parents: [])
        let listing = [Self.listed(first, WalkShard(parents: []))]
        book = ShardBook(
            begunAt: WallTime(milliseconds: 0), of: listing, createdOn: WallTime(milliseconds: 0), from: .trimHorizon,
            isNewStream: false)
    }

    private static func listed(_ id: ShardID, _ shard: WalkShard) -> Shard {
        Shard(
            id: id, parent: shard.parents.first, adjacentParent: shard.parents.dropFirst().first, hashKeyRange: .all,
            startingSequenceNumber: SequenceNumber(0), endingSequenceNumber: shard.isOpen ? nil : SequenceNumber(1))
    }

    // MARK: The world

    mutating func step() {
        now += .milliseconds(Int.random(in: 0...100, using: &random))
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<4: write()
        case 4 where shards.count < 12: reshard()
        case 5: list()
        case 6: loseReader()
        default: advance()
        }
    }

    /// Goes on without faults and news until nothing is left to read.
    mutating func drain() {
        var left = 20_000
        while left > 0, delivered != written || readings.values.contains(where: \.isUnsettled) {
            left -= 1
            now += .milliseconds(500)
            if Int.random(in: 0..<50, using: &random) == 0 { list() }
            advance(withFaults: false)
        }
        loseReader()
    }

    private mutating func write() {
        let open = shards.filter(\.value.isOpen).keys.sorted()
        guard let id = open.randomElement(using: &random) else { return }
        for _ in 0..<Int.random(in: 1...5, using: &random) {
            lastRecord += 1
            shards[id]!.records.append(lastRecord)
            written[id, default: []].append(lastRecord)
        }
    }

    private mutating func reshard() {
        let open = shards.filter(\.value.isOpen).keys.sorted().shuffled(using: &random)
        let parents = Array(open.prefix(Int.random(in: 1...2, using: &random)))
        let children = (0..<(parents.count == 2 ? 1 : 2)).map { ShardID(number: shards.count + $0) }
        for child in children { shards[child] = WalkShard(parents: parents) }
        for parent in parents {
            shards[parent]!.isOpen = false
            shards[parent]!.children = children.map { ChildShard(id: $0, parents: parents, hashKeyRange: .all) }
        }
    }

    private mutating func list() {
        _ = book.update(shards.map { Self.listed($0, $1) })
    }

    /// The reader goes: what is not settled is read again by the next one.
    private mutating func loseReader() {
        for (id, var reading) in readings {
            reading.machine.stop(now: now, paces: &paces)
            readings[id] = reading
            guard let permit = reading.permit else { continue }
            if !budget.withdraw(permit.ticket) { budget.change(1, by: -permit.bytes) }
        }
        readings.removeAll()
        // Only what was settled counts as delivered; the rest comes again.
        for (id, records) in delivered {
            guard let checkpoint = book.shard(id)?.checkpoint else {
                delivered[id] = nil
                continue
            }
            delivered[id] = records.filter { SequenceNumber($0) <= checkpoint.sequenceNumber }
        }
    }

    // MARK: The engine

    private mutating func advance(withFaults: Bool = true) {
        for id in book.readable where readings[id] == nil {
            let blocked = shards[id]!.parents.filter { delivered[$0] ?? [] != shards[$0]!.records }
            if !blocked.isEmpty { faults.append("\(id) is read before \(blocked)") }
            readings[id] = Reading(
                machine: ShardReader(
                    window: DeliveryWindow(from: book.progress(of: id), initial: .trimHorizon),
                    source: .polling(
                        PollingSource(
                            shard: ReadPaces.Key(stream: StreamName("orders")!, shard: id),
                            settings: .init(ConsumerOptions(), callTimeout: .seconds(30)), seed: random.next(),
                            now: now))))
        }
        guard let id = readings.keys.sorted().randomElement(using: &random), var reading = readings[id] else { return }
        perform(&reading, id, withFaults)
        readings[id] = book.shard(id)?.isDepleted == true ? nil : reading
        for grant in budget.admit() {
            guard let owner = readings.first(where: { $0.value.permit?.ticket == grant.ticket })?.key else { continue }
            readings[owner]!.permit!.bytes = grant.bytes
            readings[owner]!.machine.permitted(room: grant.bytes, now: now)
        }
        if budget.used > budget.limit { faults.append("the budget holds \(budget.used)") }
    }

    private mutating func perform(_ reading: inout Reading, _ id: ShardID, _ withFaults: Bool) {
        let fails = withFaults && Int.random(in: 0..<8, using: &random) == 0
        switch reading.machine.next(now: now, paces: &paces) {
        case .wait where fails && reading.machine.window.isRevoking: reading.machine.cancelRevoke()
        case .wait where fails && Bool.random(using: &random):
            letGo(&reading, id) { $0.beginRevoke(now: $1, paces: &$2) }
        case .wait where fails && reading.machine.holdsForReader: letGo(&reading, id) { $0.evict(now: $1, paces: &$2) }
        case .wait: read(&reading, id, withFaults)
        case .askIterator(let position):
            if fails { return _ = reading.machine.failed(failure(), now: now) }
            reading.index = index(of: position, in: id)
            reading.machine.iteratorReceived(ShardIterator("i"), now: now)
        case .takePermit(let bytes, let least): reading.permit = (budget.request(bytes, least: least, for: 1), 0)
        case .getRecords:
            called(id)
            if fails {
                giveBack(&reading)
                return _ = reading.machine.failed(failure(), now: now)
            }
            let count = Int.random(in: 0...4, using: &random)
            reading.answer = reading.index..<min(reading.index + count, shards[id]!.records.count)
            if !reading.machine.responseReceived(bytes: 1000, now: now) { giveBack(&reading) }
        case .encode: encode(&reading, id, fails)
        case .announceEnd: faults.append("\(id) has no record processor")
        case .end(let children): _ = book.depleted(id, children: children)
        case .subscribe, .receive: faults.append("\(id) is polled")
        }
    }

    private mutating func called(_ id: ShardID) {
        calls[id, default: []].append(now)
        if calls[id]!.count > 5, now < calls[id]!.removeFirst() + .seconds(1) {
            faults.append("\(id) is read six times a second")
        }
    }

    private mutating func encode(_ reading: inout Reading, _ id: ShardID, _ fails: Bool) {
        guard let answer = reading.answer else { return }
        if fails {
            giveBack(&reading)
            return reading.machine.responseBroken(now: now)
        }
        if let first = answer.first {
            lastNumber += 1
            let record = shards[id]!.records[first]
            reading.machine.offered(
                EventID(reader: "a", number: lastNumber), records: 1,
                last: Checkpoint(sequenceNumber: SequenceNumber(record)), now: now)
            reading.waiting.append(lastNumber)
            if reading.waiting.count > 1 { faults.append("two batches of \(id) wait") }
            delivered[id, default: []].append(record)
            reading.index = first + 1
            reading.answer = answer.dropFirst()
            return
        }
        giveBack(&reading)
        let shard = shards[id]!
        let isEnd = !shard.isOpen && reading.index == shard.records.count
        let behind = reading.index < shard.records.count ? 1000 : 0
        reading.machine.responseEnded(
            GetRecordsEnvelope(
                next: isEnd ? nil : .iterator(ShardIterator("i")), millisBehindLatest: behind,
                childShards: isEnd ? shard.children : []), now: now)
    }

    /// Others need the room, or the shard is to move.
    private mutating func letGo(
        _ reading: inout Reading, _ id: ShardID,
        _ input: (inout ShardReader, ContinuousClock.Instant, inout ReadPaces) -> Int?
    ) {
        if let number = input(&reading.machine, now, &paces) {
            if reading.waiting != [number] { faults.append("\(number) of \(id) was taken back and did not wait") }
            reading.waiting.removeAll()
            delivered[id]!.removeLast()
        }
        if let permit = reading.permit, budget.withdraw(permit.ticket) { reading.permit = nil }
        giveBack(&reading)
    }

    /// The reader takes what waits, or settles what it took, in any order.
    private mutating func read(_ reading: inout Reading, _ id: ShardID, _ withFaults: Bool) {
        if !reading.isUnsettled { reading.machine.readerWaits() }
        if !withFaults { reading.machine.cancelRevoke() }
        if let number = reading.waiting.first, reading.taken.count < 3 {
            reading.waiting.removeFirst()
            reading.taken.append(number)
            reading.machine.taken()
        } else if let number = reading.taken.randomElement(using: &random) {
            reading.taken.removeAll { $0 == number }
            if let checkpoint = reading.machine.settled(number) { _ = book.checkpoint(id, checkpoint) }
        }
    }

    private mutating func giveBack(_ reading: inout Reading) {
        if let permit = reading.permit { budget.change(1, by: -permit.bytes) }
        reading.permit = nil
        reading.answer = nil
    }

    private mutating func failure() -> ReadFailure {
        let all: [ReadFailure] = [
            .throttled, .passing, .limitExceeded, .denied, .expiredIterator, .notFound, .unexpected,
        ]
        return all.randomElement(using: &random)!
    }

    private func index(of position: StartingPosition, in id: ShardID) -> Int {
        let records = shards[id]!.records
        switch position {
        case .trimHorizon, .latest, .atTimestamp: return 0
        case .atSequenceNumber(let number):
            return records.firstIndex { SequenceNumber($0) >= number } ?? records.count
        case .afterSequenceNumber(let number):
            return records.firstIndex { SequenceNumber($0) > number } ?? records.count
        }
    }
}
