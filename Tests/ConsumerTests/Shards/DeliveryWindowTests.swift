import Kinesis
import State
import Testing

@testable import Consumer

private func event(_ number: Int, of reader: ReaderID = "a") -> EventID { EventID(reader: reader, number: number) }

private func at(_ number: Int) -> Checkpoint { Checkpoint(sequenceNumber: SequenceNumber(UInt128(number))) }

@Suite struct DeliveryWindowTests {
    private func window(
        from progress: ShardProgress, needsAcknowledgement: Bool = false, pausesAfterBatch: Bool = false,
        confirmsEnd: Bool = false, openPause: EventID? = nil
    ) -> DeliveryWindow {
        DeliveryWindow(
            from: progress, initial: .trimHorizon, needsAcknowledgement: needsAcknowledgement,
            pausesAfterBatch: pausesAfterBatch, confirmsEnd: confirmsEnd, openPause: openPause)
    }

    @Test func `a batch waits, is taken, is settled, and then is done`() {
        var window = self.window(from: .nothing)
        #expect(window.hasCredit && window.isDone)
        window.offered(event(1), last: at(10))
        #expect(!window.hasCredit && window.hasWaiting && !window.isDone)
        #expect(window.delivered == .through(at(10)) && window.settled == .nothing)
        window.taken()
        #expect(window.hasCredit && !window.isDone)
        #expect(window.settle(1) == at(10))
        #expect(window.isDone && window.settled == .through(at(10)))
    }

    @Test func `settling out of order reaches as far as there is no gap`() {
        var window = self.window(from: .through(at(1)))
        for number in 1...3 { window.offered(event(number), last: at(number * 10)) }
        let reached = [3, 1, 2].map { window.settle($0) }
        #expect(reached == [nil, at(10), at(30)])
    }

    @Test func `where readers acknowledge a batch is done when a checkpoint says so`() {
        var window = self.window(from: .nothing, needsAcknowledgement: true)
        window.offered(event(1), last: at(10))
        window.taken()
        #expect(window.isAcknowledged)
        _ = window.settle(1)
        #expect(!window.isDone && !window.isAcknowledged)
        window.acknowledge(at(9))
        #expect(!window.isDone)
        window.acknowledge(at(10))
        window.acknowledge(at(3))
        #expect(window.isDone && window.isAcknowledged)
    }

    @Test func `an end that is to be confirmed is announced once behind the last batch, and waits for both`() {
        var window = self.window(from: .nothing, needsAcknowledgement: true, confirmsEnd: true)
        window.offered(event(1), last: at(10))
        window.taken()
        window.reachedEnd([])
        var announced = [window.announceEnd()]
        _ = window.settle(1)
        for _ in 0..<2 { announced.append(window.announceEnd()) }
        #expect(announced == [false, true, false])
        window.acknowledge(at(10))
        let early = window.end()
        #expect(early == nil && window.isDone && window.isEndHeldBack)
        window.confirmEnd()
        let isHeldBack = window.isEndHeldBack
        let end = window.end()
        #expect(!isHeldBack && end == [])
    }

    @Test func `a confirmation counts for nothing while the last batch is not acknowledged`() {
        var window = self.window(from: .nothing, needsAcknowledgement: true, confirmsEnd: true)
        window.offered(event(1), last: at(10))
        window.taken()
        _ = window.settle(1)
        window.reachedEnd([])
        let isAnnounced = window.announceEnd()
        window.confirmEnd()
        let early = window.end()
        #expect(isAnnounced && early == nil && window.isEndHeldBack)
        window.acknowledge(at(10))
        let unsaid = window.end()
        window.confirmEnd()
        let end = window.end()
        #expect(unsaid == nil && end == [])
    }

    @Test func `a pause ends by its own batch or by any word, and only once`() {
        var window = self.window(from: .nothing, pausesAfterBatch: true)
        window.offered(event(4), last: at(10))
        window.taken()
        #expect(!window.hasCredit && window.openPause != nil)
        #expect(window.resume(behind: event(3)) == false)
        #expect(window.resume(behind: event(4)) == true)
        #expect(window.resume(behind: event(4)) == false)
        #expect(window.hasCredit)
        window.offered(event(5), last: at(20))
        window.taken()
        #expect(window.resume() == true)
    }

    @Test func `what is taken back was not offered, and nothing more is before the reader has taken what it has`() {
        var window = self.window(from: .through(at(1)))
        window.offered(event(1), last: at(10))
        window.taken()
        window.offered(event(2), last: at(20))
        #expect(window.evict() == 2)
        #expect(window.delivered == .through(at(10)) && !window.hasCredit)
        #expect(window.settle(1) == at(10))
        #expect(window.settle(2) == nil)
        window.readerWaits()
        #expect(window.hasCredit && window.isDone)
        #expect(window.evict() == nil)
        #expect(window.delivered == .through(at(10)))
    }

    @Test func `a pause that came with the shard ends by the earlier reader's event`() {
        var window = self.window(from: .nothing, pausesAfterBatch: true, openPause: event(4, of: "b"))
        #expect(!window.hasCredit && window.openPause != nil && window.isDone)
        #expect(window.resume(behind: event(4, of: "a")) == false)
        #expect(window.evict() == nil)
        window.readerWaits()
        #expect(window.openPause == event(4, of: "b"))
        #expect(window.resume(behind: event(4, of: "b")) == true)
        #expect(window.hasCredit)
    }

    @Test func `a window that is being revoked has no credit, and all of it again when the shard stays`() {
        var window = self.window(from: .nothing, pausesAfterBatch: true)
        window.offered(event(1), last: at(10))
        #expect(window.beginRevoke() == 1)
        #expect(!window.hasCredit && window.isDone && window.openPause == nil && window.delivered == .nothing)
        window.readerWaits()
        #expect(!window.hasCredit)
        window.cancelRevoke()
        #expect(window.hasCredit)
    }

    @Test func `right before a record, and inside one, reading begins at it`() {
        let positions = [
            Checkpoint(before: SequenceNumber(9)), at(9),
            Checkpoint(sequenceNumber: SequenceNumber(9), extent: .part(through: 3)),
        ]
        .map { self.window(from: .through($0)).position }
        #expect(
            positions.map(\.start) == [
                .atSequenceNumber(SequenceNumber(9)), .afterSequenceNumber(SequenceNumber(9)),
                .atSequenceNumber(SequenceNumber(9)),
            ])
        #expect(positions[2].skip == Checkpoint(sequenceNumber: SequenceNumber(9), extent: .part(through: 3)))
    }

    // MARK: Inside aggregates

    private func part(_ number: Int, _ sub: Int) -> Checkpoint {
        Checkpoint(sequenceNumber: SequenceNumber(UInt128(number)), extent: .part(through: sub))
    }

    @Test func `whoever acknowledges the last user record of an aggregate by its numbers is done with the aggregate`() {
        var window = self.window(from: .nothing, needsAcknowledgement: true)
        window.offered(event(1), last: part(10, 2), named: part(10, 2))
        window.taken()
        window.offered(event(2), last: at(10), named: part(10, 5))
        window.taken()
        _ = window.settle(1)
        _ = window.settle(2)
        #expect(window.reached(by: part(10, 4)) == part(10, 4))
        #expect(window.reached(by: part(10, 5)) == at(10))
        window.acknowledge(part(10, 4))
        #expect(!window.isDone && !window.isAcknowledged)
        window.acknowledge(part(10, 5))
        #expect(window.isDone && window.isAcknowledged)
    }

    @Test func `what is not to be delivered is done once everything before it is`() {
        var window = self.window(from: .through(part(9, 3)))
        #expect(window.passed(through: at(9)) == at(9))
        #expect(window.passed(through: at(9)) == nil, "that is nothing new")
        #expect(window.settled == .through(at(9)) && window.position.start == .afterSequenceNumber(SequenceNumber(9)))
        window.offered(event(1), last: at(10))
        #expect(window.passed(through: at(12)) == nil, "the batch before is in flight")
        #expect(window.delivered == .through(at(12)))
        window.taken()
        #expect(window.settle(1) == at(12))
        #expect(window.isDone)
    }

    @Test func `what is not to be delivered is acknowledged with what was before it`() {
        var window = self.window(from: .nothing, needsAcknowledgement: true)
        #expect(window.passed(through: at(5)) == at(5), "nobody was sent anything")
        window.offered(event(1), last: at(10))
        window.taken()
        _ = window.settle(1)
        #expect(window.passed(through: at(12)) == nil)
        #expect(!window.isDone)
        #expect(window.reached(by: at(10)) == at(12))
        window.acknowledge(at(10))
        #expect(window.isDone)
        #expect(window.passed(through: at(14)) == at(14))
    }

    @Test func `a batch that is taken back takes along what was passed behind it`() {
        var window = self.window(from: .through(at(1)))
        window.offered(event(1), last: at(10))
        _ = window.passed(through: at(12))
        #expect(window.evict() == 1)
        #expect(window.delivered == .through(at(1)))
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `a walk: what is settled is a prefix of what was offered, and what was taken back comes again`(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var window = self.window(from: .nothing)
        var offered: [Int] = []
        var taken: Set<Int> = []
        var number = 0
        for _ in 0..<2000 {
            switch Int.random(in: 0..<8, using: &random) {
            case 0...2 where window.hasCredit:
                number += 1
                offered.append(number)
                // A batch's place in the shard is its index, so that one that was taken back is the next again.
                window.offered(event(number), last: at(offered.count))
            case 3, 4:
                if window.hasWaiting { taken.insert(offered.last!) }
                window.taken()
            case 5:
                guard let one = taken.sorted().randomElement(using: &random) else { continue }
                taken.remove(one)
                let index = offered.firstIndex(of: one)!
                let open = offered.firstIndex { taken.contains($0) || (window.hasWaiting && $0 == offered.last) }
                let reached = open ?? offered.count
                #expect(window.settle(one) == (reached > index ? at(reached) : nil))
            case 6:
                let number = Bool.random(using: &random) ? window.evict() : window.beginRevoke()
                if let number { #expect(offered.removeLast() == number) }
                #expect(!window.hasCredit && !window.hasWaiting)
            case 7:
                window.readerWaits()
                window.cancelRevoke()
                #expect(window.hasCredit == !window.hasWaiting)
            default: break
            }
            #expect(window.delivered == (offered.isEmpty ? .nothing : .through(at(offered.count))))
            #expect(window.settled <= window.delivered && window.isDone == (window.settled == window.delivered))
        }
    }

    @Test func `a shard that was evicted, was to move and stays after all has credit again`() {
        var window = self.window(from: .nothing)
        window.offered(event(1), last: at(10))
        window.taken()
        #expect(window.evict() == nil)
        #expect(window.beginRevoke() == nil)
        window.cancelRevoke()
        #expect(window.hasCredit)
    }

    @Test func `a batch that is taken back does not pause, and a word for another pause lets it go on`() {
        var window = self.window(from: .nothing, pausesAfterBatch: true)
        window.offered(event(1), last: at(10))
        #expect(window.evict() == 1)
        #expect(window.openPause == nil)
        window.readerWaits()
        window.offered(event(2), last: at(10))
        window.taken()
        #expect(window.evict() == nil)
        #expect(window.resume(behind: event(2)) == true)
        #expect(window.hasCredit)
    }
}
