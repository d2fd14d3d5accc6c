import DynamoDB
import Kinesis
import Testing
import Time

@testable import State

/// Which of two places of a shard holds after a start, and where one begins that has none.
@Suite struct LocalShardTests {
    private let shard = ShardID(number: 1)
    private let run = MemberRun("run")

    private func place(_ number: UInt128) -> ShardRecord.Place {
        .behind(Checkpoint(sequenceNumber: SequenceNumber(number)))
    }

    private func record(_ place: ShardRecord.Place, version: String) -> ShardRecord {
        ShardRecord(id: shard, at: place, version: version)
    }

    @Test func `the same volume: what is newer here and was not written yet holds`() {
        let local = LocalShard(place: place(9), isDepleted: true, run: run)
        let merged = record(place(5), version: run.version(7)).reconciled(with: local)
        #expect(merged.place == place(9) && merged.isDepleted)
    }

    @Test func `the same volume: a place that was moved back holds too`() {
        let local = LocalShard(place: place(2), isDepleted: false, run: run)
        #expect(record(place(5), version: run.version(7)).reconciled(with: local).place == place(2))
    }

    @Test(arguments: ["another-1", "run2-1", "", "runx"])
    func `somebody else has written since: the item holds`(version: String) {
        let local = LocalShard(place: place(9), isDepleted: true, run: run)
        let merged = record(place(5), version: version).reconciled(with: local)
        #expect(merged.place == place(5) && !merged.isDepleted)
    }

    @Test func `an old file, whose lease was lost, or that never had one: the item holds`() {
        let local = LocalShard(place: place(9), isDepleted: false, run: nil)
        #expect(record(place(5), version: "v").reconciled(with: local).place == place(5))
    }

    @Test func `another volume knows nothing`() {
        #expect(record(place(5), version: "v").reconciled(with: nil).place == place(5))
    }

    @Test func `the item says nothing of the shard: what this host knows goes into it`() {
        let local = LocalShard(place: place(9), isDepleted: false, run: nil)
        #expect(record(.initial, version: "v").reconciled(with: local).place == place(9))
        let moment = WallTime(milliseconds: 5)
        let since = LocalShard(place: .since(moment), isDepleted: false, run: nil)
        #expect(record(.initial, version: "v").reconciled(with: since).place == .since(moment))
        #expect(record(.unreadable(.number("7")), version: "v").reconciled(with: local).place == place(9))
    }

    // MARK: Children

    private func item(_ records: ShardRecord...) -> GroupItem {
        let shards = Dictionary(uniqueKeysWithValues: records.map { ($0.id.text, AttributeValue.map($0.record)) })
        return GroupItem(["shards": .map(shards)], place: .shared)
    }

    private var child: Shard {
        Shard(
            id: ShardID(number: 3), parent: ShardID(number: 1), adjacentParent: ShardID(number: 2), hashKeyRange: .all,
            startingSequenceNumber: SequenceNumber(40))
    }

    private func parent(_ number: Int, _ place: ShardRecord.Place, isDepleted: Bool = false) -> ShardRecord {
        ShardRecord(id: ShardID(number: number), at: place, isDepleted: isDepleted, version: "v")
    }

    @Test func `a child of a shard that was read begins at its own first record`() {
        #expect(item(parent(1, .initial), parent(2, place(7))).beginning(of: child) == place(40))
    }

    @Test func `a child of shards of which no record was read begins at the first of their moments`() {
        let (first, second) = (WallTime(milliseconds: 5), WallTime(milliseconds: 9))
        #expect(item(parent(1, .since(second)), parent(2, .since(first))).beginning(of: child) == .since(first))
    }

    @Test func `a child of a shard that lifion read to its end without a record begins at its own first record`() {
        #expect(item(parent(1, .initial, isDepleted: true)).beginning(of: child) == place(40))
    }

    @Test func `a child of shards that nobody has begun begins where the group does`() {
        #expect(item(parent(1, .initial), parent(2, .initial)).beginning(of: child) == nil)
    }

    @Test func `a shard whose parents were trimmed away begins at its first record if the group followed the stream`() {
        #expect(item(parent(8, place(7))).beginning(of: child) == place(40))
        #expect(item(parent(8, .initial)).beginning(of: child) == nil)
        let root = Shard(id: ShardID(number: 3), hashKeyRange: .all, startingSequenceNumber: SequenceNumber(40))
        #expect(item(parent(8, place(7))).beginning(of: root) == nil, "a shard without parents is as old as the stream")
    }
}
