import AWS
import Bytes
import Kinesis

/// Decides which records of one stream leave when, and when a put is answered. Performs no I/O and has no clock.
///
///     submitted → waiting → on its way → answered
///                    ↑___ back-off ___↓
///
/// A put leaves at once while fewer than two PutRecords are on their way; else arrivals gather until one returns (design
/// section 8). Only failed entries go again. Every put is answered exactly once: with a result per record, with the
/// failure of the whole call, or at its deadline. Of ordered puts at most one record of a partition key is on its way
/// (PutBatcher+Order). What waits is bounded by the caller (`maxPutBytes`).
package struct PutBatcher {
    package typealias Instant = ContinuousClock.Instant
    package typealias Answer = (ticket: Ticket, result: Result<PutAnswer, PutError>)

    package struct Limits: Sendable {
        /// Records in a PutRecords call.
        package var records = PutRecordEntry.maximumRecords
        /// Bytes of data and partition keys in a call: 5 MiB, or 10 MiB where the stream takes records over 1 MiB.
        package var bytes = 5 << 20
        /// Calls of this stream that may be on their way at once.
        package var calls = 2
        /// How long a put may wait for its answer.
        package var timeout: Duration = .seconds(30)
        /// How long arrivals gather although a call could leave.
        package var linger: Duration = .zero

        package init() {}
    }

    /// Names a put until it is answered. `slot` is small and used again afterwards.
    package struct Ticket: Hashable, Sendable {
        package let slot: Int
        let generation: Int
    }

    /// One record in a call.
    package struct Entry: Sendable {
        package let ticket: Ticket
        package let index: Int
        package let put: EncodedPut
    }

    /// What leaves together as one call.
    package struct Batch: Sendable {
        package let entries: [Entry]
        /// A lone record with `sequenceNumberForOrdering`: it must go as PutRecord.
        package let isOrdered: Bool
        /// Whether it is a part of a call that was refused.
        let isPart: Bool
    }

    /// Whom a record may share a call with. Narrowed by halves when a call of several requests was refused for what may be its
    /// content, so that the guilty one is found and spoils no other.
    enum Company: Equatable {
        case anyone
        /// The other requests of this half. No two halves have the same number.
        case half(Int)
    }

    /// How a call ended.
    package enum Outcome: Sendable {
        /// The service's result for each entry, in the order of the batch.
        case results([PutResult], encryptionType: String?)
        /// The whole call failed and may succeed later. `mayHaveBeenWritten`: no answer came, so nobody knows.
        case failedForNow(PutError, mayHaveBeenWritten: Bool)
        /// The whole call was refused for good. Where one bad record may be to blame, the requests that were in the call
        /// together go again in two halves.
        case refused(PutError, Blame)
    }

    package var limits: Limits
    /// Its waits are used; the deadline alone says when to give up.
    private let retryPolicy: RetryPolicy
    var puts = PutTable()
    /// Puts with records that were never sent, in order of arrival. Holds answered ones until they come to the front.
    private var fresh = Fifo<Ticket>()
    private var freshRecords = 0
    private var freshBytes = 0
    /// Also the ordered records whose turn has come.
    var retries = RetryQueue()
    var turns = KeyTurns()
    private var answers = Fifo<Answer>()
    package private(set) var callsOnTheirWay = 0
    /// Halves of refused calls that were ever made (PutBatcher+Halves).
    var halves = 0
    var streak = RefusalStreak()
    /// Records that left in a call once more.
    package private(set) var retriedRecords = 0

    package init(limits: Limits, retryPolicy: RetryPolicy = .puts) {
        self.limits = limits
        self.retryPolicy = retryPolicy
    }

    // MARK: Inputs

    /// A put has arrived, now or before: its deadline counts from `arrived`.
    package mutating func submitted(_ put: EncodedPut, arrived: Instant? = nil, now: Instant) -> Ticket {
        let ticket = puts.insert(PendingPut(put: put, arrived: arrived ?? now))
        fresh.append(ticket)
        freshRecords += put.records.count
        for record in put.records { freshBytes += record.size }
        return ticket
    }

    /// A call has ended. `random` in 0..<1 spreads the next attempts.
    package mutating func returned(_ batch: Batch, _ outcome: Outcome, random: Double, now: Instant) {
        callsOnTheirWay -= 1
        switch outcome {
        case .results(let results, let encryptionType):
            streak.passed()
            received(results, encryptionType, for: batch, random: random, now: now)
        case .failedForNow(let error, let mayHaveBeenWritten):
            for entry in batch.entries {
                puts[entry.ticket]?.failed(entry.index, .call(error), uncertain: mayHaveBeenWritten)
            }
            tryAgain(batch.entries, random: random, now: now)
        case .refused(let error, let blame):
            refused(batch, error, blame, now: now)
        }
        endTurns(of: batch, now: now)
    }

    /// The service can be reached again: what waits because it could not goes now.
    package mutating func serviceReturned(now: Instant) {
        let puts = puts
        retries.hasten(to: now) { entry in puts[entry.ticket]?.waitsForService(entry.index) ?? false }
    }

    /// Time has passed: answers the puts whose deadline is over. Returns whether the service was silent to one of them: it
    /// left in one call, which has no response.
    package mutating func handleTimeout(now: Instant) -> Bool {
        var wasSilent = false
        while let ticket = puts.oldest, let pending = puts[ticket], pending.arrived + limits.timeout <= now {
            for record in pending.put.records[pending.nextFresh...] { tookFresh(record) }
            puts.remove(ticket)
            endTurns(of: pending, now: now)
            answers.append((ticket, pending.answerAtDeadline(after: limits.timeout)))
            if pending.hasHeardNothing { wasSilent = true }
        }
        dropAnsweredFresh()
        return wasSilent
    }

    // MARK: Outputs

    /// The next call to make, or nil. To be asked after every input, until it is nil.
    package mutating func nextBatch(now: Instant) -> Batch? {
        guard callsOnTheirWay < limits.calls else { return nil }
        var draft = BatchDraft(limits: limits)
        takeRetries(into: &draft, now: now)
        for entry in draft.entries where puts[entry.ticket]?.hasBeenSent(entry.index) == true { retriedRecords += 1 }
        if !draft.isEmpty || !isLingering(now: now) { takeFresh(into: &draft) }
        guard !draft.isEmpty else { return nil }
        callsOnTheirWay += 1
        for entry in draft.entries { puts[entry.ticket]?.sent(entry.index) }
        return Batch(entries: draft.entries, isOrdered: draft.isOrdered, isPart: draft.isPart)
    }

    /// The next put that has its answer, or nil. Each put comes out exactly once.
    package mutating func nextAnswer() -> Answer? {
        answers.popFirst()
    }

    /// When `handleTimeout` and `nextBatch` want to be asked again; nil when only an input can change anything.
    package var nextDeadline: Instant? {
        var earliest = puts.oldest.flatMap { puts[$0] }.map { $0.arrived + limits.timeout }
        guard callsOnTheirWay < limits.calls else { return earliest }
        if let due = retries.nextDue { earliest = min(earliest ?? due, due) }
        if limits.linger > .zero, let end = lingerEnd { earliest = min(earliest ?? end, end) }
        return earliest
    }

    /// Puts that have no answer yet.
    package var unanswered: Int { puts.count }
}

// MARK: - Results

extension PutBatcher {
    private mutating func received(
        _ results: [PutResult], _ encryptionType: String?, for batch: Batch, random: Double, now: Instant
    ) {
        precondition(results.count == batch.entries.count, "the reader of answers checks this")
        var again: [Entry] = []
        for (entry, result) in zip(batch.entries, results) where puts.contains(entry.ticket) {
            puts[entry.ticket]?.encryptionType = encryptionType
            if case .failed(let code, let message) = result, Self.isWorthAnotherAttempt(code) {
                let uncertain = code == "InternalFailure"
                puts[entry.ticket]?.failed(entry.index, .entry(code: code, message: message), uncertain: uncertain)
                again.append(entry)
            } else {
                let isLast = puts[entry.ticket]?.resolved(entry.index, result)
                if isLast == true { answer(entry.ticket) }
            }
        }
        tryAgain(again, random: random, now: now)
    }

    /// The two codes that the service gives to single entries of a PutRecords; both pass.
    static func isWorthAnotherAttempt(_ code: String) -> Bool {
        code == "ProvisionedThroughputExceededException" || code == "InternalFailure"
    }

    private mutating func refused(_ batch: Batch, _ error: PutError, _ blame: Blame, now: Instant) {
        if split(batch, error, blame, now: now) { return }
        for entry in batch.entries where puts.contains(entry.ticket) {
            let isLast = puts[entry.ticket]?.refused(entry.index, error)
            if isLast == true { answer(entry.ticket) }
        }
    }

    /// One wait for all entries of a call, so that they travel together again.
    private mutating func tryAgain(_ entries: [Entry], random: Double, now: Instant) {
        var attempts = 0
        for entry in entries {
            guard let pending = puts[entry.ticket] else { continue }
            attempts = max(attempts, pending.records[entry.index].attempts)
        }
        let delay = retryPolicy.nextDelay(attempt: max(attempts, 1), elapsed: .zero, random: random)
        let due = now + (delay ?? retryPolicy.maxTimeout)
        for entry in entries where puts.contains(entry.ticket) { retries.insert(entry, due: due) }
    }

    private mutating func answer(_ ticket: Ticket) {
        guard let pending = puts[ticket] else { return }
        puts.remove(ticket)
        answers.append((ticket, pending.answer))
    }
}

// MARK: - Batches

extension PutBatcher {
    private mutating func takeRetries(into draft: inout BatchDraft, now: Instant) {
        while let entry = retries.first(dueBy: now) {
            if let pending = puts[entry.ticket], !draft.take(entry, pending.company(of: entry)) { return }
            retries.removeFirst()
        }
    }

    private mutating func takeFresh(into draft: inout BatchDraft) {
        dropAnsweredFresh()
        while let ticket = fresh.first, let pending = puts[ticket] {
            var index = pending.nextFresh
            defer { puts[ticket]?.nextFresh = index }
            while index < pending.put.records.count {
                let entry = Entry(ticket: ticket, index: index, put: pending.put)
                guard admit(entry, to: &draft, pending.company(of: entry)) else { return }
                tookFresh(pending.put.records[index])
                index += 1
            }
            fresh.popFirst()
            dropAnsweredFresh()
        }
    }

    private mutating func tookFresh(_ record: EncodedPut.Record) {
        freshRecords -= 1
        freshBytes -= record.size
    }

    /// Puts that were answered at their deadline before they were sent lie at the front: the oldest wait longest.
    private mutating func dropAnsweredFresh() {
        while let ticket = fresh.first, !puts.contains(ticket) { fresh.popFirst() }
    }

    private func isLingering(now: Instant) -> Bool {
        guard limits.linger > .zero, freshRecords < limits.records, freshBytes < limits.bytes else { return false }
        return lingerEnd.map { now < $0 } ?? false
    }

    private var lingerEnd: Instant? {
        guard let ticket = fresh.first, let pending = puts[ticket] else { return nil }
        return pending.arrived + limits.linger
    }
}
