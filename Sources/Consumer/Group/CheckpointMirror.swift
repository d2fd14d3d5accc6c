import Kinesis
import State
import Time

/// Decides what is written into the group's item when: the newest checkpoint of each shard, and with it heartbeat and
/// renewals. Performs no I/O.
///
///     idle ──next──▸ writing ──wrote, conditionFailed──▸ idle
///                       └── timedOut ──▸ doubtful ──looked──▸ idle
///
/// What comes in is committed on this host already. There is one write under way at a time: a late duplicate of one could set
/// a checkpoint back, and so a write of which nothing was heard is followed by a consistent read.
struct CheckpointMirror: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// What is to be said of a shard, beyond what the item says.
    struct News: Equatable, Sendable {
        var place: ShardRecord.Place?
        /// nil: as before.
        var isDepleted: Bool?
        /// The lease is given up with it.
        var isReleased = false
        /// Somebody waits for it: at a shard's end, a hand-over, a stop.
        var isUrgent = false
    }

    /// What one request says.
    struct Write: Equatable, Sendable {
        let update: GroupUpdate
        let news: [ShardID: News]
        /// Shards that may be read for `patience` from `sentAt` on, once it has taken place.
        let renewed: [ShardID]
        let patience: Duration
        let sentAt: Instant
    }

    enum Step: Equatable, Sendable {
        case wait(until: Instant)
        case write(Write)
        /// Consistently; `looked` follows.
        case read
    }

    private enum Phase: Equatable, Sendable {
        case idle
        case writing(Write)
        case doubtful
    }

    private let me: MemberID
    private var phase = Phase.idle
    private var pace: MirrorPace
    private var waiting: [ShardID: News] = [:]
    /// When the next write may leave that nobody waits for.
    private var notBefore: Instant
    /// When heartbeat and renewals are due: all leases are renewed together.
    private var renewsAt: Instant
    /// Requests that the last tick took, and those of the one that is under way.
    private var requestsOfTick = 1
    private var requests = 0
    /// Shards that the tick under way has said. What comes of them meanwhile is for the next one: the tick would not end, and
    /// shards behind them in the order of names would wait for ever.
    private var said: Set<ShardID> = []
    /// Shards whose renewal is due and did not fit into the last request.
    private var unrenewed: [ShardID] = []

    init(me: MemberID, checkpointInterval: Duration, now: Instant) {
        self.me = me
        pace = MirrorPace(least: checkpointInterval)
        notBefore = now
        renewsAt = now
    }

    /// When the next write leaves that nobody waits for. A renewal says with it what is known by then: it costs the same, and
    /// after throttling the interval is long.
    var nextWrite: Instant { min(notBefore, renewsAt) }

    /// From one write that nobody waits for to the next.
    func interval(itemBytes: Int, members: Int) -> Duration {
        // Members have as many shards as each other.
        pace.interval(itemBytes: itemBytes, writes: max(1, members) * requestsOfTick)
    }

    // MARK: Facts

    /// A place of a shard is committed here; after one that went back the shard is not read to its end any more.
    mutating func committed(_ shard: ShardID, _ place: ShardRecord.Place, isDepleted: Bool? = nil) {
        waiting[shard, default: News()].place = place
        if let isDepleted { waiting[shard]?.isDepleted = isDepleted }
    }

    /// The shard is read to its end, and that is committed here.
    mutating func depleted(_ shard: ShardID) {
        waiting[shard, default: News()].isDepleted = true
        waiting[shard]?.isUrgent = true
    }

    /// The lease is given up, with what is known of the shard.
    mutating func release(_ shard: ShardID) {
        waiting[shard, default: News()].isReleased = true
        waiting[shard]?.isUrgent = true
    }

    /// Somebody waits for what is to be said of the shard.
    mutating func hurry(_ shard: ShardID) { waiting[shard]?.isUrgent = true }

    /// Whether something of the shard is to be said yet.
    func isBehind(_ shard: ShardID) -> Bool { waiting[shard] != nil }

    /// The shard is not this member's any more: what is known of it here is for its owner to find out.
    mutating func lost(_ shard: ShardID) { waiting[shard] = nil }

    /// The write has taken place. Returns it.
    mutating func wrote() -> Write? {
        guard case .writing(let write) = phase else { return nil }
        phase = .idle
        pace.wrote()
        for (shard, news) in write.news where waiting[shard] != nil {
            // What was committed meanwhile still waits.
            if waiting[shard]?.place == news.place { waiting[shard]?.place = nil }
            if waiting[shard]?.isDepleted == news.isDepleted { waiting[shard]?.isDepleted = nil }
            if news.isReleased { waiting[shard]?.isReleased = false }
            if waiting[shard] == News(isUrgent: news.isUrgent) { waiting[shard] = nil }
        }
        return write
    }

    /// A condition was not true: whatever is lost was said by `lost`, and the rest goes again at once.
    mutating func conditionFailed(now: Instant) {
        again(at: now)
    }

    /// Nothing has happened: the service refuses it for now.
    mutating func refused(isThrottled: Bool, now: Instant, itemBytes: Int, members: Int) {
        if isThrottled { pace.throttled() }
        again(at: now + interval(itemBytes: itemBytes, members: members))
    }

    /// Whether the write has taken place is not known.
    mutating func timedOut() {
        guard case .writing = phase else { return }
        phase = .doubtful
    }

    /// The item was read after a write of which nothing was heard: what it lacks goes again.
    mutating func looked(at item: GroupItem, now: Instant) {
        guard phase == .doubtful else { return }
        phase = .idle
        for (shard, news) in waiting {
            guard let record = item.shards[shard] else { continue }
            let isPlaced = news.place.map { record.place == $0 } ?? true
            let isKnownEnd = news.isDepleted.map { record.isDepleted == $0 } ?? true
            if isPlaced, isKnownEnd, !news.isReleased || record.lease == nil { waiting[shard] = nil }
        }
        again(at: now)
    }

    private mutating func again(at instant: Instant) {
        if case .writing(let write) = phase { unrenewed = write.renewed + unrenewed }
        phase = .idle
        requests = 0
        said = []
        notBefore = instant
        renewsAt = min(renewsAt, instant)
    }

    // MARK: What to do

    /// - Parameters:
    ///   - item: as it was seen last.
    ///   - lineage: as the service lists the shards.
    ///   - leases: shards that are this member's.
    ///   - duration: of a lease that is renewed now, as it is written.
    ///   - patience: how long may be read after that.
    ///   - version: a new token, for every shard that is written.
    mutating func next(
        now: GroupMoment, item: GroupItem, lineage: ShardLineage, leases: [ShardID], duration: Duration,
        patience: Duration, version: String
    ) -> Step {
        switch phase {
        case .writing: return .wait(until: now.instant + patience)
        case .doubtful: return .read
        case .idle: break
        }
        let owned = Set(leases)
        // Of a shard that was given up meanwhile there is nothing to say.
        waiting = waiting.filter { owned.contains($0.key) }
        if now.instant >= renewsAt {
            unrenewed = leases
            renewsAt = now.instant + Self.renewal(of: patience)
        } else if unrenewed.isEmpty, !isDue(now.instant) {
            return .wait(until: waiting.isEmpty ? renewsAt : min(renewsAt, notBefore))
        }
        let write = write(now, item, lineage, owned, duration, patience, version)
        // What did not fit is a further request of the same tick.
        said.formUnion(write.news.keys)
        let isRest = !unrenewed.isEmpty || waiting.keys.contains { !said.contains($0) }
        requests += 1
        if !isRest {
            requestsOfTick = requests
            requests = 0
            said = []
            notBefore = now.instant + interval(itemBytes: item.bytes, members: item.members.count)
        }
        phase = .writing(write)
        return .write(write)
    }

    /// A third of the lease, as lifion-kinesis's others must hear of a member within 40 s.
    static func renewal(of duration: Duration) -> Duration { min(duration / 3, .seconds(13)) }

    private func isDue(_ now: Instant) -> Bool {
        waiting.values.contains(where: \.isUrgent) || (!waiting.isEmpty && now >= notBefore)
    }

    /// Whether the next request says what is new of the shard.
    private func isOfTick(_ shard: ShardID) -> Bool {
        guard let news = waiting[shard] else { return false }
        return news.isUrgent || !said.contains(shard)
    }

    private mutating func write(
        _ now: GroupMoment, _ item: GroupItem, _ lineage: ShardLineage, _ leases: Set<ShardID>, _ duration: Duration,
        _ patience: Duration, _ version: String
    ) -> Write {
        var item = item
        var update = GroupUpdate(item.place, by: me, at: now.wall)
        update.heartbeat()
        var news: [ShardID: News] = [:]
        var renewed: [ShardID] = []
        let due = Set(unrenewed)
        unrenewed = []
        // Whom somebody waits for comes first.
        let shards = leases.filter { isOfTick($0) || due.contains($0) }.sorted {
            let (left, right) = (waiting[$0]?.isUrgent ?? false, waiting[$1]?.isUrgent ?? false)
            return left == right ? $0 < $1 : left
        }
        for shard in shards {
            guard let record = item.shards[shard] else { continue }
            let new = waiting[shard] ?? News()
            var write = GroupUpdate.OwnerWrite()
            write.place = new.place
            write.isDepleted = new.isDepleted
            write.isReleased = new.isReleased
            if due.contains(shard) { write.renewal = duration }
            var longer = update
            longer.write(record, write, version: version)
            var after = item
            if new.isDepleted == true { longer.beginChildren(of: record, new.place, &after, lineage, version) }
            guard longer.fits else {
                if due.contains(shard) { unrenewed.append(shard) }
                continue
            }
            update = longer
            item = after
            news[shard] = waiting[shard]
            if due.contains(shard) { renewed.append(shard) }
        }
        return Write(update: update, news: news, renewed: renewed, patience: patience, sentAt: now.instant)
    }
}

extension GroupUpdate {
    /// The children of a shard that is read to its end begin where it ends: a lifion-kinesis process that takes one goes by
    /// its `checkpoint` alone.
    fileprivate mutating func beginChildren(
        of parent: ShardRecord, _ place: ShardRecord.Place?, _ item: inout GroupItem, _ lineage: ShardLineage,
        _ version: String
    ) {
        if let place { item.shards[parent.id]?.place = place }
        for shard in lineage.shards where shard.parents.contains(parent.id) {
            guard let child = item.shards[shard.id], child.place == .initial, !child.isDepleted, child.lease == nil,
                let beginning = item.beginning(of: shard)
            else { continue }
            begin(child, at: beginning, version: version)
            item.shards[shard.id]?.place = beginning
        }
    }
}
