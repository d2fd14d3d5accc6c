import Kinesis

/// Where one shard's records come from: one machine for each way of fetching them, all with the same inputs. Performs no
/// I/O. How the records are delivered is `DeliveryWindow`'s.
enum ShardSource: Sendable {
    /// GetRecords, asked again and again.
    case polling(PollingSource)

    typealias Instant = ContinuousClock.Instant

    /// What the task tells its source.
    enum Fact: Equatable, Sendable {
        case iterator(ShardIterator)
        /// Room for so many bytes of response is there.
        case permit(room: Int)
        /// A response of so many bytes has come and is held.
        case response(bytes: Int)
        /// There is no room for the response of so many bytes that the service has.
        case responseTooLarge(bytes: Int)
        /// A response has come and is not wanted: the shard is about to move.
        case responseUnwanted
        /// A slice of the response with so many records became a batch.
        case slice(records: Int)
        /// The response holds no further record.
        case responseEnd(GetRecordsEnvelope)
        /// The response cannot be read on: what was offered of it stands, the rest is fetched again.
        case responseBroken
        /// The service can be reached again.
        case serviceReturned
    }

    /// Whom the source waits for, as far as it has no deadline of its own.
    enum Waiting: Equatable, Sendable {
        /// For the reader's credit.
        case forCredit
        /// For room in the budget.
        case forRoom
        /// For nobody but itself or the service.
        case forNobody
    }

    // MARK: Inputs

    /// The next step; to be asked again after every fact and at every deadline.
    /// - Parameters:
    ///   - credit: whether a batch may be offered.
    ///   - position: where an iterator that is asked for now begins.
    ///   - paces: of all shards that this process reads.
    mutating func next(
        now: Instant, credit: Bool, position: StartingPosition, paces: inout ReadPaces
    ) -> ShardStep {
        switch self {
        case .polling(var source):
            defer { self = .polling(source) }
            return source.next(now: now, credit: credit, position: position, paces: &paces)
        }
    }

    mutating func received(_ fact: Fact, now: Instant) {
        switch self {
        case .polling(var source):
            source.received(fact, now: now)
            self = .polling(source)
        }
    }

    /// The call that was on its way failed. Returns false, and changes nothing, when none was.
    mutating func failed(_ failure: ReadFailure, now: Instant) -> Bool {
        switch self {
        case .polling(var source):
            defer { self = .polling(source) }
            return source.failed(failure, now: now)
        }
    }

    /// The position is another one now: whatever is held or on its way is of no use.
    mutating func restart(now: Instant) {
        switch self {
        case .polling(var source):
            source.restart(now: now)
            self = .polling(source)
        }
    }

    /// Nothing is to be fetched for now: lets go what was taken for the next call.
    mutating func yield(now: Instant, paces: inout ReadPaces) {
        switch self {
        case .polling(var source):
            source.yield(now: now, paces: &paces)
            self = .polling(source)
        }
    }

    /// Nothing is fetched any more.
    mutating func finish() {
        switch self {
        case .polling(var source):
            source.finish()
            self = .polling(source)
        }
    }

    // MARK: Queries

    private var machine: PollingSource {
        switch self {
        case .polling(let source): source
        }
    }

    var isAskingIterator: Bool { machine.isAskingIterator }
    var isReading: Bool { machine.isReading }
    var isHolding: Bool { machine.isHolding }
    var iterator: ShardIterator? { machine.iterator }
    var failures: FailureStreak? { machine.failures }
    var lastProgress: Instant { machine.lastProgress }
    var activity: String { machine.activity }
    var waiting: Waiting { machine.waiting }
    func deadline(credit: Bool) -> Instant? { machine.deadline(credit: credit) }
}
