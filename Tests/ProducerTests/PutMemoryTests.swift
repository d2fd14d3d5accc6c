@testable import Producer
import Testing

@Suite struct PutMemoryTests {
    @Test func `a put is refused beyond the limit, unless nothing waits`() {
        var memory = PutMemory(limit: 100)
        let first = [memory.take(150), memory.take(1)]
        #expect(first == [true, false])
        memory.give(150)
        let second = [memory.take(60), memory.take(40), memory.take(1)]
        #expect(second == [true, true, false])
        #expect(memory.waiting == 100)
    }

    @Test func `a put is asked whether it has room before anything is taken`() {
        var memory = PutMemory(limit: 100)
        #expect(memory.hasRoom(for: 150), "nothing waits")
        _ = memory.take(60)
        #expect(memory.hasRoom(for: 40))
        #expect(!memory.hasRoom(for: 41))
        #expect(memory.waiting == 60)
    }

    @Test func `groups leave a quarter of the room to puts`() {
        var memory = PutMemory(limit: 100)
        #expect(memory.feedShare == 25)
        let groups = [25, 25, 25, 1].map { memory.takeOrStandInLine($0, .group) == nil }
        #expect(groups == [true, true, true, false])
        let puts = [25, 1].map { memory.take($0) }
        #expect(puts == [true, false])
    }

    @Test func `who stands in line is let in in its order, as soon as the first fits`() {
        var memory = PutMemory(limit: 100)
        let large = [memory.takeOrStandInLine(70, .group), memory.takeOrStandInLine(60, .group)]
        let small = memory.takeOrStandInLine(1, .put)
        #expect(large[0] == nil)
        #expect(large[1] != nil && small != nil, "a small one does not overtake a large one")
        let early = memory.admitNext()
        #expect(early == nil)
        memory.give(60)
        let admitted = [memory.admitNext(), memory.admitNext(), memory.admitNext()]
        #expect(admitted == [large[1], small, nil])
        #expect(memory.waiting == 71)
    }

    @Test func `a put in line may have the quarter that groups leave`() {
        var memory = PutMemory(limit: 100)
        _ = memory.take(80)
        let waiters = [memory.takeOrStandInLine(50, .put), memory.takeOrStandInLine(50, .group)]
        memory.give(30)
        let first = [memory.admitNext(), memory.admitNext()]
        #expect(first == [waiters[0], nil])
        #expect(memory.waiting == 100)
        memory.give(50)
        let early = memory.admitNext()
        #expect(early == nil, "groups have three quarters")
        memory.give(25)
        let second = memory.admitNext()
        #expect(second == waiters[1])
    }

    @Test func `who leaves the line holds nobody up`() {
        var memory = PutMemory(limit: 100)
        _ = memory.take(50)
        let waiters = [memory.takeOrStandInLine(80, .put), memory.takeOrStandInLine(20, .put)]
        let early = memory.admitNext()
        #expect(early == nil)
        if let large = waiters[0] { memory.leave(large) }
        let admitted = memory.admitNext()
        #expect(admitted == waiters[1])
        #expect(memory.waiting == 70)
    }

    @Test func `a group larger than all the room is let in when nothing else waits`() {
        var memory = PutMemory(limit: 100)
        _ = memory.take(1)
        let group = memory.takeOrStandInLine(500, .group)
        memory.give(1)
        let admitted = memory.admitNext()
        #expect(group != nil && admitted == group)
        #expect(memory.waiting == 500)
    }
}
