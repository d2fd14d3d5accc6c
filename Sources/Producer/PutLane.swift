import AWS
import Kinesis
import Logging
import Reactor

/// One stream's puts: does what its `PutBatcher` decides. One task for each call that is on its way, none for a put.
///
/// Confined to its loop.
final class PutLane: @unchecked Sendable {
    private typealias Answer = Result<PutAnswer, PutError>

    /// Who is told of a put's answer.
    private enum Waiter {
        case caller(UnsafeContinuation<Answer, Never>)
        case shaping((Answer) -> Void)
    }

    private let loop: EventLoop
    private let stream: StreamName
    private let target: any PutTarget
    private let streams: StreamDirectory
    /// Of calls and records that are tried again.
    private let failures: RepeatedWarning
    private var batcher: PutBatcher
    /// Who waits for an answer, by the ticket's slot.
    private var waiters: [Waiter?] = []
    /// What puts go through before, where something gathers or slows them.
    private var shaped: ShapedPuts?
    /// Numbers the calls for `PutTrace`.
    private var tracedCalls = 0
    private let endOfTurn: CoalescedAction
    private var timer: (token: TimerToken, due: EventLoop.Instant)?

    init(
        loop: EventLoop, stream: StreamName, target: any PutTarget, streams: StreamDirectory,
        limits: PutBatcher.Limits, shaping: PutShaping, logger: Logger
    ) {
        self.loop = loop
        endOfTurn = CoalescedAction(on: loop)
        self.stream = stream
        self.target = target
        self.streams = streams
        var ownLogger = logger
        ownLogger[metadataKey: "stream"] = "\(stream)"
        failures = RepeatedWarning("a put fails for now; it is tried again", on: loop, logger: ownLogger)
        batcher = PutBatcher(limits: limits)
        guard shaping.isNeeded else { return }
        shaped = ShapedPuts(
            loop: loop, stream: stream, target: target, streams: streams, lane: self, shaping,
            timeout: limits.timeout, logger: logger)
    }

    /// Whether nobody waits here and nothing is on its way.
    var isIdle: Bool { batcher.unanswered == 0 && batcher.callsOnTheirWay == 0 && shaped?.isIdle ?? true }

    /// Records that left once more.
    var retriedRecords: Int { batcher.retriedRecords }

    /// - Parameter arrived: from when on its time counts; nil: from now.
    func put(
        _ put: EncodedPut, largestRecord: Int, arrived: EventLoop.Instant? = nil
    ) async -> Result<PutAnswer, PutError> {
        if largestRecord > StreamDirectory.defaultRecordBytes { batcher.limits.bytes = PutRecordEntry.maximumBytes }
        let arrived = arrived ?? loop.now
        defer { target.answeredPut(to: stream, after: loop.now - arrived) }
        if let shaped {
            // Order needs one record of a key on its way at a time, over all that is put: the batcher knows that.
            if !put.isOrdered, put.records[0].sequenceNumberForOrdering == nil {
                return await shaped.put(put, arrived: arrived)
            }
            shaped.passed(put)
        }
        return await withUnsafeContinuation { submit(put, arrived: arrived, .caller($0)) }
    }

    /// Puts what was shaped.
    func submit(
        _ put: EncodedPut, arrived: EventLoop.Instant, _ done: @escaping (Result<PutAnswer, PutError>) -> Void
    ) {
        submit(put, arrived: arrived, .shaping(done))
    }

    private func submit(_ put: EncodedPut, arrived: EventLoop.Instant, _ waiter: Waiter) {
        let ticket = batcher.submitted(put, arrived: arrived, now: loop.now)
        while waiters.count <= ticket.slot { waiters.append(nil) }
        waiters[ticket.slot] = waiter
        actSoon()
    }

    /// Acts at the end of this turn. Puts that were read from several connections in one turn leave together: were the
    /// first of them sent by itself, the others would wait for its answer.
    private func actSoon() {
        endOfTurn.request { [self] in act() }
    }

    /// Carries out what the batcher decides, until it has nothing more to do now.
    private func act() {
        while let batch = batcher.nextBatch(now: loop.now) {
            loop.spawn { await self.send(batch) }
        }
        while let answer = batcher.nextAnswer() {
            switch waiters[answer.ticket.slot] {
            case .caller(let caller): caller.resume(returning: answer.result)
            case .shaping(let done): done(answer.result)
            case nil: break
            }
            waiters[answer.ticket.slot] = nil
        }
        armTimer()
    }

    /// One timer, moved only when something is due earlier: most puts are answered long before their deadline.
    private func armTimer() {
        guard let due = batcher.nextDeadline else { return }
        if let timer {
            guard due < timer.due else { return }
            loop.cancel(timer.token)
        }
        let token = loop.schedule(at: due) { [weak self] in
            guard let self else { return }
            timer = nil
            if batcher.handleTimeout(now: loop.now) {
                target.gotNoResponse(from: stream, within: batcher.limits.timeout)
            }
            act()
        }
        timer = (token, due)
    }

    /// The service can be reached again.
    func serviceReturned() {
        batcher.serviceReturned(now: loop.now)
        shaped?.serviceReturned()
        actSoon()
    }

    // MARK: Calls

    private func send(_ batch: PutBatcher.Batch) async {
        let started = loop.now
        var outcome = await call(batch)
        if case .refused(.streamMissing, _) = outcome {
            do {
                try await streams.create(stream)
                outcome = await call(batch)
            } catch {
                outcome = .refused(error, .call)
            }
        }
        trace(batch, outcome, since: started)
        noteRefusals(of: batch, outcome)
        batcher.returned(batch, outcome, random: .random(in: 0..<1), now: loop.now)
        act()
    }

    private func call(_ batch: PutBatcher.Batch) async -> PutBatcher.Outcome {
        let records = batch.entries.map { $0.put.records[$0.index] }
        let omitsDigests = records.contains(where: \.entry.hasDigest) && streams.isAutoDistributed(stream)
        do {
            return try await call(records, isOrdered: batch.isOrdered, omitsDigests: omitsDigests)
        } catch {
            guard omitsDigests, error.disposition == .invalidArgument || error.disposition == .fatal else {
                return outcome(of: error)
            }
        }
        // The stream's records may be placed by their keys again.
        streams.forget(stream)
        do {
            return try await call(records, isOrdered: batch.isOrdered, omitsDigests: false)
        } catch {
            return outcome(of: error)
        }
    }

    private func call(
        _ records: [EncodedPut.Record], isOrdered: Bool, omitsDigests: Bool
    ) async throws(AWSError) -> PutBatcher.Outcome {
        let entries = records.map { omitsDigests ? $0.entry.withoutDigest : $0.entry }
        guard isOrdered else {
            let answer = try await target.putRecords(stream, entries)
            return .results(answer.results, encryptionType: answer.encryptionType)
        }
        let operation = PutRecord(
            stream: stream, entry: entries[0], sequenceNumberForOrdering: records[0].sequenceNumberForOrdering)
        let answer = try await target.putRecord(operation)
        let result = PutResult.accepted(shard: answer.shard, sequenceNumber: answer.sequenceNumber)
        return .results([result], encryptionType: answer.encryptionType)
    }

    /// Tells the puts whose traces are recorded of the call.
    private func trace(_ batch: PutBatcher.Batch, _ outcome: PutBatcher.Outcome, since started: EventLoop.Instant) {
        tracedCalls += 1
        for entry in batch.entries {
            guard let trace = entry.put.trace else { continue }
            let call = PutTrace.Call(
                operation: batch.isOrdered ? PutRecord.name : PutRecords.name, started: started, ended: loop.now,
                records: 1,
                failure: outcome.failure)
            trace.note(call, number: tracedCalls)
        }
    }

    private func noteRefusals(of batch: PutBatcher.Batch, _ outcome: PutBatcher.Outcome) {
        guard case .results(let results, _) = outcome else { return }
        for (entry, result) in zip(batch.entries, results) {
            guard case .failed(let code, let message) = result else { continue }
            failures.warn(of: code, ["error": "\(code): \(message)"])
            if code == "ProvisionedThroughputExceededException" { shaped?.throttled(entry.record.entry) }
        }
    }

    private func outcome(of error: AWSError) -> PutBatcher.Outcome {
        if case .response = error { return .refused(.service(error), .call) }
        switch error.disposition {
        case .retry, .throttled, .limitExceeded, .resourceInUse:
            failures.warn(of: "\(error.disposition)", ["error": "\(error)"])
            return .failedForNow(.service(error), mayHaveBeenWritten: error.mayHaveBeenWritten)
        case .notFound:
            return .refused(.streamMissing, .call)
        case .invalidArgument, .fatal, .denied, .refreshCredentials, .clockSkew, .expiredIterator, .expiredNextToken,
            .cancelled:
            let blame = Blame(error)
            if blame != .call { streams.forget(stream) }
            return .refused(.service(error), blame)
        }
    }
}

extension PutBatcher.Outcome {
    /// Why the call itself failed.
    fileprivate var failure: String? {
        switch self {
        case .results: nil
        case .failedForNow(let error, mayHaveBeenWritten: _), .refused(let error, _): error.asEntry.message
        }
    }
}

extension AWSError {
    /// Whether the service may have acted on a call that ended so.
    fileprivate var mayHaveBeenWritten: Bool {
        switch self {
        case .service(let error): error.status >= 500
        case .transport(let error): error.mayHaveBeenSent
        case .response: true
        case .credentials, .cancelled: false
        }
    }
}
