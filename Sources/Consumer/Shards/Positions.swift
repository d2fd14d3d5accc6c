import Kinesis
import State
import Time

/// One consumer's `ShardBook` together with its place in the store, if it has one: what becomes true in the one is noted
/// in the other. Confined to its loop.
final class Positions: @unchecked Sendable {
    /// Whether a record's hash key tells its shard.
    var placement = KeyPlacement()
    private(set) var book: ShardBook
    private let key: ConsumerKey
    /// nil: nothing is kept.
    private let store: StateStore?
    /// When the stream was made whose positions these have taken the place of, while nobody read here; nil: there was none, or
    /// a reader knows.
    private var formerStream: WallTime?
    /// What is kept of shards that nobody reads in this moment, with the position for which it holds.
    private var resumePoints: [ShardID: (point: ResumePoint, position: ReadPosition)] = [:]
    /// What was sent and has no checkpoint.
    private(set) var unacknowledgedEvents: [ShardID: UnacknowledgedEvents] = [:]
    /// What the last probe found behind the shard's position, and the position.
    private var tips: [ShardID: (tip: ShardTip, position: ReadPosition)] = [:]
    /// The last record that was sent of shards whose reader left before it was acknowledged.
    var unacknowledged: [ShardID: Checkpoint] = [:]
    /// How often shards were put elsewhere by a seek, here or by another member. Whoever has waited compares.
    private(set) var seeks = 0
    /// Called with a shard whose place has changed, for the group's item. `isBack`: it goes on further back.
    var onChange: ((_ shard: ShardID, _ isBack: Bool) -> Void)?

    /// What a shard's next task goes on with, beside the shard's position.
    struct ResumePoint {
        /// Stands at the shard's position.
        var source: KeptSource?
        /// The event of the shard's last reader behind which it waits until somebody says that polling goes on.
        var pausedBehind: EventID?
    }

    init(_ book: ShardBook, of key: ConsumerKey, in store: StateStore?, after formerStream: WallTime? = nil) {
        self.book = book
        self.key = key
        self.store = store
        self.formerStream = formerStream
    }

    /// The positions of a consumer that begins, kept in place of whatever was kept of it. Returns once that is committed; at
    /// once where the group's item says where the shards stand (`isShared`).
    static func begin(
        _ book: ShardBook, of key: ConsumerKey, in store: StateStore?, isShared: Bool,
        after formerStream: WallTime? = nil
    ) async throws(StateError) -> Positions {
        let positions = Positions(book, of: key, in: store, after: formerStream)
        if isShared {
            store?.note(.begin(book.state), of: positions.consumer)
        } else {
            try await store?.begin(key, book.state)
        }
        return positions
    }

    private var consumer: ConsumerIncarnation { ConsumerIncarnation(key, streamCreatedOn: book.streamCreatedOn) }

    /// What the first reader of these positions is to know of the stream; once.
    func takeNews(of initial: InitialPosition) -> ReaderProblem? {
        defer { formerStream = nil }
        return formerStream.map { .streamRecreated(was: $0, now: book.streamCreatedOn, from: initial) }
    }

    // MARK: Facts

    /// The stream is there.
    func described(_ summary: StreamSummary) {
        placement.seen(summary)
    }

    func settled(_ shard: ShardID, _ checkpoint: Checkpoint) {
        if let last = unacknowledged[shard], last <= checkpoint { unacknowledged[shard] = nil }
        unacknowledgedEvents[shard]?.covered(checkpoint)
        guard book.checkpoint(shard, checkpoint) else { return }
        store?.note(.checkpoint(shard, checkpoint), of: consumer)
        onChange?(shard, false)
    }

    func depleted(_ shard: ShardID, children: [ChildShard]) {
        unacknowledgedEvents[shard] = nil
        let added = book.depleted(shard, children: children)
        store?.note(.deplete(shard, children: added), of: consumer)
        onChange?(shard, false)
    }

    /// The shard goes on from here, whatever was so before; `nil`: from where it was begun.
    func reset(_ shard: ShardID, to checkpoint: Checkpoint?) {
        guard book.shard(shard) != nil else { return }
        book.reset([shard: checkpoint])
        store?.note(.reset(shard, checkpoint), of: consumer)
        onChange?(shard, true)
    }

    /// Takes shards back to these places, where they are further on or read out, and all of their descendants that have
    /// begun to their own beginnings: what is read of a child comes behind its parents' records. Returns the shards that
    /// moved, and descendants of which something may be in flight.
    func rewind(_ places: [ShardID: Checkpoint]) -> [ShardID] {
        var resets: [ShardID: Checkpoint?] = places.filter { mustRewind($0.key, to: $0.value) }
        let descendants = book.descendants(of: resets.keys)
        // A descendant that another member of the group reads goes on there.
        for id in descendants where book.mayMove(id) && (resets[id] != nil || book.hasBegun(id)) {
            resets[id] = .some(nil)
        }
        guard !resets.isEmpty else { return [] }
        book.reset(resets)
        for (shard, checkpoint) in resets.sorted(by: { $0.key < $1.key }) {
            store?.note(.reset(shard, checkpoint), of: consumer)
            onChange?(shard, true)
        }
        return Set(resets.keys).union(descendants).sorted()
    }

    /// Whether the shard is further on than this. One that was read out stands at its last record.
    private func mustRewind(_ shard: ShardID, to checkpoint: Checkpoint) -> Bool {
        book.mayMove(shard) && book.shard(shard) != nil && book.progress(of: shard) > .through(checkpoint)
    }

    /// Somebody has put the shards here. What was sent of them counts for nothing.
    func seek(_ moves: [SeekPlan.Move], _ seek: SeekID) {
        store?.note(.seek(book.seek(moves, seek)), of: consumer)
        seeks += 1
        for move in moves { forgetReading(move.shard) }
    }

    private func forgetReading(_ shard: ShardID) {
        (unacknowledged[shard], unacknowledgedEvents[shard]) = (nil, nil)
        (tips[shard], resumePoints[shard]) = (nil, nil)
    }

    /// Under which seek the shard is read; nil: nobody has put it anywhere.
    func seek(of shard: ShardID) -> SeekID? { book.shard(shard)?.seek }

    /// Returns the shards that were not known before.
    func listed(_ listing: [Shard]) -> [ShardState] {
        let added = book.update(listing)
        if !added.isEmpty { store?.note(.add(added), of: consumer) }
        let trimmed = book.forgetTrimmed()
        if !trimmed.isEmpty { store?.note(.forget(trimmed), of: consumer) }
        for id in trimmed { (tips[id], unacknowledgedEvents[id]) = (nil, nil) }
        return added
    }

    /// Takes a new reader's option and the newest listing in, and returns when a change of what it means is committed.
    /// Returns whether it means a moment from now on, because none was taken before.
    func begin(
        from initial: InitialPosition, at moment: WallTime, _ listing: [Shard]
    ) async throws(StateError) -> Bool {
        _ = listed(listing)
        var begun = book
        guard begun.begin(from: initial, at: moment) else {
            book = begun
            return false
        }
        try await store?.begin(key, begun.state)
        book = begun
        return true
    }

    /// The positions of a stream that was made under the name of this one while it was being read.
    func beginAnew(_ summary: StreamSummary, _ listing: [Shard], from initial: InitialPosition, isShared: Bool)
        async throws(StateError) -> Positions
    {
        let book = ShardBook(
            begunAt: summary.creation, of: listing, createdOn: summary.creation, from: initial, isNewStream: true)
        let positions = try await Positions.begin(book, of: key, in: store, isShared: isShared)
        positions.described(summary)
        return positions
    }

    /// The shards that are read from now on, empty: all.
    func want(_ shards: Set<ShardID>) { book.want(shards) }

    // MARK: The group

    /// Takes a reader's option and the newest listing in; the group's item says where the shards are read from.
    func shareOut(from initial: InitialPosition, _ listing: [Shard]) {
        _ = listed(listing)
        book.shareOut(from: initial)
    }

    /// The shard is leased, and stands where the group's item says. Returns whether another member has put it there, so that
    /// what was sent of it here counts for nothing.
    func adopt(_ record: ShardRecord, run: MemberRun) -> Bool {
        guard let before = book.shard(record.id) else { return false }
        store?.note(.adopt(book.adopt(record, run: run)), of: consumer)
        guard before.seek != record.seek else { return false }
        seeks += 1
        forgetReading(record.id)
        return true
    }

    /// Another member is to have the shard once what was sent of it is settled.
    func giveUp(_ shard: ShardID) { book.giveUp(shard) }

    /// The shard is not leased any more. `isLost`: others may have written of it since.
    func disown(_ shard: ShardID, isLost: Bool) {
        book.disown(shard, isLost: isLost)
        if isLost { store?.note(.disown(shard), of: consumer) }
    }

    /// The group's item has come.
    func follow(_ item: GroupItem) { book.follow(item) }

    // MARK: What is not done

    /// A reader's socket has taken an event of the shard.
    func sent(_ shard: ShardID, before: Checkpoint, last: Checkpoint, firstArrival: WallTime?, on time: WallTime) {
        unacknowledgedEvents[shard, default: UnacknowledgedEvents()]
            .sent(before: before, last: last, firstArrival: firstArrival, on: time)
    }

    /// What was sent before this process knew the consumer.
    func remember(_ logged: [ShardID: UnacknowledgedInLog]) {
        unacknowledgedEvents = logged.mapValues(UnacknowledgedEvents.init)
    }

    /// A probe found this behind the position; nil: it failed, so that the tip may have moved meanwhile.
    func probed(_ shard: ShardID, _ tip: ShardTip?, at position: ReadPosition) {
        guard book.shard(shard) != nil else { return }
        if let tip {
            tips[shard] = (tip, position)
        } else if tips[shard]?.tip == .reached {
            tips[shard] = nil
        }
    }

    /// There is nothing that could be probed.
    func forgetTips() {
        tips.removeAll()
    }

    /// A reader reads the shard from here on: it knows more than the last probe.
    func readingBegins(_ shard: ShardID) {
        tips[shard] = nil
    }

    /// What lies behind the shard's position, where it was probed there.
    func tip(of shard: ShardID) -> ShardTip? {
        tips[shard].flatMap { $0.position == book.position(of: shard) ? $0.tip : nil }
    }

    // MARK: Between two tasks

    /// Keeps what the shard's next task goes on with, where that begins at the shard's position.
    func keep(_ point: ResumePoint, of shard: ShardID) {
        guard point.source != nil || point.pausedBehind != nil else { return }
        resumePoints[shard] = (point, book.position(of: shard))
    }

    /// Hands out what was kept, if the shard's position is still the one for which it holds.
    func takeResumePoint(of shard: ShardID) -> ResumePoint {
        guard let kept = resumePoints.removeValue(forKey: shard), kept.position == book.position(of: shard) else {
            return ResumePoint()
        }
        return kept.point
    }

    /// The shard is read elsewhere from here on.
    func forgetResumePoint(of shard: ShardID) { resumePoints[shard] = nil }

    /// Nobody holds the shards any more.
    func letGo() {
        resumePoints.removeAll()
        unacknowledged.removeAll()
    }
}
