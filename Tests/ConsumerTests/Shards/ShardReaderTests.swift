import Kinesis
import State
import Testing
import Time

@testable import Consumer

/// Scripts of facts and expected steps, with a clock that the test moves.
@Suite struct ShardReaderTests {
    let start = ContinuousClock.now
    let one = ShardIterator("one")
    let two = ShardIterator("two")

    func at(_ milliseconds: Int) -> ContinuousClock.Instant { start + .milliseconds(milliseconds) }

    func event(_ number: Int) -> EventID { EventID(reader: "a", number: number) }

    func checkpoint(_ number: UInt128) -> Checkpoint { Checkpoint(sequenceNumber: SequenceNumber(number)) }

    func reader(
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
    func fetch(
        _ reader: inout ShardReader, _ paces: inout ReadPaces, now: ContinuousClock.Instant, bytes: Int = 1000
    ) {
        guard case .takePermit = reader.next(now: now, paces: &paces) else { return fail(reader) }
        reader.permitted(room: ResponseSize.most, now: start)
        guard case .getRecords = reader.next(now: now, paces: &paces) else { return fail(reader) }
        _ = reader.responseReceived(bytes: bytes, now: now)
        #expect(reader.next(now: now, paces: &paces) == .encode)
    }

    func polling(_ reader: ShardReader) -> PollingSource.State {
        switch reader.source {
        case .polling(let source): source.state
        case .subscription, .bridging: preconditionFailure("the tests poll")
        }
    }

    func fail(_ reader: ShardReader, location: SourceLocation = #_sourceLocation) {
        Issue.record("unexpected state \(polling(reader))", sourceLocation: location)
    }

    func envelope(_ next: ShardIterator?, behind: Int = 0, children: [ChildShard] = []) -> GetRecordsEnvelope {
        GetRecordsEnvelope(next: next.map { .iterator($0) }, millisBehindLatest: behind, childShards: children)
    }

    func permit(_ bytes: Int) -> ShardStep { .takePermit(bytes: bytes, least: ResponseSize.least) }

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
