import Kinesis
import State

/// Decides what one shard's reading does next: its source fetches, its window delivers. Performs no I/O.
///
/// Whoever drives it asks `next(now:)`, does what the step says, and reports the outcome as a fact. Here stands what
/// concerns both: a source fetches while the window has credit, from the window's position, and begins again there when
/// the position moves back.
struct ShardReader: Sendable {
    typealias Instant = ContinuousClock.Instant

    private(set) var window: DeliveryWindow
    private(set) var source: ShardSource
    /// Of the last response, nil before the first.
    private var millisBehindLatest: Int?

    init(window: DeliveryWindow, source: ShardSource) {
        self.window = window
        self.source = source
    }
}

// MARK: - What to do

extension ShardReader {
    /// The next step; to be asked again after every fact and at every deadline.
    /// - Parameter paces: of all shards that this process reads.
    mutating func next(now: Instant, paces: inout ReadPaces) -> ShardStep {
        if let children = window.end() { return .end(children: children) }
        if window.announceEnd() { return .announceEnd }
        return source.next(
            now: now, credit: window.hasCredit, position: window.position.start, paces: &paces)
    }

    /// Nothing is asked any more: what was taken for the next call is given back.
    mutating func stop(now: Instant, paces: inout ReadPaces) {
        source.yield(now: now, paces: &paces)
    }

    /// Whether it is our own back-pressure that keeps the shard from getting on.
    var isHeldBack: Bool {
        switch window.stage {
        case .open: source.waiting == .forRoom || (source.waiting == .forCredit && !window.hasCredit)
        case .closing: window.isEndHeldBack
        case .ended: false
        }
    }

    /// Milliseconds by which reading is behind the shard's tip: what the last response said and, while the reader or
    /// failures keep the shard from asking again, the time since, in which the tip may have moved. nil before the first
    /// response.
    func lag(now: Instant) -> Int? {
        guard let millisBehindLatest else { return nil }
        guard isHeldBack || source.failures != nil else { return millisBehindLatest }
        return millisBehindLatest + Int(max(.zero, now - source.lastProgress) / .milliseconds(1))
    }

    /// What the watchdog looks at.
    var sight: ShardWatchdog.Sight {
        ShardWatchdog.Sight(
            lastProgress: source.lastProgress, deadline: source.deadline(credit: window.hasCredit),
            isHeldBack: isHeldBack,
            activity: window.isClosing ? "waiting for its last batches to be done" : source.activity)
    }

    /// The failure that the shard has not got over, nil when it gets on.
    var degradation: ReadFailure? { source.degradation }

    /// The source where everything that was handed over is done: it stands, or will, right behind that.
    var sourceToKeep: ShardSource? { window.isDone ? source : nil }

    /// Whether the reader, or a pause, makes the shard hold what `evict` would let go.
    var holdsForReader: Bool { window.hasWaiting || (source.isHolding && !window.hasCredit) }
}

// MARK: - Facts of the source

extension ShardReader {
    mutating func iteratorReceived(_ iterator: ShardIterator, now: Instant) {
        source.received(.iterator(iterator), now: now)
    }

    /// Room for so many bytes of response is there.
    mutating func permitted(room: Int, now: Instant) {
        source.received(.permit(room: room), now: now)
    }

    /// A response of this many bytes has come. Returns whether it is held; a shard that is being revoked holds none.
    mutating func responseReceived(bytes: Int, now: Instant) -> Bool {
        source.received(window.isRevoking ? .responseUnwanted : .response(bytes: bytes), now: now)
        return source.isHolding
    }

    /// There is no room for the response of so many bytes that the service has: a smaller one is asked for.
    mutating func responseTooLarge(bytes: Int, now: Instant) {
        source.received(.responseTooLarge(bytes: bytes), now: now)
    }

    /// A slice of the response became a batch, which waits for the reader now.
    /// - Parameters:
    ///   - records: `EncodedBatch.readCount`.
    ///   - named: `EncodedBatch.lastNamed`; nil: as `last`.
    mutating func offered(
        _ event: EventID, records: Int, last: Checkpoint, named: Checkpoint? = nil, now: Instant
    ) {
        guard source.isHolding else { return }
        window.offered(event, last: last, named: named)
        source.received(.slice(records: records), now: now)
    }

    /// The response's last records, up to here, are not for this shard's readers. As `DeliveryWindow.passed`.
    mutating func passed(through checkpoint: Checkpoint) -> Checkpoint? {
        guard source.isHolding else { return nil }
        return window.passed(through: checkpoint)
    }

    /// The response holds no further record.
    mutating func responseEnded(_ envelope: GetRecordsEnvelope, now: Instant) {
        guard source.isHolding else { return }
        source.received(.responseEnd(envelope), now: now)
        millisBehindLatest = envelope.millisBehindLatest
        if envelope.next == nil { window.reachedEnd(envelope.childShards) }
    }

    /// As `SubscriptionSource.Pushed`, of the subscription with that number.
    mutating func pushed(_ pushed: SubscriptionSource.Pushed, generation: UInt64, now: Instant) {
        source.received(.pushed(pushed, generation: generation), now: now)
    }

    /// The service can be reached again.
    mutating func serviceReturned(now: Instant) {
        source.received(.serviceReturned, now: now)
    }

    /// The response could not be read on: what was offered of it stands, the rest is asked for again.
    mutating func responseBroken(now: Instant) {
        source.received(.responseBroken, now: now)
    }

    /// What a failed call has come to.
    enum Failed: Equatable, Sendable {
        /// No call was on its way, or it only bridged a pause.
        case nothing
        /// It is made again.
        case again
        /// The service does not know this position; reading goes on at the initial one.
        case refused(ReadPosition)
    }

    /// The call that was on its way failed.
    mutating func failed(_ failure: ReadFailure, now: Instant) -> Failed {
        let isRefusal = failure == .refused && source.isAskingPosition
        guard source.failed(failure, now: now) else { return .nothing }
        // Of another stream, which is looked for before the second attempt, or trimmed: nothing can be read there.
        guard isRefusal, source.failures?.count ?? 0 >= 2, let refused = window.refusePosition() else { return .again }
        source.restart(now: now)
        return .refused(refused)
    }

    /// The shard is no longer in its stream: what is not delivered of it is gone.
    mutating func vanished() {
        guard !source.isHolding, window.stage == .open else { return }
        source.finish()
        window.reachedEnd([])
    }
}

// MARK: - Facts of the reader

extension ShardReader {
    /// The reader has taken the batch that waited: the next one may be made.
    mutating func taken() {
        window.taken()
    }

    /// As `DeliveryWindow.settle`.
    mutating func settled(_ number: Int) -> Checkpoint? {
        window.settle(number)
    }

    mutating func acknowledged(_ checkpoint: Checkpoint) {
        window.acknowledge(checkpoint)
    }

    /// The reader has done with the shard's end. Returns the children where that is the end of the reading too.
    mutating func confirmedEnd() -> [ChildShard]? {
        window.confirmEnd()
        return window.end()
    }

    /// As `DeliveryWindow.resume`.
    mutating func resumed(behind event: EventID? = nil) -> Bool {
        window.resume(behind: event)
    }

    /// What is held back by the reader is let go, because others need the room: the response, and the batch that waits,
    /// whose number is returned. Both are asked for again once the reader has taken what it has (`readerWaits`).
    mutating func evict(now: Instant, paces: inout ReadPaces) -> Int? {
        let number = window.evict()
        letGo(number, now: now, &paces)
        return number
    }

    /// The reader has taken everything that it was given.
    mutating func readerWaits() {
        window.readerWaits()
    }

    /// The shard is about to move to another reader: nothing more is fetched or offered. The response and the batch that
    /// waits, whose number is returned, are let go.
    mutating func beginRevoke(now: Instant, paces: inout ReadPaces) -> Int? {
        let number = window.beginRevoke()
        letGo(number, now: now, &paces)
        return number
    }

    /// The shard stays with its reader: reading goes on behind what was delivered.
    mutating func cancelRevoke() {
        window.cancelRevoke()
    }

    private mutating func letGo(_ number: Int?, now: Instant, _ paces: inout ReadPaces) {
        if number != nil || source.isHolding {
            source.restart(now: now)
        } else {
            source.yield(now: now, paces: &paces)
        }
    }
}
