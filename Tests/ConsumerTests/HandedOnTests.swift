import Kinesis
import State
import Testing

@testable import Consumer

private func event(_ number: Int, of reader: ReaderID = "a") -> EventID { EventID(reader: reader, number: number) }

private func at(_ number: Int) -> Checkpoint { Checkpoint(sequenceNumber: SequenceNumber(UInt128(number))) }

@Suite struct HandedOnTests {
    @Test func `a batch waits, is taken, is settled, and then is done`() {
        var batches = HandedOn(from: .nothing)
        #expect(batches.hasCredit && batches.isDone)
        batches.handOn(event(1), last: at(10))
        #expect(!batches.hasCredit && batches.hasWaiting && !batches.isDone)
        #expect(batches.last == .through(at(10)) && batches.settled == .nothing)
        batches.taken()
        #expect(batches.hasCredit && !batches.isDone)
        #expect(batches.settle(1) == at(10))
        #expect(batches.isDone && batches.settled == .through(at(10)))
    }

    @Test func `settling out of order reaches as far as there is no gap`() {
        var batches = HandedOn(from: .through(at(1)))
        for number in 1...3 { batches.handOn(event(number), last: at(number * 10)) }
        let reached = [3, 1, 2].map { batches.settle($0) }
        #expect(reached == [nil, at(10), at(30)])
    }

    @Test func `where readers acknowledge a batch is done when a checkpoint says so`() {
        var batches = HandedOn(from: .nothing, needsAcknowledgement: true)
        batches.handOn(event(1), last: at(10))
        batches.taken()
        #expect(batches.isAcknowledged)
        _ = batches.settle(1)
        #expect(!batches.isDone && !batches.isAcknowledged)
        batches.acknowledge(at(9))
        #expect(!batches.isDone)
        batches.acknowledge(at(10))
        batches.acknowledge(at(3))
        #expect(batches.isDone && batches.isAcknowledged)
    }

    @Test func `a pause ends by its own batch or by any word, and only once`() {
        var batches = HandedOn(from: .nothing, pausesAfterBatch: true)
        batches.handOn(event(4), last: at(10))
        batches.taken()
        #expect(!batches.hasCredit && batches.isHeld)
        #expect(batches.goOn(behind: event(3)) == false)
        #expect(batches.goOn(behind: event(4)) == true)
        #expect(batches.goOn(behind: event(4)) == false)
        #expect(batches.hasCredit)
        batches.handOn(event(5), last: at(20))
        batches.taken()
        #expect(batches.goOn() == true)
    }

    @Test func `what is taken back was not handed on, and nothing more is before the reader has taken what it has`() {
        var batches = HandedOn(from: .through(at(1)))
        batches.handOn(event(1), last: at(10))
        batches.taken()
        batches.handOn(event(2), last: at(20))
        #expect(batches.takeBack() == 2)
        #expect(batches.last == .through(at(10)) && !batches.hasCredit)
        #expect(batches.settle(1) == at(10))
        #expect(batches.settle(2) == nil)
        batches.release()
        #expect(batches.hasCredit && batches.isDone)
        #expect(batches.takeBack() == nil)
        #expect(batches.last == .through(at(10)))
    }

    @Test func `a pause that came with the shard ends by the earlier reader's event`() {
        var batches = HandedOn(from: .nothing, pausesAfterBatch: true, pausedBehind: event(4, of: "b"))
        #expect(!batches.hasCredit && batches.isHeld && batches.isDone)
        #expect(batches.goOn(behind: event(4, of: "a")) == false)
        #expect(batches.takeBack() == nil)
        batches.release()
        #expect(batches.pausedBehind == event(4, of: "b"))
        #expect(batches.goOn(behind: event(4, of: "b")) == true)
        #expect(batches.hasCredit)
    }

    @Test func `a batch that is taken back does not pause, and a word for another pause lets it go on`() {
        var batches = HandedOn(from: .nothing, pausesAfterBatch: true)
        batches.handOn(event(1), last: at(10))
        #expect(batches.takeBack() == 1)
        #expect(batches.pausedBehind == nil)
        batches.release()
        batches.handOn(event(2), last: at(10))
        batches.taken()
        #expect(batches.takeBack() == nil)
        #expect(batches.goOn(behind: event(2)) == true)
        #expect(batches.hasCredit)
    }
}

@Suite struct ResendQueueTests {
    private let shard = ShardID(number: 0)
    private let other = ShardID(number: 1)

    private func resend(_ reader: ReaderID, from before: Int, to last: Int) -> ResendQueue.Resend {
        ResendQueue.Resend(reader: reader, stretch: SentAfter.Stretch(before: at(before), last: at(last)))
    }

    @Test func `the first one of a shard begins at once, the next when it has been sent its last record`() {
        var queue = ResendQueue()
        #expect(queue.append(resend("a", from: 1, to: 5), of: shard) == true)
        #expect(queue.append(resend("b", from: 3, to: 9), of: shard) == false)
        #expect(queue.append(resend("b", from: 3, to: 9), of: other) == true)
        #expect(queue.sent(shard, to: "a", upTo: at(4)) == false)
        #expect(queue.sent(shard, to: "b", upTo: at(9)) == false)
        #expect(queue.sent(shard, to: "a", upTo: at(7)) == true)
        #expect(queue.current(shard)?.reader == "b")
        #expect(queue.sent(shard, to: "b", upTo: at(9)) == true)
        #expect(queue.current(shard) == nil)
    }

    @Test func `who goes gives its place to the next`() {
        var queue = ResendQueue()
        _ = queue.append(resend("a", from: 1, to: 5), of: shard)
        _ = queue.append(resend("b", from: 3, to: 9), of: shard)
        _ = queue.append(resend("a", from: 3, to: 9), of: other)
        #expect(queue.left("c") == [])
        #expect(queue.left("a") == [shard])
        #expect(queue.current(shard)?.reader == "b" && queue.current(other) == nil)
    }
}
