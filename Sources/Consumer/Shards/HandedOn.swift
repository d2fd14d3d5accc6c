import State

/// The batches of one shard that were handed on to its reader and are not done with. Performs no I/O.
///
///     handed on ──▸ waits ──▸ taken ──▸ settled ──▸ (acknowledged)
///                     └── taken back, when others need the room
///
/// `waits`: behind the batch that is being written; at most one does. `taken`: the reader's connection writes it.
/// `settled`: the socket has taken every byte. With `needsAcknowledgement` a batch is done when a checkpoint says so,
/// else when it is settled.
struct HandedOn: Equatable, Sendable {
    private struct Batch: Equatable, Sendable {
        let number: Int
        let last: Checkpoint
        var isSettled = false
    }

    let needsAcknowledgement: Bool
    /// Whether nothing more is handed on behind a batch until somebody says so (`usePausedPolling`).
    let pausesAfterBatch: Bool
    /// How far the shard is handed on.
    private(set) var last: ShardProgress
    /// How far it is settled without a gap.
    private(set) var settled: ShardProgress
    private var acknowledged: ShardProgress
    /// In the order in which they were handed on, from the first that is not settled on.
    private var batches: [Batch] = []
    private var waiting: Int?
    /// The event behind which nothing more is handed on; an earlier reader's, where the shard came paused.
    private(set) var pausedBehind: EventID?
    /// The shard is about to move to another reader.
    private(set) var isRevoking = false
    /// A batch, or an answer, was taken back; nothing is read before the reader has taken what it has.
    private(set) var isWithheld = false

    init(
        from progress: ShardProgress, needsAcknowledgement: Bool = false, pausesAfterBatch: Bool = false,
        pausedBehind: EventID? = nil
    ) {
        self.needsAcknowledgement = needsAcknowledgement
        self.pausesAfterBatch = pausesAfterBatch
        self.pausedBehind = pausedBehind
        last = progress
        settled = progress
        acknowledged = progress
    }

    // MARK: Queries

    /// Whether a batch may be handed on, or fetched.
    var hasCredit: Bool { waiting == nil && !isHeld }

    /// Whether a batch waits for the reader.
    var hasWaiting: Bool { waiting != nil }

    /// Whether somebody has to say first that reading goes on.
    var isHeld: Bool { pausedBehind != nil || isWithheld || isRevoking }

    /// Whether nothing that was handed on needs delivery any more.
    var isDone: Bool { batches.isEmpty && (!needsAcknowledgement || acknowledged >= last) }

    /// Whether nothing that was sent waits for its acknowledgement.
    var isAcknowledged: Bool { !needsAcknowledgement || acknowledged >= settled }

    // MARK: Facts

    mutating func handOn(_ event: EventID, last checkpoint: Checkpoint) {
        batches.append(Batch(number: event.number, last: checkpoint))
        last = .through(checkpoint)
        waiting = event.number
        if pausesAfterBatch { pausedBehind = event }
    }

    mutating func taken() {
        waiting = nil
    }

    /// Returns how far the shard is settled now, nil when an earlier batch is still open or the number is unknown.
    mutating func settle(_ number: Int) -> Checkpoint? {
        guard let index = batches.firstIndex(where: { $0.number == number }) else { return nil }
        batches[index].isSettled = true
        var reached: Checkpoint?
        while let first = batches.first, first.isSettled {
            reached = first.last
            batches.removeFirst()
        }
        if let reached { settled = .through(reached) }
        return reached
    }

    mutating func acknowledge(_ checkpoint: Checkpoint) {
        acknowledged = max(acknowledged, .through(checkpoint))
    }

    /// The pause behind this event is over; nil: whatever pause there is. Returns whether there was one.
    mutating func goOn(behind event: EventID? = nil) -> Bool {
        guard let pausedBehind, event == nil || event == pausedBehind else { return false }
        self.pausedBehind = nil
        isWithheld = false
        return true
    }

    /// Withdraws the batch that waits, if one does, and holds everything back until `release`. Returns its number.
    mutating func takeBack() -> Int? {
        isWithheld = true
        guard let number = waiting else { return nil }
        waiting = nil
        // Before it the shard did not pause, or it would not have been handed on.
        pausedBehind = nil
        batches.removeLast()
        last = batches.last.map { .through($0.last) } ?? settled
        return number
    }

    /// Nothing more is handed on, because the shard is about to move to another reader.
    mutating func beginRevoke() {
        isRevoking = true
    }

    /// The shard stays with its reader.
    mutating func cancelRevoke() {
        isRevoking = false
        isWithheld = false
    }

    /// The reader has taken what it had.
    mutating func release() {
        isWithheld = false
    }
}
