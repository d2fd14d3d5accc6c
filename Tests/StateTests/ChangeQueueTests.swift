import Kinesis
import Testing
import Time

@testable import State

private func consumer(_ group: String, streamCreatedOn: Int64) -> ConsumerIncarnation {
    ConsumerIncarnation(
        ConsumerKey(stream: StreamName("s")!, group: group), streamCreatedOn: WallTime(milliseconds: streamCreatedOn))
}

@Suite struct ChangeQueueTests {
    private let key = consumer("g", streamCreatedOn: 1)
    private let other = consumer("h", streamCreatedOn: 1)
    private let earlier = consumer("g", streamCreatedOn: 0)
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

    @Test func `a checkpoint does not overtake the reset that came before it`() {
        var queue = ChangeQueue()
        queue.append(at(9), of: key)
        queue.append(.reset(shard, nil), of: key)
        queue.append(at(3), of: key)
        queue.append(at(4), of: key)
        #expect(queue.entries.map(\.change) == [at(9), .reset(shard, nil), at(4)])
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

    @Test func `checkpoints of a stream and of an earlier one of its name wait apart`() {
        var queue = ChangeQueue()
        queue.append(at(9), of: earlier)
        queue.append(at(3), of: key)
        #expect(queue.entries.map(\.change) == [at(9), at(3)])
    }

    @Test func `a consumer that begins drops what waits of its own positions alone`() {
        var queue = ChangeQueue()
        queue.append(at(1), of: key)
        queue.append(at(2), of: other)
        queue.drop(before: key)
        queue.append(at(3), of: other)
        #expect(queue.entries.map(\.consumer) == [other])
        #expect(queue.entries.map(\.change) == [at(3)])
    }

    @Test func `the delivery log outlives its positions, unless the stream is another one`() {
        let joined = StateChange.readerJoined(
            ReaderID("0000000a")!, at: .init(milliseconds: 1), unreadBytes: 0, following: nil)
        var queue = ChangeQueue()
        queue.append(joined, of: key)
        queue.append(at(1), of: key)
        queue.drop(before: key)
        #expect(queue.entries.map(\.change) == [joined])
        queue.append(at(2), of: key)
        queue.drop(before: consumer("g", streamCreatedOn: 2))
        #expect(queue.isEmpty)
    }

    @Test func `while nothing can be written the oldest entries of the log go, and no position does`() {
        var queue = ChangeQueue(mostOfLog: 10)
        for number in 1...100 {
            queue.append(event(number), of: key)
            queue.append(at(UInt128(number)), of: key)
        }
        let events = queue.entries.map(\.change).filter { if case .delivered = $0 { true } else { false } }
        #expect((4...10).contains(events.count) && events.last == event(100))
        #expect(queue.entries.map(\.change).contains(at(100)))
        // That events are gone is not forgotten, and said once.
        let first = 100 - events.count + 1
        #expect(queue.entries.map(\.change).contains(.eventsForgotten(ReaderID("0000000a")!, upTo: first - 1)))
        #expect(queue.entries.count == events.count + 2)
    }

    @Test func `a reader that is still there is not dropped, however many come and go`() {
        func joined(_ number: Int) -> StateChange {
            .readerJoined(reader(number), at: .init(milliseconds: 1), unreadBytes: 0, following: nil)
        }
        var queue = ChangeQueue(mostOfLog: 10)
        queue.append(joined(0), of: key)
        for number in 1...100 {
            queue.append(joined(number), of: key)
            queue.append(.readerEnded(reader(number), at: .init(milliseconds: 2), isLost: number == 1), of: key)
        }
        let changes = queue.entries.map(\.change)
        #expect(changes.contains(joined(0)) && changes.contains(joined(1)) && !changes.contains(joined(2)))
        #expect(changes.count < 30)
    }

    private func reader(_ number: Int) -> ReaderID { ReaderID(String(String(number + 0x1000_0000, radix: 16)))! }

    private func event(_ number: Int) -> StateChange {
        .delivered(
            DeliveredEvent(
                id: EventID(reader: ReaderID("0000000a")!, number: number), shard: shard,
                before: Checkpoint(before: SequenceNumber(1)),
                last: Checkpoint(sequenceNumber: SequenceNumber(UInt128(number))), endOffset: number,
                sentOn: WallTime(milliseconds: 3)))
    }
}
