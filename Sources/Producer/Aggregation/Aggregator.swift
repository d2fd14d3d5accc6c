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
/// ready waits until its shard has room. A record that travels alone is put as it is. Without a shard map each does.
///
/// After a reshard an aggregate may be written to a shard that its other records do not belong to, where readers drop them.
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
    }

    private struct Gathering {
        var aggregate = Aggregate()
        var entries: [Entry] = []
        let since: Instant

        init(since: Instant) {
            self.since = since
        }

        /// False, and nothing changes, where there is no room.
        mutating func take(_ entry: Entry, _ limits: PutShaping.Aggregation) -> Bool {
            guard entries.count < limits.maxCount, aggregate.add(entry.record.entry, limit: limits.maxSize) else {
                return false
            }
            entries.append(entry)
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
        case listing
        case known(ShardMap, at: Instant)
        /// Could not be listed; records leave alone until it is tried again.
        case missing(until: Instant)
    }

    /// From one listing to the next: an answer that names an unknown shard may come many times.
    private static let listingPause = Duration.seconds(1)
    /// The same after a failure.
    private static let failurePause = Duration.seconds(10)

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

    mutating func submitted(_ put: EncodedPut, now: Instant) -> Ticket {
        let ticket = puts.insert(PendingPut(put: put, arrived: now))
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

    /// The stream's shards, as they are now; nil where they could not be listed.
    mutating func listed(_ shards: ShardMap?, now: Instant) {
        guard let shards else {
            map = .missing(until: now + Self.failurePause)
            return placeWaiting(now: now)
        }
        map = .known(shards, at: now)
        placeWaiting(now: now)
        let misplaced = misplaced
        self.misplaced = []
        for one in misplaced { settle(one, shards, now: now) }
    }

    /// The service has refused a record for its shard's rate.
    mutating func throttled(_ entry: PutRecordEntry, now: Instant) {
        guard rates != nil, case .known(let map, _) = map, let shard = map.shard(of: entry.hashKey) else { return }
        rates?.throttled(shard, now: now)
    }

    /// The service can be reached again.
    mutating func serviceReturned() {
        if case .missing = map { map = .wanted(from: nil) }
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
        guard let wait = shaping.aggregation?.maxBufferedTime else { return }
        for (shard, one) in gathering where one.since + wait <= now { close(shard) }
    }

    // MARK: Outputs

    /// Whether the shards have to be listed now; to be answered with `listed`.
    mutating func beginsListing(now: Instant) -> Bool {
        let isDue =
            switch map {
            case .wanted(let from): (from ?? now) <= now
            case .missing(let until): until <= now
            case .listing, .known: false
            }
        guard isDue, needsMap else { return false }
        map = .listing
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
            case .missing(let until): consider(until)
            case .listing, .known: break
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

    private mutating func placeWaiting(now: Instant) {
        let entries = waiting
        waiting = []
        for entry in entries where puts.contains(entry.ticket) { place(entry, now: now) }
    }

    private mutating func place(_ entry: Entry, now: Instant) {
        if case .missing(let until) = map, until <= now { map = .wanted(from: nil) }
        switch map {
        case .wanted, .listing: waiting.append(entry)
        case .missing: append(Ready(entries: [entry], bytes: entry.record.size), to: nil)
        case .known(let shards, _): gather(entry, for: shards.shard(of: entry.record.entry.hashKey), now: now)
        }
    }

    private mutating func gather(_ entry: Entry, for shard: ShardID?, now: Instant) {
        let record = entry.record
        guard let shard, let aggregation = shaping.aggregation, !Aggregate.isAggregate(record.entry.data) else {
            return append(Ready(entries: [entry], bytes: record.size), to: shard)
        }
        if gathering[shard]?.take(entry, aggregation) != true {
            close(shard)
            var fresh = Gathering(since: now)
            guard fresh.take(entry, aggregation) else {
                return append(Ready(entries: [entry], bytes: record.size), to: shard)
            }
            gathering[shard] = fresh
        }
        if gathering[shard]?.isFull(aggregation) == true { close(shard) }
    }

    private mutating func close(_ shard: ShardID) {
        guard let done = gathering.removeValue(forKey: shard) else { return }
        append(Ready(entries: done.entries, bytes: done.aggregate.size), to: shard)
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
        if !isExpected, case .known(_, let at) = map { map = .wanted(from: at + Self.listingPause) }
        if unit.entries.count == 1 {
            resolve(unit.entries[0], .accepted(shard: shard, sequenceNumber: sequenceNumber))
        } else if isExpected {
            for (index, entry) in unit.entries.enumerated() {
                resolve(entry, .accepted(shard: shard, sequenceNumber: sequenceNumber, subSequenceNumber: index))
            }
        } else {
            misplaced.append(Misplaced(unit: unit, shard: shard, sequenceNumber: sequenceNumber))
        }
    }

    /// The map was listed after the aggregate was written.
    private mutating func settle(_ one: Misplaced, _ shards: ShardMap, now: Instant) {
        guard let range = shards.range(of: one.shard) else {
            // A listing may be behind.
            misplaced.append(one)
            map = .wanted(from: now + Self.listingPause)
            return
        }
        // Where the aggregate itself lies elsewhere than its hash key says, the stream is not distributed by hash keys, and its
        // readers drop nothing.
        let isByHashKey = range.contains(one.unit.entries[0].record.entry.hashKey)
        for (index, entry) in one.unit.entries.enumerated() where puts.contains(entry.ticket) {
            let key = entry.record.entry.hashKey
            if !isByHashKey || range.contains(key) {
                let number = one.sequenceNumber
                resolve(entry, .accepted(shard: one.shard, sequenceNumber: number, subSequenceNumber: index))
            } else {
                puts[entry.ticket]?.misplaced(entry.index)
                append(Ready(entries: [entry], bytes: entry.record.size), to: shards.shard(of: key))
            }
        }
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
