import Kinesis

/// Fetches one shard's records by GetRecords: iterator, pace, size of a response, poll delays. Performs no I/O.
///
///     needsIterator ──▸ askingIterator ──▸ polling ──▸ takingPermit ──▸ permitted ──▸ reading ──▸ holding ──▸ finished
///          ▴                  │               ▴ ▴                                        │    (slices)│
///          └── expired, lost ─┴── failures ───┘ └──────────────── next iterator ─────────┴────────────┘
///
/// Every state has a deadline, or waits for a fact that somebody else owes: the service's response, room in the budget,
/// the reader's credit. There is never more than one response.
struct PollingSource: Sendable {
    typealias Instant = ContinuousClock.Instant

    enum State: Equatable, Sendable {
        /// Nothing is on its way; a new iterator is asked for at the time, with credit. Left by `next`.
        case needsIterator(notBefore: Instant)
        /// Over at `callEnds` at the latest. Left by `iterator`, `failed`.
        case askingIterator(callEnds: Instant)
        /// The next request is due at the time, with credit. Left by `next`.
        case polling(ShardIterator, notBefore: Instant)
        /// Waits for room in the budget. Left by `permit`.
        case takingPermit(ShardIterator)
        /// Has room for so many bytes. Left by `next`.
        case permitted(ShardIterator, room: Int)
        /// Over at `callEnds` at the latest. Left by `response…` facts and `failed`.
        case reading(ShardIterator, callEnds: Instant)
        /// Slices of a response of so many bytes become batches as the reader takes them; so many records did. Left by
        /// `responseEnd`, `responseBroken`.
        case holding(bytes: Int, records: Int)
        /// Nothing is fetched any more. Left by `restart`.
        case finished
    }

    struct Settings: Equatable, Sendable {
        var limit: Int
        var pollDelay: Duration
        var noRecordsPollDelay: Duration
        /// The longest that a call takes.
        var callTimeout: Duration

        init(_ options: ConsumerOptions, callTimeout: Duration) {
            limit = options.limit
            pollDelay = options.pollDelay
            noRecordsPollDelay = options.noRecordsPollDelay
            self.callTimeout = callTimeout
        }
    }

    private let settings: Settings
    private(set) var state: State
    /// nil while the shard gets on.
    private(set) var failures: FailureStreak?
    private var pace = ReadPace()
    private var size: ResponseSize
    private var random: SplitMix64
    /// When the service last responded with anything but a failure, or when the machine was made.
    private(set) var lastProgress: Instant

    /// - Parameters:
    ///   - iterator: one that is held already and stands where reading begins.
    ///   - seed: of the random part of the waits.
    init(settings: Settings, iterator: ShardIterator? = nil, seed: UInt64, now: Instant) {
        self.settings = settings
        state = iterator.map { .polling($0, notBefore: now) } ?? .needsIterator(notBefore: now)
        size = ResponseSize(isBehind: iterator == nil)
        random = SplitMix64(seed: seed)
        lastProgress = now
    }
}

// MARK: - Inputs

extension PollingSource {
    mutating func next(now: Instant, credit: Bool, position: StartingPosition) -> ShardStep {
        switch state {
        case .needsIterator(let notBefore):
            guard credit else { return .wait(until: nil) }
            guard now >= notBefore else { return .wait(until: notBefore) }
            state = .askingIterator(callEnds: now + settings.callTimeout)
            return .askIterator(position)
        case .polling(let iterator, let notBefore):
            guard credit else { return .wait(until: nil) }
            let due = max(notBefore, pace.earliest ?? notBefore)
            guard now >= due else { return .wait(until: due) }
            state = .takingPermit(iterator)
            return .takePermit(bytes: size.next)
        case .permitted(let iterator, let room):
            state = .reading(iterator, callEnds: now + settings.callTimeout)
            pace.called(now: now)
            return .getRecords(iterator, limit: size.records(in: room, atMost: settings.limit))
        case .holding:
            return credit ? .encode : .wait(until: nil)
        case .askingIterator, .takingPermit, .reading, .finished:
            return .wait(until: nil)
        }
    }

    /// A fact that comes too late changes nothing.
    mutating func received(_ fact: ShardSource.Fact, now: Instant) {
        switch (fact, state) {
        case (.iterator(let iterator), .askingIterator):
            lastProgress = now
            state = .polling(iterator, notBefore: now)
        case (.permit(let room), .takingPermit(let iterator)):
            state = .permitted(iterator, room: room)
        case (.response(let bytes), .reading):
            lastProgress = now
            state = .holding(bytes: bytes, records: 0)
        case (.responseTooLarge(let bytes), .reading(let iterator, _)):
            lastProgress = now
            size.refused(bytes: bytes)
            state = .polling(iterator, notBefore: now)
        case (.responseUnwanted, .reading(let iterator, _)):
            lastProgress = now
            state = .polling(iterator, notBefore: now)
        case (.slice(let records), .holding(let bytes, let before)):
            state = .holding(bytes: bytes, records: before + records)
        case (.responseEnd(let envelope), .holding(let bytes, let records)):
            ended(envelope, bytes: bytes, records: records, now: now)
        case (.responseBroken, .holding):
            state = .needsIterator(notBefore: now + delay(after: .passing))
        case (.iterator, _), (.permit, _), (.response, _), (.responseTooLarge, _), (.responseUnwanted, _), (.slice, _),
            (.responseEnd, _), (.responseBroken, _):
            break
        }
    }

    mutating func failed(_ failure: ReadFailure, now: Instant) -> Bool {
        switch state {
        case .askingIterator:
            state = .needsIterator(notBefore: now + delay(after: failure))
            return true
        case .reading(let iterator, _):
            let delay = delay(after: failure)
            switch failure {
            case .expiredIterator where failures == FailureStreak(failure):
                state = .needsIterator(notBefore: now)
            case .expiredIterator, .refused, .notFound, .unexpected:
                state = .needsIterator(notBefore: now + delay)
            case .throttled, .passing, .limitExceeded, .denied:
                state = .polling(iterator, notBefore: now + delay)
            }
            return true
        case .needsIterator, .polling, .takingPermit, .permitted, .holding, .finished:
            return false
        }
    }

    mutating func restart(now: Instant) {
        state = .needsIterator(notBefore: now)
    }

    mutating func yield(now: Instant) {
        switch state {
        case .takingPermit(let iterator), .permitted(let iterator, _): state = .polling(iterator, notBefore: now)
        case .needsIterator, .askingIterator, .polling, .reading, .holding, .finished: break
        }
    }

    mutating func finish() {
        state = .finished
    }

    private mutating func ended(_ envelope: GetRecordsEnvelope, bytes: Int, records: Int, now: Instant) {
        failures = nil
        size.received(bytes: bytes, records: records, isBehind: envelope.millisBehindLatest > 0)
        guard let iterator = envelope.nextShardIterator else { return finish() }
        state = .polling(iterator, notBefore: nextPoll(records: records, behind: envelope.millisBehindLatest, now: now))
    }

    private func nextPoll(records: Int, behind: Int, now: Instant) -> Instant {
        if records > 0 { return (pace.last ?? now) + settings.pollDelay }
        // An empty response with data ahead is normal: the service looks through a stretch without records.
        return behind > 0 ? now : now + settings.noRecordsPollDelay
    }

    private mutating func delay(after failure: ReadFailure) -> Duration {
        let streak = failures?.followed(by: failure) ?? FailureStreak(failure)
        failures = streak
        return streak.delay(random: random.fraction())
    }
}

// MARK: - Queries

extension PollingSource {
    /// When `next` has something to do by itself, or the call that is on its way is over at the latest; nil when only a
    /// fact can move the source.
    func deadline(credit: Bool) -> Instant? {
        switch state {
        case .needsIterator(let notBefore): credit ? notBefore : nil
        case .polling(_, let notBefore): credit ? max(notBefore, pace.earliest ?? notBefore) : nil
        case .askingIterator(let callEnds), .reading(_, let callEnds): callEnds
        case .takingPermit, .permitted, .holding, .finished: nil
        }
    }

    var waiting: ShardSource.Waiting {
        switch state {
        case .needsIterator, .polling, .holding: .forCredit
        case .takingPermit: .forRoom
        case .askingIterator, .permitted, .reading, .finished: .forNobody
        }
    }

    /// An iterator that stands behind the last record of the last response.
    var iterator: ShardIterator? {
        switch state {
        case .polling(let iterator, _), .takingPermit(let iterator), .permitted(let iterator, _),
            .reading(let iterator, _):
            iterator
        case .needsIterator, .askingIterator, .holding, .finished: nil
        }
    }

    var isAskingIterator: Bool {
        if case .askingIterator = state { true } else { false }
    }

    /// Whether a call for records is on its way.
    var isReading: Bool {
        if case .reading = state { true } else { false }
    }

    /// Whether a response is held.
    var isHolding: Bool {
        if case .holding = state { true } else { false }
    }

    /// Whether the response that comes has to be taken, however large it is: it could not be smaller.
    var mustTakeResponse: Bool { size.isLeast }

    /// What the source is at, for the log.
    var activity: String {
        switch state {
        case .needsIterator: "about to ask for an iterator"
        case .askingIterator: "waiting for an iterator"
        case .polling: "about to ask for records"
        case .takingPermit: "waiting for room"
        case .permitted: "about to ask for records, with room"
        case .reading: "waiting for records"
        case .holding: "making events of a response"
        case .finished: "ended"
        }
    }
}
