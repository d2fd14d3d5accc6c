import Kinesis
import State

/// Decides what one shard's reading does next. Performs no I/O.
///
///     needsIterator ──▸ askingIterator ──▸ polling ──▸ takingPermit ──▸ permitted ──▸ reading ──▸ holding ─┐
///          ▴                  │               ▴ ▴                                        │    (slices)   │
///          └── expired, lost ─┴── failures ───┘ └──────────────── next iterator ─────────┴───────────────┤
///                                                                                                        ▾
///                                                            ended ◂── all settled ── closing ◂── no next iterator
///
/// Whoever drives it asks `next(now:)`, does what the step says, and reports the outcome as a fact. Every state has a
/// deadline, or waits for a fact that somebody else owes: the service's answer, room in the budget, a reader that takes
/// what waits for it, or one that says that reading goes on. A shard never holds more than one answer, and at most one
/// batch waits behind the one that is being written (`HandedOn`).
struct ShardReader: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// What to do next.
    enum Step: Equatable, Sendable {
        /// Nothing until then; nil: until a fact comes.
        case wait(until: Instant?)
        case askIterator(StartingPosition)
        /// Room for an answer of this many bytes, or for `AnswerSize.least` at least; `permitted` follows.
        case takePermit(bytes: Int)
        case getRecords(ShardIterator, limit: Int)
        /// The next slice of the answer that is held; `encoded`, `exhausted` or `broken` follows.
        case encode
        /// The shard is read to its end and all of it is done.
        case end(children: [ChildShard])
    }

    enum State: Equatable, Sendable {
        /// Nothing is on its way; a new iterator is asked for at the time. Left by `next`.
        case needsIterator(notBefore: Instant)
        /// Left by `iteratorReceived`, `failed`.
        case askingIterator
        /// The next request is due at the time, if the reader has credit. Left by `next`.
        case polling(ShardIterator, notBefore: Instant)
        /// Waits for room in the budget. Left by `permitted`.
        case takingPermit(ShardIterator)
        /// Has room for so many bytes. Left by `next`.
        case permitted(ShardIterator, room: Int)
        /// Left by `answered`, `refusedAnswer`, `failed`.
        case reading(ShardIterator)
        /// Slices of an answer of so many bytes are handed on as the reader takes them. Left by `exhausted`, `broken`,
        /// `gaveUp`.
        case holding(bytes: Int, records: Int)
        /// Everything was handed on, some of it is not done. Left by the last `settled` or `acknowledged`, and by
        /// `gaveUp`.
        case closing([ChildShard])
        /// Nothing leaves it.
        case ended
    }

    struct Settings: Equatable, Sendable {
        var limit: Int
        var pollDelay: Duration
        var noRecordsPollDelay: Duration
        var useAutoCheckpoints: Bool
        var usePausedPolling: Bool
        var callTimeout: Duration

        init(_ options: ConsumerOptions, callTimeout: Duration = ShardTimes().call) {
            self.callTimeout = callTimeout
            useAutoCheckpoints = options.useAutoCheckpoints
            usePausedPolling = options.usePausedPolling
            limit = options.limit
            pollDelay = options.pollDelay
            noRecordsPollDelay = options.noRecordsPollDelay
        }
    }

    private let settings: Settings
    /// Where to go on when the position is refused.
    private let initial: StartingPosition
    /// Where this reading of the shard began.
    private var beginning: StartingPosition
    private let progressAtBeginning: ShardProgress
    private(set) var state: State
    /// Where an iterator that is asked for now begins: behind the last record that was handed on.
    private(set) var position: StartingPosition
    private(set) var batches: HandedOn
    private var failures = 0
    private var lastFailure: ReadFailure?
    private var pace = ReadPace()
    /// When the call that is on its way is over at the latest.
    private var callEnds: Instant?
    private var size: AnswerSize
    private var random: SplitMix64

    /// Of the last answer, nil before the first.
    private var millisBehindLatest: Int?
    /// When the service last answered with anything but a failure, or when the machine was made.
    private var lastProgress: Instant

    /// - Parameters:
    ///   - position: where to begin.
    ///   - progress: how far the shard is done, which is what `position` stands for.
    ///   - initial: where to go on when the service refuses `position`.
    ///   - iterator: one that is held already and stands at `position`.
    ///   - seed: of the random part of the waits.
    init(
        settings: Settings, position: StartingPosition, progress: ShardProgress = .nothing, initial: StartingPosition,
        iterator: ShardIterator? = nil, pausedBehind: EventID? = nil, seed: UInt64, now: Instant
    ) {
        self.settings = settings
        self.position = position
        self.initial = initial
        beginning = position
        progressAtBeginning = progress
        batches = HandedOn(
            from: progress, needsAcknowledgement: !settings.useAutoCheckpoints,
            pausesAfterBatch: settings.usePausedPolling, pausedBehind: pausedBehind)
        state = iterator.map { .polling($0, notBefore: now) } ?? .needsIterator(notBefore: now)
        size = AnswerSize(isBehind: iterator == nil)
        random = SplitMix64(seed: seed)
        lastProgress = now
    }
}

// MARK: What to do

extension ShardReader {
    /// The next step; to be asked again after every fact and at every deadline.
    mutating func next(now: Instant) -> Step {
        switch state {
        case .needsIterator(let notBefore):
            guard !batches.isHeld else { return .wait(until: nil) }
            guard now >= notBefore else { return .wait(until: notBefore) }
            state = .askingIterator
            callEnds = now + settings.callTimeout
            return .askIterator(position)
        case .polling(let iterator, let notBefore):
            guard !batches.isRevoking else { return .wait(until: nil) }
            let due = max(notBefore, pace.earliest ?? notBefore)
            guard now >= due else { return .wait(until: due) }
            guard batches.hasCredit else { return .wait(until: nil) }
            state = .takingPermit(iterator)
            return .takePermit(bytes: size.next)
        case .permitted(let iterator, let room):
            state = .reading(iterator)
            pace.called(now: now)
            callEnds = now + settings.callTimeout
            return .getRecords(iterator, limit: size.records(in: room, atMost: settings.limit))
        case .holding:
            return batches.hasCredit ? .encode : .wait(until: nil)
        case .closing(let children):
            guard batches.isDone, !batches.isRevoking else { return .wait(until: nil) }
            state = .ended
            return .end(children: children)
        case .askingIterator, .takingPermit, .reading, .ended:
            return .wait(until: nil)
        }
    }

    /// When `next` has something to do by itself; nil when only a fact can move the shard.
    var nextDeadline: Instant? {
        switch state {
        case .needsIterator(let notBefore) where !batches.isHeld: notBefore
        case .polling(_, let notBefore) where batches.hasCredit: max(notBefore, pace.earliest ?? notBefore)
        case .needsIterator, .polling, .askingIterator, .takingPermit, .permitted, .reading, .holding, .closing, .ended:
            nil
        }
    }

    /// Whether it is our own back-pressure that keeps the shard from getting on.
    var isHeldBack: Bool {
        switch state {
        case .needsIterator: batches.isHeld
        case .polling, .holding: !batches.hasCredit
        case .takingPermit: true
        case .closing: !batches.isDone
        case .askingIterator, .permitted, .reading, .ended: false
        }
    }

    /// Milliseconds by which reading is behind the shard's tip: what the last answer said and, while the reader or failures
    /// keep the shard from asking again, the time since, in which the tip may have moved. nil before the first answer.
    func lag(now: Instant) -> Int? {
        guard let millisBehindLatest else { return nil }
        guard isHeldBack || failures > 0 else { return millisBehindLatest }
        return millisBehindLatest + Int(max(.zero, now - lastProgress) / .milliseconds(1))
    }

    /// Whether the shard waits until somebody says that polling goes on.
    var isPaused: Bool { batches.pausedBehind != nil }

    /// What the watchdog looks at.
    var sight: ShardWatchdog.Sight {
        let activity =
            switch state {
            case .needsIterator: "about to ask for an iterator"
            case .askingIterator: "waiting for an iterator"
            case .polling: "about to ask for records"
            case .takingPermit: "waiting for room"
            case .permitted: "about to ask for records, with room"
            case .reading: "waiting for records"
            case .holding: "making events of an answer"
            case .closing: "waiting for its last batches to be done"
            case .ended: "ended"
            }
        return ShardWatchdog.Sight(
            lastProgress: lastProgress, deadline: isCalling ? callEnds : nextDeadline, isHeldBack: isHeldBack,
            activity: activity)
    }

    var isCalling: Bool {
        switch state {
        case .askingIterator, .reading: true
        case .needsIterator, .polling, .takingPermit, .permitted, .holding, .closing, .ended: false
        }
    }

    /// The failure that the shard has not got over, nil when it gets on.
    var degradation: ReadFailure? {
        guard let lastFailure, lastFailure.isLasting || failures >= 3 else { return nil }
        return lastFailure
    }

    /// Whether the last failure may mean that the stream is not the one that the position is of.
    var doubtsStream: Bool {
        switch lastFailure {
        case .notFound, .refused: true
        case .throttled, .passing, .limitExceeded, .denied, .expiredIterator, .unexpected, nil: false
        }
    }

    /// An iterator that stands exactly behind the last record that is done, for whoever goes on here later.
    var iteratorToKeep: ShardIterator? {
        guard batches.isDone else { return nil }
        switch state {
        case .polling(let iterator, _), .takingPermit(let iterator), .permitted(let iterator, _),
            .reading(let iterator):
            return iterator
        case .needsIterator, .askingIterator, .holding, .closing, .ended:
            return nil
        }
    }
}

// MARK: Facts

extension ShardReader {
    mutating func iteratorReceived(_ iterator: ShardIterator, now: Instant) {
        guard case .askingIterator = state else { return }
        lastProgress = now
        state = .polling(iterator, notBefore: now)
    }

    /// Room for so many bytes of answer is there.
    mutating func permitted(room: Int) {
        guard case .takingPermit(let iterator) = state else { return }
        state = .permitted(iterator, room: room)
    }

    /// An answer of this many bytes has come. Returns whether it is held; while the shard is being revoked it is not, and
    /// its iterator stays of use.
    mutating func answered(bytes: Int, now: Instant) -> Bool {
        guard case .reading(let iterator) = state else { return false }
        lastProgress = now
        guard !batches.isRevoking else {
            state = .polling(iterator, notBefore: now)
            return false
        }
        state = .holding(bytes: bytes, records: 0)
        return true
    }

    /// Whether the answer that comes has to be taken, however large it is: it could not be smaller.
    var mustTakeAnswer: Bool { size.isLeast }

    /// There is no room for the answer of so many bytes that the service has: a smaller one is asked for.
    mutating func refusedAnswer(bytes: Int, now: Instant) {
        guard case .reading(let iterator) = state else { return }
        lastProgress = now
        size.refused(bytes: bytes)
        state = .polling(iterator, notBefore: now)
    }

    /// A slice of the answer became a batch, which waits for the reader now.
    mutating func encoded(_ event: EventID, records: Int, last: Checkpoint) {
        guard case .holding(let bytes, let before) = state else { return }
        batches.handOn(event, last: last)
        position = .afterSequenceNumber(last.sequenceNumber)
        state = .holding(bytes: bytes, records: before + records)
    }

    /// The answer holds no further record.
    mutating func exhausted(_ envelope: GetRecordsEnvelope, now: Instant) {
        guard case .holding(let bytes, let records) = state else { return }
        recovered()
        millisBehindLatest = envelope.millisBehindLatest
        size.answered(bytes: bytes, records: records, isBehind: envelope.millisBehindLatest > 0)
        guard let iterator = envelope.nextShardIterator else {
            state = .closing(envelope.childShards)
            return
        }
        state = .polling(iterator, notBefore: nextPoll(records: records, behind: envelope.millisBehindLatest, now: now))
    }

    /// The answer could not be read on: what was handed on stands, the rest is asked for again.
    mutating func broken(now: Instant) {
        guard case .holding = state else { return }
        count(.passing)
        state = .needsIterator(notBefore: now + delayAfterFailure())
    }

    /// The call that was on its way failed. Returns the position that was given up, when it was.
    mutating func failed(_ failure: ReadFailure, now: Instant) -> StartingPosition? {
        switch state {
        case .askingIterator: return iteratorFailed(failure, now: now)
        case .reading(let iterator): readFailed(failure, iterator, now: now)
        case .needsIterator, .polling, .takingPermit, .permitted, .holding, .closing, .ended: break
        }
        return nil
    }

    /// The reader has taken the batch that waited: the next one may be made.
    mutating func taken() {
        batches.taken()
    }

    /// The reader's socket has taken the batch whole. Returns how far the shard is settled now, nil when an earlier batch
    /// is still open or the number is unknown.
    mutating func settled(_ number: Int) -> Checkpoint? {
        batches.settle(number)
    }

    /// A checkpoint says that everything up to here needs no delivery any more.
    mutating func acknowledged(_ checkpoint: Checkpoint) {
        batches.acknowledge(checkpoint)
    }

    /// Polling goes on behind this event; nil: behind whatever event it pauses. Returns whether it paused there.
    mutating func continued(behind event: EventID? = nil) -> Bool {
        batches.goOn(behind: event)
    }

    /// The shard is about to move to another reader: nothing more is fetched or handed on. The answer and the batch that
    /// waits, whose number is returned, are let go.
    mutating func beginRevoke(now: Instant) -> Int? {
        let number = batches.takeBack()
        batches.beginRevoke()
        switch state {
        case .holding,
            .closing where number != nil,
            .polling where number != nil:
            position = batches.last == progressAtBeginning ? beginning : position(behind: batches.last)
            state = .needsIterator(notBefore: now)
        case .takingPermit(let iterator), .permitted(let iterator, _):
            state = .polling(iterator, notBefore: now)
        case .needsIterator, .askingIterator, .polling, .reading, .closing, .ended: break
        }
        return number
    }

    /// The shard stays: reading goes on behind what was handed on.
    mutating func cancelRevoke() {
        batches.cancelRevoke()
    }

    /// What is held back by the reader is let go, because others need the room: the answer, and the batch that waits,
    /// whose number is returned. Both are asked for again once the reader has taken what it has (`readerWaits`).
    mutating func gaveUp(now: Instant) -> Int? {
        let number = batches.takeBack()
        position = batches.last == progressAtBeginning ? beginning : position(behind: batches.last)
        state = .needsIterator(notBefore: now)
        return number
    }

    /// Whether the reader, or a pause, makes the shard hold what `gaveUp` would let go.
    var holdsForReader: Bool {
        switch state {
        case .holding: !batches.hasCredit
        case .polling, .closing: batches.hasWaiting
        case .needsIterator, .askingIterator, .takingPermit, .permitted, .reading, .ended: false
        }
    }

    /// The reader has taken everything that it was given.
    mutating func readerWaits() {
        batches.release()
    }

    /// The shard is no longer in its stream: what is not delivered of it is gone.
    mutating func vanished() {
        switch state {
        case .holding, .closing, .ended: break
        case .needsIterator, .askingIterator, .polling, .takingPermit, .permitted, .reading: state = .closing([])
        }
    }
}

// MARK: Waiting

extension ShardReader {
    private func position(behind progress: ShardProgress) -> StartingPosition {
        progress.checkpoint.map { .afterSequenceNumber($0.sequenceNumber) } ?? initial
    }

    private mutating func iteratorFailed(_ failure: ReadFailure, now: Instant) -> StartingPosition? {
        let refused = position
        count(failure)
        if failure == .refused, refused.isSequenceNumber, refused != initial {
            // Trimmed, or of another stream: nothing can be read there, so it goes on where the options say.
            position = initial
            if beginning == refused { beginning = initial }
            state = .needsIterator(notBefore: now)
            return refused
        }
        state = .needsIterator(notBefore: now + delayAfterFailure())
        return nil
    }

    private mutating func readFailed(_ failure: ReadFailure, _ iterator: ShardIterator, now: Instant) {
        count(failure)
        switch failure {
        case .expiredIterator where failures == 1:
            state = .needsIterator(notBefore: now)
        case .expiredIterator, .refused, .notFound, .unexpected:
            state = .needsIterator(notBefore: now + delayAfterFailure())
        case .throttled, .passing, .limitExceeded, .denied:
            state = .polling(iterator, notBefore: now + delayAfterFailure())
        }
    }

    private func nextPoll(records: Int, behind: Int, now: Instant) -> Instant {
        if records > 0 { return (pace.last ?? now) + settings.pollDelay }
        // An empty answer with data ahead is normal: the service looks through a stretch without records.
        return behind > 0 ? now : now + settings.noRecordsPollDelay
    }

    private mutating func count(_ failure: ReadFailure) {
        failures = failure == lastFailure ? failures + 1 : 1
        lastFailure = failure
    }

    private mutating func recovered() {
        failures = 0
        lastFailure = nil
    }

    private mutating func delayAfterFailure() -> Duration {
        guard let lastFailure else { return .zero }
        return lastFailure.backoff.delay(failures: failures, random: random.fraction())
    }
}

extension StartingPosition {
    fileprivate var isSequenceNumber: Bool {
        switch self {
        case .atSequenceNumber, .afterSequenceNumber: true
        case .trimHorizon, .latest, .atTimestamp: false
        }
    }
}
