import DynamoDB
import Kinesis
import State
import Time

/// One member's part in one consumer group: what it asks of the group's table next, and what that means for who reads
/// here. Performs no I/O.
///
///     entering ──read──▸ absent ──created──▸ entering
///         │ ▴              ▴
///         │ └──────────────┴── gone ──┐
///         ├── earlier stream's ▸ stale┤        a later stream's: outdated, until the engine has seen that stream
///         └── read ─────────▸ inside ─┘ ──leave──▸ leaving ──▸ left
///
/// One request is under way at a time. `LeasePlan` says which shards, `CheckpointMirror` what is written of them when; each
/// answer brings the item as it is now, and is looked at.
struct Membership: Sendable {
    typealias Instant = ContinuousClock.Instant

    private enum Phase: Equatable, Sendable {
        /// The item is to be read.
        case entering
        case absent
        /// The item is an earlier stream's.
        case stale([ItemCondition])
        /// The item is a later stream's than the one that is read here.
        case outdated
        case inside
        case leaving
        case left
    }

    private enum UnderWay: Sendable {
        case look(isConsistent: Bool)
        case create
        case delete
        case membership
        case take(Take, sentAt: Instant, patience: Duration)
        case mirror
        case leave
    }

    /// Shards whose leases are asked for in one write.
    private struct Take: Sendable {
        var shards: [ShardID] = []
        /// Those whose place is LATEST as of now.
        var fresh: Set<ShardID> = []
        /// Those that this host has read to their ends, which the item does not say yet.
        var ended: Set<ShardID> = []
        /// Those whose checkpoints cannot be read.
        var unreadable: [News] = []
    }

    /// One thing that is to be written.
    private enum Job: Sendable {
        case plan(LeasePlan.Action)
        case pool(ConsumerPool.Action)
        /// Shards that are read out and that the service lists no more.
        case remove([ShardRecord])
        /// The item's maps, where they are missing.
        case makeMaps
        /// This process came back under its name: the record is of one before it.
        case introduce
    }

    let settings: Settings
    /// As it was seen last; nil before the first look.
    private(set) var item: GroupItem?
    private(set) var plan: LeasePlan
    /// nil: shards are polled.
    private(set) var pool: ConsumerPool?
    /// Whether somebody reads here.
    private var isWanted = false
    /// How the shards are read, as it was told last.
    private var toldWay: ReadingWay?
    private var mirror: CheckpointMirror
    private var phase = Phase.entering
    private var underWay: UnderWay?
    /// What the last look at the item has asked for and is not written.
    private var jobs: [Job] = []
    /// Shards that were read to their ends and begin again here.
    private var reopenings: [ShardID: ShardRecord.Place] = [:]
    private var lineage = ShardLineage(shards: [])
    private var strandedShards = StrandedShards()
    /// From when LATEST reads shards that are taken now: when a reader asked.
    private var latestSince: Instant?
    private var lastLook: Instant
    private var retries: WriteRetries
    private var versions = 0
    /// A job has failed: what the mirror has to say comes first, so that no lease runs out over it.
    private var isMirrorFirst = false
    /// Whether the item's record of this member was of this process once. Another one's in its place is one that runs beside it.
    private var isIntroduced = false
    /// Whether what this host knows was held against the item.
    private var hasMetLocal = false
    /// A request of which nothing was heard is followed by a consistent read.
    private var isDoubtful = false

    init(_ settings: Settings, now: Instant) {
        self.settings = settings
        plan = LeasePlan(me: settings.member.id, leaseDuration: settings.leaseDuration, wanted: settings.wanted)
        pool = settings.fanOut.map { ConsumerPool(settings.member, of: settings.key.group, settings: $0) }
        mirror = CheckpointMirror(
            me: settings.member.id, checkpointInterval: settings.checkpointInterval, now: now)
        lastLook = now
        retries = WriteRetries(recoveryInterval: settings.recoveryInterval, now: now)
    }

    /// The same part in the group under another name, which has to be entered anew.
    func renamed(_ id: MemberID, now: GroupMoment) -> Membership {
        var settings = settings
        settings.member.id = id
        var renamed = Membership(settings, now: now.instant)
        renamed.lineage = lineage
        renamed.latestSince = latestSince
        // Of one run: its versions are not said twice.
        renamed.versions = versions
        renamed.isWanted = isWanted
        renamed.plan.takePart(isWanted && pool == nil)
        return renamed
    }
}

// MARK: - Queries

extension Membership {
    var me: MemberID { settings.member.id }

    /// Whether records of the shard may be given out now.
    func mayRead(_ shard: ShardID, now: Instant) -> Bool { plan.mayRead(shard, now: now) }

    /// Who has the shard by the item as it was seen last.
    func owner(of shard: ShardID) -> MemberID? { item?.shards[shard]?.lease?.owner }

    /// Whether the first round is over: what can be had is leased.
    var hasSettledIn: Bool {
        guard phase == .inside, let member = item?.members[me] else { return false }
        guard member.isActive == plan.takesPart, jobs.isEmpty, reopenings.isEmpty else { return false }
        if pool?.isBusy(now: lastLook) ?? false { return false }
        switch underWay {
        case nil, .look, .mirror: return true
        case .create, .delete, .membership, .take, .leave: return false
        }
    }

    private var isTaking: Bool {
        if case .take = underWay { true } else { false }
    }

    /// When the next write may leave that nobody waits for.
    var nextWrite: Instant { mirror.nextWrite }

    /// Whether the service has listed the shard here, or has trimmed it.
    func knows(_ shard: ShardID) -> Bool { lineage.shard(shard) != nil || lineage.isTrimmed(shard) }

    /// Whether the group reads a later stream of the name.
    var isOutdated: Bool { phase == .outdated }

    /// From one write of checkpoints to the next, at present.
    var writeInterval: Duration {
        mirror.interval(itemBytes: item?.bytes ?? 0, members: item?.members.count ?? 1)
    }

    /// What is wrong with the item, for people; nil: nothing.
    var problem: String? {
        if phase == .outdated { return "the group's item is of a stream that was made after the one that is read here" }
        guard retries.isStuck else { return nil }
        return "the group's item changes under every write, or does not stay"
    }

    /// Shards that nobody reads because somebody has written into the item that they are read to their ends: they are open.
    var stranded: [ShardID] { strandedShards.names }

    /// Shards that nobody reads because the work on them fails, here, as this says, and with all others.
    func untaken(now: Instant) -> [ShardID: String] { item.map { plan.untaken(in: $0, now: now) } ?? [:] }

    /// Whether everything that was said to be committed is written.
    func isMirrored(_ shard: ShardID) -> Bool {
        if case .take(let take, _, _) = underWay, take.shards.contains(shard) { return false }
        return !mirror.isBehind(shard) && reopenings[shard] == nil
    }
}

// MARK: - Facts

extension Membership {
    /// Somebody reads here, or nobody does any more.
    /// - Parameter since: when a reader asked: LATEST reads shards that nobody has begun from here on.
    mutating func takePart(_ takesPart: Bool, since: Instant? = nil, now: GroupMoment) -> [News] {
        if let since { latestSince = since }
        guard isWanted != takesPart, phase != .leaving, phase != .left else { return [] }
        isWanted = takesPart
        if pool == nil { plan.takePart(takesPart) }
        return lookAgain(now)
    }

    /// What is to be asked of the service for the pool of consumers; `done` follows.
    func errand(now: Instant) -> ConsumerPool.Errand? {
        phase == .inside ? pool?.errand(now: now) : nil
    }

    mutating func done(_ errand: ConsumerPool.Errand, _ outcome: ConsumerPool.Outcome, now: GroupMoment) -> [News] {
        pool?.done(errand, outcome, now: now.instant)
        return lookAgain(now)
    }

    /// The service does not have the consumer any more.
    mutating func isGone(_ consumer: ConsumerARN, now: GroupMoment) -> [News] {
        pool?.isGone(consumer)
        return lookAgain(now)
    }

    /// The service lists these shards.
    mutating func listed(_ shards: [Shard], now: GroupMoment) -> [News] {
        lineage = ShardLineage(shards: shards)
        strandedShards.listed(shards, item)
        return lookAgain(now)
    }

    /// A place of the shard is committed here.
    mutating func committed(_ shard: ShardID, _ place: ShardRecord.Place) {
        guard plan.holds[shard] != nil else { return }
        mirror.committed(shard, place)
    }

    /// The shard begins again at this place, which is committed here, whether or not it was read to its end.
    mutating func wentBack(_ shard: ShardID, _ place: ShardRecord.Place) {
        if plan.holds[shard] != nil {
            mirror.committed(shard, place, isDepleted: false)
        } else {
            reopenings[shard] = place
        }
    }

    /// Somebody has put shards elsewhere in one write beside this machine's, by this member: what it had to say of them is
    /// of no use. Where their leases went with it, they are nobody's.
    mutating func sought(_ shards: [ShardID], _ found: Item, now: GroupMoment) -> [News] {
        let item = view(found)
        for shard in shards {
            mirror.lost(shard)
            reopenings[shard] = nil
            if plan.holds[shard] != nil, item.shards[shard]?.lease?.owner != me { plan.gaveUp(shard) }
        }
        return look(at: found, now)
    }

    /// Somebody waits until what is known of the shard is written.
    mutating func hurry(_ shard: ShardID) { mirror.hurry(shard) }

    mutating func depleted(_ shard: ShardID) {
        guard plan.holds[shard] != nil else { return }
        mirror.depleted(shard)
    }

    /// What was in flight of a shard that is given up is settled, and committed here.
    mutating func settled(_ shard: ShardID) {
        if plan.settled(shard) { mirror.release(shard) }
    }

    /// Work on the shard fails here: others are to have it, as `LeasePlan.leaveToOthers`. nil: nobody else could, and it stays.
    mutating func leaveToOthers(
        _ shard: ShardID, for absence: Duration, because reason: String, now: GroupMoment
    ) -> [News]? {
        guard phase == .inside, let item else { return nil }
        return plan.leaveToOthers(shard, for: absence, because: reason, item, now: now)?.map(News.giveUp)
    }

    /// The member leaves the group. Returns the shards that are given up; `settled` of each lets it go.
    mutating func leave() -> [ShardID] {
        guard phase != .left else { return [] }
        phase = phase == .inside ? .leaving : .left
        withdrawTakes()
        return plan.giveUpAll()
    }

    /// Time has gone on: leases may have come to their end, whatever became of the table.
    mutating func expire(now: GroupMoment) -> [News] { ended(now) }

    /// What came of the request that `next` gave last.
    mutating func answered(_ answer: Answer, now: GroupMoment) -> [News] {
        guard let underWay else { return [] }
        self.underWay = nil
        switch answer {
        case .refused(let isThrottled):
            failed(underWay, isThrottled: isThrottled, now: now.instant)
            return ended(now)
        case .unknown:
            isDoubtful = true
            if case .mirror = underWay { mirror.timedOut() }
            if case .take(let take, _, _) = underWay { plan.refused(take.shards) }
            retries.pause(now: now.instant)
            return ended(now)
        case .done:
            retries.conflict(now: now.instant)
            phase = .entering
            return ended(now)
        case .conditionFailed(let item):
            retries.conflict(now: now.instant)
            if case .membership = underWay { isMirrorFirst = true }
            if case .mirror = underWay { mirror.conditionFailed(now: now.instant) }
            if case .take(let take, _, _) = underWay { plan.refused(take.shards) }
            return look(at: item, now)
        case .item(let item):
            retries.responded()
            return succeeded(underWay, item, now)
        }
    }

    private mutating func succeeded(_ underWay: UnderWay, _ item: Item?, _ now: GroupMoment) -> [News] {
        switch underWay {
        case .look(let isConsistent):
            if !isConsistent, takesAway(item) {
                isDoubtful = true
                return ended(now)
            }
            isDoubtful = false
            if isConsistent, let item { mirror.looked(at: view(item), now: now.instant) }
        case .create, .delete: break
        case .membership: retries.wrote()
        case .take(let take, let sentAt, let patience):
            retries.wrote()
            plan.took(take.shards, sentAt: sentAt, for: patience)
            for shard in take.ended { mirror.depleted(shard) }
            let news = take.unreadable + look(at: item, now)
            return take.shards.compactMap { shard in
                guard plan.holds[shard] != nil, var record = self.item?.shards[shard] else { return nil }
                // The item says it with the next write, behind which the shard is not ours any more.
                if take.ended.contains(shard) { record.isDepleted = true }
                return .took(record, isFresh: take.fresh.contains(shard))
            } + news
        case .mirror:
            guard let write = mirror.wrote() else { break }
            plan.renewed(write.renewed, sentAt: write.sentAt, for: write.patience)
            retries.wrote()
            let over = write.news.filter { $0.value.isReleased || $0.value.isDepleted == true }.keys.sorted()
            for shard in over { plan.gaveUp(shard) }
            let renewed: [News] = write.renewed.isEmpty ? [] : [.renewed(write.renewed.count)]
            return renewed + over.map(News.over) + look(at: item, now)
        case .leave:
            phase = .left
            return []
        }
        return look(at: item, now)
    }

    private func view(_ item: Item) -> GroupItem { GroupItem(item, place: settings.place(in: item)) }

    /// Whether a look at the item takes away what this member has: a read that is not consistent may be of before our own
    /// writes, and is no reason for that.
    private func takesAway(_ found: Item?) -> Bool {
        guard let found else { return true }
        let item = view(found)
        return item.members[me].map { !isSaid($0) } ?? true
            || item.streamCreatedOn != settings.streamCreatedOn.iso8601
            || plan.leases.contains { item.shards[$0]?.lease?.owner != me }
    }

    private mutating func failed(_ underWay: UnderWay, isThrottled: Bool, now: Instant) {
        if case .mirror = underWay {
            mirror.refused(
                isThrottled: isThrottled, now: now, itemBytes: item?.bytes ?? 0, members: item?.members.count ?? 1)
        }
        if case .take(let take, _, _) = underWay { plan.refused(take.shards) }
        retries.pause(now: now)
    }

    /// Leases that have ended by our own clock.
    private mutating func ended(_ now: GroupMoment) -> [News] {
        plan.ended(now: now.instant).map { shard in
            mirror.lost(shard)
            return .lost(shard, to: owner(of: shard).flatMap { $0 == me ? nil : $0 })
        }
    }
}

// MARK: - Looking at the item

extension Membership {
    /// The item as it is now; nil: there is none.
    private mutating func look(at found: Item?, _ now: GroupMoment) -> [News] {
        lastLook = now.instant
        guard let found else {
            item = nil
            if phase == .leaving { phase = .left }
            guard phase != .left else { return [] }
            let wasInside = phase == .inside
            phase = .absent
            plan.itemGone(now: now.instant)
            return (wasInside ? [.itemGone] : []) + loseAll()
        }
        let item = view(found)
        guard item.streamCreatedOn == settings.streamCreatedOn.iso8601 else {
            // Nothing of it is about the stream that is read here.
            self.item = nil
            if phase == .leaving { phase = .left }
            guard phase != .left else { return [] }
            if let creation = WallTime(iso8601: item.streamCreatedOn), creation > settings.streamCreatedOn {
                phase = .outdated
                retries.recover(now: now.instant)
                return loseAll() + [.outdated]
            }
            phase = .stale(item.deleteConditions)
            return loseAll()
        }
        self.item = item
        if phase != .leaving, phase != .left { phase = .inside }
        return lookAgain(now)
    }

    private mutating func lookAgain(_ now: GroupMoment) -> [News] {
        guard phase == .inside || phase == .leaving, let item else { return ended(now) }
        withdrawTakes()
        jobs = []
        reopenings = reopenings.filter { item.shards[$0.key]?.isDepleted ?? false }
        if let record = item.members[me] {
            if isIntroduced, !record.isSameProcess(as: settings.member) {
                phase = .left
                return loseAll() + [.sharesName(with: record)]
            }
            if isSaid(record) { isIntroduced = true } else { jobs = [.introduce] }
        }
        var news = lookAtPool(item, now)
        for action in plan.looked(at: item, lineage, now: now) {
            switch action {
            case .lost(let shard):
                mirror.lost(shard)
                news.append(.lost(shard, to: item.shards[shard]?.lease?.owner))
            case .giveUp(let shard): news.append(.giveUp(shard))
            case .setActive, .clear, .add, .take: jobs.append(.plan(action))
            case .register: return register(news)
            }
        }
        if plan.takesPart { removeTrimmed(item) }
        if !jobs.isEmpty {
            // One that cannot be done does not hold up the others.
            let first = retries.conflicts % jobs.count
            jobs = Array(jobs[first...] + jobs[..<first])
        }
        if !item.missingMaps.isEmpty { jobs = [.makeMaps] }
        if phase == .leaving { jobs = [] }
        return news
    }

    /// Whether this member has a consumer decides whether it counts for a share.
    private mutating func lookAtPool(_ item: GroupItem, _ now: GroupMoment) -> [News] {
        guard pool != nil else { return [] }
        let actions = pool?.looked(at: item, isWanted: isWanted && phase == .inside, now: now) ?? []
        if item.members[me] != nil { jobs += actions.map(Job.pool) }
        let way = pool?.way
        plan.takePart(isWanted && way != nil)
        guard way != toldWay else { return [] }
        toldWay = way
        return [.way(way)]
    }

    private func isSaid(_ record: GroupMember) -> Bool { settings.member.isIntroduced(by: record) }

    /// Where there is no record of ours nothing else can be written.
    private mutating func register(_ news: [News]) -> [News] {
        withdrawTakes()
        // Who has no record owns nothing: others may have the shards.
        if phase == .leaving {
            phase = .left
        } else {
            jobs = [item?.missingMaps.isEmpty ?? true ? .plan(.register) : .makeMaps]
        }
        return news
    }

    /// Shards that are read out and that the service lists no more: nobody will ever ask for them again, and each makes
    /// every write dearer.
    private mutating func removeTrimmed(_ item: GroupItem) {
        let trimmed = item.shards.values.filter { $0.isDepleted && lineage.isTrimmed($0.id) }
        if !trimmed.isEmpty { jobs.append(.remove(trimmed.sorted { $0.id < $1.id })) }
    }

    /// Takes that were decided and not sent are decided anew.
    private mutating func withdrawTakes() {
        if !isTaking { plan.refused(Array(plan.holds.keys)) }
    }

    private mutating func loseAll() -> [News] {
        jobs = []
        return plan.loseAll().map { shard in
            mirror.lost(shard)
            return .lost(shard, to: nil)
        }
    }
}

// MARK: - What to do

extension Membership {
    /// - Parameter local: what this host's database knows of a shard.
    mutating func next(now: GroupMoment, local: (ShardID) -> LocalShard?) -> Step {
        guard underWay == nil else { return .wait(until: now.instant + settings.leaseDuration) }
        if phase == .left { return .over }
        let retryAt = retries.retryAt
        guard now.instant >= retryAt else { return .wait(until: min(retryAt, plan.nextEnd ?? retryAt)) }
        if isDoubtful { return send(.look(isConsistent: true), .read(isConsistent: true)) }
        switch phase {
        case .left: return .over
        case .entering, .outdated: return send(.look(isConsistent: true), .read(isConsistent: true))
        case .absent:
            let item = GroupItem.new(
                settings.key, streamCreatedOn: settings.streamCreatedOn, version: newVersion())
            return send(.create, .create(item))
        case .stale(let conditions): return send(.delete, .delete(conditions))
        case .inside, .leaving: break
        }
        guard let item else { return send(.look(isConsistent: true), .read(isConsistent: true)) }
        if !hasMetLocal { meet(item, local) }
        if isMirrorFirst {
            isMirrorFirst = false
            if case .send(let request) = mirrorStep(item, now) { return .send(request) }
        }
        if !jobs.isEmpty { return perform(jobs.removeFirst(), item, now, local) }
        while let (shard, place) = reopenings.min(by: { $0.key < $1.key }) {
            if let step = reopen(shard, at: place, item, now) { return step }
            reopenings[shard] = nil
        }
        if phase == .leaving, plan.leases.isEmpty { return leaveNow(now) }
        return mirrorStep(item, now)
    }

    private mutating func mirrorStep(_ item: GroupItem, _ now: GroupMoment) -> Step {
        let step = mirror.next(
            now: now, item: item, lineage: lineage, leases: plan.leases, duration: plan.duration(in: item),
            patience: plan.patience(in: item), version: newVersion())
        switch step {
        case .write(let write): return send(.mirror, .write(write.update.update))
        case .read: return send(.look(isConsistent: true), .read(isConsistent: true))
        case .wait(let until):
            let lookAt = lastLook + lookInterval(item)
            if now.instant >= lookAt { return send(.look(isConsistent: false), .read(isConsistent: false)) }
            let errandAt = pool?.retryAt.map { $0 > now.instant ? $0 : lookAt } ?? lookAt
            return .wait(until: min(until, lookAt, plan.nextEnd ?? lookAt, errandAt))
        }
    }

    /// Who may get shards that others have looks as often as it would write.
    private func lookInterval(_ item: GroupItem) -> Duration {
        let isAlone = item.members.count <= 1 || settings.member.isStandalone && pool == nil
        return isWanted && !isAlone
            ? mirror.interval(itemBytes: item.bytes, members: item.members.count) : settings.acquisitionInterval
    }

    private mutating func send(_ underWay: UnderWay, _ request: Request) -> Step {
        self.underWay = underWay
        return .send(request)
    }

    private mutating func newVersion() -> String {
        versions += 1
        return settings.run.version(versions)
    }

    private mutating func leaveNow(_ now: GroupMoment) -> Step {
        guard let item else { return send(.look(isConsistent: true), .read(isConsistent: true)) }
        var update = GroupUpdate(item.place, by: me, at: now.wall)
        for consumer in item.enhancedConsumers.values.sorted(by: { $0.name < $1.name }) where consumer.isUsedBy == me {
            update.release(consumer, version: newVersion())
        }
        // A standalone member's shards stand in its record.
        if settings.member.isStandalone { update.setActive(false) } else { update.leave() }
        return send(.leave, .write(update.update))
    }

    private mutating func perform(
        _ job: Job, _ item: GroupItem, _ now: GroupMoment, _ local: (ShardID) -> LocalShard?
    ) -> Step {
        var update = GroupUpdate(item.place, by: me, at: now.wall)
        switch job {
        case .plan(.register):
            var member = settings.member
            member.heartbeat = now.wall
            member.isActive = plan.takesPart
            update.register(member)
        case .plan(.setActive(let isActive)): update.setActive(isActive)
        case .plan(.clear(let gone)): update.clear(gone, of: item, version: newVersion())
        case .plan(.add(let shards)):
            for shard in shards {
                let record = added(shard, item, local(shard.id))
                let unreadable = item.unreadable[shard.id]
                guard update.grow(by: { $0.add(record, insteadOf: unreadable) }) else { break }
            }
        case .plan(.take(let records)): return take(records, item, now, local)
        case .plan(.giveUp), .plan(.lost): preconditionFailure("nothing of it is written")
        case .pool(.add(let consumer)):
            update.add(consumer, isStandalone: settings.member.isStandalone, version: newVersion())
        case .pool(.lock(let consumer)): update.lock(consumer, version: newVersion())
        case .pool(.release(let consumer)): update.release(consumer, version: newVersion())
        case .pool(.remove(let consumer)): update.remove(consumer)
        case .introduce: update.introduce(settings.member)
        case .makeMaps: for map in item.missingMaps { update.make(map.path, insteadOf: map.value) }
        case .remove(let records):
            for record in records { guard update.grow(by: { $0.remove(record) }) else { break } }
        }
        return send(.membership, .write(update.update))
    }

    /// The record of a shard that the item does not have.
    private mutating func added(_ shard: Shard, _ item: GroupItem, _ local: LocalShard?) -> ShardRecord {
        let parent = shard.parent.flatMap { lineage.shard($0) == nil ? nil : $0 }
        var record = ShardRecord(id: shard.id, parent: parent, version: newVersion()).reconciled(with: local)
        if record.place == .initial, let beginning = item.beginning(of: shard) { record.place = beginning }
        return record
    }

    private mutating func take(
        _ records: [ShardRecord], _ item: GroupItem, _ now: GroupMoment, _ local: (ShardID) -> LocalShard?
    ) -> Step {
        let duration = plan.duration(in: item)
        var update = GroupUpdate(item.place, by: me, at: now.wall)
        var take = Take()
        for record in records {
            let (place, isFresh) = place(of: record, item, local(record.id), now)
            let version = newVersion()
            let said = place == record.place ? nil : place
            guard update.grow(by: { $0.take(record, at: said, for: duration, version: version) }) else { break }
            take.shards.append(record.id)
            if isFresh { take.fresh.insert(record.id) }
            if case .unreadable(let checkpoint) = record.place {
                take.unreadable.append(.unreadable(record.id, checkpoint: checkpoint, goingOnAt: place))
            }
            if record.reconciled(with: local(record.id)).isDepleted { take.ended.insert(record.id) }
        }
        // Those that do not fit are decided anew once these are ours.
        plan.refused(records.dropFirst(take.shards.count).map(\.id))
        return send(
            .take(take, sentAt: now.instant, patience: plan.patience(in: item)), .write(update.update))
    }

    /// Where a shard is read from once it is ours.
    private func place(of record: ShardRecord, _ item: GroupItem, _ local: LocalShard?, _ now: GroupMoment)
        -> (ShardRecord.Place, isFresh: Bool)
    {
        let known = record.reconciled(with: local).place
        // Nothing may be passed over: all that the stream has comes.
        if case .unreadable = known { return (.since(settings.streamCreatedOn), false) }
        if known != .initial { return (known, false) }
        if let beginning = lineage.shard(record.id).flatMap(item.beginning) { return (beginning, false) }
        switch settings.initialPosition {
        case .trimHorizon: return (.initial, false)
        case .atTimestamp(let moment): return (.since(moment), false)
        case .latest: break
        }
        // The service's time at that moment: this host's clock may be wrong.
        let age = latestSince.map { max(.zero, now.instant - $0) } ?? .zero
        return (.since(now.wall.advanced(by: .zero - age)), true)
    }

    /// A shard may have been opened again here, and the process have ended before that was written.
    private mutating func meet(_ item: GroupItem, _ local: (ShardID) -> LocalShard?) {
        hasMetLocal = true
        for record in item.shards.values where record.isDepleted {
            guard let known = local(record.id), !known.isDepleted, record.isOlder(than: known.run) else { continue }
            reopenings[record.id] = known.place
        }
    }

    /// nil: somebody else has the shard, or it is not read to its end any more.
    private mutating func reopen(_ shard: ShardID, at place: ShardRecord.Place, _ item: GroupItem, _ now: GroupMoment)
        -> Step?
    {
        guard let record = item.shards[shard], record.isDepleted, plan.holds[shard] == nil,
            record.lease.map({ $0.owner == me || item.members[$0.owner] == nil }) ?? true
        else { return nil }
        let duration = plan.duration(in: item)
        var update = GroupUpdate(item.place, by: me, at: now.wall)
        guard plan.takesPart else {
            // Nobody reads here: others are to have it.
            update.reopen(record, at: place, version: newVersion())
            return send(.membership, .write(update.update))
        }
        update.take(record, at: place, reopening: true, for: duration, version: newVersion())
        plan.reopen(shard, now: now.instant)
        return send(
            .take(Take(shards: [shard]), sentAt: now.instant, patience: plan.patience(in: item)),
            .write(update.update))
    }
}

extension GroupUpdate {
    /// Says more in the same request, if the service still takes it then. Returns whether it does; what is said first always
    /// fits.
    fileprivate mutating func grow(by change: (inout GroupUpdate) -> Void) -> Bool {
        var longer = self
        change(&longer)
        guard longer.fits || update.isEmpty else { return false }
        self = longer
        return true
    }
}
