import DynamoDB
import Kinesis
import State
import TestSupport
import Testing
import Time

@testable import Consumer

/// Members of one group over one item, in any order, with delays, losses and clocks that are apart.
@Suite struct LeaseWalkTests {
    @Test(arguments: 0..<12)
    func `no shard has two readers, nothing is passed over, and nothing is left unread once members are left alone`(
        seed: Int
    ) async {
        var walk = LeaseWalk(seed: UInt64(seed))
        await takeSteps(1500) { walk.step(withFaults: true) }
        await takeSteps(1000) { walk.step(withFaults: false) }
        #expect(walk.faults == [])
        #expect(walk.unread == [])
        #expect(walk.sharedNames == [])
        let shares = walk.shares
        #expect((shares.max() ?? 0) - (shares.min() ?? 0) <= 1, "\(shares)")
        #expect(walk.behind == [], "what was read is in the item")
    }

    @Test(arguments: 0..<10)
    func `a shard that some members fail with is soon with one that does not, and a lone member keeps all`(
        seed: Int
    ) async {
        var walk = LeaseWalk(seed: UInt64(seed), fails: true)
        await takeSteps(1500) { walk.step(withFaults: true) }
        await takeSteps(1800) { walk.step(withFaults: false) }
        #expect(walk.faults == [])
        #expect(walk.sharedNames == [])
        walk.killAllButOne()
        await takeSteps(400) { walk.step(withFaults: false) }
        #expect(walk.faults == [])
        #expect(walk.unread == [])
        for _ in 0..<400 {
            walk.step(withFaults: false)
            #expect(walk.unread == [], "nothing is given up where nobody else could take it")
        }
    }

    @Test(arguments: 0..<12)
    func `members that subscribe share fewer consumers than they are, each its own`(
        seed: Int
    ) async {
        var walk = LeaseWalk(seed: UInt64(seed), consumers: 1 + seed % 3)
        await takeSteps(1500) { walk.step(withFaults: true) }
        await takeSteps(1000) { walk.step(withFaults: false) }
        #expect(walk.faults == [])
        #expect(walk.unread == [])
        #expect(walk.subscribers == min(walk.readers, 1 + seed % 3))
        #expect(walk.registered.isSuperset(of: walk.listed) && walk.listed.count <= 1 + seed % 3)
        let shares = walk.shares
        #expect((shares.max() ?? 0) - (shares.min() ?? 0) <= 1, "\(shares)")
    }
}

/// A walk over one item. Records of a shard are numbered from 1; the shards are open, and there is always another record.
private struct LeaseWalk {
    private static let key = ConsumerKey(stream: StreamName("orders")!, group: "billing")
    private static let step: Duration = .milliseconds(250)
    private static let leaseDuration: Duration = .seconds(20)

    /// One sidecar and the request that it has under way.
    private struct Member {
        var membership: Membership
        var clockError: Duration
        /// Cut off from the table until then.
        var cutOff = 0
        /// Asleep until then: it does nothing, but its leases end.
        var asleep = 0
        var settling: [ShardID: Int] = [:]
        /// The last record that was read of the shards that are ours.
        var read: [ShardID: UInt128] = [:]
        /// Under which seek the shards were taken that it has, or had last.
        var seeks: [ShardID: SeekID] = [:]
        /// What its database knows.
        var local: [ShardID: LocalShard] = [:]
        var request: Membership.Request?
        /// When the answer comes.
        var answersAt = 0
        var errand: ConsumerPool.Errand?
        /// When it is done.
        var errandEnds = 0
        /// How it reads, as it was told.
        var way: ReadingWay?
        /// Shards that it gets nowhere with, and since when it has them.
        var failing: [ShardID: Int] = [:]
        var failsWith: Set<ShardID> = []
    }

    private(set) var faults: [String] = []
    private var random: SeededGenerator
    private var table: FakeItem?
    /// As it was some time ago: what a read that is not consistent may see.
    private var olderTable: FakeItem?
    /// By the number of the process.
    private var members: [Int: Member] = [:]
    private let shards: [Shard]
    private var furthest: [ShardID: UInt128] = [:]
    /// When somebody last put a shard elsewhere: two may read it until its owner of before has looked, or its lease is over.
    private var soughtAt: [ShardID: Int] = [:]
    private var seeks = 0
    private let start = ContinuousClock.now
    private var tick = 0
    private var isDisturbed = false
    /// When somebody last deleted the item, or there were two processes under one name. What is read twice for that is over with
    /// the leases: a member knows of neither before it looks.
    private var disturbedAt = -1000
    private var born = 0
    /// Consumers that the group may have; nil: shards are polled.
    private let consumers: Int?
    /// The consumers that the service has: by name, which.
    private var service: [String: ConsumerARN] = [:]
    private var registrations = 0
    /// Whether members fail with some shards, and leave them to others.
    private let fails: Bool
    /// Of shards that nobody reads, although somebody should.
    private var unreadSince: [ShardID: Int] = [:]
    /// When somebody last got on with a shard.
    private var workedAt: [ShardID: Int] = [:]
    /// Since when no member is disturbed.
    private var calmSince = 0

    init(seed: UInt64, consumers: Int? = nil, fails: Bool = false) {
        self.consumers = consumers
        self.fails = fails
        random = SeededGenerator(seed: seed)
        let count = Int.random(in: 1...12, using: &random)
        let range = HashKeyRange(start: HashKey("0")!, end: HashKey("1")!)!
        shards = (0..<count).map {
            Shard(id: ShardID(number: $0), hashKeyRange: range, startingSequenceNumber: SequenceNumber(0))
        }
        for _ in 0..<Int.random(in: 1...4, using: &random) { join() }
    }

    /// Shards that nobody reads who was told to and may, of those that somebody should.
    var unread: [ShardID] {
        guard members.values.contains(where: { $0.membership.plan.takesPart }) else { return [] }
        return shards.map(\.id).filter { shard in
            !members.values.contains { $0.read[shard] != nil && $0.membership.mayRead(shard, now: now) }
        }
    }

    /// Members that read, or would.
    var readers: Int { members.count }

    /// Members that have a consumer.
    var subscribers: Int {
        members.values.count { if case .fanOut = $0.membership.pool?.way { true } else { false } }
    }

    var registered: Set<ConsumerARN> { Set(service.values) }

    /// Consumers that the item has.
    var listed: Set<ConsumerARN> {
        Set(table.map { GroupItem($0.item, place: .shared).enhancedConsumers.values.map(\.arn) } ?? [])
    }

    /// How many shards each member has that takes part.
    var shares: [Int] {
        members.values.filter(\.membership.plan.takesPart).map { member in
            shards.count { member.membership.mayRead($0.id, now: now) }
        }
    }

    /// Names that several processes go by.
    var sharedNames: [MemberID] {
        Dictionary(grouping: members.values, by: \.membership.me).filter { $0.value.count > 1 }.keys.sorted()
    }

    /// Shards of which the item is far behind what their reader has read.
    var behind: [ShardID] {
        let item = table.map { GroupItem($0.item, place: .shared) }
        return members.values.flatMap { member in
            member.read.filter { shard, last in
                guard member.membership.mayRead(shard, now: now), last > 60 else { return false }
                return item?.shards[shard]?.checkpoint.map { $0.sequenceNumber < SequenceNumber(last - 60) } ?? true
            }.keys
        }
    }

    mutating func step(withFaults: Bool) {
        tick += 1
        isDisturbed = withFaults
        if tick.isMultiple(of: 7) { olderTable = table }
        if withFaults { disturb() } else { calm() }
        for id in members.keys.sorted() where Int.random(in: 0..<3, using: &random) == 0 { act(id) }
        for (id, member) in members {
            for case (let shard, .held) in member.membership.plan.holds where member.read[shard] == nil {
                faults.append("\(id) holds \(shard) at \(tick), and was not told")
            }
            if !member.membership.plan.takesPart, !member.membership.untaken(now: now).isEmpty {
                faults.append("\(id) takes no part at \(tick), and tells of shards that nobody takes")
            }
        }
        if !sharedNames.isEmpty { disturbedAt = tick }
        if withFaults { calmSince = tick } else { lookForIdleShards() }
        guard isOrderly else { return }
        for shard in shards.map(\.id)
        where tick >= soughtAt[shard, default: -Self.lease] + Self.lease && readers(of: shard).count > 1 {
            faults.append("\(shard) has the readers \(readers(of: shard)) at \(tick)")
        }
    }

    /// Steps that a member fails with a shard before it leaves it to others, those for which it does, and how long everybody who
    /// fails with a shard may take to find that out, one after the other, before it is with somebody who does not.
    private static let failure = 20
    private static let absence = 240
    private static let search = 240

    /// Steps after which somebody tries a shard that all leave to others: a minute, and some to take it.
    private static let longestFree = 240 + 40

    private mutating func lookForIdleShards() {
        guard fails, tick > calmSince + Self.lease else { return }
        let unread = unread
        unreadSince = unreadSince.filter { unread.contains($0.key) }
        for shard in unread {
            let since = unreadSince[shard] ?? tick
            unreadSince[shard] = since
            if tick == since + Self.longestFree { faults.append("nobody has tried \(shard) since \(since) at \(tick)") }
        }
        guard tick > calmSince + Self.lease + Self.search else { return }
        for shard in shards.map(\.id)
        where members.values.contains(where: { !$0.failsWith.contains(shard) })
            && tick == workedAt[shard, default: 0] + Self.search
        {
            faults.append("nobody got on with \(shard) since \(workedAt[shard] ?? 0) at \(tick)")
        }
    }

    mutating func killAllButOne() {
        for id in members.keys.sorted().dropFirst() { members[id] = nil }
        // What it fails with nobody gets on with.
        calmSince = .max - 2 * Self.search
    }

    /// Steps of a lease.
    private static let lease = Int(leaseDuration / step)

    /// Whether every lease is of after the last deletion of the item and the last two processes of one name.
    private var isOrderly: Bool { tick >= disturbedAt + Self.lease }

    private func readers(of shard: ShardID) -> [Int] {
        members.keys.filter { members[$0]!.membership.mayRead(shard, now: now) }.sorted()
    }

    private var now: ContinuousClock.Instant { start + Self.step * tick }

    private func moment(of member: Member) -> GroupMoment {
        let wall = WallTime(milliseconds: 1_700_000_000_000).advanced(by: Self.step * tick + member.clockError)
        return GroupMoment(instant: now, wall: wall)
    }

    /// - Parameter copy: the process whose volume this one has a copy of.
    private mutating func join(copy: Int? = nil) {
        born += 1
        let copied = copy.flatMap { members[$0] }
        let me = GroupMember(
            id: copied?.membership.me ?? MemberID("m\(born)"), appName: "a", host: "h", pid: born, startedOn: nil,
            heartbeat: nil, isActive: true,
            isStandalone: false, leaseDuration: Self.leaseDuration)
        let settings = Membership.Settings(
            member: me, run: MemberRun("r\(born)"), key: Self.key, streamCreatedOn: WallTime(milliseconds: 0),
            leaseDuration: Self.leaseDuration, checkpointInterval: .seconds(1), acquisitionInterval: .seconds(20),
            recoveryInterval: .seconds(5), initialPosition: .trimHorizon, wanted: nil,
            fanOut: consumers.map { consumers in
                var options = ConsumerOptions()
                options.maxEnhancedConsumers = consumers
                options.enhancedConsumerIdleTimeout = .seconds(30)
                return ConsumerPool.Settings(options)
            })
        var member = Member(
            membership: Membership(settings, now: now),
            clockError: .milliseconds(Int.random(in: -4000...4000, using: &random)))
        hear(member.membership.listed(shards, now: moment(of: member)), &member)
        hear(member.membership.takePart(true, now: moment(of: member)), &member)
        member.local = copied?.local ?? [:]
        member.seeks = copied?.seeks ?? [:]
        // With more of them it takes the longer, the more they are.
        if fails, members.values.count(where: { !$0.failsWith.isEmpty }) < 2, Bool.random(using: &random) {
            let share = Bool.random(using: &random) ? 3 : 10
            member.failsWith = Set(shards.map(\.id).filter { _ in Int.random(in: 0..<10, using: &random) < share })
        }
        members[born] = member
    }

    private mutating func disturb() {
        guard Int.random(in: 0..<30, using: &random) == 0, let id = members.keys.sorted().randomElement(using: &random)
        else { return }
        switch Int.random(in: 0..<14, using: &random) {
        case 12...13: seek(Bool.random(using: &random) ? id : nil)
        case 0 where members.count < 6: join()
        // Killed: its record and leases stay.
        case 1 where members.count > 1: members[id] = nil
        case 2: members[id]?.cutOff = tick + Int.random(in: 1...300, using: &random)
        case 3: members[id]?.asleep = tick + Int.random(in: 1...300, using: &random)
        case 4: takePart(id, Bool.random(using: &random))
        case 9...11: list(id)
        case 5 where members.count > 1: leave(id)
        // A lifion-kinesis process that starts while the stream is missing deletes the item.
        case 7 where members.count < 6:
            join(copy: id)
        // Somebody deregisters a consumer behind the group's back.
        case 8 where !service.isEmpty: service[service.keys.sorted().randomElement(using: &random)!] = nil
        case 6 where Int.random(in: 0..<4, using: &random) == 0: (table, disturbedAt) = (nil, tick)
        default: break
        }
    }

    /// Puts some of the shards elsewhere, as `GroupSeek` does.
    /// - Parameter seeker: a member, between two of its requests; nil: somebody who is none.
    private mutating func seek(_ seeker: Int?) {
        guard let found = table else { return }
        var member = seeker.flatMap { members[$0] }
        guard member == nil || (member?.request == nil && member?.membership.hasSettledIn == true) else { return }
        seeks += 1
        let id = SeekID("s\(seeks)")
        let item = GroupItem(found.item, place: .shared)
        let me = member?.membership.me
        var update = GroupUpdate(.shared, by: me ?? MemberID("nobody"), at: WallTime(milliseconds: 0))
        var places: [ShardID: UInt128] = [:]
        for record in item.shards.values.sorted(by: { $0.id < $1.id }) where Bool.random(using: &random) {
            let place = UInt128.random(in: 0...(furthest[record.id] ?? 0), using: &random)
            places[record.id] = place
            update.seek(
                record, to: .behind(Checkpoint(sequenceNumber: SequenceNumber(place))), isDepleted: false,
                isReleased: record.lease?.owner != me || Int.random(in: 0..<4, using: &random) == 0, as: id,
                version: MemberRun(id.text).version(0))
        }
        guard !places.isEmpty else { return }
        guard case .done = table!.apply(update.update) else { return faults.append("a seek was refused at \(tick)") }
        for shard in places.keys { soughtAt[shard] = tick }
        guard let seeker, var sought = member.take() else { return }
        for (shard, place) in places {
            let isHeld = GroupItem(table!.item, place: .shared).shards[shard]?.lease?.owner == me
            sought.local[shard] = LocalShard(
                place: .behind(Checkpoint(sequenceNumber: SequenceNumber(place))), isDepleted: false,
                run: isHeld ? sought.membership.settings.run : nil)
            sought.seeks[shard] = id
            if sought.read[shard] != nil { sought.read[shard] = isHeld ? place : nil }
            if !isHeld { sought.settling[shard] = nil }
        }
        hear(sought.membership.sought(places.keys.sorted(), table!.item, now: moment(of: sought)), &sought)
        members[seeker] = sought
    }

    private mutating func calm() {
        for id in members.keys.sorted() {
            members[id]?.cutOff = 0
            members[id]?.asleep = 0
            takePart(id, true)
        }
    }

    private mutating func takePart(_ id: Int, _ takesPart: Bool) {
        guard var member = members[id] else { return }
        hear(member.membership.takePart(takesPart, now: moment(of: member)), &member)
        members[id] = member
    }

    private mutating func list(_ id: Int) {
        guard var member = members[id] else { return }
        hear(member.membership.listed(shards, now: moment(of: member)), &member)
        members[id] = member
    }

    private mutating func leave(_ id: Int) {
        guard var member = members[id] else { return }
        for shard in member.membership.leave() { member.settling[shard] = tick + 3 }
        members[id] = member
    }

    private mutating func act(_ id: Int) {
        guard var member = members[id], tick >= member.asleep else { return }
        defer { if members[id] != nil { members[id] = member } }
        hear(member.membership.expire(now: moment(of: member)), &member)
        read(&member)
        fail(&member)
        for (shard, end) in member.settling where tick >= end {
            member.settling[shard] = nil
            member.membership.settled(shard)
        }
        if let request = member.request {
            guard tick >= member.answersAt else { return }
            member.request = nil
            let before = table.map { GroupItem($0.item, place: .shared) }
            let answer = answer(request, isCutOff: tick < member.cutOff)
            lookForOldCheckpoints(of: member, since: before)
            hear(member.membership.answered(answer, now: moment(of: member)), &member)
            follow(&member)
        }
        runErrand(&member)
        switch member.membership.next(now: moment(of: member), local: { member.local[$0] }) {
        case .wait: break
        case .send(let request):
            if case .write(let update) = request, !ItemExpressions(update).fits {
                faults.append("a request that does not fit at \(tick)")
            }
            member.request = request
            // Leases may come to their ends meanwhile.
            let isSlow = isDisturbed && Int.random(in: 0..<15, using: &random) == 0
            member.answersAt = tick + Int.random(in: isSlow ? 40...90 : 0...4, using: &random)
        case .over: members[id] = nil
        }
    }

    /// What others have written of shards that this member does not read goes before what its database knows of them.
    private func follow(_ member: inout Member) {
        for record in member.membership.item?.shards.values ?? [:].values where member.read[record.id] == nil {
            guard let known = member.local[record.id], !record.isOlder(than: known.run) else { continue }
            member.local[record.id] = LocalShard(place: record.place, isDepleted: record.isDepleted, run: nil)
        }
    }

    /// What a member has read before somebody put the shard elsewhere must not come into the item behind that.
    private mutating func lookForOldCheckpoints(of member: Member, since before: GroupItem?) {
        guard isOrderly, let before, let after = table.map({ GroupItem($0.item, place: .shared) }) else { return }
        for (id, record) in after.shards {
            guard let former = before.shards[id], former.place != record.place else { continue }
            if record.seek != member.seeks[id] { faults.append("\(id) has a place of before its seek at \(tick)") }
        }
    }

    /// Asks the service for what the member's pool needs, which takes its time and may fail; finds out now and then that a
    /// consumer is gone.
    private mutating func runErrand(_ member: inout Member) {
        if case .fanOut(let arn)? = member.way, !service.values.contains(arn) {
            hear(member.membership.isGone(arn, now: moment(of: member)), &member)
        }
        if let errand = member.errand {
            guard tick >= member.errandEnds else { return }
            member.errand = nil
            let outcome = outcome(of: errand)
            hear(member.membership.done(errand, outcome, now: moment(of: member)), &member)
        }
        member.errand = member.membership.errand(now: now)
        member.errandEnds = tick + Int.random(in: 0...20, using: &random)
    }

    private mutating func outcome(of errand: ConsumerPool.Errand) -> ConsumerPool.Outcome {
        let isLost = Int.random(in: 0..<10, using: &random) == 0
        var outcome = ConsumerPool.Outcome.gone
        switch errand {
        case .obtain(var name, let prefix, let known):
            name = service.keys.sorted().first { $0.hasPrefix(prefix) && !known.contains($0) } ?? name
            if service[name] == nil {
                registrations += 1
                service[name] = ConsumerARN("\(name):\(registrations)")
            }
            outcome = .there(RegisteredConsumer(name: name, arn: service[name]!, status: .active))
        case .check(let arn):
            if let name = service.first(where: { $0.value == arn })?.key {
                outcome = .there(RegisteredConsumer(name: name, arn: arn, status: .active))
            }
        case .deregister(let arn): service = service.filter { $0.value != arn }
        }
        return isLost ? .failed(reason: "lost", isLasting: false) : outcome
    }

    /// Takes a request to the table when its answer is due, or loses it, or the answer.
    private mutating func answer(_ request: Membership.Request, isCutOff: Bool) -> Membership.Answer {
        if isCutOff { return Bool.random(using: &random) ? .unknown : .refused(isThrottled: false) }
        if Int.random(in: 0..<40, using: &random) == 0 { return .refused(isThrottled: Bool.random(using: &random)) }
        let answer = apply(request)
        return Int.random(in: 0..<20, using: &random) == 0 ? .unknown : answer
    }

    private mutating func apply(_ request: Membership.Request) -> Membership.Answer {
        switch request {
        case .read(let isConsistent):
            return .item((isConsistent || Bool.random(using: &random) ? table : olderTable)?.item)
        case .create(let item):
            if table == nil { table = FakeItem(item) }
            return .done
        case .delete:
            faults.append("the item is no other stream's, and was deleted at \(tick)")
            return .done
        case .write(let update):
            guard table != nil else { return .conditionFailed(nil) }
            switch table!.apply(update) {
            case .done: return .item(table!.item)
            case .conditionFailed: return .conditionFailed(table!.item)
            case .invalid:
                faults.append("a path that is not there at \(tick): \(update.sets.map(\.path))")
                return .refused(isThrottled: false)
            }
        }
    }

    // MARK: Reading

    private mutating func hear(_ news: [Membership.News], _ member: inout Member) {
        for item in news {
            switch item {
            case .took(let record, _): took(record, &member)
            case .giveUp(let shard): member.settling[shard] = tick + Int.random(in: 0...20, using: &random)
            case .lost(let shard, _):
                member.settling[shard] = nil
                member.read[shard] = nil
                member.local[shard] = member.local[shard].map {
                    LocalShard(place: $0.place, isDepleted: false, run: nil)
                }
            case .over(let shard): member.read[shard] = nil
            case .sharesName:
                born += 1
                member.membership = member.membership.renamed(MemberID("m\(born)"), now: moment(of: member))
            case .way(let way): member.way = way
            case .renewed, .itemGone, .outdated, .unreadable: break
            }
        }
    }

    private mutating func took(_ record: ShardRecord, _ member: inout Member) {
        let place = record.checkpoint?.sequenceNumber ?? SequenceNumber(0)
        if place > SequenceNumber(furthest[record.id] ?? 0) {
            faults.append("\(record.id) begins at \(place), and was read to \(furthest[record.id] ?? 0)")
        }
        member.seeks[record.id] = record.seek
        member.local[record.id] = LocalShard(
            place: record.place, isDepleted: false, run: member.membership.settings.run)
        member.read[record.id] = (0...(furthest[record.id] ?? 0)).last { SequenceNumber($0) <= place }
    }

    private mutating func fail(_ member: inout Member) {
        for shard in member.failsWith.sorted() {
            guard member.read[shard] != nil, member.settling[shard] == nil else {
                member.failing[shard] = nil
                continue
            }
            let since = member.failing[shard] ?? tick
            member.failing[shard] = since
            guard tick >= since + Self.failure else { continue }
            member.failing[shard] = tick
            let news = member.membership.leaveToOthers(
                shard, for: Self.step * Self.absence, because: "", now: moment(of: member))
            if let news { hear(news, &member) }
        }
    }

    private mutating func read(_ member: inout Member) {
        for (shard, last) in member.read.sorted(by: { $0.key < $1.key })
        where member.settling[shard] == nil && !member.failsWith.contains(shard)
            && member.membership.mayRead(shard, now: now)
        {
            workedAt[shard] = tick
            member.read[shard] = last + 1
            furthest[shard] = max(furthest[shard] ?? 0, last + 1)
            let place = ShardRecord.Place.behind(Checkpoint(sequenceNumber: SequenceNumber(last + 1)))
            member.local[shard] = LocalShard(place: place, isDepleted: false, run: member.membership.settings.run)
            member.membership.committed(shard, place)
        }
    }
}
