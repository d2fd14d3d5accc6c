import Kinesis
import State
import Testing
import Time

@testable import Consumer

@Suite struct ShardBookTests {
    private let moment = WallTime(milliseconds: 2_000_000)
    private let created = WallTime(milliseconds: 1_000_000)

    private func shard(_ number: Int, parents: [Int] = [], closed: Bool = false) -> Shard {
        Shard(
            id: ShardID(number: number), parent: parents.first.map(ShardID.init(number:)),
            adjacentParent: parents.dropFirst().first.map(ShardID.init(number:)), hashKeyRange: .all,
            startingSequenceNumber: SequenceNumber(1), endingSequenceNumber: closed ? SequenceNumber(2) : nil)
    }

    private func child(_ number: Int, of parents: Int...) -> ChildShard {
        ChildShard(id: ShardID(number: number), parents: parents.map(ShardID.init(number:)), hashKeyRange: .all)
    }

    private func book(_ shards: [Shard], from initial: InitialPosition, isNewStream: Bool = false) -> ShardBook {
        ShardBook(begunAt: moment, of: shards, createdOn: created, from: initial, isNewStream: isNewStream)
    }

    private func ids(_ numbers: Int...) -> [ShardID] { numbers.map(ShardID.init(number:)) }

    @Test func `LATEST begins at its moment in the open shards and passes the closed ones over`() {
        let book = book([shard(0, closed: true), shard(1, parents: [0]), shard(2, parents: [0])], from: .latest)
        #expect(book.readable == ids(1, 2))
        #expect(book.position(of: ShardID(number: 1)).start == .atTimestamp(moment))
        #expect(book.shardsAtLatest == ids(1, 2))
        #expect(book.state.latestSince == moment)
        #expect(book.state.shards.map(\.start) == [.initialClosed, .initial, .initial])
    }

    @Test func `TRIM_HORIZON begins with the parents`() {
        var book = book([shard(0, closed: true), shard(1, parents: [0]), shard(2, parents: [0])], from: .trimHorizon)
        #expect(book.readable == ids(0))
        let kept = book.depleted(ShardID(number: 0), children: [child(1, of: 0), child(2, of: 0)])
        #expect(kept.map(\.id) == ids(1, 2) && kept.allSatisfy { $0.start == .trimHorizon })
        #expect(book.readable == ids(1, 2))
        #expect(book.position(of: ShardID(number: 2)).start == .trimHorizon)
    }

    @Test func `AT_TIMESTAMP begins every shard at its moment, which stands once it was taken`() {
        let since = WallTime(milliseconds: 1_500_000)
        var book = book([shard(0, closed: true), shard(1, parents: [0])], from: .atTimestamp(since))
        #expect(book.readable == ids(0), "what came before the split is read before its child")
        #expect(book.state.shards.map(\.start) == [.since(since), .since(since)])
        _ = book.begin(from: .latest, at: moment)
        #expect(book.position(of: ShardID(number: 1)).start == .atTimestamp(since))
        let kept = book.depleted(ShardID(number: 0), children: [child(2, of: 0)])
        #expect(
            kept.map(\.id) == ids(2) && kept.map(\.start) == [.trimHorizon],
            "one that nobody knew begins at its first record")
        #expect(
            book.position(of: ShardID(number: 1)).start == .atTimestamp(since),
            "the moment may lie behind the parent's end")
    }

    @Test func `a stream that was made for the reader is read from its first record, also under LATEST`() {
        let book = book([shard(0)], from: .latest, isNewStream: true)
        #expect(book.position(of: ShardID(number: 0)).start == .trimHorizon)
        #expect(book.shardsAtLatest == [])
    }

    @Test func `a shard that appears later is read from its first record`() {
        var book = book([shard(0)], from: .latest)
        let added = book.update([shard(0, closed: true), shard(1, parents: [0])])
        #expect(added.map(\.id) == ids(1))
        #expect(added.map(\.start) == [.trimHorizon])
        #expect(book.readable == ids(0))
        #expect(book.position(of: ShardID(number: 0)).start == .atTimestamp(moment))
    }

    @Test func `a child whose parent was read out begins at its oldest record, also under LATEST`() {
        var book = book([shard(0, closed: true), shard(1, parents: [0])], from: .trimHorizon)
        _ = book.depleted(ShardID(number: 0), children: [])
        #expect(book.begin(from: .latest, at: moment) == true)
        #expect(book.position(of: ShardID(number: 1)).start == .trimHorizon)
        #expect(book.shardsAtLatest == [])
    }

    @Test func `the child of a merge waits for both parents`() {
        var book = book([shard(0), shard(1)], from: .trimHorizon)
        let announced = book.depleted(ShardID(number: 0), children: [child(2, of: 0, 1)])
        #expect(announced.map(\.id) == ids(2))
        #expect(book.readable == ids(1))
        #expect(book.depleted(ShardID(number: 1), children: [child(2, of: 0, 1)]) == [])
        #expect(book.readable == ids(2))
    }

    @Test func `a child that was announced is not lost by a listing that is older`() {
        var book = book([shard(0)], from: .trimHorizon)
        _ = book.depleted(ShardID(number: 0), children: [child(1, of: 0)])
        _ = book.update([shard(0, closed: true)])
        #expect(book.readable == ids(1))
        _ = book.update([shard(0, closed: true), shard(1, parents: [0])])
        _ = book.update([shard(0, closed: true)])
        #expect(book.readable == [])
        #expect(book.vanished == ids(1))
    }

    @Test func `the moment of LATEST stands, and is left aside while TRIM_HORIZON is asked for`() {
        var book = book([shard(0, closed: true), shard(1, parents: [0])], from: .latest)
        #expect(book.begin(from: .trimHorizon, at: moment.advanced(by: .seconds(60))) == false)
        #expect(book.readable == ids(0))
        #expect(book.position(of: ShardID(number: 0)).start == .trimHorizon)
        #expect(book.begin(from: .latest, at: moment.advanced(by: .seconds(90))) == false)
        #expect(book.readable == ids(1))
        #expect(book.position(of: ShardID(number: 1)).start == .atTimestamp(moment))
    }

    @Test func `a checkpoint goes before every initial position and never moves back`() {
        let id = ShardID(number: 0)
        var book = book([shard(0)], from: .latest)
        let nine = Checkpoint(sequenceNumber: SequenceNumber(9))
        let ten = Checkpoint(sequenceNumber: SequenceNumber(10))
        #expect(book.checkpoint(id, ten) == true)
        #expect(book.checkpoint(id, nine) == false)
        #expect(book.checkpoint(id, ten) == false)
        #expect(book.position(of: id).start == .afterSequenceNumber(SequenceNumber(10)))
        #expect(book.shardsAtLatest == [])
        book.reset([id: nil])
        #expect(book.position(of: id).start == .atTimestamp(moment))
    }

    @Test func `inside an aggregated record the record is read again`() {
        let id = ShardID(number: 0)
        var book = book([shard(0)], from: .latest)
        #expect(book.checkpoint(id, Checkpoint(sequenceNumber: SequenceNumber(9), subSequenceNumber: 2)) == true)
        #expect(book.position(of: id).start == .atSequenceNumber(SequenceNumber(9)))
        #expect(book.checkpoint(id, Checkpoint(sequenceNumber: SequenceNumber(9))) == true)
        #expect(book.position(of: id).start == .afterSequenceNumber(SequenceNumber(9)))
    }

    @Test func `what was kept comes back as it was`() {
        var book = book([shard(0), shard(1, closed: true)], from: .latest)
        _ = book.checkpoint(ShardID(number: 0), Checkpoint(sequenceNumber: SequenceNumber(5), arrival: moment))
        var again = ShardBook(book.state, from: .latest)
        #expect(again.update([shard(0), shard(1, closed: true)]) == [])
        #expect(again.state == book.state)
        #expect(again.readable == book.readable)
    }

    @Test func `shards that are read out and trimmed away are forgotten, others never`() {
        var book = book([shard(0, closed: true), shard(1, parents: [0])], from: .trimHorizon)
        _ = book.depleted(ShardID(number: 0), children: [])
        #expect(book.forgetTrimmed() == [])
        // One behind all that are listed is news to a listing that is older than it is.
        _ = book.update([])
        #expect(book.forgetTrimmed() == [])
        _ = book.update([shard(2)])
        #expect(book.forgetTrimmed() == ids(0))
        #expect(book.vanished == ids(1))
        #expect(book.shard(ShardID(number: 1)) != nil)
    }
}
