import Testing

@testable import Reactor

@Suite struct TimerHeapTests {
    private let start = ContinuousClock.now

    @Test func `timers run in the order of their deadlines, equal ones in the order they were set`() {
        var heap = TimerHeap()
        var ran: [Int] = []
        for (id, delay) in [(1, 30), (2, 10), (3, 20), (4, 10)] {
            _ = heap.insert(at: start + .milliseconds(delay)) { ran.append(id) }
        }
        #expect(heap.nextDeadline == start + .milliseconds(10))
        while let action = heap.popDue(start + .milliseconds(25)) { action() }
        #expect(ran == [2, 4, 3])
        #expect(heap.count == 1)
    }

    @Test func `a cancelled timer leaves at once and its token names nothing afterwards`() {
        var heap = TimerHeap()
        let token = heap.insert(at: start) {}
        let first = heap.cancel(token)
        #expect(first && heap.count == 0)
        let next = heap.insert(at: start) {}
        let stale = heap.cancel(token)
        #expect(!stale, "the slot belongs to another timer now")
        let second = heap.cancel(next)
        #expect(second)
    }

    @Test func `a random walk agrees with a sorted list`() {
        var random = SystemRandomNumberGenerator()
        var heap = TimerHeap()
        var model: [(at: Int, id: Int, token: TimerToken)] = []
        var ran: [Int] = []
        for id in 0..<2000 {
            switch Int.random(in: 0..<4, using: &random) {
            case 0 where !model.isEmpty:
                let gone = model.remove(at: Int.random(in: 0..<model.count, using: &random))
                let wasWaiting = heap.cancel(gone.token)
                #expect(wasWaiting)
            case 1:
                let now = Int.random(in: 0..<1000, using: &random)
                let due = model.filter { $0.at <= now }.sorted { ($0.at, $0.id) < ($1.at, $1.id) }.map(\.id)
                model.removeAll { $0.at <= now }
                ran.removeAll()
                while let action = heap.popDue(start + .milliseconds(now)) { action() }
                #expect(ran == due)
            default:
                let at = Int.random(in: 0..<1000, using: &random)
                model.append((at, id, heap.insert(at: start + .milliseconds(at)) { ran.append(id) }))
            }
            #expect(heap.count == model.count)
            #expect(heap.nextDeadline == model.map(\.at).min().map { start + .milliseconds($0) })
        }
    }
}
