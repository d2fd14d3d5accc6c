import Kinesis
import State
import Testing
import Time

@testable import Consumer

/// Scripts of facts and expected steps, with a clock that the test moves.
@Suite struct ShardReaderTests {
    private let start = ContinuousClock.now
    private let one = ShardIterator("one")
    private let two = ShardIterator("two")

    private func at(_ milliseconds: Int) -> ContinuousClock.Instant { start + .milliseconds(milliseconds) }

    private func event(_ number: Int) -> EventID { EventID(reader: "a", number: number) }

    private func checkpoint(_ number: UInt128) -> Checkpoint { Checkpoint(sequenceNumber: SequenceNumber(number)) }

    private func reader(
        behind progress: UInt128? = nil, initial: StartingPosition = .trimHorizon,
        iterator: ShardIterator? = nil, options change: (inout ConsumerOptions) -> Void = { _ in }
    ) -> ShardReader {
        var options = ConsumerOptions()
        change(&options)
        return ShardReader(
            window: DeliveryWindow(
                from: progress.map { .through(checkpoint($0)) } ?? .nothing, initial: initial,
                needsAcknowledgement: !options.useAutoCheckpoints, pausesAfterBatch: options.usePausedPolling),
            source: .polling(
                PollingSource(
                    shard: ReadPaces.Key(stream: StreamName("orders")!, shard: ShardID(number: 0)),
                    settings: .init(options, callTimeout: .seconds(30)), iterator: iterator, seed: 1, now: start)))
    }

    /// Brings a reader with an iterator to the point where its response is held.
    private func fetch(
        _ reader: inout ShardReader, _ paces: inout ReadPaces, now: ContinuousClock.Instant, bytes: Int = 1000
    ) {
        guard case .takePermit = reader.next(now: now, paces: &paces) else { return fail(reader) }
        reader.permitted(room: ResponseSize.most, now: start)
        guard case .getRecords = reader.next(now: now, paces: &paces) else { return fail(reader) }
        _ = reader.responseReceived(bytes: bytes, now: now)
        #expect(reader.next(now: now, paces: &paces) == .encode)
    }

    private func polling(_ reader: ShardReader) -> PollingSource.State {
        switch reader.source {
        case .polling(let source): source.state
        case .subscription: preconditionFailure("the tests poll")
        }
    }

    private func fail(_ reader: ShardReader, location: SourceLocation = #_sourceLocation) {
        Issue.record("unexpected state \(polling(reader))", sourceLocation: location)
    }

    private func envelope(_ next: ShardIterator?, behind: Int = 0, children: [ChildShard] = []) -> GetRecordsEnvelope {
        GetRecordsEnvelope(next: next.map { .iterator($0) }, millisBehindLatest: behind, childShards: children)
    }

    private func permit(_ bytes: Int) -> ShardStep { .takePermit(bytes: bytes, least: ResponseSize.least) }

    @Test func `a shard asks for an iterator, then for room, then for records`() {
        var reader = reader(behind: 7)
        var paces = ReadPaces()
        #expect(reader.next(now: start, paces: &paces) == .askIterator(.afterSequenceNumber(SequenceNumber(7))))
        #expect(reader.next(now: start, paces: &paces) == .wait(until: nil))
        reader.iteratorReceived(one, now: start)
        #expect(reader.next(now: start, paces: &paces) == permit(ResponseSize.most))
        #expect(reader.next(now: start, paces: &paces) == .wait(until: nil))
        reader.permitted(room: ResponseSize.most, now: start)
        #expect(reader.next(now: start, paces: &paces) == .getRecords(one, limit: 10_000))
        #expect(reader.next(now: start, paces: &paces) == .wait(until: nil))
    }

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

    @Test func `the lag grows while the reader or failures keep the shard from asking, and not between polls`() {
        var reader = reader(iterator: one) { $0.pollDelay = .seconds(60) }
        var paces = ReadPaces()
        #expect(reader.lag(now: start) == nil)
        fetch(&reader, &paces, now: start)
        reader.offered(event(1), records: 1, last: checkpoint(1), now: start)
        reader.responseEnded(envelope(two, behind: 500), now: start)
        #expect(reader.lag(now: at(3000)) == 3500)
        reader.taken()
        _ = reader.settled(1)
        #expect(reader.lag(now: at(3000)) == 500)
        fetch(&reader, &paces, now: at(60_000))
        reader.responseEnded(envelope(two), now: at(60_000))
        _ = reader.next(now: at(70_000), paces: &paces)
        reader.permitted(room: ResponseSize.most, now: start)
        _ = reader.next(now: at(70_000), paces: &paces)
        #expect(reader.lag(now: at(70_000)) == 0)
        _ = reader.failed(.throttled, now: at(71_000))
        #expect(reader.lag(now: at(75_000)) == 15_000)
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

    @Test func `one batch waits for the reader, and no more is made or asked for before it is taken`() {
        var reader = reader(iterator: one)
        var paces = ReadPaces()
        fetch(&reader, &paces, now: start)
        reader.offered(event(1), records: 3, last: checkpoint(3), now: start)
        #expect(reader.next(now: at(1), paces: &paces) == .wait(until: nil))
        #expect(reader.isHeldBack)
        reader.taken()
        #expect(reader.next(now: at(2), paces: &paces) == .encode)
        reader.offered(event(2), records: 3, last: checkpoint(6), now: start)
        reader.responseEnded(envelope(two), now: at(3))
        #expect(reader.next(now: at(900), paces: &paces) == .wait(until: nil))
        #expect(reader.isHeldBack && reader.sight.deadline == nil)
        reader.taken()
        #expect(reader.next(now: at(900), paces: &paces) == permit(ResponseSize.least))
    }

    @Test func `settling moves the checkpoint over what is settled without a gap`() {
        var reader = reader(iterator: one)
        var paces = ReadPaces()
        fetch(&reader, &paces, now: start)
        for number in 1...3 {
            reader.offered(event(number), records: 1, last: checkpoint(UInt128(number) * 10), now: start)
            reader.taken()
        }
        #expect(reader.settled(2) == nil)
        #expect(reader.settled(1) == checkpoint(20))
        #expect(reader.settled(1) == nil)
        #expect(reader.settled(3) == checkpoint(30))
        #expect(reader.settled(99) == nil)
    }

    @Test func `where there is little room fewer records are asked for`() {
        var reader = reader(iterator: one)
        var paces = ReadPaces()
        _ = reader.next(now: start, paces: &paces)
        reader.permitted(room: 1 << 20, now: start)
        #expect(reader.next(now: start, paces: &paces) == .getRecords(one, limit: 4))
    }

    @Test func `what is given up is asked for again once the reader has taken what it has`() {
        var reader = reader(iterator: one)
        var paces = ReadPaces()
        fetch(&reader, &paces, now: start)
        reader.offered(event(1), records: 1, last: checkpoint(10), now: start)
        reader.taken()
        reader.offered(event(2), records: 1, last: checkpoint(20), now: start)
        #expect(reader.holdsForReader)
        #expect(reader.evict(now: at(1000), paces: &paces) == 2)
        #expect(reader.next(now: at(5000), paces: &paces) == .wait(until: nil))
        #expect(reader.isHeldBack && !reader.holdsForReader && reader.sight.deadline == nil)
        _ = reader.settled(1)
        reader.readerWaits()
        #expect(reader.next(now: at(6000), paces: &paces) == .askIterator(.afterSequenceNumber(SequenceNumber(10))))
    }

    @Test func `what is given up before anything was offered begins where the shard began`() {
        let moment = StartingPosition.atTimestamp(WallTime(milliseconds: 5))
        var reader = reader(initial: moment, iterator: one)
        var paces = ReadPaces()
        fetch(&reader, &paces, now: start)
        reader.offered(event(1), records: 1, last: checkpoint(10), now: start)
        #expect(reader.evict(now: at(1000), paces: &paces) == 1)
        reader.readerWaits()
        #expect(reader.next(now: at(6000), paces: &paces) == .askIterator(moment))
    }

    @Test
    func `a shard that is about to move fetches and offers nothing, and goes on behind what was taken if it stays`() {
        var reader = reader(iterator: one)
        var paces = ReadPaces()
        fetch(&reader, &paces, now: start)
        reader.offered(event(1), records: 1, last: checkpoint(10), now: start)
        reader.taken()
        reader.offered(event(2), records: 1, last: checkpoint(20), now: start)
        #expect(reader.beginRevoke(now: at(1000), paces: &paces) == 2)
        #expect(reader.next(now: at(60_000), paces: &paces) == .wait(until: nil))
        #expect(reader.isHeldBack && !reader.window.isDone)
        #expect(reader.settled(1) == checkpoint(10))
        #expect(reader.window.isDone)
        reader.cancelRevoke()
        #expect(reader.next(now: at(60_000), paces: &paces) == .askIterator(.afterSequenceNumber(SequenceNumber(10))))
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

    @Test
    func `a closed shard that is about to move does not end, and reads its end again where its last batch waited`() {
        var reader = reader(iterator: one)
        var paces = ReadPaces()
        fetch(&reader, &paces, now: start)
        reader.offered(event(1), records: 1, last: checkpoint(10), now: start)
        reader.responseEnded(envelope(nil), now: at(1))
        #expect(reader.beginRevoke(now: at(2), paces: &paces) == 1)
        #expect(reader.next(now: at(3), paces: &paces) == .wait(until: nil))
        reader.cancelRevoke()
        #expect(reader.next(now: at(4), paces: &paces) == .askIterator(.trimHorizon))
    }

    @Test func `a batch of a position that the service refused moves no checkpoint`() {
        var reader = reader(iterator: one)
        var paces = ReadPaces()
        fetch(&reader, &paces, now: start)
        reader.offered(event(1), records: 1, last: checkpoint(10), now: start)
        reader.taken()
        reader.responseBroken(now: at(1))
        guard case .wait(let until?) = reader.next(now: at(1), paces: &paces) else { return fail(reader) }
        #expect(reader.next(now: until, paces: &paces) == .askIterator(.afterSequenceNumber(SequenceNumber(10))))
        let refusal = refuse(&reader, &paces, now: until)
        #expect(reader.settled(1) == nil)
        #expect(reader.next(now: refusal, paces: &paces) == .askIterator(.trimHorizon))
    }

    /// Refuses the iterator that is asked for, and the one that is asked for then. Returns when that was.
    private func refuse(_ reader: inout ShardReader, _ paces: inout ReadPaces, now: ContinuousClock.Instant)
        -> ContinuousClock.Instant
    {
        #expect(reader.failed(.refused, now: now) == .again)
        guard case .wait(let until?) = reader.next(now: now, paces: &paces) else {
            fail(reader)
            return now
        }
        _ = reader.next(now: until, paces: &paces)
        #expect(reader.failed(.refused, now: until) != .again)
        return until
    }

    @Test func `with paused polling nothing is asked for behind a batch until somebody says so`() {
        var reader = reader(iterator: one) { $0.usePausedPolling = true }
        var paces = ReadPaces()
        fetch(&reader, &paces, now: start)
        reader.offered(event(1), records: 1, last: checkpoint(10), now: start)
        reader.taken()
        reader.responseEnded(envelope(two), now: at(1))
        #expect(reader.next(now: at(9000), paces: &paces) == .wait(until: nil))
        #expect(reader.window.openPause != nil && reader.isHeldBack)
        #expect(reader.resumed(behind: event(2)) == false)
        #expect(reader.resumed(behind: event(1)) == true)
        #expect(reader.next(now: at(9000), paces: &paces) == permit(ResponseSize.least))
    }

    @Test func `with manual checkpoints a closed shard ends when its last record is acknowledged`() {
        var reader = reader(iterator: one) { $0.useAutoCheckpoints = false }
        var paces = ReadPaces()
        fetch(&reader, &paces, now: start)
        reader.offered(event(1), records: 1, last: checkpoint(10), now: start)
        reader.taken()
        reader.responseEnded(envelope(nil), now: at(1))
        _ = reader.settled(1)
        #expect(reader.next(now: at(9000), paces: &paces) == .wait(until: nil))
        #expect(reader.isHeldBack && reader.iteratorToKeep == nil)
        reader.acknowledged(checkpoint(10))
        #expect(reader.next(now: at(9001), paces: &paces) == .end(children: []))
    }

    @Test func `a closed shard ends only when all of it is settled`() {
        let child = ChildShard(id: ShardID(number: 1), parents: [ShardID(number: 0)], hashKeyRange: .all)
        var reader = reader(iterator: one)
        var paces = ReadPaces()
        fetch(&reader, &paces, now: start)
        reader.offered(event(1), records: 1, last: checkpoint(1), now: start)
        reader.taken()
        reader.responseEnded(envelope(nil, children: [child]), now: at(1))
        #expect(reader.next(now: at(5000), paces: &paces) == .wait(until: nil))
        #expect(reader.settled(1) == checkpoint(1))
        #expect(reader.next(now: at(5001), paces: &paces) == .end(children: [child]))
        #expect(reader.next(now: at(9000), paces: &paces) == .wait(until: nil))
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

    @Test func `a checkpoint that the service refuses is reported, and reading goes on at the initial position`() {
        var reader = reader(behind: 9)
        var paces = ReadPaces()
        _ = reader.next(now: start, paces: &paces)
        // Not at the first word: the stream may be another one by now, which somebody looks for meanwhile.
        #expect(reader.failed(.refused, now: at(1)) == .again)
        #expect(reader.source.failures?.doubtsStream == true)
        guard case .wait(let until?) = reader.next(now: at(1), paces: &paces) else { return fail(reader) }
        #expect(until >= at(501))
        #expect(reader.next(now: until, paces: &paces) == .askIterator(.afterSequenceNumber(SequenceNumber(9))))
        #expect(
            reader.failed(.refused, now: until) == .refused(ReadPosition(behind: checkpoint(9), initial: .trimHorizon)))
        #expect(reader.next(now: until, paces: &paces) == .askIterator(.trimHorizon))
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

    @Test func `a shard that is gone from its stream ends`() {
        var reader = reader()
        var paces = ReadPaces()
        _ = reader.next(now: start, paces: &paces)
        _ = reader.failed(.notFound, now: start)
        reader.vanished()
        #expect(reader.next(now: start, paces: &paces) == .end(children: []))
    }

    @Test func `facts that come too late change nothing`() {
        var reader = reader()
        let before = polling(reader)
        reader.permitted(room: ResponseSize.most, now: start)
        _ = reader.responseReceived(bytes: 5, now: start)
        reader.offered(event(1), records: 1, last: checkpoint(1), now: start)
        reader.responseEnded(envelope(nil), now: start)
        reader.responseBroken(now: start)
        #expect(reader.failed(.unexpected, now: start) == .nothing)
        reader.iteratorReceived(one, now: start)
        #expect(polling(reader) == before)
    }
}

extension ShardReader {
    /// What the next task of the shard gets of one that polls.
    fileprivate var iteratorToKeep: ShardIterator? {
        if case .polling(let source) = sourceToKeep { source.iterator } else { nil }
    }
}
