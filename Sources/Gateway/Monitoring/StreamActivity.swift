import AWS
import Kinesis
import Time

/// What passed between this process and the service about one stream. Performs no I/O.
///
/// Counts only grow; they begin at zero when the stream is first named here.
struct StreamActivity {
    /// Which of the service's operations was throttled.
    enum Operation: String, CaseIterable {
        case getRecords = "GetRecords"
        case putRecords = "PutRecords"
        /// Everything else that names a stream.
        case other
    }

    /// When the service last answered, with an error or without.
    private(set) var lastAnswer: WallTime?
    /// When a record was last accepted by the service.
    private(set) var lastRecordSent: WallTime?
    private var exceptions = RecentExceptions()
    /// Records that the service accepted, and the bytes of their data and partition keys.
    private(set) var putRecords = 0
    private(set) var putBytes = 0
    /// Records that the service did not accept in one attempt; most are tried again.
    private(set) var putFailures = 0
    /// PutRecords and PutRecord calls that were made, and those without an answer yet.
    private(set) var putCalls = 0
    private(set) var putCallsInFlight = 0
    private var throttled = [Int](repeating: 0, count: Operation.allCases.count)

    func throttles(_ operation: Operation) -> Int {
        Operation.allCases.firstIndex(of: operation).map { throttled[$0] } ?? 0
    }

    /// The failures of the last five minutes, oldest first.
    func recentExceptions(now: WallTime) -> [RecentExceptions.Entry] { exceptions.exceptions(now: now) }

    // MARK: Facts

    mutating func answered(now: WallTime) {
        lastAnswer = now
    }

    mutating func failed(_ error: AWSError, _ operation: Operation, now: WallTime) {
        if case .cancelled = error { return }
        if case .service = error { lastAnswer = now }
        exceptions.record(error, now: now)
        if error.disposition == .throttled { countThrottle(operation) }
    }

    mutating func putStarted() {
        putCalls += 1
        putCallsInFlight += 1
    }

    mutating func putAnswered(_ entries: [PutRecordEntry], _ results: [PutResult], now: WallTime) {
        putCallsInFlight -= 1
        lastAnswer = now
        for (entry, result) in zip(entries, results) {
            switch result {
            case .accepted:
                putRecords += 1
                putBytes += entry.byteCount
                lastRecordSent = now
            case .failed(let code, _):
                putFailures += 1
                if code == "ProvisionedThroughputExceededException" { countThrottle(.putRecords) }
            }
        }
    }

    mutating func putFailed(_ count: Int, _ error: AWSError, now: WallTime) {
        putCallsInFlight -= 1
        putFailures += count
        failed(error, .putRecords, now: now)
    }

    private mutating func countThrottle(_ operation: Operation) {
        guard let index = Operation.allCases.firstIndex(of: operation) else { return }
        throttled[index] += 1
    }
}
