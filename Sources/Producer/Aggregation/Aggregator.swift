import AWS
import Bytes
import Kinesis

/// Decides which records of one stream leave together as one record of Kinesis, by the shard that takes them, and when: it
/// stands before the `PutBatcher`. Performs no I/O and has no clock.
///
///     submitted → waiting for the shard map → gathering → ready → on its way → answered
///                         ↑______________ wrong shard, deadline of a fellow _____↓
///
/// Records gather until an aggregate is full, or its first has waited for `maxBufferedTime`; where `share` says so what is
/// ready waits until its shard has room. A record that travels alone is put as it is. Without a shard map each does, as in a
/// stream that is distributed automatically.
///
/// A new map sorts again what has not left yet. An aggregate that was on its way may be written to a shard that its other
/// records do not belong to, where readers drop them.
/// Then each of those is put again, alone: a reader that does not drop sees it twice. Every put is answered exactly once, with
/// a result for each record, or at its deadline. What waits is bounded by the caller (`maxPutBytes`).
struct Aggregator {
    typealias Instant = ContinuousClock.Instant
    typealias Ticket = PutBatcher.Ticket
    typealias Entry = PutBatcher.Entry

    /// What becomes one record of Kinesis.
    struct Unit {
        let number: Int
        let put: EncodedPut
        /// When the first of its records came.
        let arrived: Instant
        /// The shard that should take it; nil where nobody knows.
        fileprivate let shard: ShardID?
        fileprivate let entries: [Entry]

        /// By which it lands: its first record's.
        fileprivate var hashKey: HashKey { entries[0].record.entry.hashKey }
    }

    /// Which shard takes a record, as it was found out.
    enum Placement {
        case byHashKey(ShardMap)
        /// Any shard takes any record (`StreamSummary.isAutoDistributed`). The shards' ranges still say what readers drop.
        case automatic(ShardMap)
        /// The shards could not be listed.
        case unknown
    }

    private struct Gathering {
        var aggregate = Aggregate()
        var entries: [Entry] = []
        var since: Instant

        init(since: Instant) {
            self.since = since
        }

        /// False, and nothing changes, where there is no room.
        mutating func take(_ entry: Entry, since: Instant, _ limits: PutShaping.Aggregation) -> Bool {
            guard entries.count < limits.maxCount, aggregate.add(entry.record.entry, limit: limits.maxSize) else {
                return false
            }
            entries.append(entry)
            self.since = min(self.since, since)
            return true
        }

        func isFull(_ limits: PutShaping.Aggregation) -> Bool {
            entries.count >= limits.maxCount || aggregate.size >= limits.maxSize
        }
    }

    private struct Ready {
        let entries: [Entry]
        /// What the service will count, about.
        let bytes: Int
        /// When the first of them began to wait for others.
        let since: Instant
    }

    /// An aggregate that another shard took than was expected.
    private struct Misplaced {
        let unit: Unit
        let shard: ShardID
        let sequenceNumber: SequenceNumber
    }

    private enum Map {
        /// Has to be listed, at `from` or later.
        case wanted(from: Instant?)
        case listing(since: Instant)
        case known(ShardMap, at: Instant)
        /// Nobody knows where a record will go: records leave alone, and it is asked for again then. The shards are those that
        /// were listed, where they could be.
        case unplaced(ShardMap?, until: Instant)

        /// The shards with their ranges, as far as they are known.
        var shards: ShardMap? {
            switch self {
            case .known(let shards, _): shards
            case .unplaced(let shards, _): shards
            case .wanted, .listing: nil
            }
        }
    }

    /// From one listing to the next: an answer that names an unknown shard may come many times.
    private static let listingPause = Duration.seconds(1)
    /// The same after a failure.
    private static let failurePause = Duration.seconds(10)
    /// So long records wait for a listing: puts go on where only the listing of shards is down.
    private static let listingPatience = Duration.seconds(2)
    /// How long it is believed that a stream is distributed automatically. A wrong belief costs aggregates, no records.
    private static let automaticPause = Duration.seconds(300)

    private let shaping: PutShaping
    private let timeout: Duration
    private var puts = PutTable()
    private var answers = Fifo<PutBatcher.Answer>()
    private var map = Map.wanted(from: nil)
    /// In order of arrival, until there is a map.
    private var waiting: [Entry] = []
    private var gathering: [ShardID: Gathering] = [:]
    /// By shard; nil: whichever it is. No queue is empty.
    private var ready: [ShardID?: Fifo<Ready>] = [:]
    private var rates: ShardRates?
    /// When a shard has room again, for what is ready.
    private var nextRoom: Instant?
    private var onTheirWay: [Int: Unit] = [:]
    private var misplaced: [Misplaced] = []
    private var units = 0

    init(_ shaping: PutShaping, timeout: Duration) {
        self.shaping = shaping
        self.timeout = timeout
        rates = shaping.share.map(ShardRates.init)
    }

    // MARK: Inputs

    mutating func submitted(_ put: EncodedPut, arrived: Instant? = nil, now: Instant) -> Ticket {
        let ticket = puts.insert(PendingPut(put: put, arrived: arrived ?? now))
        for index in put.records.indices { place(Entry(ticket: ticket, index: index, put: put), now: now) }
        return ticket
    }

    /// A put goes another way, and takes its part of the shards' limits.
    mutating func passed(_ put: EncodedPut, now: Instant) {
        guard rates != nil, case .known(let map, _) = map else { return }
        for record in put.records {
            if let shard = map.shard(of: record.entry.hashKey) { rates?.spent(shard, bytes: record.size, now: now) }
        }
    }

    /// Where the stream's records go, as it is now.
    mutating func listed(_ placement: Placement, now: Instant) {
        switch placement {
        case .byHashKey(let shards): map = .known(shards, at: now)
        case .automatic(let shards): map = .unplaced(shards, until: now + Self.automaticPause)
        case .unknown: map = .unplaced(nil, until: now + Self.failurePause)
        }
        sortAgain(now: now)
        settleMisplaced(now: now)
    }

    /// The service has refused a record for its shard's rate.
    mutating func throttled(_ entry: PutRecordEntry, now: Instant) {
        guard rates != nil, case .known(let map, _) = map, let shard = map.shard(of: entry.hashKey) else { return }
        rates?.throttled(shard, now: now)
    }

    /// The service can be reached again.
    mutating func serviceReturned() {
        if case .unplaced(nil, _) = map { map = .wanted(from: nil) }
    }

    /// What has become of a unit.
    mutating func returned(_ number: Int, _ result: Result<PutAnswer, PutError>, now: Instant) {
        guard let unit = onTheirWay.removeValue(forKey: number) else { return }
        switch result {
        case .failure(.timedOut(_, let mayHaveBeenWritten, let lastFailure)):
            let silence = PutError.timedOut(after: timeout, mayHaveBeenWritten: mayHaveBeenWritten, lastFailure: nil)
            let failure = lastFailure.map { PutError.service($0) } ?? silence
            again(unit, .call(failure), uncertain: mayHaveBeenWritten, now: now)
        case .failure(.service(let error)) where error.disposition == .throttled:
            again(unit, .call(.service(error)), uncertain: false, now: now)
        case .failure(let error):
            for entry in unit.entries where puts.contains(entry.ticket) {
                if puts[entry.ticket]?.refused(entry.index, error) == true { answer(entry.ticket) }
            }
        case .success(let answer):
            for entry in unit.entries { puts[entry.ticket]?.encryptionType = answer.encryptionType }
            switch answer.results[0] {
            case .failed(let code, let message) where PutBatcher.isWorthAnotherAttempt(code):
                again(unit, .entry(code: code, message: message), uncertain: false, now: now)
            case .failed:
                for entry in unit.entries { resolve(entry, answer.results[0]) }
            case .accepted(let shard, let sequenceNumber, _):
                accepted(unit, by: shard, sequenceNumber, now: now)
            }
        }
    }

    /// Time has passed: answers the puts whose deadline is over, and lets go what has gathered for long enough.
    mutating func handleTimeout(now: Instant) {
        while let ticket = puts.oldest, let pending = puts[ticket], pending.arrived + timeout <= now {
            puts.remove(ticket)
            answers.append((ticket, pending.answerAtDeadline(after: timeout)))
        }
        waiting.removeAll { !puts.contains($0.ticket) }
        misplaced.removeAll { one in !one.unit.entries.contains { puts.contains($0.ticket) } }
        if case .listing(let since) = map, since + Self.listingPatience <= now { listed(.unknown, now: now) }
        closeDue(now: now)
    }

    // MARK: Outputs

    /// Whether the shards have to be listed now; to be answered with `listed`.
    mutating func beginsListing(now: Instant) -> Bool {
        let isDue =
            switch map {
            case .wanted(let from): (from ?? now) <= now
            case .unplaced(_, let until): until <= now
            case .listing, .known: false
            }
        guard isDue, needsMap else { return false }
        map = .listing(since: now)
        return true
    }

    /// The next unit to put, or nil. To be asked after every input, until it is nil.
    mutating func nextUnit(now: Instant) -> Unit? {
        nextRoom = nil
        for shard in ready.keys {
            while let first = ready[shard]?.first {
                let entries = first.entries.filter { puts.contains($0.ticket) }
                if !entries.isEmpty, let shard, let due = rates?.take(shard, bytes: first.bytes, now: now) {
                    nextRoom = min(nextRoom ?? due, due)
                    break
                }
                ready[shard]?.popFirst()
                if ready[shard]?.isEmpty == true { ready[shard] = nil }
                if !entries.isEmpty { return unit(of: entries, shard, now: now) }
            }
        }
        return nil
    }

    /// The next put that has its answer, or nil. Each put comes out exactly once.
    mutating func nextAnswer() -> PutBatcher.Answer? { answers.popFirst() }

    /// When the inputs and outputs that depend on time want to be asked again; nil: when an input changes something.
    var nextDeadline: Instant? {
        var earliest = puts.oldest.flatMap { puts[$0] }.map { $0.arrived + timeout }
        func consider(_ instant: Instant?) {
            if let instant { earliest = min(earliest ?? instant, instant) }
        }
        consider(nextRoom)
        if let wait = shaping.aggregation?.maxBufferedTime {
            for one in gathering.values { consider(one.since + wait) }
        }
        if needsMap {
            switch map {
            case .wanted(let from): consider(from)
            case .unplaced(_, let until): consider(until)
            case .listing(let since): consider(since + Self.listingPatience)
            case .known: break
            }
        }
        return earliest
    }

    /// Puts that have no answer yet.
    var unanswered: Int { puts.count }
}

// MARK: - The way of a record

extension Aggregator {
    private var needsMap: Bool { !waiting.isEmpty || !misplaced.isEmpty }

    /// The map has changed: what has not left goes where it says now.
    private mutating func sortAgain(now: Instant) {
        let (formerReady, formerGathering, formerWaiting) = (ready, gathering, waiting)
        ready = [:]
        gathering = [:]
        waiting = []
        for var queue in formerReady.values {
            while let one = queue.popFirst() {
                if one.entries.count == 1 {
                    // It may travel alone for a reason.
                    append(one, to: shard(of: one.entries[0]))
                } else {
                    for entry in one.entries { place(entry, since: one.since, now: now) }
                }
            }
        }
        for one in formerGathering.values {
            for entry in one.entries { place(entry, since: one.since, now: now) }
        }
        for entry in formerWaiting where puts.contains(entry.ticket) { place(entry, now: now) }
        closeDue(now: now)
    }

    /// nil where no map says it.
    private func shard(of entry: Entry) -> ShardID? {
        if case .known(let shards, _) = map { shards.shard(of: entry.record.entry.hashKey) } else { nil }
    }

    /// - Parameter since: when it began to wait for others; nil: now.
    private mutating func place(_ entry: Entry, since: Instant? = nil, now: Instant) {
        if case .unplaced(_, let until) = map, until <= now { map = .wanted(from: nil) }
        switch map {
        case .wanted, .listing: waiting.append(entry)
        case .unplaced: append([entry], bytes: entry.record.size, to: nil, since: now)
        case .known: gather(entry, for: shard(of: entry), since: since ?? now)
        }
    }

    private mutating func gather(_ entry: Entry, for shard: ShardID?, since: Instant) {
        let bytes = entry.record.size
        guard let shard, let aggregation = shaping.aggregation, !Aggregate.isAggregate(entry.record.entry.data) else {
            return append([entry], bytes: bytes, to: shard, since: since)
        }
        if gathering[shard]?.take(entry, since: since, aggregation) != true {
            close(shard)
            var fresh = Gathering(since: since)
            guard fresh.take(entry, since: since, aggregation) else {
                return append([entry], bytes: bytes, to: shard, since: since)
            }
            gathering[shard] = fresh
        }
        if gathering[shard]?.isFull(aggregation) == true { close(shard) }
    }

    private mutating func closeDue(now: Instant) {
        guard let wait = shaping.aggregation?.maxBufferedTime else { return }
        for (shard, one) in gathering where one.since + wait <= now { close(shard) }
    }

    private mutating func close(_ shard: ShardID) {
        guard let done = gathering.removeValue(forKey: shard) else { return }
        append(done.entries, bytes: done.aggregate.size, to: shard, since: done.since)
    }

    private mutating func append(_ entries: [Entry], bytes: Int, to shard: ShardID?, since: Instant) {
        append(Ready(entries: entries, bytes: bytes, since: since), to: shard)
    }

    private mutating func append(_ one: Ready, to shard: ShardID?) {
        ready[shard, default: Fifo()].append(one)
    }

    private mutating func unit(of entries: [Entry], _ shard: ShardID?, now: Instant) -> Unit {
        units += 1
        var arrived = now
        for entry in entries {
            arrived = min(arrived, puts[entry.ticket]?.arrived ?? now)
            puts[entry.ticket]?.sent(entry.index)
        }
        let put: EncodedPut
        if entries.count == 1 {
            put = EncodedPut([entries[0].record])
        } else {
            // It lands where its first record would.
            let first = entries[0].record.entry
            var aggregate = Aggregate()
            for entry in entries { _ = aggregate.add(entry.record.entry, limit: .max) }
            let data = aggregate.encoded()
            put = EncodedPut([
                EncodedPut.Record(
                    PutRecordEntry(data, .given(first.partitionKey), explicitHashKey: first.explicitHashKey))
            ])
        }
        let unit = Unit(number: units, put: put, arrived: arrived, shard: shard, entries: entries)
        onTheirWay[units] = unit
        return unit
    }

    // MARK: Results

    private mutating func accepted(
        _ unit: Unit, by shard: ShardID, _ sequenceNumber: SequenceNumber, now: Instant
    ) {
        let isExpected = shard == unit.shard
        if !isExpected, case .known(let shards, let at) = map {
            if let range = shards.range(of: shard) {
                compare(range, with: unit, now: now)
            } else {
                map = .wanted(from: at + Self.listingPause)
            }
        }
        if unit.entries.count == 1 {
            resolve(unit.entries[0], .accepted(shard: shard, sequenceNumber: sequenceNumber))
        } else if isExpected {
            for (index, entry) in unit.entries.enumerated() {
                resolve(entry, .accepted(shard: shard, sequenceNumber: sequenceNumber, subSequenceNumber: index))
            }
        } else {
            misplaced.append(Misplaced(unit: unit, shard: shard, sequenceNumber: sequenceNumber))
            settleMisplaced(now: now)
        }
    }

    /// As far as the shards are known that took them.
    private mutating func settleMisplaced(now: Instant) {
        let misplaced = misplaced
        self.misplaced = []
        for one in misplaced {
            guard let shards = map.shards else {
                self.misplaced.append(one)
                continue
            }
            if let range = shards.range(of: one.shard) {
                settle(one, range, now: now)
            } else {
                // A listing may be behind.
                self.misplaced.append(one)
                map = .wanted(from: now + Self.listingPause)
            }
        }
    }

    /// The aggregate lies in a shard of this range: readers find those of its records that the range has.
    private mutating func settle(_ one: Misplaced, _ range: HashKeyRange, now: Instant) {
        for (index, entry) in one.unit.entries.enumerated() where puts.contains(entry.ticket) {
            if range.contains(entry.record.entry.hashKey) {
                let number = one.sequenceNumber
                resolve(entry, .accepted(shard: one.shard, sequenceNumber: number, subSequenceNumber: index))
            } else {
                puts[entry.ticket]?.misplaced(entry.index)
                append([entry], bytes: entry.record.size, to: shard(of: entry), since: now)
            }
        }
        compare(range, with: one.unit, now: now)
    }

    /// A shard of this range has taken the unit. Where not even the unit's own hash key has led it there, the stream is
    /// distributed automatically.
    private mutating func compare(_ range: HashKeyRange, with unit: Unit, now: Instant) {
        guard !range.contains(unit.hashKey), case .known(let shards, _) = map else { return }
        map = .unplaced(shards, until: now + Self.automaticPause)
        sortAgain(now: now)
    }

    private mutating func resolve(_ entry: Entry, _ result: PutResult) {
        if puts[entry.ticket]?.resolved(entry.index, result) == true { answer(entry.ticket) }
    }

    /// The unit came to the deadline of its oldest record: those that have time left go again, the others are answered by
    /// `handleTimeout`.
    private mutating func again(_ unit: Unit, _ failure: PendingPut.Failure, uncertain: Bool, now: Instant) {
        for entry in unit.entries {
            guard let arrived = puts[entry.ticket]?.arrived else { continue }
            puts[entry.ticket]?.failed(entry.index, failure, uncertain: uncertain)
            if arrived + timeout > now { place(entry, now: now) }
        }
    }

    private mutating func answer(_ ticket: Ticket) {
        guard let pending = puts[ticket] else { return }
        puts.remove(ticket)
        answers.append((ticket, pending.answer))
    }
}

extension PutBatcher.Entry {
    var record: EncodedPut.Record { put.records[index] }
}
