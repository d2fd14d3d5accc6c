import Kinesis

/// Where one shard's records come from: one machine for each way of fetching them, all with the same inputs. Performs no
/// I/O. How the records are delivered is `DeliveryWindow`'s.
enum ShardSource: Sendable {
    /// GetRecords, asked again and again.
    case polling(PollingSource)
    /// SubscribeToShard, which pushes.
    case subscription(SubscriptionSource)
    /// GetRecords until then, when the shard may be subscribed to again: the service refuses that so long. What fails meanwhile
    /// is tried again, and nobody's concern.
    indirect case bridging(PollingSource, until: Instant, SubscriptionSource)

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
        /// Of the subscription with that number.
        case pushed(SubscriptionSource.Pushed, generation: UInt64)
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
        if case .bridging(let polling, let until, var source) = self, now >= until, polling.isBetweenCalls {
            source.bridged(by: polling, now: now)
            self = .subscription(source)
        }
        let step = mutate(
            { $0.next(now: now, credit: credit, position: position, paces: &paces) },
            subscription: { $0.next(now: now, credit: credit, position: position, paces: &paces.subscriptions) })
        guard case .wait(let deadline) = step else { return step }
        switch self {
        case .bridging(let polling, let until, _) where polling.isBetweenCalls:
            return .wait(until: deadline.map { min($0, until) })
        case .subscription(var source):
            guard let deadline, let polling = source.polling(until: deadline, now: now) else { return step }
            self = .bridging(polling, until: deadline, source)
            return next(now: now, credit: credit, position: position, paces: &paces)
        case .polling, .bridging: return step
        }
    }

    mutating func received(_ fact: Fact, now: Instant) {
        mutate({ $0.received(fact, now: now) }, subscription: { $0.received(fact, now: now) })
    }

    /// The call that was on its way failed. Returns false where that is of no concern: none was, or it was one of those that only
    /// bridge a pause.
    mutating func failed(_ failure: ReadFailure, now: Instant) -> Bool {
        let wasCalling = mutate({ $0.failed(failure, now: now) }, subscription: { $0.failed(failure, now: now) })
        if case .bridging = self { return false }
        return wasCalling
    }

    /// The position is another one now: whatever is held or on its way is of no use.
    mutating func restart(now: Instant) {
        mutate({ $0.restart(now: now) }, subscription: { $0.restart(now: now) })
    }

    /// Nothing is to be fetched for now: lets go what was taken for the next call.
    mutating func yield(now: Instant, paces: inout ReadPaces) {
        mutate({ $0.yield(now: now, paces: &paces) }, subscription: { $0.yield() })
    }

    /// Nothing is fetched any more.
    mutating func finish() {
        mutate({ $0.finish() }, subscription: { $0.finish() })
    }

    private mutating func mutate<Result>(
        _ polling: (inout PollingSource) -> Result, subscription: (inout SubscriptionSource) -> Result
    ) -> Result {
        switch self {
        case .polling(var source):
            defer { self = .polling(source) }
            return polling(&source)
        case .bridging(var source, let until, let later):
            defer { self = .bridging(source, until: until, later) }
            return polling(&source)
        case .subscription(var source):
            defer { self = .subscription(source) }
            return subscription(&source)
        }
    }

    // MARK: Queries

    /// Whether a call is on its way that says the shard's position.
    var isAskingPosition: Bool {
        switch self {
        case .polling(let source), .bridging(let source, _, _): source.isAskingIterator
        case .subscription(let source): source.isAskingPosition
        }
    }

    /// Whether what the service sends is on its way, and has room.
    var isReading: Bool {
        switch self {
        case .polling(let source), .bridging(let source, _, _): source.isReading
        case .subscription(let source): source.isReading
        }
    }

    /// Whether a response, or an event, is held.
    var isHolding: Bool {
        switch self {
        case .polling(let source), .bridging(let source, _, _): source.isHolding
        case .subscription(let source): source.isHolding
        }
    }

    /// The subscription that there is; nil: none.
    var subscription: UInt64? {
        switch self {
        case .polling, .bridging: nil
        case .subscription(let source): source.isSubscribed ? source.generation : nil
        }
    }

    /// Why the last subscription is over; nil: there was none before.
    var lastEnding: SubscriptionEnding? {
        switch self {
        case .polling, .bridging: nil
        case .subscription(let source): source.lastEnding
        }
    }

    /// nil while the shard gets on.
    var failures: FailureStreak? {
        switch self {
        case .polling(let source), .bridging(let source, _, _): source.failures
        case .subscription(let source): source.failures
        }
    }

    /// The failure that the shard has not got over: of subscriptions also while records are asked for in their place.
    var degradation: ReadFailure? {
        switch self {
        case .polling(let source): source.failures?.degradation
        case .subscription(let source), .bridging(_, _, let source): source.failures?.degradation
        }
    }

    /// When the service last sent anything but a failure, or when the machine was made.
    var lastProgress: Instant {
        switch self {
        case .polling(let source), .bridging(let source, _, _): source.lastProgress
        case .subscription(let source): source.lastProgress
        }
    }

    var activity: String {
        switch self {
        case .polling(let source), .bridging(let source, _, _): source.activity
        case .subscription(let source): source.activity
        }
    }

    var waiting: Waiting {
        switch self {
        case .polling(let source), .bridging(let source, _, _): source.waiting
        case .subscription(let source): source.waiting
        }
    }

    func deadline(credit: Bool) -> Instant? {
        switch self {
        case .polling(let source), .bridging(let source, _, _): source.deadline(credit: credit)
        case .subscription(let source): source.deadline(credit: credit)
        }
    }
}
