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
        _ position: StartingPosition = .trimHorizon, initial: StartingPosition = .trimHorizon,
        iterator: ShardIterator? = nil, options change: (inout ConsumerOptions) -> Void = { _ in }
    ) -> ShardReader {
        var options = ConsumerOptions()
        change(&options)
        return ShardReader(
            settings: .init(options), position: position, initial: initial, iterator: iterator, seed: 1, now: start)
    }

    /// Brings a reader with an iterator to the point where its answer is held.
    private func fetch(_ reader: inout ShardReader, now: ContinuousClock.Instant, bytes: Int = 1000) {
        guard case .takePermit = reader.next(now: now) else { return fail(reader) }
        reader.permitted(room: AnswerSize.most)
        guard case .getRecords = reader.next(now: now) else { return fail(reader) }
        _ = reader.answered(bytes: bytes, now: now)
        #expect(reader.next(now: now) == .encode)
    }

    private func fail(_ reader: ShardReader, location: SourceLocation = #_sourceLocation) {
        Issue.record("unexpected state \(reader.state)", sourceLocation: location)
    }

    private func envelope(_ next: ShardIterator?, behind: Int = 0, children: [ChildShard] = []) -> GetRecordsEnvelope {
        GetRecordsEnvelope(nextShardIterator: next, millisBehindLatest: behind, childShards: children)
    }

    @Test func `a shard asks for an iterator, then for room, then for records`() {
        var reader = reader(.afterSequenceNumber(SequenceNumber(7)))
        #expect(reader.next(now: start) == .askIterator(.afterSequenceNumber(SequenceNumber(7))))
        #expect(reader.next(now: start) == .wait(until: nil))
        reader.iteratorReceived(one, now: start)
        #expect(reader.next(now: start) == .takePermit(bytes: AnswerSize.most))
        #expect(reader.next(now: start) == .wait(until: nil))
        reader.permitted(room: AnswerSize.most)
        #expect(reader.next(now: start) == .getRecords(one, limit: 10_000))
        #expect(reader.next(now: start) == .wait(until: nil))
    }

    @Test func `an answer for which there is no room is no failure: fewer records are asked for at the same place`() {
        var reader = reader(iterator: one)
        _ = reader.next(now: start)
        reader.permitted(room: AnswerSize.least)
        #expect(reader.next(now: start) == .getRecords(one, limit: 4))
        #expect(!reader.mustTakeAnswer)
        reader.refusedAnswer(bytes: 4 << 20, now: at(10))
        #expect(reader.degradation == nil)
        #expect(reader.next(now: at(1000)) == .takePermit(bytes: 4 << 20))
        reader.permitted(room: AnswerSize.least)
        #expect(reader.next(now: at(1000)) == .getRecords(one, limit: 1))
        #expect(reader.mustTakeAnswer)
    }

    @Test func `the lag grows while the reader or failures keep the shard from asking, and not between polls`() {
        var reader = reader(iterator: one) { $0.pollDelay = .seconds(60) }
        #expect(reader.lag(now: start) == nil)
        fetch(&reader, now: start)
        reader.encoded(event(1), records: 1, last: checkpoint(1))
        reader.exhausted(envelope(two, behind: 500), now: start)
        #expect(reader.lag(now: at(3000)) == 3500)
        reader.taken()
        _ = reader.settled(1)
        #expect(reader.lag(now: at(3000)) == 500)
        fetch(&reader, now: at(60_000))
        reader.exhausted(envelope(two), now: at(60_000))
        _ = reader.next(now: at(70_000))
        reader.permitted(room: AnswerSize.most)
        _ = reader.next(now: at(70_000))
        #expect(reader.lag(now: at(70_000)) == 0)
        _ = reader.failed(.throttled, now: at(71_000))
        #expect(reader.lag(now: at(75_000)) == 15_000)
    }

    @Test func `an iterator that is held is used without asking`() {
        var reader = reader(.atTimestamp(WallTime(milliseconds: 5)), iterator: one)
        #expect(reader.next(now: start) == .takePermit(bytes: AnswerSize.least))
    }

    @Test func `after records the next request waits for pollDelay, from request to request`() {
        var reader = reader(iterator: one)
        fetch(&reader, now: start)
        reader.encoded(event(1), records: 3, last: checkpoint(3))
        reader.taken()
        reader.exhausted(envelope(two), now: at(100))
        #expect(reader.next(now: at(100)) == .wait(until: at(250)))
        #expect(reader.nextDeadline == at(250))
        #expect(reader.next(now: at(250)) == .takePermit(bytes: AnswerSize.least))
    }

    @Test func `at the tip an empty answer waits for noRecordsPollDelay`() {
        var reader = reader(iterator: one)
        fetch(&reader, now: start)
        reader.exhausted(envelope(two), now: at(20))
        #expect(reader.next(now: at(20)) == .wait(until: at(1020)))
    }

    @Test func `an empty answer with data ahead is followed at once, within five reads a second`() {
        var reader = reader(iterator: one)
        for call in 0..<5 {
            fetch(&reader, now: at(call * 10))
            reader.exhausted(envelope(two, behind: 60_000), now: at(call * 10 + 5))
        }
        #expect(reader.next(now: at(50)) == .wait(until: at(1000)))
        #expect(reader.next(now: at(1000)) == .takePermit(bytes: AnswerSize.least))
        reader.permitted(room: AnswerSize.most)
        #expect(reader.next(now: at(1000)) == .getRecords(two, limit: 10_000))
        _ = reader.answered(bytes: 100, now: at(1001))
        reader.exhausted(envelope(one, behind: 60_000), now: at(1001))
        #expect(reader.next(now: at(1001)) == .wait(until: at(1010)))
    }

    @Test func `one batch waits for the reader, and no more is made or asked for before it is taken`() {
        var reader = reader(iterator: one)
        fetch(&reader, now: start)
        reader.encoded(event(1), records: 3, last: checkpoint(3))
        #expect(reader.next(now: at(1)) == .wait(until: nil))
        #expect(reader.isHeldBack)
        reader.taken()
        #expect(reader.next(now: at(2)) == .encode)
        reader.encoded(event(2), records: 3, last: checkpoint(6))
        reader.exhausted(envelope(two), now: at(3))
        #expect(reader.next(now: at(900)) == .wait(until: nil))
        #expect(reader.isHeldBack && reader.nextDeadline == nil)
        reader.taken()
        #expect(reader.next(now: at(900)) == .takePermit(bytes: AnswerSize.least))
    }

    @Test func `settling moves the checkpoint over what is settled without a gap`() {
        var reader = reader(iterator: one)
        fetch(&reader, now: start)
        for number in 1...3 {
            reader.encoded(event(number), records: 1, last: checkpoint(UInt128(number) * 10))
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
        _ = reader.next(now: start)
        reader.permitted(room: 1 << 20)
        #expect(reader.next(now: start) == .getRecords(one, limit: 4))
    }

    @Test func `what is given up is asked for again once the reader has taken what it has`() {
        var reader = reader(iterator: one)
        fetch(&reader, now: start)
        reader.encoded(event(1), records: 1, last: checkpoint(10))
        reader.taken()
        reader.encoded(event(2), records: 1, last: checkpoint(20))
        #expect(reader.holdsForReader)
        #expect(reader.gaveUp(now: at(1000)) == 2)
        #expect(reader.next(now: at(5000)) == .wait(until: nil))
        #expect(reader.isHeldBack && !reader.holdsForReader && reader.nextDeadline == nil)
        _ = reader.settled(1)
        reader.readerWaits()
        #expect(reader.next(now: at(6000)) == .askIterator(.afterSequenceNumber(SequenceNumber(10))))
    }

    @Test func `what is given up before anything was handed on begins where the shard began`() {
        let moment = StartingPosition.atTimestamp(WallTime(milliseconds: 5))
        var reader = reader(moment, iterator: one)
        fetch(&reader, now: start)
        reader.encoded(event(1), records: 1, last: checkpoint(10))
        #expect(reader.gaveUp(now: at(1000)) == 1)
        reader.readerWaits()
        #expect(reader.next(now: at(6000)) == .askIterator(moment))
    }

    @Test func `with paused polling nothing is asked for behind a batch until somebody says so`() {
        var reader = reader(iterator: one) { $0.usePausedPolling = true }
        fetch(&reader, now: start)
        reader.encoded(event(1), records: 1, last: checkpoint(10))
        reader.taken()
        reader.exhausted(envelope(two), now: at(1))
        #expect(reader.next(now: at(9000)) == .wait(until: nil))
        #expect(reader.isPaused && reader.isHeldBack)
        #expect(reader.continued(behind: event(2)) == false)
        #expect(reader.continued(behind: event(1)) == true)
        #expect(reader.next(now: at(9000)) == .takePermit(bytes: AnswerSize.least))
    }

    @Test func `with manual checkpoints a closed shard ends when its last record is acknowledged`() {
        var reader = reader(iterator: one) { $0.useAutoCheckpoints = false }
        fetch(&reader, now: start)
        reader.encoded(event(1), records: 1, last: checkpoint(10))
        reader.taken()
        reader.exhausted(envelope(nil), now: at(1))
        _ = reader.settled(1)
        #expect(reader.next(now: at(9000)) == .wait(until: nil))
        #expect(reader.isHeldBack && reader.iteratorToKeep == nil)
        reader.acknowledged(checkpoint(10))
        #expect(reader.next(now: at(9001)) == .end(children: []))
    }

    @Test func `a closed shard ends only when all of it is settled`() {
        let child = ChildShard(id: ShardID(number: 1), parents: [ShardID(number: 0)], hashKeyRange: .all)
        var reader = reader(iterator: one)
        fetch(&reader, now: start)
        reader.encoded(event(1), records: 1, last: checkpoint(1))
        reader.taken()
        reader.exhausted(envelope(nil, children: [child]), now: at(1))
        #expect(reader.next(now: at(5000)) == .wait(until: nil))
        #expect(reader.settled(1) == checkpoint(1))
        #expect(reader.next(now: at(5001)) == .end(children: [child]))
        #expect(reader.next(now: at(9000)) == .wait(until: nil))
    }

    @Test func `throttling slows the shard down, further each time, and keeps its iterator`() {
        var reader = reader(iterator: one)
        var now = start
        for failure in 1...6 {
            _ = reader.next(now: now)
            reader.permitted(room: AnswerSize.most)
            _ = reader.next(now: now)
            #expect(reader.failed(.throttled, now: now) == nil)
            guard case .polling(one, let notBefore) = reader.state else { return fail(reader) }
            let bound = min(Duration.milliseconds(500) * (1 << (failure - 1)), .seconds(5))
            #expect((bound / 2...bound).contains(notBefore - now))
            now = notBefore + .seconds(1)
        }
        #expect(reader.degradation == .throttled)
        fetch(&reader, now: now)
        reader.exhausted(envelope(two), now: now)
        #expect(reader.degradation == nil)
    }

    @Test func `an expired iterator is replaced at once, from behind the last record that was handed on`() {
        var reader = reader(iterator: one)
        fetch(&reader, now: start)
        reader.encoded(event(1), records: 2, last: checkpoint(42))
        reader.taken()
        reader.exhausted(envelope(two), now: at(1))
        _ = reader.next(now: at(300))
        reader.permitted(room: AnswerSize.most)
        _ = reader.next(now: at(300))
        #expect(reader.failed(.expiredIterator, now: at(310)) == nil)
        #expect(reader.next(now: at(310)) == .askIterator(.afterSequenceNumber(SequenceNumber(42))))
    }

    @Test func `an iterator at LATEST that expires before a record came is replaced at the moment of LATEST`() {
        let moment = StartingPosition.atTimestamp(WallTime(milliseconds: 1_700_000_000_000))
        var reader = reader(moment, iterator: one)
        _ = reader.next(now: start)
        reader.permitted(room: AnswerSize.most)
        _ = reader.next(now: start)
        #expect(reader.failed(.expiredIterator, now: start) == nil)
        #expect(reader.next(now: start) == .askIterator(moment))
    }

    @Test func `iterators that expire again and again do not make a storm`() {
        var reader = reader(iterator: one)
        for attempt in 1...3 {
            let now = at(attempt * 60_000)
            _ = reader.next(now: now)
            reader.permitted(room: AnswerSize.most)
            _ = reader.next(now: now)
            #expect(reader.failed(.expiredIterator, now: now) == nil)
            guard case .needsIterator(let notBefore) = reader.state else { return fail(reader) }
            #expect(attempt == 1 ? notBefore == now : notBefore > now)
            _ = reader.next(now: notBefore)
            reader.iteratorReceived(two, now: notBefore)
        }
    }

    @Test func `a checkpoint that the service refuses is reported, and reading goes on at the initial position`() {
        var reader = reader(.afterSequenceNumber(SequenceNumber(9)))
        _ = reader.next(now: start)
        #expect(reader.failed(.refused, now: at(1)) == .afterSequenceNumber(SequenceNumber(9)))
        #expect(reader.next(now: at(1)) == .askIterator(.trimHorizon))
        #expect(reader.failed(.refused, now: at(2)) == nil)
        guard case .wait(let until?) = reader.next(now: at(2)) else { return fail(reader) }
        #expect(until >= at(502))
    }

    @Test func `a denied shard tries again after 30 to 60 seconds, for ever`() {
        var reader = reader()
        var now = start
        for _ in 0..<20 {
            guard case .askIterator = reader.next(now: now) else { return fail(reader) }
            #expect(reader.failed(.denied, now: now) == nil)
            guard case .wait(let until?) = reader.next(now: now) else { return fail(reader) }
            #expect((Duration.seconds(30)...Duration.seconds(60)).contains(until - now))
            #expect(reader.degradation == .denied)
            now = until
        }
    }

    @Test func `an answer that breaks off is asked for again behind what was handed on`() {
        var reader = reader(iterator: one)
        fetch(&reader, now: start)
        reader.encoded(event(1), records: 2, last: checkpoint(5))
        reader.taken()
        reader.broken(now: at(1))
        guard case .wait(let until?) = reader.next(now: at(1)) else { return fail(reader) }
        #expect(reader.next(now: until) == .askIterator(.afterSequenceNumber(SequenceNumber(5))))
    }

    @Test func `the iterator outlives the reader only when nothing is unsettled`() {
        var reader = reader(iterator: one)
        #expect(reader.iteratorToKeep == one)
        fetch(&reader, now: start)
        #expect(reader.iteratorToKeep == nil)
        reader.encoded(event(1), records: 2, last: checkpoint(5))
        reader.taken()
        reader.exhausted(envelope(two), now: at(1))
        #expect(reader.iteratorToKeep == nil)
        _ = reader.settled(1)
        #expect(reader.iteratorToKeep == two)
    }

    @Test func `a shard that is gone from its stream ends`() {
        var reader = reader()
        _ = reader.next(now: start)
        _ = reader.failed(.notFound, now: start)
        reader.vanished()
        #expect(reader.next(now: start) == .end(children: []))
    }

    @Test func `facts that come too late change nothing`() {
        var reader = reader()
        let before = reader.state
        reader.permitted(room: AnswerSize.most)
        _ = reader.answered(bytes: 5, now: start)
        reader.encoded(event(1), records: 1, last: checkpoint(1))
        reader.exhausted(envelope(nil), now: start)
        reader.broken(now: start)
        #expect(reader.failed(.unexpected, now: start) == nil)
        reader.iteratorReceived(one, now: start)
        #expect(reader.state == before)
    }
}
