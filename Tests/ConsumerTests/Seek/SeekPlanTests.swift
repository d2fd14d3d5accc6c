import Kinesis
import State
import Testing
import Time

@testable import Consumer

@Suite struct SeekPlanTests {
    private let created = WallTime(milliseconds: 1_000_000)
    private let moment = WallTime(milliseconds: 1_500_000)
    private let now = WallTime(milliseconds: 2_000_000)
    private let parent = ShardID(number: 0)
    private let left = ShardID(number: 1)
    private let right = ShardID(number: 2)

    /// A shard that was split, and its children.
    private var listing: [Shard] {
        [
            Self.shard(0, closed: true), Self.shard(1, parents: [0]), Self.shard(2, parents: [0]),
        ]
    }

    static func shard(_ number: Int, parents: [Int] = [], closed: Bool = false) -> Shard {
        Shard(
            id: ShardID(number: number), parent: parents.first.map(ShardID.init(number:)),
            adjacentParent: parents.dropFirst().first.map(ShardID.init(number:)), hashKeyRange: .all,
            startingSequenceNumber: SequenceNumber(1), endingSequenceNumber: closed ? SequenceNumber(2) : nil)
    }

    private func standing(_ number: UInt128?, isDepleted: Bool = false, _ holder: SeekPlan.Holder = .us)
        -> SeekPlan.Standing
    {
        SeekPlan.Standing(
            place: number.map { .behind(Checkpoint(sequenceNumber: SequenceNumber($0))) } ?? .initial,
            isDepleted: isDepleted, holder: holder)
    }

    /// The parent is read out, and its children are being read.
    private var standings: [ShardID: SeekPlan.Standing] {
        [parent: standing(10, isDepleted: true, .nobody), left: standing(20), right: standing(30)]
    }

    private func plan(_ target: SeekTarget, shard: ShardID? = nil, _ standings: [ShardID: SeekPlan.Standing]? = nil)
        throws -> [ShardID: SeekPlan.Move]
    {
        let plan = try SeekPlan(
            SeekRequest(target, shard: shard), listing: listing, standings: standings ?? self.standings,
            createdOn: created, now: now)
        return Dictionary(uniqueKeysWithValues: plan.moves.map { ($0.shard, $0) })
    }

    @Test func `a moment opens the parent again, and its children wait for it`() throws {
        let moves = try plan(.moment(moment))
        #expect(moves.count == 3 && moves.values.allSatisfy { $0.place == .since(moment) && !$0.isDepleted })
        #expect(moves.values.allSatisfy { $0.isReleased }, "whoever takes the parent begins, and nobody keeps a child")
        #expect(moves[left]?.from == standing(20))
    }

    @Test func `places of their own move these shards and no other`() throws {
        let place = Checkpoint(sequenceNumber: SequenceNumber(15), subSequenceNumber: 1)
        let moves = try plan(.places([left: .behind(place), right: .finished, parent: .finished]))
        #expect(Set(moves.keys) == [left, right], "the parent is read out already")
        #expect(moves[left]?.place == .behind(place) && moves[left]?.start == .atSequenceNumber(SequenceNumber(15)))
        #expect(moves[right]?.isDepleted == true && moves[right]?.isReleased == true)
        let since = try plan(.places([parent: .since(moment)]))
        #expect(since[parent]?.place == .since(moment) && since[parent]?.isDepleted == false && since.count == 1)
    }

    @Test func `at LATEST a closed shard is done and holds nobody up`() throws {
        let moves = try plan(.latest, [parent: standing(5), left: standing(nil, .nobody)])
        #expect(moves[parent]?.isDepleted == true && moves[parent]?.isReleased == true)
        #expect(moves[left]?.isDepleted == false && moves[left]?.place == .since(now))
        let open = try plan(.latest)
        #expect(open.keys.sorted() == [left, right], "one that is done stays as it is")
        #expect(open.values.allSatisfy { !$0.isReleased }, "who reads an open shard reads on")
    }

    @Test func `the beginning is older than any record`() throws {
        let moves = try plan(.trimHorizon)
        #expect(moves.values.allSatisfy { $0.place == .since(created) && $0.start == .trimHorizon })
    }

    @Test func `one shard alone takes its descendants along to their beginnings`() throws {
        let moves = try plan(.moment(moment), shard: parent)
        #expect(moves[parent]?.place == .since(moment))
        #expect(moves[left]?.place == .since(created) && moves[right]?.place == .since(created))
        let child = try plan(.moment(moment), shard: left)
        #expect(child.keys.sorted() == [left])
        let done = try plan(.latest, shard: parent)
        #expect(done.isEmpty, "it is done already")
    }

    @Test func `a record is the next one`() throws {
        let moves = try plan(.record(SequenceNumber(15), of: left))
        #expect(moves.keys.sorted() == [left])
        #expect(moves[left]?.place == .behind(Checkpoint(before: SequenceNumber(15))))
        #expect(moves[left]?.isReleased == false)
    }

    @Test func `what is read elsewhere is released, or refused where its reader cannot be told`() throws {
        var standings = standings
        standings[left]?.holder = .other
        let others = try plan(.latest, standings)
        #expect(others[left]?.isReleased == true)
        standings[right]?.holder = .unreachable(MemberID("m"), host: "h")
        let held = HeldShard(shard: right, owner: MemberID("m"), host: "h")
        #expect(throws: SeekPlan.Refusal.held([held])) { try plan(.latest, standings) }
        let free = try plan(.latest, shard: left, standings)
        #expect(free.keys.sorted() == [left], "a shard that it does not have")
        #expect(throws: SeekPlan.Refusal.held([held])) { try plan(.trimHorizon, shard: parent, standings) }
    }

    @Test func `what cannot be is refused`() {
        #expect(throws: SeekPlan.Refusal.unknownShard(ShardID(number: 9))) {
            try plan(.latest, shard: ShardID(number: 9))
        }
        let future = WallTime(milliseconds: 2_000_001)
        #expect(throws: SeekPlan.Refusal.stillToCome(future)) { try plan(.moment(future)) }
    }
}
