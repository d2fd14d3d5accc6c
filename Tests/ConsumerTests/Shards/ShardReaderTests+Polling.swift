import Kinesis
import State
import Testing
import Time

@testable import Consumer

/// What is asked of the service when: iterators, polls, and what follows failures.
extension ShardReaderTests {
    @Test func `a response for which there is no room is no failure: fewer records are asked for at the same place`() {
        var reader = reader(iterator: one)
        var paces = ReadPaces()
        _ = reader.next(now: start, paces: &paces)
        reader.permitted(room: ResponseSize.least, now: start)
        #expect(reader.next(now: start, paces: &paces) == .getRecords(one, limit: 4))
        reader.responseTooLarge(bytes: 4 << 20, now: at(10))
        #expect(reader.degradation == nil)
        #expect(reader.next(now: at(1000), paces: &paces) == .takePermit(bytes: 4 << 20, least: 1_048_577))
        reader.permitted(room: 1_048_577, now: start)
        #expect(reader.next(now: at(1000), paces: &paces) == .getRecords(one, limit: 1))
    }

    @Test func `an iterator that is held is used without asking`() {
        var reader = reader(initial: .atTimestamp(WallTime(milliseconds: 5)), iterator: one)
        var paces = ReadPaces()
        #expect(reader.next(now: start, paces: &paces) == permit(ResponseSize.least))
    }

    @Test func `after records the next request waits for pollDelay, from request to request`() {
        var reader = reader(iterator: one)
        var paces = ReadPaces()
        fetch(&reader, &paces, now: start)
        reader.offered(event(1), records: 3, last: checkpoint(3), now: start)
        reader.taken()
        reader.responseEnded(envelope(two), now: at(100))
        #expect(reader.next(now: at(100), paces: &paces) == .wait(until: at(250)))
        #expect(reader.sight.deadline == at(250))
        #expect(reader.next(now: at(250), paces: &paces) == permit(ResponseSize.least))
    }

    @Test func `at the tip an empty response waits for noRecordsPollDelay`() {
        var reader = reader(iterator: one)
        var paces = ReadPaces()
        fetch(&reader, &paces, now: start)
        reader.responseEnded(envelope(two), now: at(20))
        #expect(reader.next(now: at(20), paces: &paces) == .wait(until: at(1020)))
    }

    @Test func `an empty response with data ahead is followed at once, within five reads a second`() {
        var reader = reader(iterator: one)
        var paces = ReadPaces()
        for call in 0..<5 {
            fetch(&reader, &paces, now: at(call * 10))
            reader.responseEnded(envelope(two, behind: 60_000), now: at(call * 10 + 5))
        }
        #expect(reader.next(now: at(50), paces: &paces) == .wait(until: at(1050)))
        #expect(reader.sight.deadline == at(1050))
        #expect(reader.next(now: at(1050), paces: &paces) == permit(ResponseSize.least))
        reader.permitted(room: ResponseSize.most, now: at(1050))
        #expect(reader.next(now: at(1050), paces: &paces) == .getRecords(two, limit: 10_000))
        _ = reader.responseReceived(bytes: 100, now: at(1051))
        reader.responseEnded(envelope(one, behind: 60_000), now: at(1051))
        #expect(reader.next(now: at(1051), paces: &paces) == .wait(until: at(1060)))
    }

    @Test func `a shard that moves gives its turn back, and one whose room comes late keeps its own`() {
        var first = reader(iterator: one)
        var second = reader(iterator: two)
        var paces = ReadPaces()
        for _ in 0..<5 {
            fetch(&first, &paces, now: start)
            first.responseEnded(envelope(one, behind: 60_000), now: start)
        }
        #expect(first.next(now: start, paces: &paces) == .wait(until: at(1050)))
        _ = first.beginRevoke(now: start, paces: &paces)
        #expect(second.next(now: start, paces: &paces) == .wait(until: at(1050)))
        #expect(second.next(now: at(1050), paces: &paces) == permit(ResponseSize.least))
        first.cancelRevoke()
        for _ in 0..<4 {
            fetch(&first, &paces, now: at(1100))
            first.responseEnded(envelope(one, behind: 60_000), now: at(1100))
        }
        #expect(first.next(now: at(1100), paces: &paces) == .wait(until: at(2150)))
        second.permitted(room: ResponseSize.most, now: at(1200))
        #expect(second.next(now: at(1200), paces: &paces) == .getRecords(two, limit: 10_000))
    }

    @Test func `where there is little room fewer records are asked for`() {
        var reader = reader(iterator: one)
        var paces = ReadPaces()
        _ = reader.next(now: start, paces: &paces)
        reader.permitted(room: 1 << 20, now: start)
        #expect(reader.next(now: start, paces: &paces) == .getRecords(one, limit: 4))
    }

    @Test func `a shard that moves while it waits for room or for records keeps its iterator`() {
        var reader = reader(iterator: one)
        var paces = ReadPaces()
        _ = reader.next(now: start, paces: &paces)
        #expect(reader.beginRevoke(now: start, paces: &paces) == nil)
        reader.permitted(room: ResponseSize.most, now: start)
        #expect(reader.next(now: at(1), paces: &paces) == .wait(until: nil))
        #expect(reader.iteratorToKeep == one)
        reader.cancelRevoke()
        #expect(reader.next(now: at(2), paces: &paces) == permit(ResponseSize.least))
        reader.permitted(room: ResponseSize.most, now: at(2))
        _ = reader.next(now: at(2), paces: &paces)
        _ = reader.beginRevoke(now: at(3), paces: &paces)
        #expect(reader.responseReceived(bytes: 1000, now: at(4)) == false)
        #expect(reader.next(now: at(5), paces: &paces) == .wait(until: nil))
        #expect(reader.iteratorToKeep == one)
    }

    @Test func `throttling slows the shard down, further each time, and keeps its iterator`() {
        var reader = reader(iterator: one)
        var paces = ReadPaces()
        var now = start
        for failure in 1...6 {
            _ = reader.next(now: now, paces: &paces)
            reader.permitted(room: ResponseSize.most, now: start)
            _ = reader.next(now: now, paces: &paces)
            #expect(reader.failed(.throttled, now: now) == .again)
            guard case .polling(one, let notBefore) = polling(reader) else { return fail(reader) }
            let bound = min(Duration.milliseconds(500) * (1 << (failure - 1)), .seconds(5))
            #expect((bound / 2...bound).contains(notBefore - now))
            now = notBefore + .seconds(1)
        }
        #expect(reader.degradation == .throttled)
        fetch(&reader, &paces, now: now)
        reader.responseEnded(envelope(two), now: now)
        #expect(reader.degradation == nil)
    }

    @Test func `an expired iterator is replaced at once, from behind the last record that was offered`() {
        var reader = reader(iterator: one)
        var paces = ReadPaces()
        fetch(&reader, &paces, now: start)
        reader.offered(event(1), records: 2, last: checkpoint(42), now: start)
        reader.taken()
        reader.responseEnded(envelope(two), now: at(1))
        _ = reader.next(now: at(300), paces: &paces)
        reader.permitted(room: ResponseSize.most, now: start)
        _ = reader.next(now: at(300), paces: &paces)
        #expect(reader.failed(.expiredIterator, now: at(310)) == .again)
        #expect(reader.next(now: at(310), paces: &paces) == .askIterator(.afterSequenceNumber(SequenceNumber(42))))
    }

    @Test func `an iterator at LATEST that expires before a record came is replaced at the moment of LATEST`() {
        let moment = StartingPosition.atTimestamp(WallTime(milliseconds: 1_700_000_000_000))
        var reader = reader(initial: moment, iterator: one)
        var paces = ReadPaces()
        _ = reader.next(now: start, paces: &paces)
        reader.permitted(room: ResponseSize.most, now: start)
        _ = reader.next(now: start, paces: &paces)
        #expect(reader.failed(.expiredIterator, now: start) == .again)
        #expect(reader.next(now: start, paces: &paces) == .askIterator(moment))
    }

    @Test func `iterators that expire again and again do not make a storm`() {
        var reader = reader(iterator: one)
        var paces = ReadPaces()
        for attempt in 1...3 {
            let now = at(attempt * 60_000)
            _ = reader.next(now: now, paces: &paces)
            reader.permitted(room: ResponseSize.most, now: start)
            _ = reader.next(now: now, paces: &paces)
            #expect(reader.failed(.expiredIterator, now: now) == .again)
            guard case .needsIterator(let notBefore) = polling(reader) else { return fail(reader) }
            #expect(attempt == 1 ? notBefore == now : notBefore > now)
            _ = reader.next(now: notBefore, paces: &paces)
            reader.iteratorReceived(two, now: notBefore)
        }
    }

    @Test(arguments: [ReadFailure.passing, .unreachable])
    func `what passes is tried again within 5 seconds, for ever`(failure: ReadFailure) {
        var reader = reader()
        var paces = ReadPaces()
        var now = start
        for _ in 0..<20 {
            guard case .askIterator = reader.next(now: now, paces: &paces) else { return fail(reader) }
            #expect(reader.failed(failure, now: now) == .again)
            guard case .wait(let until?) = reader.next(now: now, paces: &paces) else { return fail(reader) }
            #expect(until - now <= .seconds(5))
            now = until
        }
    }

    @Test func `a denied shard tries again after 30 to 60 seconds, for ever`() {
        var reader = reader()
        var paces = ReadPaces()
        var now = start
        for _ in 0..<20 {
            guard case .askIterator = reader.next(now: now, paces: &paces) else { return fail(reader) }
            #expect(reader.failed(.denied, now: now) == .again)
            guard case .wait(let until?) = reader.next(now: now, paces: &paces) else { return fail(reader) }
            #expect((Duration.seconds(30)...Duration.seconds(60)).contains(until - now))
            #expect(reader.degradation == .denied)
            now = until
        }
    }

    @Test func `a response that breaks off is asked for again behind what was offered`() {
        var reader = reader(iterator: one)
        var paces = ReadPaces()
        fetch(&reader, &paces, now: start)
        reader.offered(event(1), records: 2, last: checkpoint(5), now: start)
        reader.taken()
        reader.responseBroken(now: at(1))
        guard case .wait(let until?) = reader.next(now: at(1), paces: &paces) else { return fail(reader) }
        #expect(reader.next(now: until, paces: &paces) == .askIterator(.afterSequenceNumber(SequenceNumber(5))))
    }

    @Test func `the iterator outlives the reader only when nothing is unsettled`() {
        var reader = reader(iterator: one)
        var paces = ReadPaces()
        #expect(reader.iteratorToKeep == one)
        fetch(&reader, &paces, now: start)
        #expect(reader.iteratorToKeep == nil)
        reader.offered(event(1), records: 2, last: checkpoint(5), now: start)
        reader.taken()
        reader.responseEnded(envelope(two), now: at(1))
        #expect(reader.iteratorToKeep == nil)
        _ = reader.settled(1)
        #expect(reader.iteratorToKeep == two)
    }
}

extension ShardReader {
    /// What the next task of the shard gets of one that polls.
    var iteratorToKeep: ShardIterator? {
        if case .polling(let source) = sourceToKeep { source.iterator } else { nil }
    }
}
