import Kinesis

/// Has one shard's records pushed by SubscribeToShard: renewal, silence, room for each event. Performs no I/O.
///
///     unsubscribed ──▸ subscribing ──▸ listening ──▸ arriving ──▸ takingPermit ──▸ receiving ──▸ holding (slices)
///         ▴                │             │   ▴  ▴                                     │              │
///         │                │             │   │  └───────── a message without records ─┘              │
///         │                │             │   └───────────────── the event is used up ────────────────┘
///         └──── failures, silence, the subscription's end, another position ───▸ finished: the shard is read out
///
/// Every state has a deadline, or waits for a fact that somebody else owes. Nothing of an event but its length is received
/// before the reader wants it and there is room: back-pressure is a socket that is not read, and is no silence. Subscriptions
/// are numbered, and what comes of an earlier one than the present changes nothing.
struct SubscriptionSource: Sendable {
    typealias Instant = ContinuousClock.Instant

    enum State: Equatable, Sendable {
        /// The next call is made at the time, with credit. `isRefused`: the last one began nothing. Left by `next`.
        case unsubscribed(notBefore: Instant, isRefused: Bool)
        /// Over at `callEnds` at the latest. Left by `began`, `failed`.
        case subscribing(callEnds: Instant)
        /// Between two messages. Silent if nothing has come for too long. Left by `arriving`, `next`.
        case listening(heardAt: Instant, hasNews: Bool)
        /// A message of so many bytes begins, and is received with credit. Left by `next`.
        case arriving(bytes: Int)
        /// Waits for room in the budget. Left by `permit`.
        case takingPermit(bytes: Int)
        /// The rest of the message is on its way. Left by `response…` facts, `other`, `next`.
        case receiving(heardAt: Instant, hasNews: Bool)
        /// Slices of an event become batches as the reader takes them. Left by `responseEnd`, `responseBroken`.
        case holding
        /// Nothing is fetched any more. Left by `restart`.
        case finished
    }

    /// What comes of a subscription.
    enum Pushed: Equatable, Sendable {
        case began
        /// There is something to look at.
        case news
        /// There is nothing more to look at.
        case nothing
        /// A message of so many bytes begins.
        case arriving(bytes: Int)
        /// A message without records has come.
        case other
        /// The service has ended it.
        case end
    }

    struct Settings: Equatable, Sendable {
        /// How long nothing may come.
        var inactivityTimeout: Duration
        /// The longest that a call takes until the subscription begins.
        var callTimeout: Duration
        /// How the shard is asked for records while it may not be subscribed to.
        var polling: PollingSource.Settings

        init(_ options: ConsumerOptions, callTimeout: Duration, polling: PollingSource.Settings) {
            inactivityTimeout = options.fanOutInactivityTimeout
            self.callTimeout = callTimeout
            self.polling = polling
        }
    }

    /// A pause that is shorter is waited for: an iterator and a call for records take about as long.
    static let shortestBridge: Duration = .milliseconds(500)

    let key: SubscriptionPaces.Key
    private let stream: StreamName
    private let settings: Settings
    private(set) var state: State
    /// Of the present subscription, or of the last one.
    private(set) var generation: UInt64 = 0
    /// Why the last subscription is over, nil before.
    private(set) var lastEnding: SubscriptionEnding?
    /// The last subscription that has brought an event; 0: none has.
    private var fruitful: UInt64 = 0
    /// nil while the shard gets on.
    private(set) var failures: FailureStreak?
    /// When the service last sent something, or when the machine was made.
    private(set) var lastProgress: Instant
    /// Stands behind the last event that was handed over whole; nil: the shard's position says where to go on.
    private var continuation: SequenceNumber?
    private var random: SplitMix64

    /// - Parameters:
    ///   - key: whose subscriptions to which shard.
    ///   - seed: of the random part of the waits.
    init(_ key: SubscriptionPaces.Key, of stream: StreamName, settings: Settings, seed: UInt64, now: Instant) {
        self.key = key
        self.stream = stream
        self.settings = settings
        state = .unsubscribed(notBefore: now, isRefused: false)
        random = SplitMix64(seed: seed)
        lastProgress = now
    }
}

// MARK: - Inputs

extension SubscriptionSource {
    mutating func next(
        now: Instant, credit: Bool, position: StartingPosition, paces: inout SubscriptionPaces
    ) -> ShardStep {
        if let silentAt, now >= silentAt { over(.silence, now: now) }
        switch state {
        case .unsubscribed(let notBefore, let isRefused):
            if isRefused { paces.refused(key) }
            guard credit else { return .wait(until: nil) }
            let earliest = max(notBefore, paces.earliest(key, now: now))
            state = .unsubscribed(notBefore: earliest, isRefused: false)
            guard now >= earliest else { return .wait(until: earliest) }
            paces.called(key, now: now)
            generation += 1
            state = .subscribing(callEnds: now + settings.callTimeout)
            return .subscribe(
                continuation.map(StartingPosition.afterSequenceNumber) ?? position, generation: generation)
        case .listening(_, hasNews: true), .receiving(_, hasNews: true):
            return .receive(generation: generation)
        case .arriving(let bytes):
            guard credit else { return .wait(until: nil) }
            state = .takingPermit(bytes: bytes)
            // Of a message there is no part.
            return .takePermit(bytes: bytes, least: bytes)
        case .holding:
            return credit ? .encode : .wait(until: nil)
        case .listening, .receiving:
            return .wait(until: silentAt)
        case .subscribing, .takingPermit, .finished:
            return .wait(until: nil)
        }
    }

    /// A fact that comes too late, or of an earlier subscription, changes nothing.
    mutating func received(_ fact: ShardSource.Fact, now: Instant) {
        switch (fact, state) {
        case (.pushed(let pushed, let number), _):
            if number == generation { received(pushed, now: now) }
        case (.permit, .takingPermit):
            state = .receiving(heardAt: now, hasNews: true)
        case (.response, .receiving):
            lastProgress = now
            state = .holding
        case (.responseUnwanted, .receiving):
            over(.moved, now: now)
        case (.responseEnd(let envelope), .holding):
            (failures, fruitful) = (nil, generation)
            switch envelope.next {
            case .continuation(let number):
                continuation = number
                // More may have come meanwhile.
                state = .listening(heardAt: now, hasNews: true)
            case .iterator, nil: state = .finished
            }
        case (.responseBroken, .holding):
            fail(.unexpected, now: now)
        case (.serviceReturned, .unsubscribed(let notBefore, let isRefused)) where failures?.failure == .unreachable:
            let soon = now + PollingSource.returnSpread * random.fraction()
            state = .unsubscribed(notBefore: min(notBefore, soon), isRefused: isRefused)
        case (.iterator, _), (.permit, _), (.response, _), (.responseTooLarge, _), (.responseUnwanted, _), (.slice, _),
            (.responseEnd, _), (.responseBroken, _), (.serviceReturned, _):
            break
        }
    }

    private mutating func received(_ pushed: Pushed, now: Instant) {
        switch (pushed, state) {
        case (.began, .subscribing):
            lastProgress = now
            state = .listening(heardAt: now, hasNews: true)
        case (.news, .listening): state = .listening(heardAt: now, hasNews: true)
        case (.news, .receiving): state = .receiving(heardAt: now, hasNews: true)
        case (.nothing, .listening(let heardAt, _)): state = .listening(heardAt: heardAt, hasNews: false)
        case (.nothing, .receiving(let heardAt, _)): state = .receiving(heardAt: heardAt, hasNews: false)
        case (.arriving(let bytes), .listening):
            lastProgress = now
            state = .arriving(bytes: bytes)
        case (.other, .receiving): state = .listening(heardAt: now, hasNews: true)
        case (.end, .listening), (.end, .receiving): over(.ended, now: now)
        case (.began, _), (.news, _), (.nothing, _), (.arriving, _), (.other, _), (.end, _): break
        }
    }

    /// The call, or the subscription, has failed. Returns false, and changes nothing, when there is neither.
    mutating func failed(_ failure: ReadFailure, now: Instant) -> Bool {
        switch state {
        case .subscribing, .listening, .receiving:
            fail(failure, now: now)
            return true
        case .unsubscribed, .arriving, .takingPermit, .holding, .finished:
            return false
        }
    }

    mutating func restart(now: Instant) {
        over(.moved, now: now)
        continuation = nil
    }

    /// Records were asked for until now.
    mutating func bridged(by polling: PollingSource, now: Instant) {
        restart(now: now)
        lastProgress = max(lastProgress, polling.lastProgress)
    }

    /// What is received of a message stays, since its stream has no way back.
    mutating func yield() {
        if case .takingPermit(let bytes) = state { state = .arriving(bytes: bytes) }
    }

    mutating func finish() {
        state = .finished
    }

    private mutating func fail(_ failure: ReadFailure, now: Instant) {
        let wasCalling = isAskingPosition
        let streak = failures?.followed(by: failure) ?? FailureStreak(failure)
        failures = streak
        // What the service refuses may be the number that it gave, which is only the better of two places.
        if failure == .refused { continuation = nil }
        if isSubscribed { lastEnding = SubscriptionEnding(failure) }
        state = .unsubscribed(
            notBefore: now + streak.delay(random: random.fraction()), isRefused: wasCalling && failure.beganNothing)
    }

    private mutating func over(_ ending: SubscriptionEnding, now: Instant) {
        if isSubscribed { lastEnding = ending }
        if ending != .moved, fruitful < generation {
            failures = failures?.followed(by: .fruitless) ?? FailureStreak(.fruitless)
        }
        state = .unsubscribed(notBefore: now, isRefused: false)
    }

    /// From when on the subscription counts as silent, unless something comes.
    private var silentAt: Instant? {
        switch state {
        case .listening(let heardAt, hasNews: false), .receiving(let heardAt, hasNews: false):
            heardAt + settings.inactivityTimeout
        case .unsubscribed, .subscribing, .listening, .arriving, .takingPermit, .receiving, .holding, .finished: nil
        }
    }
}

extension ReadFailure {
    /// Whether the service has certainly begun no subscription.
    fileprivate var beganNothing: Bool {
        switch self {
        case .passing, .unexpected: false
        case .throttled, .failing, .unexplained, .unreachable, .limitExceeded, .denied, .expiredIterator, .notFound,
            .refused, .inUse, .fruitless:
            true
        }
    }
}

// MARK: - Queries

extension SubscriptionSource {
    /// When `next` has something to do by itself, or the call that is on its way is over at the latest; nil when only a
    /// fact can move the source.
    func deadline(credit: Bool) -> Instant? {
        switch state {
        case .unsubscribed(let notBefore, _): credit ? notBefore : nil
        case .subscribing(let callEnds): callEnds
        case .listening, .receiving: silentAt
        case .arriving, .takingPermit, .holding, .finished: nil
        }
    }

    var waiting: ShardSource.Waiting {
        switch state {
        case .unsubscribed, .arriving, .holding: .forCredit
        case .takingPermit: .forRoom
        case .subscribing, .listening, .receiving, .finished: .forNobody
        }
    }

    /// Whether a call is on its way that says where the subscription begins.
    var isAskingPosition: Bool {
        if case .subscribing = state { true } else { false }
    }

    /// Whether there is a subscription.
    var isSubscribed: Bool {
        switch state {
        case .listening, .arriving, .takingPermit, .receiving, .holding: true
        case .unsubscribed, .subscribing, .finished: false
        }
    }

    /// Whether there is a subscription of which nothing is half received, or held.
    var isAtRest: Bool {
        switch state {
        case .listening, .arriving: true
        case .unsubscribed, .subscribing, .takingPermit, .receiving, .holding, .finished: false
        }
    }

    /// What asks for records where the shard may not be subscribed to until then, and somebody waits for them. nil: that is soon,
    /// it would fail as well, or the next subscription goes on behind a number that is further than any record was.
    mutating func polling(until: Instant, now: Instant) -> PollingSource? {
        guard case .unsubscribed = state, continuation == nil, until >= now + Self.shortestBridge,
            failures.map({ $0.failure == .inUse }) ?? true
        else { return nil }
        return PollingSource(
            shard: ReadPaces.Key(stream: stream, shard: key.shard), settings: settings.polling, seed: random.next(),
            lastProgress: lastProgress, now: now)
    }

    /// The same for the shard's next task: something may have come that nobody has heard of.
    var goingOn: SubscriptionSource {
        var source = self
        if case .listening(let heardAt, _) = state { source.state = .listening(heardAt: heardAt, hasNews: true) }
        return source
    }

    /// Whether an event is on its way for which there is room.
    var isReading: Bool {
        if case .receiving = state { true } else { false }
    }

    /// Whether an event is held.
    var isHolding: Bool { state == .holding }

    /// What the source is at, for the log.
    var activity: String {
        switch state {
        case .unsubscribed: "about to subscribe"
        case .subscribing: "waiting for a subscription"
        case .listening: "waiting for an event"
        case .arriving: "about to receive an event"
        case .takingPermit: "waiting for room"
        case .receiving: "receiving an event"
        case .holding: "making events of one that was pushed"
        case .finished: "ended"
        }
    }
}
