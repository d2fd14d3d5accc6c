import AWS
import Bytes
import Kinesis
@testable import Producer

/// Drives a `PutBatcher` with a clock of its own and keeps every answer, refusing a second one for the same put.
final class BatcherScript {
    var limits = PutBatcher.Limits()
    private(set) var batcher = PutBatcher(limits: PutBatcher.Limits())
    let start = ContinuousClock.now
    private(set) var now: ContinuousClock.Instant
    private(set) var answers: [PutBatcher.Ticket: Result<PutAnswer, PutError>] = [:]
    private(set) var answered: [PutBatcher.Ticket] = []
    /// How often the service was told to be silent.
    private(set) var silences = 0
    /// Half of every back-off.
    var random = 0.5

    init() {
        now = start
    }

    func restart() {
        batcher = PutBatcher(limits: limits)
    }

    @discardableResult
    func submit(_ sizes: [Int], ordered: Bool = false) -> PutBatcher.Ticket {
        batcher.submitted(.ofSizes(sizes, ordered: ordered), now: now)
    }

    func submit(_ put: EncodedPut) -> PutBatcher.Ticket {
        batcher.submitted(put, now: now)
    }

    /// An ordered put: a record of one byte for each key.
    @discardableResult
    func submit(keys: [String]) -> PutBatcher.Ticket {
        batcher.submitted(.ofKeys(keys), now: now)
    }

    /// Puts of one record that leave as one call.
    @discardableResult
    func submitTogether(_ count: Int) -> [PutBatcher.Ticket] {
        (0..<count).map { _ in submit([1]) }
    }

    /// Lets the service refuse every call with a put that is `bad`, without naming one, and write all others, until
    /// nothing is left to do. As many calls as may be are on their way. Returns how many there were.
    func sendAll(_ bad: (PutBatcher.Ticket) -> Bool) -> Int {
        var calls = 0
        var onTheirWay: [PutBatcher.Batch] = []
        while true {
            while let batch = batch() { onTheirWay.append(batch) }
            guard !onTheirWay.isEmpty else { return calls }
            let batch = onTheirWay.removeFirst()
            calls += 1
            if batch.entries.contains(where: { bad($0.ticket) }) {
                end(batch, .refused(.invalid, .unnamed))
            } else {
                write(batch)
            }
        }
    }

    func batch() -> PutBatcher.Batch? {
        batcher.nextBatch(now: now)
    }

    func write(_ batch: PutBatcher.Batch) {
        let results = batch.entries.map { PutResult.written("\($0.index)") }
        end(batch, .results(results, encryptionType: "NONE"))
    }

    func end(_ batch: PutBatcher.Batch, _ outcome: PutBatcher.Outcome) {
        batcher.returned(batch, outcome, random: random, now: now)
        collect()
    }

    /// From here on a call takes more records.
    func widen(toRecords count: Int) {
        batcher.limits.records = count
    }

    func serviceReturns() {
        batcher.serviceReturned(now: now)
    }

    func advance(_ duration: Duration) {
        now += duration
        if batcher.handleTimeout(now: now) { silences += 1 }
        collect()
    }

    /// Whether a put was answered with a time-out, and what it said about having been written.
    func timedOut(_ ticket: PutBatcher.Ticket) -> Bool? {
        guard case .failure(.timedOut(_, let mayHaveBeenWritten, _)) = answers[ticket] else { return nil }
        return mayHaveBeenWritten
    }

    private func collect() {
        while let answer = batcher.nextAnswer() {
            precondition(answers[answer.ticket] == nil, "answered twice")
            answers[answer.ticket] = answer.result
            answered.append(answer.ticket)
        }
    }
}

extension EncodedPut {
    /// Records that weigh so many bytes.
    static func ofSizes(_ sizes: [Int], ordered: Bool = false) -> EncodedPut {
        EncodedPut(
            sizes.map { size in
                let entry = PutRecordEntry(zeroes, range: 0..<size - 1, partitionKey: "k")
                return Record(entry, sequenceNumberForOrdering: ordered ? SequenceNumber(1) : nil)
            })
    }

    static func ofKeys(_ keys: [String]) -> EncodedPut {
        EncodedPut(keys.map { Record(PutRecordEntry(zeroes, range: 0..<1, partitionKey: $0)) }, isOrdered: true)
    }

    private static let zeroes = ByteBuffer(Array(repeating: 0, count: 8 << 20))
}

extension PutResult {
    static let throttled = failed(code: "ProvisionedThroughputExceededException", message: "slow down")

    static func written(_ number: String) -> PutResult {
        .accepted(shard: ShardID(number: 0), sequenceNumber: SequenceNumber(number)!)
    }
}

extension PutError {
    static let cut = service(.transport(.cut(reason: "reset")))
    static let unreachable = service(.transport(.notConnected(reason: "refused")))
    static let invalid = service(
        .service(ServiceError(code: "InvalidArgumentException", message: "too large", status: 400)))
}
