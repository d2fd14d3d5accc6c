import Kinesis

/// Fetches one shard's records by GetRecords: iterator, pace, size of a response, poll delays. Performs no I/O.
///
///     needsIterator ──▸ askingIterator ──▸ polling ──▸ waitingForTurn ──▸ takingPermit ──▸ waitingForTurn
///          ▴                  │               ▴ ▴                                               │
///          └── expired, lost ─┴── failures ───┘ │                                               ▾
///                                               └── next iterator ── holding (slices) ◂── reading
///                                                                       └──▸ finished
///
/// Every state has a deadline, or waits for a fact that somebody else owes: the service's response, room in the budget,
/// the reader's credit. There is never more than one response. A call needs a turn of `ReadPaces`, and room; the turn comes
/// first, so that nobody holds room while others read the shard.
struct PollingSource: Sendable {
    typealias Instant = ContinuousClock.Instant

    enum State: Equatable, Sendable {
        /// Nothing is on its way; a new iterator is asked for at the time, with credit. Left by `next`.
        case needsIterator(notBefore: Instant)
        /// Over at `callEnds` at the latest. Left by `iterator`, `failed`.
        case askingIterator(callEnds: Instant)
        /// The next request is due at the time, with credit. Left by `next`.
        case polling(ShardIterator, notBefore: Instant)
        /// Calls, or asks for room first, when its turn has come. Left by `next`.
        case waitingForTurn(ShardIterator, turn: Instant, room: Int?)
        /// Waits for room in the budget, with a turn. Left by `permit`.
        case takingPermit(ShardIterator, turn: Instant)
        /// Over when a call takes no longer. Left by `response…` facts and `failed`.
        case reading(ShardIterator, calledAt: Instant)
        /// Slices of a response of so many bytes become batches as the reader takes them; so many records did. Left by
        /// `responseEnd`, `responseBroken`.
        case holding(calledAt: Instant, bytes: Int, records: Int)
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

    /// Within what time the shards come that waited for the service to be reached.
    static let returnSpread: Duration = .milliseconds(500)

    private let shard: ReadPaces.Key
    private let settings: Settings
    private(set) var state: State
    /// nil while the shard gets on.
    private(set) var failures: FailureStreak?
    private var size: ResponseSize
    private var random: SplitMix64
    /// When the service last responded with anything but a failure, or when the machine was made.
    private(set) var lastProgress: Instant

    /// - Parameters:
    ///   - shard: whose turns it takes.
    ///   - iterator: one that is held already and stands where reading begins.
    ///   - seed: of the random part of the waits.
    ///   - lastProgress: of the machine in whose place it fetches; nil: there is none.
    init(
        shard: ReadPaces.Key, settings: Settings, iterator: ShardIterator? = nil, seed: UInt64,
        lastProgress: Instant? = nil, now: Instant
    ) {
        self.shard = shard
        self.settings = settings
        state = iterator.map { .polling($0, notBefore: now) } ?? .needsIterator(notBefore: now)
        size = ResponseSize(isBehind: iterator == nil)
        random = SplitMix64(seed: seed)
        self.lastProgress = lastProgress ?? now
    }
}

// MARK: - Inputs

extension PollingSource {
    mutating func next(
        now: Instant, credit: Bool, position: StartingPosition, paces: inout ReadPaces
    ) -> ShardStep {
        switch state {
        case .needsIterator(let notBefore):
            guard credit else { return .wait(until: nil) }
            guard now >= notBefore else { return .wait(until: notBefore) }
            state = .askingIterator(callEnds: now + settings.callTimeout)
            return .askIterator(position)
        case .polling(let iterator, let notBefore):
            guard credit else { return .wait(until: nil) }
            guard now >= notBefore else { return .wait(until: notBefore) }
            let turn = paces.take(shard, now: now)
            state = .waitingForTurn(iterator, turn: turn, room: nil)
            return useTurn(iterator, turn, room: nil, now: now, &paces)
        case .waitingForTurn(let iterator, let turn, let room):
            return useTurn(iterator, turn, room: room, now: now, &paces)
        case .holding:
            return credit ? .encode : .wait(until: nil)
        case .askingIterator, .takingPermit, .reading, .finished:
            return .wait(until: nil)
        }
    }

    private mutating func useTurn(
        _ iterator: ShardIterator, _ turn: Instant, room: Int?, now: Instant, _ paces: inout ReadPaces
    ) -> ShardStep {
        guard now >= turn else { return .wait(until: turn) }
        guard let room else {
            state = .takingPermit(iterator, turn: turn)
            return .takePermit(bytes: size.next, least: size.leastRoom)
        }
        if let later = paces.call(shard, turn: turn, now: now) {
            state = .waitingForTurn(iterator, turn: later, room: room)
            return .wait(until: later)
        }
        state = .reading(iterator, calledAt: now)
        return .getRecords(iterator, limit: size.records(in: room, atMost: settings.limit))
    }

    /// A fact that comes too late changes nothing.
    mutating func received(_ fact: ShardSource.Fact, now: Instant) {
        switch (fact, state) {
        case (.iterator(let iterator), .askingIterator):
            lastProgress = now
            state = .polling(iterator, notBefore: now)
        case (.permit(let room), .takingPermit(let iterator, let turn)):
            state = .waitingForTurn(iterator, turn: turn, room: room)
        case (.response(let bytes), .reading(_, let calledAt)):
            lastProgress = now
            state = .holding(calledAt: calledAt, bytes: bytes, records: 0)
        case (.responseTooLarge(let bytes), .reading(let iterator, _)):
            lastProgress = now
            size.refused(bytes: bytes)
            state = .polling(iterator, notBefore: now)
        case (.responseUnwanted, .reading(let iterator, _)):
            lastProgress = now
            state = .polling(iterator, notBefore: now)
        case (.slice(let records), .holding(let calledAt, let bytes, let before)):
            state = .holding(calledAt: calledAt, bytes: bytes, records: before + records)
        case (.responseEnd(let envelope), .holding(let calledAt, let bytes, let records)):
            failures = nil
            size.received(bytes: bytes, records: records, isBehind: envelope.millisBehindLatest > 0)
            let behind = envelope.millisBehindLatest
            switch envelope.next {
            case .iterator(let iterator):
                let notBefore = nextPoll(calledAt, records: records, behind: behind, now: now)
                state = .polling(iterator, notBefore: notBefore)
            case .continuation, nil: state = .finished
            }
        case (.responseBroken, .holding):
            state = .needsIterator(notBefore: now + delay(after: .passing))
        case (.serviceReturned, .needsIterator(let notBefore)) where failures?.failure == .unreachable:
            state = .needsIterator(notBefore: min(notBefore, soon(now)))
        case (.serviceReturned, .polling(let iterator, let notBefore)) where failures?.failure == .unreachable:
            state = .polling(iterator, notBefore: min(notBefore, soon(now)))
        case (.iterator, _), (.permit, _), (.response, _), (.responseTooLarge, _), (.responseUnwanted, _), (.slice, _),
            (.responseEnd, _), (.responseBroken, _), (.serviceReturned, _), (.pushed, _):
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
            case .unexplained where failures == FailureStreak(failure):
                state = .polling(iterator, notBefore: now + delay)
            case .expiredIterator, .refused, .notFound, .unexpected, .unexplained:
                state = .needsIterator(notBefore: now + delay)
            case .throttled, .passing, .failing, .unreachable, .limitExceeded, .denied, .inUse, .fruitless:
                state = .polling(iterator, notBefore: now + delay)
            }
            return true
        case .needsIterator, .polling, .waitingForTurn, .takingPermit, .holding, .finished:
            return false
        }
    }

    mutating func restart(now: Instant) {
        state = .needsIterator(notBefore: now)
    }

    mutating func yield(now: Instant, paces: inout ReadPaces) {
        switch state {
        case .waitingForTurn(let iterator, let turn, _), .takingPermit(let iterator, let turn):
            paces.giveBack(shard, turn: turn)
            state = .polling(iterator, notBefore: now)
        case .needsIterator, .askingIterator, .polling, .reading, .holding, .finished: break
        }
    }

    mutating func finish() {
        state = .finished
    }

    /// All shards that wait for the service hear at once that it is back: they come within a moment, not together.
    private mutating func soon(_ now: Instant) -> Instant {
        now + Self.returnSpread * random.fraction()
    }

    private func nextPoll(_ calledAt: Instant, records: Int, behind: Int, now: Instant) -> Instant {
        if records > 0 { return calledAt + settings.pollDelay }
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
        case .polling(_, let notBefore): credit ? notBefore : nil
        case .waitingForTurn(_, let turn, _): turn
        case .askingIterator(let callEnds): callEnds
        case .reading(_, let calledAt): calledAt + settings.callTimeout
        case .takingPermit, .holding, .finished: nil
        }
    }

    var waiting: ShardSource.Waiting {
        switch state {
        case .needsIterator, .polling, .holding: .forCredit
        case .takingPermit: .forRoom
        case .askingIterator, .waitingForTurn, .reading, .finished: .forNobody
        }
    }

    /// An iterator that stands behind the last record of the last response.
    var iterator: ShardIterator? {
        switch state {
        case .polling(let iterator, _), .waitingForTurn(let iterator, _, _), .takingPermit(let iterator, _),
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

    /// Whether it has taken nothing for a next call, and holds nothing of the last one.
    var isBetweenCalls: Bool {
        switch state {
        case .needsIterator, .polling: true
        case .askingIterator, .waitingForTurn, .takingPermit, .reading, .holding, .finished: false
        }
    }

    /// What the source is at, for the log.
    var activity: String {
        switch state {
        case .needsIterator: "about to ask for an iterator"
        case .askingIterator: "waiting for an iterator"
        case .polling: "about to ask for records"
        case .takingPermit: "waiting for room"
        case .waitingForTurn: "waiting for its turn to ask for records"
        case .reading: "waiting for records"
        case .holding: "making events of a response"
        case .finished: "ended"
        }
    }
}
