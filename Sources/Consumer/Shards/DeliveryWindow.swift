import Kinesis
import State

/// How one shard's batches are delivered to its reader: which are in flight, how far the shard is settled, and whether
/// another one may be offered. Performs no I/O. Where the records come from is `ShardSource`'s.
///
///     offered ──▸ waits ──▸ taken ──▸ settled ──▸ (acknowledged)
///                   └── taken back: evicted, or revoked
///
/// `waits`: behind the batch that is being written; at most one does. `taken`: the reader's connection writes it.
/// `settled`: the socket has taken every byte. With `needsAcknowledgement` a batch is done when a checkpoint says so,
/// else when it is settled.
struct DeliveryWindow: Equatable, Sendable {
    /// How much of the shard is still to come.
    enum Stage: Equatable, Sendable {
        /// More may come. Left by `reachedEnd`.
        case open
        /// Everything was offered. Left by `end` once all of it is done, and by what takes a batch back.
        case closing([ChildShard], Confirmation)
        /// Nothing leaves it.
        case ended
    }

    /// Whether the reader has done with the shard's end, where it has work of its own there.
    enum Confirmation: Equatable, Sendable {
        /// It is to be told. Left by `announceEnd`.
        case due
        /// It was told. Left by `confirmEnd`.
        case awaited
        case given
    }

    /// How far something goes.
    private struct Reach: Equatable, Sendable {
        /// Everything up to here is covered, what is not to be delivered included.
        var progress: ShardProgress
        /// The last record that was delivered, as a client names it that acknowledges it: not ahead of `progress`.
        var named: ShardProgress
    }

    private struct Batch: Equatable, Sendable {
        let number: Int
        var reach: Reach
        var isSettled = false
    }

    /// Whether a batch is done only when a checkpoint says so.
    let needsAcknowledgement: Bool
    /// Whether nothing more is offered behind a batch until somebody says so (`usePausedPolling`).
    let pausesAfterBatch: Bool
    /// Whether the shard ends only when its reader says that it has done with that.
    let confirmsEnd: Bool
    /// Where the shard is read from without progress.
    private let initial: StartingPosition
    private(set) var stage = Stage.open
    private var offeredReach: Reach
    private var settledReach: Reach
    private var acknowledged: ShardProgress
    /// In the order in which they were offered, from the first that is not settled on.
    private var inFlight: [Batch] = []
    /// The number of the batch that waits.
    private var waiting: Int?
    /// The event behind which nothing more is offered; an earlier reader's, where the shard came paused.
    private(set) var openPause: EventID?
    /// Others needed the room; nothing is fetched before the reader has taken what it has.
    private(set) var isEvicted = false
    /// The shard is about to move to another reader.
    private(set) var isRevoking = false

    /// - Parameters:
    ///   - progress: how far the shard is done.
    ///   - initial: where it is read from without progress.
    ///   - openPause: the event, also an earlier reader's, behind which nothing is offered before somebody says so.
    init(
        from progress: ShardProgress, initial: StartingPosition, needsAcknowledgement: Bool = false,
        pausesAfterBatch: Bool = false, confirmsEnd: Bool = false, openPause: EventID? = nil
    ) {
        self.needsAcknowledgement = needsAcknowledgement
        self.pausesAfterBatch = pausesAfterBatch
        self.confirmsEnd = confirmsEnd
        self.initial = initial
        self.openPause = openPause
        offeredReach = Reach(progress: progress, named: progress)
        settledReach = offeredReach
        acknowledged = progress
    }
}

// MARK: - Queries

extension DeliveryWindow {
    /// How far the shard is offered, apart from what was taken back.
    var delivered: ShardProgress { offeredReach.progress }

    /// How far it is settled without a gap.
    var settled: ShardProgress { settledReach.progress }

    /// Where reading goes on: behind the last record that was offered.
    var position: ReadPosition { ReadPosition(behind: delivered.checkpoint, initial: initial) }

    /// Whether a batch may be offered, or fetched.
    var hasCredit: Bool { stage == .open && waiting == nil && !isHeld }

    /// Whether a batch waits for the reader.
    var hasWaiting: Bool { waiting != nil }

    /// Whether somebody has to say first that reading goes on.
    private var isHeld: Bool { openPause != nil || isEvicted || isRevoking }

    /// Whether nothing that was offered needs delivery any more. A pause may be open behind it.
    var isDone: Bool { inFlight.isEmpty && (!needsAcknowledgement || acknowledged >= offeredReach.named) }

    /// Whether nothing that was sent waits for its acknowledgement.
    var isAcknowledged: Bool { !needsAcknowledgement || acknowledged >= settledReach.named }

    /// How far the shard is done where a client says that it is done up to here: further where nothing is to be delivered
    /// behind the record that it names, as behind the last user record of an aggregate.
    func reached(by checkpoint: Checkpoint) -> Checkpoint {
        guard let delivered = delivered.checkpoint, .through(checkpoint) >= offeredReach.named else {
            return checkpoint
        }
        return max(checkpoint, delivered)
    }

    var isClosing: Bool {
        if case .closing = stage { true } else { false }
    }

    /// Whether everything was offered, and is waited for.
    var isEndHeldBack: Bool {
        if case .closing(_, let confirmation) = stage { !isDone || confirmation != .given } else { false }
    }
}

// MARK: - Facts

extension DeliveryWindow {
    /// A batch waits for the reader now.
    /// - Parameter named: `EncodedBatch.lastNamed`; nil: as `last`.
    mutating func offered(_ event: EventID, last: Checkpoint, named: Checkpoint? = nil) {
        offeredReach = Reach(progress: .through(last), named: .through(named ?? last))
        inFlight.append(Batch(number: event.number, reach: offeredReach))
        waiting = event.number
        if pausesAfterBatch { openPause = event }
    }

    /// The reader's connection has taken the batch that waited.
    mutating func taken() {
        waiting = nil
    }

    /// The reader's socket has taken the batch whole. Returns how far the shard is settled now, nil when an earlier batch
    /// is still open or the number is unknown.
    mutating func settle(_ number: Int) -> Checkpoint? {
        guard let index = inFlight.firstIndex(where: { $0.number == number }) else { return nil }
        inFlight[index].isSettled = true
        var reached: Checkpoint?
        while let first = inFlight.first, first.isSettled {
            settledReach = first.reach
            reached = first.reach.progress.checkpoint
            inFlight.removeFirst()
        }
        return reached
    }

    /// Of what lies behind what was offered, up to here, nothing is to be delivered. Returns how far the shard is done now;
    /// nil while something before is not, with which this becomes done too.
    mutating func passed(through checkpoint: Checkpoint) -> Checkpoint? {
        guard delivered < .through(checkpoint) else { return nil }
        let isDone = isDone
        offeredReach.progress = .through(checkpoint)
        if inFlight.isEmpty {
            settledReach.progress = offeredReach.progress
        } else {
            inFlight[inFlight.count - 1].reach.progress = offeredReach.progress
        }
        guard isDone else { return nil }
        acknowledged = max(acknowledged, offeredReach.progress)
        return checkpoint
    }

    /// A checkpoint says that everything up to here needs no delivery any more.
    mutating func acknowledge(_ checkpoint: Checkpoint) {
        acknowledged = max(acknowledged, .through(checkpoint))
    }

    /// The pause behind this event is over; nil: whatever pause there is. Returns whether there was one.
    mutating func resume(behind event: EventID? = nil) -> Bool {
        guard let openPause, event == nil || event == openPause else { return false }
        self.openPause = nil
        isEvicted = false
        return true
    }

    /// Others need the room: the batch that waits, if one does, is taken back, and nothing is fetched until
    /// `readerWaits`. Returns its number.
    mutating func evict() -> Int? {
        isEvicted = true
        return takeBack()
    }

    /// The reader has taken everything that it was given.
    mutating func readerWaits() {
        isEvicted = false
    }

    /// The shard is about to move to another reader: the batch that waits, if one does, is taken back, and nothing more is
    /// offered. Returns its number.
    mutating func beginRevoke() -> Int? {
        isRevoking = true
        return takeBack()
    }

    /// The shard stays with its reader after all. One that had been evicted is read again at once: nobody else remembers
    /// that it was, and it may be evicted anew.
    mutating func cancelRevoke() {
        isRevoking = false
        isEvicted = false
    }

    /// The service does not know the position: reading goes on at the initial one. Of what is in flight no checkpoint
    /// comes any more. Returns the position that is given up; nil, and nothing changed, without progress.
    mutating func refusePosition() -> ReadPosition? {
        guard delivered != .nothing else { return nil }
        let refused = position
        inFlight.removeAll()
        offeredReach = Reach(progress: .nothing, named: .nothing)
        settledReach = offeredReach
        acknowledged = .nothing
        return refused
    }

    /// Nothing more comes. A window that is closing stays as it is.
    mutating func reachedEnd(_ children: [ChildShard]) {
        if stage == .open { stage = .closing(children, confirmsEnd ? .due : .given) }
    }

    /// Whether the reader is to be told now that it has everything of the shard; once.
    mutating func announceEnd() -> Bool {
        guard case .closing(let children, .due) = stage, inFlight.isEmpty, !isRevoking else { return false }
        stage = .closing(children, .awaited)
        return true
    }

    /// The reader has done with the shard's end; without effect while it has not done with the records.
    mutating func confirmEnd() {
        if case .closing(let children, .awaited) = stage, isDone { stage = .closing(children, .given) }
    }

    /// Ends the window where everything was offered and is done. Returns the children then.
    mutating func end() -> [ChildShard]? {
        guard case .closing(let children, .given) = stage, isDone, !isRevoking else { return nil }
        stage = .ended
        return children
    }

    private mutating func takeBack() -> Int? {
        guard let number = waiting else { return nil }
        waiting = nil
        // Before this batch there was no pause, or it would not have been offered.
        openPause = nil
        inFlight.removeLast()
        offeredReach = inFlight.last?.reach ?? settledReach
        if isClosing { stage = .open }
        return number
    }
}
