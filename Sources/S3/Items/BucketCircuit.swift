import AWS

/// Decides when a bucket's items are asked for while S3 fails: a circuit breaker, one for all who wait for the bucket, so that
/// they try it together and not each for itself. Performs no I/O.
///
///     closed ── an attempt fails ──▶ open ── its pause is over, somebody asks ──▶ halfOpen
///       ▲                             ▲                                              │
///       │                             └────────── that one attempt fails ────────────┤
///       └───────────────────── a response, of whatever attempt ──────────────────────┘
///
/// An item waits meanwhile, for `patience` at most. Where the bucket has failed for so long, and for several items, the items
/// that come after that are given up at once, and the attempts are made for the bucket's sake alone: one that is silent costs a
/// shard the patience once, and not once an item. One item alone may be at fault itself, and says nothing of the others.
package struct BucketCircuit: Equatable, Sendable {
    package typealias Instant = ContinuousClock.Instant

    /// What is tried for as long as `patience` lasts, for one who waits.
    package struct Item: Equatable, Sendable {
        package let id: UInt64
        let began: Instant
        package private(set) var attempts = 0
        package private(set) var lastError: AWSError?
        private var nextAttempt: Instant

        package init(id: UInt64, now: Instant) {
            self.id = id
            began = now
            nextAttempt = now
        }

        /// - Parameter random: a number from 0 up to 1.
        package mutating func failed(_ error: AWSError, now: Instant, random: Double) {
            attempts += 1
            lastError = error
            nextAttempt = now + BucketCircuit.pause(attempts, random)
        }

        /// Others may have closed the circuit while this one fails: it has a pause of its own.
        fileprivate func pause(now: Instant) -> Instant? { now < nextAttempt ? nextAttempt : nil }
    }

    /// What somebody who wants an item does now.
    package enum Answer: Equatable, Sendable {
        /// Tries, and says what has come of it.
        case attempt
        /// Asks again then, or when the circuit has changed; nil: only when it has changed.
        case wait(until: Instant?)
        /// The item is given up.
        /// - Parameter probes: whether an attempt at it is made nevertheless, for what that says of the bucket.
        case giveUp(GivenUp, probes: Bool)
    }

    /// Why an item is given up.
    package struct GivenUp: Equatable, Sendable {
        /// Attempts at the item itself.
        package let attempts: Int
        /// How long the item was tried, or its bucket has failed.
        package let lasted: Duration
        package let error: AWSError
    }

    /// Time without a response since an attempt that failed.
    private struct Outage: Equatable, Sendable {
        /// When the first attempt began that failed.
        let began: Instant
        let firstItem: UInt64
        /// Whether attempts at several items have failed.
        var isOfSeveral = false
        /// Attempts that failed one after the other.
        var failures = 1
        var lastFailure: Instant
        var lastError: AWSError

        var isLasting: Bool { isOfSeveral && lastFailure - began >= BucketCircuit.patience }

        func givenUp(_ item: Item, _ now: Instant) -> GivenUp {
            GivenUp(attempts: item.attempts, lasted: now - began, error: item.lastError ?? lastError)
        }
    }

    private enum State: Equatable, Sendable {
        /// Everybody tries.
        case closed
        /// Nobody tries before that moment.
        case open(Outage, until: Instant)
        /// The item with this id is tried, and no other.
        case halfOpen(Outage, UInt64)
    }

    /// How long what passes is waited for before a record is given out without its item: long enough for a fail-over.
    package static let patience: Duration = .seconds(30)
    /// 0.4 s, doubling to 5 s: what cannot be reached is tried often, so that nobody stands still for long once it can.
    private static let pauses = RetryPolicy(minTimeout: .milliseconds(400), maxTimeout: .seconds(5))
    /// How long a failure says something of the bucket: longer than a pause and an attempt.
    private static let memory: Duration = .seconds(60)

    private var state = State.closed

    package init() {}

    package var isClosed: Bool { state == .closed }

    /// What is wrong with the bucket, for people; nil: nothing, or not for so long, or too long ago.
    package func problem(now: Instant) -> String? {
        guard let outage, outage.isLasting, now - outage.lastFailure < Self.memory else { return nil }
        return "its items cannot be had for \((now - outage.began).components.seconds) s: \(outage.lastError)"
    }

    // MARK: Asking

    package mutating func ask(_ item: Item, now: Instant) -> Answer {
        if let error = item.lastError, now - item.began >= Self.patience {
            return .giveUp(GivenUp(attempts: item.attempts, lasted: now - item.began, error: error), probes: false)
        }
        if case .open(let outage, _) = state, now - outage.lastFailure >= Self.memory { state = .closed }
        switch state {
        case .closed:
            if let pause = item.pause(now: now) { return .wait(until: pause) }
            return .attempt
        case .open(let outage, let until) where now < until:
            if outage.isLasting { return .giveUp(outage.givenUp(item, now), probes: false) }
            return .wait(until: until)
        case .open(let outage, _):
            state = .halfOpen(outage, item.id)
            return outage.isLasting ? .giveUp(outage.givenUp(item, now), probes: true) : .attempt
        case .halfOpen(let outage, _):
            return outage.isLasting ? .giveUp(outage.givenUp(item, now), probes: false) : .wait(until: nil)
        }
    }

    /// When the bucket is looked at for its own sake, because nobody waits for its items any more; nil: not now.
    package var nextProbe: Instant? {
        guard case .open(let outage, let until) = state, outage.isLasting else { return nil }
        return until
    }

    /// Whether that look is due. It is made with this item, whose attempt counts then.
    package mutating func probe(_ item: UInt64, now: Instant) -> Bool {
        guard case .open(let outage, let until) = state, outage.isLasting, now >= until else { return false }
        state = .halfOpen(outage, item)
        return true
    }

    // MARK: What has come of an attempt

    /// The bucket has answered, whatever it said of the item.
    package mutating func responded() {
        state = .closed
    }

    /// The attempt has failed in a way that passes.
    /// - Parameters:
    ///   - began: when the attempt did.
    ///   - random: a number from 0 up to 1.
    package mutating func failed(
        _ item: UInt64, _ error: AWSError, began: Instant, now: Instant, random: Double
    ) {
        guard var outage else {
            let outage = Outage(began: began, firstItem: item, lastFailure: now, lastError: error)
            state = .open(outage, until: now + Self.pause(outage.failures, random))
            return
        }
        outage.lastError = error
        outage.lastFailure = now
        if item != outage.firstItem { outage.isOfSeveral = true }
        switch state {
        case .closed: break
        // It began before the circuit opened: several that fail together are one failure.
        case .open(_, let until): state = .open(outage, until: until)
        case .halfOpen(_, let trying) where trying != item: state = .halfOpen(outage, trying)
        case .halfOpen:
            outage.failures += 1
            state = .open(outage, until: now + Self.pause(outage.failures, random))
        }
    }

    /// The attempt has ended without saying anything of the bucket: whoever asks next tries.
    package mutating func abandoned(_ item: UInt64, now: Instant) {
        if case .halfOpen(let outage, item) = state { state = .open(outage, until: now) }
    }

    private var outage: Outage? {
        switch state {
        case .closed: nil
        case .open(let outage, _), .halfOpen(let outage, _): outage
        }
    }

    fileprivate static func pause(_ failures: Int, _ random: Double) -> Duration {
        pauses.nextDelay(attempt: failures, elapsed: .zero, random: random) ?? .zero
    }
}
