import Kinesis
import Testing

@testable import State

@Suite struct ChangeQueueTests {
    private let key = ConsumerKey(stream: StreamName("s")!, group: "g")
    private let other = ConsumerKey(stream: StreamName("s")!, group: "h")
    private let shard = ShardID(number: 0)

    private func at(_ number: UInt128) -> StateChange {
        .checkpoint(shard, Checkpoint(sequenceNumber: SequenceNumber(number)))
    }

    @Test func `of a shard's checkpoints only the newest waits`() {
        var queue = ChangeQueue()
        for number in 1...1000 { queue.append(at(UInt128(number)), of: key) }
        queue.append(at(5), of: key)
        queue.append(at(7), of: other)
        #expect(queue.entries.map(\.change) == [at(1000), at(7)])
    }

    @Test func `a checkpoint does not overtake the drop that came before it`() {
        var queue = ChangeQueue()
        queue.append(at(9), of: key)
        queue.append(.dropCheckpoint(shard), of: key)
        queue.append(at(3), of: key)
        queue.append(at(4), of: key)
        #expect(queue.entries.map(\.change) == [at(9), .dropCheckpoint(shard), at(4)])
    }

    @Test func `what could not be committed stays before what came later`() {
        var queue = ChangeQueue()
        queue.append(at(1), of: key)
        queue.append(.deplete(shard, children: []), of: key)
        let failed = queue.takeAll()
        queue.append(at(2), of: key)
        queue.append(.forget([shard]), of: key)
        queue.putBack(failed)
        #expect(queue.entries.map(\.change) == [at(2), .deplete(shard, children: []), .forget([shard])])
    }

    @Test func `a consumer's changes can be dropped alone`() {
        var queue = ChangeQueue()
        queue.append(at(1), of: key)
        queue.append(at(2), of: other)
        queue.drop(key)
        queue.append(at(3), of: other)
        #expect(queue.entries.map(\.key) == [other])
        #expect(queue.entries.map(\.change) == [at(3)])
    }
}
