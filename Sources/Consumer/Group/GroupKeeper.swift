import AWS
import DynamoDB
import Kinesis
import Logging
import Reactor
import State
import Time

/// Keeps one consumer's place in its group: carries out what its `Membership` decides, and tells the consumer which shards
/// it may read. Confined to its loop.
///
/// It outlives readers and sessions. What the positions say is committed on this host before it is written for the group.
final class GroupKeeper: @unchecked Sendable {
    /// Who reads what the leases are of.
    protocol Delegate: AnyObject {
        /// The positions say of other shards than before that they may be read.
        func leasesChanged()
        /// What may be read holds for longer; some of it may have come to its end in between.
        func leasesRenewed()
        /// Reading the shard comes to an end; `.settled` of it is noted then.
        func giveUp(_ shard: ShardID)
        /// The shard may not be read any more.
        func leaseLost(_ shard: ShardID)
        /// This member has put shards elsewhere: reading them begins there.
        func sought(_ shards: [ShardID])
        /// Another member has put shards elsewhere: what was sent of them here counts for nothing.
        func wasSought(_ shards: Set<ShardID>)
        /// The group knows of shards, or of a stream, that were not seen here.
        func groupIsAhead()
    }

    /// How long whoever waits for the first round does so.
    static let patience: Duration = .seconds(20)

    weak var delegate: (any Delegate)?
    let run = MemberRun(Consumer.newID())
    /// nil before the stream was seen.
    private(set) var membership: Membership?
    /// What the leases are leases of.
    private var positions: Positions?
    /// What the last request has met; nil where it has succeeded.
    private(set) var problem: AWSError?
    private(set) var counters = GroupCounters()

    private let key: ConsumerKey
    private let context: GroupContext
    private let state: StateStore
    private let loop: EventLoop
    private let logger: Logger
    /// What has happened to shards here and was not told to the membership yet.
    private var untold: [ShardID: ShardEvents] = [:]
    /// Shards whose LATEST is to be fixed by iterators of the service.
    private var fresh: [ShardID] = []
    private var isNearlyFull = false
    private let fanOut: FanOut
    /// What is being asked of the service for the pool of consumers.
    private var errand: Task<Void, Never>?
    private let wakeup: Wakeup
    private let looked: Gate
    private var task: Task<Void, Never>?
    /// Seeks that wait for a moment between two requests: a checkpoint that is under way would come behind them.
    private var seeks: [WaitingSeek] = []

    /// Confined to the loop.
    private final class WaitingSeek: @unchecked Sendable {
        let seek: GroupSeek
        var isUnderWay = false
        var outcome: Result<GroupSeek.Outcome, ConsumerError>?

        init(_ seek: GroupSeek) { self.seek = seek }
    }

    /// nil where this process is alone in its groups.
    init?(_ scope: ConsumerScope) {
        guard let context = scope.engine.group else { return nil }
        self.context = context
        key = scope.key
        state = scope.engine.state
        loop = scope.engine.loop
        logger = scope.logger
        fanOut = scope.fanOut
        wakeup = Wakeup(loop: loop)
        looked = Gate(loop: loop)
    }

    // MARK: Queries

    /// Whether records of the shard may be given out in this moment.
    func mayRead(_ shard: ShardID) -> Bool { membership?.mayRead(shard, now: loop.clock) ?? false }

    /// Who else has the shard, as far as is known.
    func owner(of shard: ShardID) -> GroupMember? {
        membership.flatMap { membership in
            membership.owner(of: shard).flatMap { $0 == membership.me ? nil : membership.item?.members[$0] }
        }
    }

    /// Why the group's item cannot be read or written, or what is wrong with its table; nil while nothing is.
    var trouble: String? {
        context.readiness.state.problem ?? itemProblem ?? strandedProblem ?? untakenProblem ?? membership?.pool?.problem
    }

    /// Why the group's item cannot be written; nil while it can.
    var obstacle: String? { context.obstacle ?? itemProblem }

    private var itemProblem: String? { problem?.description ?? membership?.problem }

    private var strandedProblem: String? {
        guard let shard = membership?.stranded.first else { return nil }
        return
            "nobody reads \(shard): `depleted` is true in its record in the group's item, and Kinesis lists it as open; "
            + "set it to false"
    }

    private var untakenProblem: String? {
        guard let (shard, reason) = membership?.untaken(now: loop.now).min(by: { $0.key < $1.key }) else { return nil }
        return "nobody reads \(shard): the work on it fails here (\(reason)), and no other member has taken it"
    }

    private var moment: GroupMoment { GroupMoment(instant: loop.clock, wall: context.serviceTime()) }

    // MARK: Facts

    /// Takes part with these positions, and returns once the first round of leases is over: the shards that can be had are
    /// had. Returns those whose LATEST begins now.
    /// - Parameter moment: when a reader asked.
    func enter(with positions: Positions, _ listing: [Shard], _ options: ConsumerOptions, since moment: WallTime)
        async throws(ConsumerError) -> [ShardID]
    {
        begin(with: positions, listing, options, for: WallTime.now().duration(since: moment))
        let deadline = loop.now + Self.patience
        let timer = loop.schedule(at: deadline) { [looked] in looked.open() }
        defer { loop.cancel(timer) }
        do {
            try await looked.wait(while: { !hasSettledIn && loop.now < deadline && problem?.disposition != .denied })
        } catch { throw .cancelled }
        guard hasSettledIn else { throw .group(obstacle ?? "no answer in time") }
        defer { fresh = [] }
        return fresh
    }

    private var hasSettledIn: Bool { membership?.hasSettledIn ?? false }

    /// Goes over to a stream that was made anew: LATEST reads what has come into it from its creation on.
    func goOver(to positions: Positions, _ listing: [Shard], _ options: ConsumerOptions) {
        let age = context.serviceTime().duration(since: positions.book.streamCreatedOn)
        begin(with: positions, listing, options, for: age)
    }

    /// Takes part with these positions. Those of another incarnation of the stream begin a new item.
    /// - Parameter age: for how long LATEST is asked for already.
    private func begin(
        with positions: Positions, _ listing: [Shard], _ options: ConsumerOptions, for age: Duration
    ) {
        let createdOn = positions.book.streamCreatedOn
        if self.positions !== positions {
            // What was said of other positions is not about these.
            self.positions?.onChange = nil
            untold = [:]
        }
        self.positions = positions
        positions.onChange = { [weak self] in self?.note($1 ? [.moved, .wentBack] : .moved, of: $0) }
        if membership?.settings.streamCreatedOn != createdOn {
            membership = Membership(settings(createdOn, options), now: loop.clock)
            fresh = []
        }
        listed(listing)
        takePart(true, since: loop.clock - age)
        if task == nil { task = loop.spawn { await self.keep() } }
    }

    private func settings(_ createdOn: WallTime, _ options: ConsumerOptions) -> Membership.Settings {
        let wanted = options.shardIDs.isEmpty ? nil : options.shardIDs
        let member = GroupMember(
            id: context.name.current, appName: context.appName, host: context.host, pid: context.pid,
            startedOn: context.startedOn, heartbeat: nil, isActive: true,
            isStandalone: !options.useAutoShardAssignment || wanted != nil, leaseDuration: options.leaseDuration)
        return Membership.Settings(
            member: member, run: run, key: key, streamCreatedOn: createdOn, leaseDuration: options.leaseDuration,
            checkpointInterval: options.checkpointInterval, acquisitionInterval: options.leaseAcquisitionInterval,
            recoveryInterval: options.leaseAcquisitionRecoveryInterval,
            initialPosition: options.initialPositionInStream, wanted: wanted,
            fanOut: options.useEnhancedFanOut ? ConsumerPool.Settings(options) : nil)
    }

    /// The service lists these shards.
    func listed(_ listing: [Shard]) {
        let before = membership?.stranded
        change { $0.listed(listing, now: $1) }
        if let strandedProblem, membership?.stranded != before {
            logger.error("shards cannot be leased", metadata: ["error": "\(strandedProblem)"])
        }
    }

    /// Somebody reads here, or nobody does any more.
    func takePart(_ takesPart: Bool, since: Membership.Instant? = nil) {
        change { $0.takePart(takesPart, since: since, now: $1) }
    }

    /// Something has happened to the shard here.
    func note(_ events: ShardEvents, of shard: ShardID) {
        let isFirst = untold.isEmpty
        untold[shard, default: []].formUnion(events)
        // What is acknowledged from here on would come behind the lease's release.
        if events.contains(.settled) { positions?.disown(shard, isLost: false) }
        // The others wait until something may be written.
        if isFirst || events.areUrgent { wakeup.signal() }
    }

    /// Writes what is known of these shards, and returns once the group's item has their places: for who can commit nothing
    /// on this host. Throws `.leaseLost` where another member has a shard before that.
    /// - Parameter isBack: they may have gone back.
    func store(_ places: [ShardID: Checkpoint], isBack: Bool) async throws(ConsumerError) {
        for shard in places.keys { note(.awaited, of: shard) }
        let deadline = loop.now + Self.patience
        let timer = loop.schedule(at: deadline) { [looked] in looked.open() }
        defer { loop.cancel(timer) }
        let isStored = { self.isStored($0, $1, isBack: isBack) }
        do {
            try await looked.wait(while: {
                places.contains { !isStored($0, $1) && mayMove($0) } && loop.now < deadline
            })
        } catch { throw .cancelled }
        guard let (shard, _) = places.first(where: { !isStored($0, $1) }) else { return }
        if mayMove(shard) { throw .group(obstacle ?? "no answer in time") }
        throw .leaseLost(shard, to: owner(of: shard))
    }

    /// Whether the item has the place. One that went back is there once nothing more is to be written of the shard.
    private func isStored(_ shard: ShardID, _ checkpoint: Checkpoint, isBack: Bool) -> Bool {
        if !isBack, let stored = membership?.item?.shards[shard]?.checkpoint, stored >= checkpoint { return true }
        return untold[shard] == nil && mayMove(shard) && membership?.isMirrored(shard) ?? false
    }

    private func mayMove(_ shard: ShardID) -> Bool { positions?.book.mayMove(shard) ?? false }

    /// Puts shards elsewhere, between two requests of this member's; nil where it is no member, so that nothing of it is under
    /// way.
    func seek(_ request: SeekRequest, _ id: SeekID, _ listing: [Shard]) async throws(ConsumerError)
        -> GroupSeek.Outcome?
    {
        guard task != nil, let settings = membership?.settings else { return nil }
        let waiting = WaitingSeek(
            GroupSeek(
                request: request, id: id, key: key, listing: listing, streamCreatedOn: settings.streamCreatedOn,
                context: context, member: settings.member, subscribes: settings.fanOut != nil))
        seeks.append(waiting)
        wakeup.signal()
        let deadline = loop.now + Self.patience
        let timer = loop.schedule(at: deadline) { [looked] in looked.open() }
        defer { loop.cancel(timer) }
        do {
            try await looked.wait(while: {
                waiting.outcome == nil && task != nil && (waiting.isUnderWay || loop.now < deadline)
            })
        } catch {
            if !waiting.isUnderWay { seeks.removeAll { $0 === waiting } }
            throw .cancelled
        }
        if let outcome = waiting.outcome { return try outcome.get() }
        seeks.removeAll { $0 === waiting }
        throw .group(obstacle ?? "no answer in time")
    }

    private func carryOut(_ waiting: WaitingSeek) async {
        waiting.isUnderWay = true
        do throws(ConsumerError) {
            let outcome = try await waiting.seek.perform(now: loop.clock)
            if !waiting.seek.request.isDryRun { sought(outcome, waiting.seek) }
            waiting.outcome = .success(outcome)
        } catch {
            waiting.outcome = .failure(error)
        }
        looked.open()
    }

    /// The item says where the shards stand now, and so do the positions before anything else is decided.
    private func sought(_ outcome: GroupSeek.Outcome, _ seek: GroupSeek) {
        let shards = outcome.plan.moves.map(\.shard)
        _ = positions?.listed(seek.listing)
        positions?.seek(outcome.plan.moves, seek.id)
        for shard in shards {
            // What was to be said of the former place is of no use.
            untold[shard]?.formIntersection([.settled, .awaited])
            if untold[shard]?.isEmpty ?? false { untold[shard] = nil }
        }
        let held = membership?.plan.holds ?? [:]
        change { $0.sought(shards, outcome.item, now: $1) }
        for shard in shards where held[shard] != nil && membership?.plan.holds[shard] == nil {
            positions?.disown(shard, isLost: false)
        }
        delegate?.sought(shards)
    }

    /// Work on the shard fails here: other members are to have it, as `LeasePlan.leaveToOthers`. Returns whether it is given up; it
    /// stays where nobody else could have it.
    func leaveToOthers(_ shard: ShardID, for absence: Duration, because reason: String) -> Bool {
        guard let news = membership?.leaveToOthers(shard, for: absence, because: reason, now: moment) else {
            return false
        }
        tell(news)
        wakeup.signal()
        return true
    }

    /// Leaves the group: the shards are given up, and others may have them at once. Returns when that is written, or at the
    /// deadline.
    func leave(deadline: EventLoop.Instant) async {
        guard task != nil else { return }
        let shards = membership?.leave() ?? []
        for shard in shards { giveUp(shard) }
        wakeup.signal()
        let timer = loop.schedule(at: deadline) { [looked] in looked.open() }
        defer { loop.cancel(timer) }
        try? await looked.wait(while: { task != nil && loop.now < deadline })
    }

    private func change(_ change: (inout Membership, GroupMoment) -> [Membership.News]) {
        guard membership != nil else { return }
        let news = change(&membership!, moment)
        tell(news)
        wakeup.signal()
    }

    // MARK: Keeping

    private func keep() async {
        defer {
            task = nil
            looked.open()
        }
        while membership != nil {
            if loop.clock >= membership!.nextWrite || untold.values.contains(where: \.areUrgent) { await tellChanges() }
            tell(membership!.expire(now: moment))
            runErrand()
            if !seeks.isEmpty {
                await carryOut(seeks.removeFirst())
                continue
            }
            switch membership!.next(now: moment, local: { positions?.book.local($0) }) {
            case .wait(let until):
                await wakeup.wait(until: untold.isEmpty ? until : min(until, membership!.nextWrite))
            case .send(let request):
                let answer = await send(request)
                tell(membership!.answered(answer, now: moment))
                if let item = membership?.item {
                    positions?.follow(item)
                    warn(of: item)
                    lookForNews(item)
                }
                looked.open()
            case .over: return
            }
        }
    }

    /// Asks the service for what the pool of consumers needs, beside the item's requests.
    private func runErrand() {
        guard errand == nil, let next = membership?.errand(now: loop.clock) else { return }
        errand = loop.spawn { [self] in
            let outcome = await fanOut.perform(next)
            errand = nil
            change { $0.done(next, outcome, now: $1) }
            looked.open()
        }
    }

    /// The service does not have a consumer that this member subscribes as.
    func isGone(_ consumer: ConsumerARN) { change { $0.isGone(consumer, now: $1) } }

    /// What has changed here goes to the group once it is committed; where it cannot be committed, all the same.
    private func tellChanges() async {
        guard !untold.isEmpty else { return }
        await state.commitIfPossible()
        let changes = untold
        untold = [:]
        for (shard, events) in changes where events.contains(.moved) {
            guard let local = positions?.book.local(shard) else { continue }
            if events.contains(.wentBack) {
                membership?.wentBack(shard, local.place)
            } else if local.place != .initial {
                membership?.committed(shard, local.place)
            }
            // Perhaps since it went back.
            if local.isDepleted { membership?.depleted(shard) }
        }
        for (shard, events) in changes {
            if events.contains(.awaited) { membership?.hurry(shard) }
            if events.contains(.settled) { membership?.settled(shard) }
        }
    }

    private func tell(_ news: [Membership.News]) {
        for item in news {
            switch item {
            case .took(let record, let isFresh):
                counters.taken += 1
                if isFresh { fresh.append(record.id) }
                logger.info("shard leased", metadata: ["shard": "\(record.id)"])
                if positions?.adopt(record, run: run) ?? false { delegate?.wasSought([record.id]) }
                delegate?.leasesChanged()
            case .renewed(let count):
                counters.renewed += count
                delegate?.leasesRenewed()
            case .giveUp(let shard): giveUp(shard)
            case .lost(let shard, let owner):
                counters.lost += 1
                logger.warning(
                    "a shard's lease is lost",
                    metadata: ["shard": "\(shard)", "member": "\(owner.map(\.text) ?? "nobody")"])
                // Where nobody else has written, this host knows best.
                let isOurs = membership?.item?.shards[shard]?.isOlder(than: run) ?? true
                positions?.disown(shard, isLost: !isOurs)
                delegate?.leaseLost(shard)
                looked.open()
            case .unreadable(let shard, let checkpoint, let place):
                logger.error(
                    "the shard's checkpoint in the group's item is no sequence number; what was read may come again",
                    metadata: ["shard": "\(shard)", "was": "\(checkpoint)", "position": "\(place)"])
            case .way(let way): fanOut.use(way)
            case .over(let shard):
                positions?.disown(shard, isLost: false)
                delegate?.leasesChanged()
            case .outdated:
                logger.warning("the group's item is of a later stream of this name; it is looked at")
                delegate?.groupIsAhead()
            case .sharesName(let other):
                takeAnotherName(insteadOf: other)
            case .itemGone:
                logger.error("the group's item is gone; it is made anew from what is known here")
            }
        }
    }

    /// Two processes have one `dataDir`, or copies of it: this one goes on as a member of its own.
    private func takeAnotherName(insteadOf other: GroupMember) {
        guard let membership else { return }
        let name = context.name.instead(of: membership.me)
        logger.error(
            "another process takes part in the group under this sidecar's name, as where dataDir was copied; this one goes on under a new name",
            metadata: [
                "was": "\(membership.me)", "member": "\(name)", "host": "\(other.host)",
                "pid": .stringConvertible(other.pid),
            ])
        self.membership = membership.renamed(name, now: moment)
    }

    /// Another member has seen shards that are not listed here yet.
    private func lookForNews(_ item: GroupItem) {
        guard let membership else { return }
        let isNews = item.shards.values.contains { !$0.isDepleted && !membership.knows($0.id) }
        if isNews { delegate?.groupIsAhead() }
    }

    /// Whether the stream that is read here may be gone.
    var doubtsStream: Bool { membership?.isOutdated ?? false }

    /// An item has at most 400 KB, and a write that would make it larger is refused.
    private func warn(of item: GroupItem) {
        let isNearlyFull = item.bytes >= 300 * 1024
        defer { self.isNearlyFull = isNearlyFull }
        guard isNearlyFull, !self.isNearlyFull else { return }
        let left = (ItemSize.most - item.bytes) / max(1, item.bytes / max(1, item.shards.count))
        logger.warning(
            "the group's item is nearly as large as DynamoDB takes it",
            metadata: [
                "bytes": .stringConvertible(item.bytes), "limit": .stringConvertible(ItemSize.most),
                "shards": .stringConvertible(item.shards.count), "shardsThatStillFit": .stringConvertible(left),
            ])
    }

    private func giveUp(_ shard: ShardID) {
        counters.givenUp += 1
        logger.info("a shard's lease is given up", metadata: ["shard": "\(shard)"])
        positions?.giveUp(shard)
        delegate?.giveUp(shard)
    }

    private func send(_ request: Membership.Request) async -> Membership.Answer {
        // Whoever sets the table up says what is wrong with it.
        guard context.readiness.state.isReady else { return .refused(isThrottled: false) }
        do throws(AWSError) {
            let answer: Membership.Answer
            switch request {
            case .read(let isConsistent): answer = .item(try await context.table.read(key, isConsistent: isConsistent))
            case .create(let item):
                _ = try await context.table.create(key, item)
                answer = .done
            case .delete(let conditions):
                _ = try await context.table.delete(key, if: conditions)
                answer = .done
            case .write(let update):
                switch try await context.table.write(key, update) {
                case .done(let item): answer = .item(item)
                case .conditionFailed(let item): answer = .conditionFailed(item)
                }
            }
            succeeded()
            return answer
        } catch {
            return failed(error)
        }
    }

    private func succeeded() {
        if problem != nil { logger.notice("the group's item can be read and written again") }
        problem = nil
    }

    private func failed(_ error: AWSError) -> Membership.Answer {
        if problem == nil {
            logger.warning(
                "the group's item cannot be read or written; it is tried again", metadata: ["error": "\(error)"])
        }
        problem = error
        if error.mayHaveTakenPlace { return .unknown }
        return .refused(isThrottled: error.disposition == .throttled)
    }
}
