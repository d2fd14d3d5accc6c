import Kinesis
import TestSupport
import Testing

@testable import MultiLang

@Suite struct ChildPlanTests {
    private let shard = ShardID(number: 0)

    private func plan(_ maxRestarts: Int = 2) -> ChildPlan { ChildPlan(maxRestarts: maxRestarts) }

    @Test func `a child that fails is followed by another one, when it is gone and a pause is over`() {
        var plan = plan()
        var actions = plan.assigned(shard)
        let isFailure = plan.failed(shard)
        #expect(actions == [.start(shard)] && isFailure && plan.slots[shard] == .fails(isLeaving: false))
        actions = plan.ended(shard)
        #expect(actions == [.pause(shard, for: RestartPlan.pauses.first)])
        actions = plan.pauseOver(shard)
        #expect(actions == [.letGo(shard)])
        actions = plan.goes(shard) + plan.assigned(shard)
        #expect(actions == [.stopPause(shard), .start(shard)])
        #expect(plan.restarts[shard]?.restarts == 1)
    }

    private func place(_ number: UInt128) -> Checkpoint { Checkpoint(sequenceNumber: SequenceNumber(number)) }

    /// A child of the shard, which comes again, fails.
    private func fail(_ plan: inout ChildPlan) -> [ChildPlan.Action] {
        _ = plan.goes(shard) + plan.assigned(shard)
        _ = plan.failed(shard)
        return plan.ended(shard)
    }

    @Test func `after too many in a row the shard is given up, and a batch that is answered ends the row`() {
        var plan = plan(1)
        _ = fail(&plan)
        plan.succeeded(shard, through: place(1))
        let first = fail(&plan)
        let second = fail(&plan)
        #expect(first == [.pause(shard, for: RestartPlan.pauses.first)])
        #expect(
            second == [.giveUp(shard, for: RestartPlan.absence)] && plan.slots[shard] == .pauses(.givenUp))
        let pause = plan.gaveUp(shard, for: RestartPlan.absence, isForOthers: true)
        #expect(pause == [.pause(shard, for: RestartPlan.absence)] && plan.slots[shard] == .pauses(.leftToOthers))
        // When it comes again a new row begins.
        let third = fail(&plan)
        #expect(third == first)
    }

    @Test func `where nobody else could have the shard the row goes on`() {
        var plan = plan(1)
        _ = fail(&plan) + fail(&plan)
        let pause = plan.gaveUp(shard, for: RestartPlan.absence, isForOthers: false)
        #expect(pause == [.pause(shard, for: RestartPlan.pauses.last)] && plan.slots[shard] == .pauses(.givenUp))
        let next = fail(&plan)
        #expect(next == [.giveUp(shard, for: RestartPlan.absence)] && plan.restarts[shard]?.failuresInRow == 3)
    }

    @Test func `what a child before it had done ends no row, and what none had done does`() {
        var plan = plan(5)
        _ = plan.assigned(shard)
        for _ in 0..<3 {
            plan.succeeded(shard, through: place(7))
            _ = plan.failed(shard)
            _ = plan.ended(shard) + plan.pauseOver(shard)
            _ = plan.goes(shard) + plan.assigned(shard)
        }
        #expect(plan.restarts[shard]?.failuresInRow == 3)
        plan.succeeded(shard, through: place(8))
        #expect(plan.restarts[shard]?.failuresInRow == 0)
    }

    @Test func `of a shard that is put back what was done before is not known to be done`() {
        var working = plan()
        _ = working.assigned(shard)
        working.succeeded(shard, through: place(7))
        var pausing = working
        _ = pausing.failed(shard)
        _ = pausing.ended(shard)
        for var plan in [working, pausing] {
            _ = plan.goes(shard) + plan.ended(shard)
            _ = fail(&plan)
            _ = plan.pauseOver(shard)
            _ = plan.goes(shard) + plan.assigned(shard)
            plan.succeeded(shard, through: place(2))
            #expect(plan.restarts[shard]?.failuresInRow == 0)
        }
        // What goes because a pause is over is not put back.
        _ = pausing.pauseOver(shard)
        _ = pausing.goes(shard) + pausing.assigned(shard)
        pausing.succeeded(shard, through: place(7))
        #expect(pausing.restarts[shard]?.failuresInRow == 1)
    }

    @Test func `the end of a shard that comes again is told to the next child`() {
        var plan = plan()
        _ = plan.assigned(shard) + plan.goes(shard) + plan.assigned(shard)
        let told = plan.ending(shard)
        let ended = plan.ended(shard)
        #expect(told == [] && ended == [.start(shard), .turn(shard, .shardEnd)])
    }

    @Test func `a shard moves when the child that failed, or that the shard left, is gone`() {
        var failing = plan()
        _ = failing.assigned(shard)
        _ = failing.failed(shard)
        var left = plan()
        _ = left.assigned(shard) + left.goes(shard) + left.assigned(shard)
        for var plan in [failing, left] {
            let leaving = plan.leaving(shard)
            let ended = plan.ended(shard)
            #expect(leaving == [] && ended == [.letGo(shard)] && plan.slots[shard] == nil)
        }
    }

    @Test func `a program that cannot be started is a failure too`() {
        var plan = plan()
        _ = plan.assigned(shard)
        let actions = plan.notStarted(shard)
        #expect(actions == [.pause(shard, for: RestartPlan.pauses.first)])
    }

    @Test func `a shard that comes again waits for its former child's end`() {
        var plan = plan()
        _ = plan.assigned(shard)
        let lost = plan.goes(shard)
        let again = plan.assigned(shard)
        let ended = plan.ended(shard)
        #expect(lost == [.turn(shard, .lost), .limit(shard)] && again == [] && ended == [.start(shard)])
    }

    @Test func `of what is dismissed each is told once, and nothing is started any more`() {
        var plan = plan()
        _ = plan.assigned(shard)
        let actions = plan.dismiss(asks: true)
        let late = plan.assigned(shard) + plan.ended(shard)
        #expect(actions == [.turn(shard, .leave)] && late == [] && plan.slots.isEmpty)
    }

    /// Shards come and go, children do what they want: never two children of one shard, none of a shard that is others', and one
    /// of each of ours once all is quiet.
    @Test(arguments: 0..<60 as Range<UInt64>)
    func `at random`(seed: UInt64) {
        var walk = ChildWalk(seed: seed)
        for _ in 0..<500 { walk.step() }
        walk.comeToRest()
        #expect(walk.faults == [])
    }
}

/// Records, one behind the other.
private struct Numbers {
    private var last: UInt128 = 0

    mutating func next() -> Checkpoint {
        last += 1
        return Checkpoint(sequenceNumber: SequenceNumber(last))
    }
}

/// Reader and children around a plan.
private struct ChildWalk {
    private var plan = ChildPlan(maxRestarts: 2)
    private var random: SeededGenerator
    private(set) var faults: [String] = []
    private let shards = (0..<3).map { ShardID(number: $0) }
    /// Whose the shards are, as the plan was told.
    private var ours: Set<ShardID> = []
    private var living: Set<ShardID> = []
    /// Among them those that have nothing more to do.
    private var closing: Set<ShardID> = []
    private var pausing: Set<ShardID> = []
    /// Those of ours that were read to their ends, which is told once; and of those the ones whose child knows.
    private var readOut: Set<ShardID> = []
    private var endTold: Set<ShardID> = []
    private var done = Numbers()
    private var isDismissed = false

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
    }

    mutating func step() {
        let shard = shards.randomElement(using: &random)!
        switch Int.random(in: 0..<12, using: &random) {
        case 0, 1: come(shard)
        case 2: if ours.contains(shard) { go(shard) }
        case 3: if ours.contains(shard) { perform(plan.leaving(shard)) }
        case 4: if ours.contains(shard), readOut.insert(shard).inserted { perform(plan.ending(shard)) }
        case 5: if living.contains(shard) { fail(shard) }
        case 6: close(shard)
        case 7: if closing.contains(shard) { end(shard) }
        case 8: if living.contains(shard) { plan.succeeded(shard, through: done.next()) }
        case 9: over(shard)
        case 10:
            guard Int.random(in: 0..<20, using: &random) == 0, ours.remove(shard) != nil else { return }
            readOut.remove(shard)
            perform(plan.depleted(shard))
        default:
            guard Int.random(in: 0..<60, using: &random) == 0 else { return }
            isDismissed.toggle()
            guard isDismissed else { return restart() }
            perform(plan.dismiss(asks: Bool.random(using: &random)))
            closing = living
        }
    }

    /// The reader that follows a dismissal begins when all children are gone, and tells of its shards anew.
    private mutating func restart() {
        for shard in living { end(shard) }
        ours = []
        readOut = []
        endTold = []
        plan.readmit()
    }

    mutating func comeToRest() {
        if isDismissed {
            isDismissed = false
            restart()
        }
        for _ in 0..<10 {
            for shard in shards {
                if closing.contains(shard) { end(shard) }
                over(shard)
            }
        }
        for shard in shards {
            let slot = plan.slots[shard]
            if ours.contains(shard), slot != .works {
                faults.append("\(shard) is ours, and \(String(describing: slot))")
            }
            if !ours.contains(shard), slot == .works { faults.append("\(shard) is not ours, and works") }
            if readOut.contains(shard), !endTold.contains(shard) { faults.append("nobody knows of \(shard)'s end") }
        }
    }

    private mutating func come(_ shard: ShardID) {
        guard !isDismissed, ours.insert(shard).inserted else { return }
        perform(plan.assigned(shard))
    }

    private mutating func go(_ shard: ShardID) {
        ours.remove(shard)
        readOut.remove(shard)
        perform(plan.goes(shard))
        if living.contains(shard) { closing.insert(shard) }
    }

    private mutating func fail(_ shard: ShardID) {
        _ = plan.failed(shard)
        closing.insert(shard)
    }

    private mutating func close(_ shard: ShardID) {
        guard living.contains(shard), closing.insert(shard).inserted else { return }
        perform(plan.closed(shard))
    }

    private mutating func end(_ shard: ShardID) {
        living.remove(shard)
        closing.remove(shard)
        endTold.remove(shard)
        perform(plan.ended(shard))
    }

    private mutating func over(_ shard: ShardID) {
        guard pausing.remove(shard) != nil else { return }
        perform(plan.pauseOver(shard))
    }

    private mutating func perform(_ actions: [ChildPlan.Action]) {
        for action in actions {
            switch action {
            case .start(let shard):
                if living.contains(shard) { faults.append("two children of \(shard)") }
                if !ours.contains(shard) { faults.append("a child of \(shard), which is not ours") }
                if isDismissed { faults.append("a child is started behind the end") }
                if Int.random(in: 0..<8, using: &random) == 0 {
                    perform(plan.notStarted(shard))
                } else {
                    living.insert(shard)
                }
            case .turn(let shard, let course):
                if course == .lost, living.contains(shard) { closing.insert(shard) }
                if course == .shardEnd, living.contains(shard) { endTold.insert(shard) }
            case .limit(let shard):
                if !living.contains(shard) { faults.append("\(shard) has no child to end") }
            case .hangUp(let shard): closing.insert(shard)
            case .pause(let shard, _):
                if !pausing.insert(shard).inserted { faults.append("two pauses of \(shard)") }
                if living.contains(shard) { faults.append("a pause of \(shard) beside a child") }
            case .stopPause(let shard): pausing.remove(shard)
            case .giveUp(let shard, let absence):
                perform(plan.gaveUp(shard, for: absence, isForOthers: Bool.random(using: &random)))
            case .letGo(let shard):
                // The engine takes it away, and gives it again where it stays.
                guard ours.contains(shard) else { continue }
                if living.contains(shard), !closing.contains(shard) {
                    faults.append("\(shard) moves, and its child works")
                }
                go(shard)
                if !isDismissed { come(shard) }
            }
        }
    }
}
