import AWS
import TestSupport
import Testing

@testable import S3

private typealias Circuit = BucketCircuit

private let refused = AWSError.transport(.notConnected(reason: "refused"))
private let silent = AWSError.transport(.timedOut(.total, after: .seconds(15)))

@Suite struct BucketCircuitTests {
    private let start = ContinuousClock.now
    private func at(_ seconds: Double) -> Circuit.Instant { start + .seconds(seconds) }

    @Test func `while the bucket responds everybody tries`() {
        var circuit = Circuit()
        let items = (1...3).map { Circuit.Item(id: $0, now: at(0)) }
        for item in items { #expect(circuit.ask(item, now: at(0)) == .attempt) }
        circuit.responded()
        #expect(circuit.isClosed && circuit.problem(now: at(0)) == nil)
    }

    @Test func `after a failure all wait for one pause, and then one of them tries`() {
        var circuit = Circuit()
        var (first, second) = (Circuit.Item(id: 1, now: at(0)), Circuit.Item(id: 2, now: at(0)))
        for item in [first, second] { #expect(circuit.ask(item, now: at(0)) == .attempt) }
        circuit.failed(1, refused, began: at(0), now: at(0.1), random: 0.5)
        first.failed(refused, now: at(0.1), random: 0.5)
        // It began before the circuit opened, and makes the pause no longer.
        circuit.failed(2, refused, began: at(0), now: at(0.2), random: 1)
        second.failed(refused, now: at(0.2), random: 0)
        #expect(circuit.ask(second, now: at(0.2)) == .wait(until: at(0.3)))
        #expect(circuit.ask(second, now: at(0.3)) == .attempt)
        #expect(circuit.ask(first, now: at(0.4)) == .wait(until: nil))
        circuit.failed(2, refused, began: at(0.3), now: at(0.5), random: 0.5)
        #expect(circuit.ask(first, now: at(0.5)) == .wait(until: at(0.9)))
        #expect(circuit.ask(first, now: at(0.9)) == .attempt)
        circuit.responded()
        #expect(circuit.isClosed)
    }

    @Test func `refusals that come at once do not use an item up`() {
        var circuit = Circuit()
        var item = Circuit.Item(id: 1, now: at(0))
        var now = at(0)
        var attempts = 0
        while true {
            switch circuit.ask(item, now: now) {
            case .attempt:
                attempts += 1
                circuit.failed(1, refused, began: now, now: now, random: 1)
                item.failed(refused, now: now, random: 1)
                continue
            case .wait(let until): now = until ?? now
            case .giveUp(let given, let probes):
                #expect(!probes && now - start >= .seconds(30) && now - start <= .seconds(35))
                #expect(given.attempts == attempts && given.lasted == now - start && given.error == refused)
                #expect((8...20).contains(attempts))
                return
            }
        }
    }

    @Test func `a bucket that is silent costs the patience once, and not once for each item`() {
        var circuit = Circuit()
        var items = (1...2).map { Circuit.Item(id: $0, now: at(0)) }
        for item in items { #expect(circuit.ask(item, now: at(0)) == .attempt) }
        for index in items.indices {
            circuit.failed(items[index].id, silent, began: at(0), now: at(15), random: 0)
            items[index].failed(silent, now: at(15), random: 0)
        }
        #expect(circuit.ask(items[0], now: at(15)) == .attempt)
        #expect(circuit.ask(items[1], now: at(15)) == .wait(until: nil))
        circuit.failed(1, silent, began: at(15), now: at(30), random: 0)
        items[0].failed(silent, now: at(30), random: 0)
        for item in items {
            guard case .giveUp = circuit.ask(item, now: at(30)) else {
                Issue.record("it goes on")
                return
            }
        }
        #expect(circuit.problem(now: at(31))?.contains("for 31 s") == true)
        // Those behind it: none of them waits, and one in a pause has the bucket asked.
        let given = Circuit.GivenUp(attempts: 0, lasted: .seconds(31), error: silent)
        var probes = 0
        for number in 3...100 as ClosedRange<UInt64> {
            switch circuit.ask(Circuit.Item(id: number, now: at(31)), now: at(31)) {
            case .giveUp(given, probes: true): probes += 1
            case .giveUp(given, probes: false): break
            case let answer: Issue.record("\(answer)")
            }
        }
        #expect(probes == 1)
        circuit.failed(3, silent, began: at(31), now: at(46), random: 1)
        guard case .giveUp(_, probes: false) = circuit.ask(Circuit.Item(id: 101, now: at(47)), now: at(47)),
            case .giveUp(_, probes: true) = circuit.ask(Circuit.Item(id: 102, now: at(51)), now: at(51))
        else {
            Issue.record("it is asked after a pause, and not before")
            return
        }
        circuit.responded()
        #expect(circuit.ask(Circuit.Item(id: 103, now: at(52)), now: at(52)) == .attempt)
    }

    @Test func `an item that fails alone says nothing of those behind it`() {
        var circuit = Circuit()
        let item = Circuit.Item(id: 1, now: at(0))
        #expect(circuit.ask(item, now: at(0)) == .attempt)
        circuit.failed(1, refused, began: at(0), now: at(0), random: 1)
        #expect(circuit.ask(item, now: at(29)) == .attempt)
        circuit.failed(1, refused, began: at(29), now: at(31), random: 0)
        #expect(circuit.ask(Circuit.Item(id: 2, now: at(31)), now: at(31)) == .attempt)
        #expect(circuit.problem(now: at(31)) == nil)
    }

    @Test func `an item that fails while others do not has pauses of its own`() {
        var circuit = Circuit()
        var item = Circuit.Item(id: 1, now: at(0))
        circuit.failed(1, refused, began: at(0), now: at(0), random: 1)
        item.failed(refused, now: at(0), random: 1)
        circuit.responded()
        #expect(circuit.ask(item, now: at(0.1)) == .wait(until: at(0.4)))
        #expect(circuit.ask(Circuit.Item(id: 2, now: at(0.1)), now: at(0.1)) == .attempt)
    }

    @Test func `whoever gives the attempt up leaves it to the next`() {
        var circuit = Circuit()
        circuit.failed(1, refused, began: at(0), now: at(0), random: 1)
        let (first, second) = (Circuit.Item(id: 1, now: at(0)), Circuit.Item(id: 2, now: at(0)))
        #expect(circuit.ask(first, now: at(1)) == .attempt)
        #expect(circuit.ask(second, now: at(1)) == .wait(until: nil))
        circuit.abandoned(2, now: at(1))
        #expect(circuit.ask(second, now: at(1)) == .wait(until: nil), "it was not its attempt")
        circuit.abandoned(1, now: at(1))
        #expect(circuit.ask(second, now: at(1)) == .attempt)
    }

    @Test func `a bucket that nobody has asked for a minute is given the whole patience again`() {
        var circuit = Circuit()
        for id in [1, 2] as [UInt64] { circuit.failed(id, silent, began: at(0), now: at(31), random: 0) }
        guard case .attempt = circuit.ask(Circuit.Item(id: 3, now: at(91)), now: at(91)) else {
            Issue.record("it is not asked")
            return
        }
        #expect(circuit.ask(Circuit.Item(id: 4, now: at(91)), now: at(91)) == .attempt)
        #expect(circuit.problem(now: at(91)) == nil)
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `nobody waits for ever, and nobody is given up early, whatever the bucket does`(seed: UInt64) async {
        var walk = CircuitWalk(seed: seed)
        await takeSteps(2000) { walk.step() }
        walk.drain()
        #expect(walk.faults == [])
        #expect(walk.waiting.isEmpty && walk.trying.isEmpty)
    }

    @Test func `a bucket that fails for long is looked at for its own sake, and by one at a time`() {
        var circuit = Circuit()
        for id in UInt64(1)...2 { #expect(circuit.ask(Circuit.Item(id: id, now: at(0)), now: at(0)) == .attempt) }
        for id in UInt64(1)...2 { circuit.failed(id, silent, began: at(0), now: at(15), random: 0) }
        #expect(circuit.nextProbe == nil, "somebody may wait still")
        #expect(circuit.ask(Circuit.Item(id: 3, now: at(16)), now: at(16)) == .attempt)
        circuit.failed(3, silent, began: at(16), now: at(31), random: 1)
        guard let due = circuit.nextProbe else { return #expect(Bool(false), "nobody looks") }
        let looks = [(UInt64(4), at(31)), (4, due), (5, due)].map { circuit.probe($0, now: $1) }
        #expect(looks == [false, true, false] && circuit.nextProbe == nil)
        circuit.failed(4, silent, began: due, now: due + .seconds(15), random: 0)
        #expect(circuit.nextProbe != nil)
        circuit.responded()
        #expect(circuit.nextProbe == nil && circuit.isClosed)
    }
}

/// Items that come, try, fail, leave and are had, by a clock that the walk moves.
private struct CircuitWalk {
    private(set) var waiting: [Circuit.Item] = []
    private(set) var trying: [(item: Circuit.Item, began: Circuit.Instant)] = []
    private(set) var faults: [String] = []
    /// Items that were given up, and are tried for the bucket's sake.
    private var probes: Set<UInt64> = []
    private var circuit = Circuit()
    private var random: SeededGenerator
    private var now = ContinuousClock.now
    private var lastID: UInt64 = 0
    /// When a failure came that no response has followed.
    private var failingSince: Circuit.Instant?

    init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
    }

    mutating func step() {
        now += .milliseconds(Int.random(in: 0...800, using: &random))
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<4:
            lastID += 1
            waiting.append(Circuit.Item(id: lastID, now: now))
        case 4 where !trying.isEmpty: end { circuit, _, _ in circuit.responded() }
        case 5 where !waiting.isEmpty: waiting.remove(at: Int.random(in: waiting.indices, using: &random))
        case 6 where !trying.isEmpty: end { circuit, item, now in circuit.abandoned(item.id, now: now) }
        case 7..<10 where !trying.isEmpty: fail()
        default: break
        }
        ask()
    }

    /// Nothing succeeds any more, and nothing comes.
    mutating func drain() {
        let end = now + .seconds(120)
        while now < end, !waiting.isEmpty || !trying.isEmpty {
            now += .milliseconds(100)
            while !trying.isEmpty { fail() }
            ask()
        }
    }

    private mutating func end(_ body: (inout Circuit, Circuit.Item, Circuit.Instant) -> Void) {
        let (item, _) = trying.remove(at: Int.random(in: trying.indices, using: &random))
        body(&circuit, item, now)
        if circuit.isClosed { failingSince = nil }
    }

    private mutating func fail() {
        var (item, began) = trying.remove(at: Int.random(in: trying.indices, using: &random))
        failingSince = failingSince ?? began
        circuit.failed(item.id, refused, began: began, now: now, random: .random(in: 0..<1, using: &random))
        item.failed(refused, now: now, random: .random(in: 0..<1, using: &random))
        if !probes.contains(item.id) { waiting.append(item) }
    }

    private mutating func ask() {
        let wasClosed = circuit.isClosed
        var askedHalfOpen = false
        for item in waiting {
            switch circuit.ask(item, now: now) {
            case .attempt:
                if !wasClosed, !circuit.isClosed, askedHalfOpen { faults.append("\(item.id) tries beside another") }
                askedHalfOpen = !circuit.isClosed
                trying.append((item, now))
                waiting.removeAll { $0.id == item.id }
            case .wait(nil):
                if trying.isEmpty { faults.append("\(item.id) waits for nobody") }
            case .wait(let until?):
                if until <= now { faults.append("\(item.id) waits for what is over") }
            case .giveUp(_, let probes):
                if probes {
                    trying.append((item, now))
                    self.probes.insert(item.id)
                }
                let since = min(item.began, failingSince ?? item.began)
                if now - since < Circuit.patience { faults.append("\(item.id) is given up early") }
                waiting.removeAll { $0.id == item.id }
            }
        }
    }
}
