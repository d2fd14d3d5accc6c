import Kinesis
import TestSupport
import Testing

@testable import Consumer
@testable import State

/// Random walks: readers come and go, shards appear and end, batches settle or do not, positions change, clients come back;
/// actions are performed a few at a time.
@Suite struct ShardAssignmentsWalkTests {
    @Test(arguments: 0..<40 as Range<UInt64>)
    func `one task a shard, every shard read, balance within one, replays to their readers`(seed: UInt64) async {
        var walk = AssignmentsWalk(seed: seed)
        await takeSteps(600) { walk.step() }
        walk.settle()
        #expect(walk.faults == [])
    }
}

private struct AssignmentsWalk {
    private(set) var faults: [String] = []
    private var assignments = ShardAssignments(handOver: .seconds(5))
    private var random: SplitMix64
    private var now = ContinuousClock.now
    private var readers: [ReaderID] = []
    private var readable: Set<ShardID> = []
    /// Who reads what, as the actions say.
    private var tasks: [ShardID: ReaderID] = [:]
    private var revoked: Set<ShardID> = []
    private var names = 0

    init(seed: UInt64) {
        random = SplitMix64(seed: seed)
    }

    mutating func step() {
        now += .milliseconds(Int.random(in: 0...900, using: &random))
        switch Int.random(in: 0..<16, using: &random) {
        case 0, 1: join()
        case 2: if let reader = readers.randomElement(using: &random) { leave(reader) }
        case 3: appear()
        case 4: if let shard = readable.sorted().randomElement(using: &random) { vanish(shard) }
        case 5: if let shard = anyShard() { _ = assignments.stalled(shard, now: now) }
        case 6: if let shard = anyShard() { withdraw(shard) }
        case 7: if let shard = anyShard() { assignments.evicted(shard) }
        case 8: if let reader = readers.randomElement(using: &random) { _ = assignments.tookAll(reader) }
        case 9: if let shard = revoked.sorted().randomElement(using: &random) { assignments.released(shard, now: now) }
        case 10: ask()
        case 11: sent()
        case 12: assignments.handleTimeout(now: now)
        default: perform(Int.random(in: 1...4, using: &random))
        }
        check()
    }

    /// Goes on until nothing is left to do.
    mutating func settle() {
        if readers.isEmpty { join() }
        perform(.max)
        now += .seconds(6)
        assignments.handleTimeout(now: now)
        perform(.max)
        check()
        for shard in readable where tasks[shard] != assignments.owner(of: shard) || tasks[shard] == nil {
            faults.append(
                "\(shard) is \(tasks[shard]?.text ?? "nobody")'s, not \(assignments.owner(of: shard)?.text ?? "-")'s")
        }
        if Set(tasks.keys) != readable { faults.append("tasks of shards that are not to be read") }
    }

    private mutating func anyShard() -> ShardID? { tasks.keys.sorted().randomElement(using: &random) }

    // MARK: Facts

    private mutating func join() {
        names += 1
        let reader = ReaderID(unchecked: "r\(names)")
        readers.append(reader)
        assignments.joined(reader)
    }

    private mutating func leave(_ reader: ReaderID) {
        readers.removeAll { $0 == reader }
        let departure = assignments.left(reader)
        for (shard, replay) in departure.begun where assignments.replay(of: shard) != replay {
            faults.append("the replay that begins for \(shard) is another one")
        }
        if departure.unserved.values.contains(where: { $0.reader != reader }) {
            faults.append("another's replay is over")
        }
    }

    private mutating func appear() {
        readable.insert(ShardID(number: Int.random(in: 0..<24, using: &random)))
        assignments.readable(readable.sorted())
    }

    private mutating func vanish(_ shard: ShardID) {
        readable.remove(shard)
        if Bool.random(using: &random), tasks[shard] != nil {
            // Read to its end, which ends the task too.
            tasks[shard] = nil
            revoked.remove(shard)
            assignments.depleted(shard)
            _ = assignments.replayed(shard)
        }
        assignments.readable(readable.sorted())
    }

    private mutating func withdraw(_ shard: ShardID) {
        if assignments.withdrawn(shard) != tasks[shard] { faults.append("\(shard) was withdrawn from another reader") }
        tasks[shard] = nil
        revoked.remove(shard)
    }

    private mutating func ask() {
        guard let reader = readers.randomElement(using: &random) else { return }
        let shard = ShardID(number: Int.random(in: 0..<24, using: &random))
        let last = UInt128(Int.random(in: 1...9, using: &random))
        let isFirst = assignments.replay(of: shard) == nil
        let replay = Replay(
            reader: reader,
            stretch: .init(
                before: Checkpoint(before: SequenceNumber(1)), last: Checkpoint(sequenceNumber: SequenceNumber(last))))
        if assignments.asked(replay, of: shard) != isFirst { faults.append("a replay of \(shard) has not its turn") }
    }

    private mutating func sent() {
        guard let shard = anyShard(), let reader = tasks[shard] else { return }
        _ = assignments.sent(shard, to: reader, upTo: Checkpoint(sequenceNumber: SequenceNumber(7)))
    }

    // MARK: Actions

    private mutating func perform(_ most: Int) {
        var left = most
        while left > 0, let action = assignments.next(now: now) {
            left -= 1
            perform(action)
        }
    }

    private mutating func perform(_ action: ShardAssignments.Action) {
        switch action {
        case .start(let shard, let reader):
            if tasks[shard] != nil { faults.append("two tasks read \(shard)") }
            if !readers.contains(reader) { faults.append("\(shard) is started for a reader that has gone") }
            tasks[shard] = reader
        case .revoke(let shard):
            if tasks[shard] == nil || !revoked.insert(shard).inserted { faults.append("\(shard) cannot be revoked") }
        case .resume(let shard):
            if revoked.remove(shard) == nil { faults.append("\(shard) was not revoked") }
        case .stop(let shard, let reader, let isTold):
            if tasks[shard] != reader { faults.append("\(shard) is not read for \(reader)") }
            if isTold != readers.contains(reader) { faults.append("\(reader) is told, or not, wrongly") }
            tasks[shard] = nil
            revoked.remove(shard)
        case .restart(let shard, let reader):
            if tasks[shard] != reader { faults.append("\(shard) is not restarted for its reader") }
            revoked.remove(shard)
        }
    }

    private mutating func check() {
        if !assignments.orphanedReplays.isEmpty { faults.append("a replay has outlived its reader") }
        if assignments.readers != readers { faults.append("the readers are others") }
        guard !readers.isEmpty else { return }
        var counts: [ReaderID: Int] = [:]
        var pinned: [ReaderID: Int] = [:]
        for shard in readable {
            guard let owner = assignments.owner(of: shard) else {
                faults.append("\(shard) has no owner")
                continue
            }
            counts[owner, default: 0] += 1
            guard let replay = assignments.replay(of: shard) else { continue }
            pinned[owner, default: 0] += 1
            if owner != replay.reader { faults.append("\(shard) is not with its replay's reader") }
        }
        for reader in readers where assignments.count(of: reader) != counts[reader, default: 0] {
            faults.append("\(reader) has \(counts[reader, default: 0]) shards, not \(assignments.count(of: reader))")
        }
        let fewest = readers.map { counts[$0, default: 0] }.min() ?? 0
        for reader in readers where counts[reader, default: 0] > fewest + 1 {
            if counts[reader] != pinned[reader] { faults.append("\(reader) has too many shards that may move") }
        }
    }
}

extension ShardAssignments {
    /// The shards with an open replay of a reader that is not there: none, ever.
    var orphanedReplays: [ShardID] {
        shards.filter { $0.value.replays.contains { !readers.contains($0.reader) } }.keys.sorted()
    }
}
