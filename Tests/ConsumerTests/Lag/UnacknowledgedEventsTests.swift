import Kinesis
import State
import Testing
import Time

@testable import Consumer

private func at(_ number: UInt128) -> Checkpoint { Checkpoint(sequenceNumber: SequenceNumber(number)) }
private func time(_ seconds: Int) -> WallTime { WallTime(milliseconds: Int64(seconds) * 1000) }

@Suite struct UnacknowledgedEventsTests {
    /// Events of ten records each, from behind the first number; each is sent a second after the one before.
    private func events(_ count: Int, behind first: UInt128 = 0) -> UnacknowledgedEvents {
        var events = UnacknowledgedEvents()
        for index in 0..<count {
            let before = first + UInt128(index) * 10
            events.sent(
                before: at(before), last: at(before + 10), firstArrival: time(1000 + index), on: time(2000 + index))
        }
        return events
    }

    @Test func `what a checkpoint covers counts no more, and the next one is the oldest`() {
        var events = events(3)
        #expect(events.count == 3)
        #expect(events.firstSentOn == time(2000))
        events.covered(at(10))
        #expect(events.count == 2)
        #expect(events.firstSentOn == time(2001))
        // In the middle of an event: it is not covered.
        events.covered(at(15))
        #expect(events.count == 2)
        events.covered(at(30))
        #expect(events.isEmpty && events.firstSentOn == nil)
    }

    @Test func `what is sent again counts once`() {
        var events = events(3)
        events.sent(before: at(0), last: at(10), firstArrival: time(1000), on: time(3000))
        #expect(events.count == 1)
        #expect(events.firstSentOn == time(3000))
    }

    @Test func `the oldest record that is not done is the first one behind the checkpoint, if an event begins there`() {
        let events = events(2, behind: 100)
        #expect(events.firstArrival(behind: .through(at(100))) == time(1000))
        #expect(events.firstArrival(behind: .through(at(105))) == time(1000))
        // The checkpoint has moved back: older records lie between.
        #expect(events.firstArrival(behind: .through(at(50))) == nil)
        #expect(events.firstArrival(behind: .nothing) == nil)
        var first = UnacknowledgedEvents()
        first.sent(
            before: Checkpoint(before: SequenceNumber(7)), last: at(9), firstArrival: time(5), on: time(6))
        #expect(first.firstArrival(behind: .nothing) == time(5))
    }

    @Test func `a record is named where an event ends or begins, inside one it is only likely`() {
        let events = events(2, behind: 100)
        #expect(events.knows(SequenceNumber(100)) == .named)
        #expect(events.knows(SequenceNumber(110)) == .named)
        #expect(events.knows(SequenceNumber(120)) == .named)
        #expect(events.knows(SequenceNumber(115)) == .insideEvent)
        #expect(events.knows(SequenceNumber(99)) == .unknown)
        #expect(events.knows(SequenceNumber(121)) == .unknown)
    }

    @Test func `however many there are, memory is bounded, none is missing, and what is covered goes`() {
        var events = events(10_000)
        #expect(events.count == 10_000)
        #expect(events.firstSentOn == time(2000))
        #expect(events.entryCount == UnacknowledgedEvents.mostEntries)
        events.covered(at(50_000))
        // Too high by the events of one entry at most.
        #expect(events.count >= 5_000)
        #expect(events.count < 5_000 + 10_000 / (UnacknowledgedEvents.mostEntries / 4))
        events.covered(at(100_000))
        #expect(events.isEmpty)
    }

    @Test func `what an earlier process has sent counts until it is covered or sent again`() {
        let logged = UnacknowledgedInLog(count: 5, last: at(50), firstSentOn: time(9))
        var events = UnacknowledgedEvents(logged)
        #expect(events.count == 5 && events.firstSentOn == time(9))
        #expect(events.firstArrival(behind: .through(at(10))) == nil)
        events.covered(at(40))
        #expect(events.count == 5)
        events.sent(before: at(40), last: at(45), firstArrival: time(1), on: time(20))
        #expect(events.count == 1)
    }
}
