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

    @Test func `groups leave a quarter of the room to puts`() {
        var memory = PutMemory(limit: 100)
        #expect(memory.feedShare == 25)
        let groups = [25, 25, 25, 1].map { memory.takeOrStandInLine($0) }
        #expect(groups == [true, true, true, false])
        let puts = [25, 1].map { memory.take($0) }
        #expect(puts == [true, false])
    }

    @Test func `groups are let in in their order, as soon as the first fits`() {
        var memory = PutMemory(limit: 100)
        let groups = [70, 60, 1].map { memory.takeOrStandInLine($0) }
        #expect(groups == [true, false, false], "a small one does not overtake a large one")
        let early = memory.admitNext()
        #expect(!early)
        memory.give(60)
        let admitted = [memory.admitNext(), memory.admitNext(), memory.admitNext()]
        #expect(admitted == [true, true, false])
        #expect(memory.waiting == 71)
    }

    @Test func `a group larger than all the room is let in when nothing else waits`() {
        var memory = PutMemory(limit: 100)
        let taken = [memory.take(1), memory.takeOrStandInLine(500)]
        #expect(taken == [true, false])
        memory.give(1)
        let admitted = memory.admitNext()
        #expect(admitted && memory.waiting == 500)
    }
}
