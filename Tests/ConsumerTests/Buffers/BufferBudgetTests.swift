import Testing

@testable import Consumer

@Suite struct BufferBudgetTests {
    @Test func `requests are served in the order in which they came`() {
        var budget = BufferBudget(limit: 100)
        let first = budget.request(40, for: 1)
        let second = budget.request(40, for: 2)
        let third = budget.request(40, for: 3)
        #expect(budget.served() == [first, second])
        #expect(budget.served() == [])
        budget.change(1, by: -40)
        #expect(budget.served() == [third])
        #expect(budget.used == 80)
    }

    @Test func `a large request is not overtaken by small ones`() {
        var budget = BufferBudget(limit: 100)
        _ = budget.request(60, for: 1)
        let large = budget.request(60, for: 2)
        let small = budget.request(10, for: 3)
        let served = budget.served()
        #expect(served.count == 1)
        budget.change(1, by: -60)
        #expect(budget.served() == [large, small])
    }

    @Test func `a consumer that gives nothing back leaves the others a share`() {
        var budget = BufferBudget(limit: 90)
        for _ in 0..<10 { _ = budget.request(10, for: 1) }
        let served = budget.served()
        #expect(served.count == 6)
        let other = budget.request(10, for: 2)
        #expect(budget.served() == [other])
        #expect(budget.used == 70)
        #expect(budget.waiting == 4)
    }

    @Test func `what takes less than it wants gets no more than the limit, also alone`() {
        var budget = BufferBudget(limit: 100)
        _ = budget.request(1500, least: 100, for: 1)
        #expect(budget.admit().map(\.bytes) == [100])
    }

    @Test func `what is larger than the limit is served alone`() {
        var budget = BufferBudget(limit: 10)
        let huge = budget.request(50, for: 1)
        #expect(budget.served() == [huge])
        let next = budget.request(1, for: 2)
        #expect(budget.served() == [])
        budget.change(1, by: -50)
        #expect(budget.served() == [next])
    }

    @Test func `an answer that is larger than was assumed holds the others up until it is sent`() {
        var budget = BufferBudget(limit: 100)
        _ = budget.request(10, for: 1)
        let served = budget.served()
        #expect(served.count == 1)
        budget.change(1, by: 110)
        let other = budget.request(10, for: 2)
        #expect(budget.served() == [])
        budget.change(1, by: -120)
        #expect(budget.served() == [other])
    }

    @Test func `where there is less than is wanted a request gets what there is, but not less than is of use`() {
        var budget = BufferBudget(limit: 100)
        _ = budget.request(70, for: 1)
        _ = budget.served()
        let modest = budget.request(80, least: 20, for: 2)
        #expect(budget.admit() == [BufferBudget.Grant(ticket: modest, bytes: 30)])
        let other = budget.request(80, least: 20, for: 3)
        #expect(budget.served() == [])
        budget.change(1, by: -70)
        #expect(budget.admit() == [BufferBudget.Grant(ticket: other, bytes: 70)])
    }

    @Test func `a consumer's share bounds what it gets of a large request too`() {
        var budget = BufferBudget(limit: 90)
        let first = budget.request(45, for: 1)
        let second = budget.request(45, least: 5, for: 1)
        #expect(
            budget.admit() == [
                BufferBudget.Grant(ticket: first, bytes: 45), BufferBudget.Grant(ticket: second, bytes: 15),
            ])
    }

    @Test func `a request that is taken back holds nothing`() {
        var budget = BufferBudget(limit: 10)
        _ = budget.request(10, for: 1)
        _ = budget.served()
        let second = budget.request(10, for: 2)
        #expect(budget.withdraw(second) == true)
        #expect(budget.withdraw(second) == false)
        budget.change(1, by: -10)
        #expect(budget.served() == [])
        #expect(budget.used == 0)
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func `whatever the order, the limit holds and every byte comes back`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var budget = BufferBudget(limit: 1000)
        var asked: [BufferBudget.Ticket: (holder: UInt64, bytes: Int)] = [:]
        var granted: [BufferBudget.Ticket] = []
        for _ in 0..<2000 {
            switch Int.random(in: 0..<3, using: &random) {
            case 0:
                let holder = UInt64.random(in: 0..<5, using: &random)
                let bytes = Int.random(in: 1...400, using: &random)
                asked[budget.request(bytes, for: holder)] = (holder, bytes)
            case 1:
                guard let index = granted.indices.randomElement(using: &random) else { continue }
                let held = asked.removeValue(forKey: granted.remove(at: index))!
                budget.change(held.holder, by: -held.bytes)
            default:
                guard let ticket = asked.keys.sorted().randomElement(using: &random) else { continue }
                if budget.withdraw(ticket) { asked[ticket] = nil }
            }
            granted += budget.served()
            #expect(budget.used <= 1000)
            #expect(budget.used == granted.reduce(0) { $0 + asked[$1]!.bytes })
        }
        // Nobody starves: once everything is given back, everything that waits is served.
        while !granted.isEmpty {
            let held = asked.removeValue(forKey: granted.removeFirst())!
            budget.change(held.holder, by: -held.bytes)
            granted += budget.served()
        }
        #expect(budget.used == 0 && budget.waiting == 0 && asked.isEmpty)
    }
}

extension BufferBudget {
    fileprivate mutating func served() -> [Ticket] { admit().map(\.ticket) }
}
