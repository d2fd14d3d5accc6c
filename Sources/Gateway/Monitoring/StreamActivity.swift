import AWS
import Kinesis
import Telemetry
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

    /// What was asked of the service.
    enum Call: Hashable {
        case summary, create, shards, iterator, records, put, subscribe
        /// Whatever concerns the consumers that are registered for the stream.
        case consumers

        fileprivate var operation: Operation {
            switch self {
            case .records: .getRecords
            case .put: .putRecords
            case .summary, .create, .shards, .iterator, .subscribe, .consumers: .other
            }
        }
    }

    /// Whether anything has come of the stream's calls but that there is no such stream: a request can name any.
    private(set) var isKnown = false
    /// When the service last answered, with an error or without.
    private(set) var lastAnswer: WallTime?
    /// When a record was last accepted by the service.
    private(set) var lastRecordSent: WallTime?
    /// The failures of the last five minutes.
    private(set) var exceptions = RecentExceptions()
    /// The last failure of each kind of call that has not succeeded since.
    private var unresolved: [Call: RecentExceptions.Entry] = [:]
    /// Records that the service accepted, and the bytes of their data and partition keys.
    private(set) var putRecords = 0
    private(set) var putBytes = 0
    /// Records that the service did not accept in one attempt; most are tried again.
    private(set) var putFailures = 0
    /// PutRecords and PutRecord calls that were made, and those without an answer yet.
    private(set) var putCalls = 0
    private(set) var putCallsInFlight = 0
    /// From when a put was taken to its answer.
    var putDurations = Histogram(.latency)
    private var throttled = [Int](repeating: 0, count: Operation.allCases.count)

    func throttles(_ operation: Operation) -> Int {
        Operation.allCases.firstIndex(of: operation).map { throttled[$0] } ?? 0
    }

    /// The failures of the last five minutes behind which no such call has succeeded.
    func unresolved(now: WallTime) -> [RecentExceptions.Entry] {
        unresolved.values.filter { $0.timestamp.advanced(by: RecentExceptions.window) >= now }
            .sorted { $0.timestamp < $1.timestamp }
    }

    // MARK: Facts

    mutating func answered(_ call: Call, now: WallTime) {
        isKnown = true
        lastAnswer = now
        unresolved[call] = nil
    }

    /// - Parameter expected: codes that whoever asks has a use for, and that are no failure.
    mutating func failed(_ error: AWSError, _ call: Call, expected: [String] = [], now: WallTime) {
        if case .cancelled = error { return }
        if case .service = error { lastAnswer = now }
        if error.isExpected(among: expected) || isAbsence(error) {
            unresolved[call] = nil
            return
        }
        if error.disposition != .notFound { isKnown = true }
        exceptions.record(error, now: now)
        unresolved[call] = RecentExceptions.Entry(error, at: now)
        if error.disposition == .throttled { countThrottle(call.operation) }
    }

    mutating func putStarted() {
        putCalls += 1
        putCallsInFlight += 1
    }

    mutating func putAnswered(_ entries: [PutRecordEntry], _ results: [PutResult], now: WallTime) {
        putCallsInFlight -= 1
        answered(.put, now: now)
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
        if !isAbsence(error) { putFailures += count }
        failed(error, .put, now: now)
    }

    /// Whether the error says of a stream that nothing has ever come of that there is none: a request can name any, and the
    /// first put of a stream may be what makes it.
    private func isAbsence(_ error: AWSError) -> Bool { !isKnown && error.disposition == .notFound }

    private mutating func countThrottle(_ operation: Operation) {
        guard let index = Operation.allCases.firstIndex(of: operation) else { return }
        throttled[index] += 1
    }
}
