import AWS
import Kinesis

/// A put on its way through the batcher: what has become of each of its records.
struct PendingPut {
    /// Why a record is not written yet.
    indirect enum Failure {
        /// The call that carried it failed.
        case call(PutError)
        /// The service took the call and refused this record.
        case entry(code: String, message: String)
    }

    struct Record {
        var result: PutResult?
        var attempts = 0
        var isOnItsWay = false
        /// It has its partition key's turn, and gives it on when it has its last word. Ordered puts only.
        var holdsTurn = false
        /// An attempt ended without an answer: the record may have been written.
        var isUncertain = false
        /// Of a group: the half of a refused call in which it goes again.
        var half: Int?
        var lastFailure: Failure?

        /// What the last call failed with, where that was the last thing that befell the record.
        var callFailure: AWSError? {
            if case .call(.service(let error)) = lastFailure { error } else { nil }
        }

        /// The same, where it was a refusal for its rate.
        var throttle: PutError? {
            guard let callFailure, callFailure.disposition == .throttled else { return nil }
            return .service(callFailure)
        }
    }

    let put: EncodedPut
    let arrived: PutBatcher.Instant
    /// The first record that was never taken into a call.
    var nextFresh = 0
    private(set) var records: [Record]
    private var unresolved: Int
    var encryptionType: String?
    /// A call that held this put and others was refused: the half in which it goes again. Of a group each
    /// record has its own.
    private var half: Int?
    /// The refusal of a whole call that held records of this put alone.
    private var refusal: PutError?

    init(put: EncodedPut, arrived: PutBatcher.Instant) {
        self.put = put
        self.arrived = arrived
        records = Array(repeating: Record(), count: put.records.count)
        unresolved = put.records.count
    }

    // MARK: What happens to a record

    mutating func sent(_ index: Int) {
        records[index].isOnItsWay = true
        records[index].holdsTurn = put.isOrdered
        records[index].attempts += 1
    }

    /// Its partition key's turn has come to it.
    mutating func gotTurn(_ index: Int) {
        records[index].holdsTurn = true
    }

    /// An attempt failed, and another one will be made.
    mutating func failed(_ index: Int, _ failure: Failure, uncertain: Bool) {
        records[index].isOnItsWay = false
        records[index].lastFailure = failure
        if uncertain { records[index].isUncertain = true }
    }

    /// It was written to a shard where readers of aggregates drop it.
    mutating func misplaced(_ index: Int) {
        records[index].isOnItsWay = false
        records[index].isUncertain = true
    }

    /// The call that carried it and others was refused.
    mutating func moved(_ index: Int, toHalf half: Int) {
        if put.isGroup { records[index].half = half } else { self.half = half }
    }

    /// The record's last word. True when it is the last one of the put.
    mutating func resolved(_ index: Int, _ result: PutResult) -> Bool {
        guard records[index].result == nil else { return false }
        records[index].isOnItsWay = false
        records[index].holdsTurn = false
        records[index].result = result
        unresolved -= 1
        return unresolved == 0
    }

    /// The whole call was refused for good. True as of `resolved`.
    mutating func refused(_ index: Int, _ error: PutError) -> Bool {
        refusal = error
        let (code, message) = error.asEntry
        return resolved(index, .failed(code: code, message: message))
    }

    func company(of entry: PutBatcher.Entry) -> PutBatcher.Company {
        (half ?? records[entry.index].half).map { .half($0) } ?? .anyone
    }

    /// Whether the last attempt at the record could not reach the service.
    func waitsForService(_ index: Int) -> Bool {
        records[index].callFailure?.isUnreachable ?? false
    }

    /// Whether a record's first call is on its way.
    var hasHeardNothing: Bool {
        records.contains { $0.isOnItsWay && $0.attempts == 1 }
    }

    func hasBeenSent(_ index: Int) -> Bool {
        records[index].attempts > 0
    }

    // MARK: The answer

    /// The answer when every record has its result. A put of which nothing was written, because calls were refused, gets
    /// the refusal itself, unless its records are requests of their own.
    var answer: Result<PutAnswer, PutError> {
        let results = records.compactMap(\.result)
        if let refusal, !put.isGroup, !results.contains(where: \.isAccepted) { return .failure(refusal) }
        return .success(PutAnswer(results: results, encryptionType: encryptionType))
    }

    /// The answer at the deadline: by record of a group, and as soon as one has a result of its own, so that a caller
    /// knows what to send again; else one failure that says whether anything may have been written.
    func answerAtDeadline(after timeout: Duration) -> Result<PutAnswer, PutError> {
        let isKnown = records.contains { record in
            if record.result != nil { return true }
            if record.isOnItsWay || record.isUncertain { return false }
            if case .entry = record.lastFailure { return true } else { return false }
        }
        guard isKnown || put.isGroup else {
            let uncertain = records.contains { $0.isOnItsWay || $0.isUncertain }
            if !uncertain, let throttle = records.lazy.compactMap(\.throttle).first { return .failure(throttle) }
            let lastFailure = records.lazy.compactMap(\.callFailure).first
            return .failure(.timedOut(after: timeout, mayHaveBeenWritten: uncertain, lastFailure: lastFailure))
        }
        let results = records.map { $0.result ?? resultAtDeadline(of: $0, after: timeout) }
        return .success(PutAnswer(results: results, encryptionType: encryptionType))
    }

    private func resultAtDeadline(of record: Record, after timeout: Duration) -> PutResult {
        let uncertain = record.isOnItsWay || record.isUncertain
        if !uncertain, case .entry(let code, let message) = record.lastFailure {
            return .failed(code: code, message: message)
        }
        if !uncertain, let (code, message) = record.throttle?.asEntry { return .failed(code: code, message: message) }
        let error = PutError.timedOut(after: timeout, mayHaveBeenWritten: uncertain, lastFailure: record.callFailure)
        let (code, message) = error.asEntry
        return .failed(code: code, message: message)
    }
}
