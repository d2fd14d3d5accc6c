import DynamoDB
import Kinesis
import State
import TestSupport
import Testing
import Time

@testable import Consumer

/// Members of one group over one item, in any order, with delays, losses and clocks that are apart.
@Suite struct LeaseWalkTests {
    @Test(arguments: 0..<20)
    func `no shard has two readers, and none is left unread once members are left alone`(seed: Int) {
        var walk = LeaseWalk(seed: UInt64(seed))
        for _ in 0..<1500 { walk.step(withFaults: true) }
        for _ in 0..<1000 { walk.step(withFaults: false) }
        #expect(walk.faults == [])
        #expect(walk.unread == [])
        let shares = walk.shares
        #expect((shares.max() ?? 0) - (shares.min() ?? 0) <= 1, "\(shares)")
    }
}

private struct LeaseWalk {
    private static let key = ConsumerKey(stream: StreamName("orders")!, group: "billing")
    private static let step: Duration = .milliseconds(250)
    private static let leaseDuration: Duration = .seconds(20)

    /// One sidecar and the write that it has under way.
    private struct Member {
        var plan: LeasePlan
        var clockError: Duration
        /// Cut off from the table until then.
        var cutOff = 0
        /// Asleep until then: it does nothing, but its leases end.
        var asleep = 0
        var settling: [ShardID: Int] = [:]
        var nextRenewal = 0
    }

    private(set) var faults: [String] = []
    private var random: SeededGenerator
    private var table: FakeItem
    /// The table's item, read once for each write.
    private var item: GroupItem
    private var members: [MemberID: Member] = [:]
    private let lineage: ShardLineage
    private let start = ContinuousClock.now
    private var tick = 0
    private var tokens = 0
    private var born = 0

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        let count = Int.random(in: 1...12, using: &random)
        let range = HashKeyRange(start: HashKey("0")!, end: HashKey("1")!)!
        lineage = ShardLineage(
            shards: (0..<count).map {
                Shard(id: ShardID(number: $0), hashKeyRange: range, startingSequenceNumber: SequenceNumber(0))
            })
        table = FakeItem(GroupItem.new(Self.key, streamCreatedOn: WallTime(milliseconds: 0), version: "v0"))
        item = GroupItem(table.item, place: .shared)
        for _ in 0..<Int.random(in: 1...4, using: &random) { join() }
    }

    /// Shards that nobody may read, of those that somebody should.
    var unread: [ShardID] {
        guard members.values.contains(where: { $0.plan.takesPart }) else { return [] }
        return lineage.shards.map(\.id).filter { readers(of: $0).isEmpty }
    }

    /// How many shards each member has that takes part.
    var shares: [Int] {
        members.values.filter(\.plan.takesPart).map { member in
            lineage.shards.count { member.plan.mayRead($0.id, now: now) }
        }
    }

    mutating func step(withFaults: Bool) {
        tick += 1
        if withFaults { disturb() } else { calm() }
        for id in members.keys.sorted() where Int.random(in: 0..<3, using: &random) == 0 { act(id) }
        for shard in lineage.shards.map(\.id) where readers(of: shard).count > 1 {
            faults.append("\(shard) has the readers \(readers(of: shard)) at \(tick)")
        }
    }

    private func readers(of shard: ShardID) -> [MemberID] {
        members.filter { $0.value.plan.mayRead(shard, now: now) }.keys.sorted()
    }

    private var now: ContinuousClock.Instant { start + Self.step * tick }

    private func moment(of member: Member) -> GroupMoment {
        let wall = WallTime(milliseconds: 1_700_000_000_000).advanced(by: Self.step * tick + member.clockError)
        return GroupMoment(instant: now, wall: wall)
    }

    private mutating func token() -> String {
        tokens += 1
        return "v\(tokens)"
    }

    private mutating func join() {
        born += 1
        var plan = LeasePlan(me: MemberID("m\(born)"), leaseDuration: Self.leaseDuration)
        plan.takePart(true)
        members[plan.me] = Member(
            plan: plan, clockError: .milliseconds(Int.random(in: -4000...4000, using: &random)))
    }

    private mutating func disturb() {
        guard Int.random(in: 0..<40, using: &random) == 0 else { return }
        let id = members.keys.sorted().randomElement(using: &random)
        switch Int.random(in: 0..<6, using: &random) {
        case 0 where members.count < 6: join()
        // Killed: its record and leases stay.
        case 1 where members.count > 1: members[id!] = nil
        case 2: if let id { members[id]?.cutOff = tick + Int.random(in: 1...300, using: &random) }
        case 3: if let id { members[id]?.asleep = tick + Int.random(in: 1...300, using: &random) }
        case 4: if let id { members[id]?.plan.takePart(Bool.random(using: &random)) }
        default: break
        }
    }

    private mutating func calm() {
        for id in members.keys {
            members[id]?.cutOff = 0
            members[id]?.asleep = 0
            members[id]?.plan.takePart(true)
        }
    }

    /// A member looks at the item and writes one thing.
    private mutating func act(_ id: MemberID) {
        guard var member = members[id], tick >= member.asleep else { return }
        defer { members[id] = member }
        let isCutOff = tick < member.cutOff
        for (shard, end) in member.settling where tick >= end {
            var release = GroupUpdate.OwnerWrite()
            release.isReleased = true
            guard let record = item.shards[shard], !isCutOff else { continue }
            var update = GroupUpdate(.shared, by: id, at: moment(of: member).wall)
            update.write(record, release, version: token())
            if apply(update) != .invalid {
                member.settling[shard] = nil
                member.plan.gaveUp(shard)
            }
        }
        guard !isCutOff else { return }
        if tick >= member.nextRenewal { renew(&member) }
        for action in member.plan.looked(at: item, lineage, now: moment(of: member)) { perform(action, &member) }
    }

    private mutating func apply(_ update: GroupUpdate) -> FakeItem.Outcome {
        let outcome = table.apply(update.update)
        if outcome == .done { item = GroupItem(table.item, place: .shared) }
        return outcome
    }

    private mutating func renew(_ member: inout Member) {
        let item = item
        var update = GroupUpdate(.shared, by: member.plan.me, at: moment(of: member).wall)
        update.heartbeat()
        let held = member.plan.holds.keys.sorted().filter { item.shards[$0]?.lease?.owner == member.plan.me }
        var write = GroupUpdate.OwnerWrite()
        write.renewal = member.plan.duration(in: item)
        for shard in held { update.write(item.shards[shard]!, write, version: token()) }
        guard apply(update) == .done, !isAnswerLost else { return }
        member.nextRenewal = tick + 20
        member.plan.took(held, sentAt: now, for: member.plan.duration(in: item))
    }

    /// The write took place, and nobody heard of it.
    private var isAnswerLost: Bool {
        mutating get { Int.random(in: 0..<20, using: &random) == 0 }
    }

    private mutating func perform(_ action: LeasePlan.Action, _ member: inout Member) {
        let item = item
        let me = member.plan.me
        let wall = moment(of: member).wall
        var update = GroupUpdate(.shared, by: me, at: wall)
        switch action {
        case .register:
            update.register(
                GroupMember(
                    id: me, appName: "a", host: "h", pid: 1, startedOn: wall, heartbeat: wall,
                    isActive: member.plan.takesPart, isStandalone: false, leaseDuration: Self.leaseDuration))
            _ = apply(update)
        case .setActive(let isActive):
            update.setActive(isActive)
            _ = apply(update)
        case .clear(let gone):
            update.clear(gone, of: item, version: token())
            _ = apply(update)
        case .add(let shards):
            for shard in shards { update.add(ShardRecord(id: shard.id, version: token())) }
            _ = apply(update)
        case .take(let shards):
            let duration = member.plan.duration(in: item)
            for shard in shards { update.take(shard, for: duration, version: token()) }
            let outcome = apply(update)
            if outcome == .done, !isAnswerLost {
                member.plan.took(shards.map(\.id), sentAt: now, for: duration)
            } else {
                member.plan.refused(shards.map(\.id))
            }
        case .giveUp(let shard): member.settling[shard] = tick + Int.random(in: 0...20, using: &random)
        case .lost(let shard): member.settling[shard] = nil
        }
    }
}
