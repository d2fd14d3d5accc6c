import JSON
import Kinesis
import State
import Testing
import Time

@testable import KCL

/// The positions of every recorded table, at each moment that has a name.
@Suite struct RecordedTableTests {
    private let createdOn = WallTime(milliseconds: 1_795_687_000_000)
    private let now = WallTime(milliseconds: 1_795_690_000_000)
    private let stream = StreamName("orders")!

    private func plan(_ recording: KCLRecording, _ moment: KCLRecording.Moment) throws -> ImportPlan {
        let table = try LeaseTable(moment.rows, of: stream, createdOn: createdOn)
        return try ImportPlan(
            table, shards: recording.shards, held: [:], createdOn: createdOn, now: now, moment: nil)
    }

    private func plan(_ name: String, at moment: String) throws -> ImportPlan {
        let recording = try KCLRecording(name)
        return try plan(recording, try #require(recording.moments.first { $0.name == moment }))
    }

    private func number(_ text: String) -> SequenceNumber { SequenceNumber(text)! }

    @Test(arguments: KCLRecording.names)
    func `every lease becomes the place that its row has, and no other row a lease`(_ name: String) throws {
        let recording = try KCLRecording(name)
        var compared = 0
        for moment in recording.moments where moment.json.contains(where: { $0["leaseCounter"] != nil }) {
            let rows = try plan(recording, moment).rows
            let leases = moment.json.filter { $0["leaseCounter"] != nil }
            #expect(rows.filter { $0.lease != nil }.count == leases.count, "\(moment.name)")
            for lease in leases {
                let row = try #require(rows.first { $0.shard.text == lease["leaseKey"]?["S"]?.string })
                let checkpoint = try #require(lease["checkpoint"]?["S"]?.string)
                let subSequenceNumber = lease["checkpointSubSequenceNumber"]?["N"]?.string.flatMap(Int.init)
                let expected: ImportPlan.Outcome =
                    switch checkpoint {
                    case "SHARD_END": .finished(.readToEnd)
                    case "TRIM_HORIZON": .goesOn(.since(createdOn))
                    default:
                        .goesOn(
                            .behind(
                                Checkpoint(sequenceNumber: number(checkpoint), subSequenceNumber: subSequenceNumber)))
                    }
                #expect(row.outcome == expected, "\(moment.name): \(row.shard)")
                #expect(row.lease?.owner == lease["leaseOwner"]?["S"]?.string)
                compared += 1
            }
        }
        #expect(compared >= 2)
    }

    @Test func `the tables beside the lease table have no leases`() throws {
        let recording = try KCLRecording("08-kcl313-three-tables")
        let others = recording.moments.filter { $0.table != "app-313" }
        #expect(others.count == 14)
        for moment in others {
            #expect(throws: LeaseTable.Fault.noLeases(rows: moment.rows.count)) {
                try LeaseTable(moment.rows, of: stream, createdOn: createdOn)
            }
        }
    }

    @Test func `shards whose leases were deleted are done, and what comes of a shard is not passed over`() throws {
        let outcomes = try plan("04-split-merge", at: "after lease clean-up ran").rows.map(\.outcome)
        #expect(
            outcomes == [
                .finished(.hasDescendants),
                .goesOn(
                    .behind(
                        Checkpoint(
                            sequenceNumber: number("49017956873488820000000000000000002400000000011795687509"),
                            subSequenceNumber: 0))),
                .finished(.hasDescendants), .finished(.hasDescendants),
                .goesOn(
                    .behind(
                        Checkpoint(
                            sequenceNumber: number("49017956873911930000000000000000001200000000041795687509"),
                            subSequenceNumber: 0))),
            ])
        // The child of the merge has no lease yet: the KCL makes it when its parents are read.
        let before = try plan("04-split-merge", at: "parent at SHARD_END").rows.map(\.outcome)
        #expect(before[0] == .finished(.readToEnd))
        #expect(before[2...] == [.goesOn(.since(createdOn)), .goesOn(.since(createdOn)), .goesOn(.since(createdOn))])
    }

    @Test func `inside an aggregate it goes on where the next worker of the KCL did`() throws {
        let recording = try KCLRecording("05-aggregated-subsequence")
        let plan = try plan("05-aggregated-subsequence", at: "worker-2 has shut down without ever having had a lease")
        let place = Checkpoint(
            sequenceNumber: number("49017956875252690000000000000000000200000000001795687525"), subSequenceNumber: 2)
        #expect(plan.rows.map(\.outcome) == [.goesOn(.behind(place))])
        let next = try #require(recording.beginnings.first { $0.worker == "worker-3" })
        #expect(next.text == "at {SequenceNumber: \(place.sequenceNumber),SubsequenceNumber: 2} pending null")
        // At the aggregate, of which the reader leaves out what is done.
        #expect(ReadPosition(behind: place, initial: .latest).start == .atSequenceNumber(place.sequenceNumber))
    }

    @Test func `a prepared checkpoint is named and not taken`() throws {
        let plan = try plan("06-prepared-checkpoint", at: "pending checkpoint, then SIGKILL")
        let made = number("49017956887278390000000000000000000300000000001795688727")
        #expect(
            plan.rows.map(\.outcome) == [
                .goesOn(.behind(Checkpoint(sequenceNumber: made, subSequenceNumber: 0)))
            ])
        #expect(
            plan.withPendingCheckpoint.map(\.pendingCheckpoint)
                == ["49017956887278390000000000000000000600000000001795688764"])
        #expect(try self.plan("06-prepared-checkpoint", at: "end").withPendingCheckpoint.isEmpty)
    }

    @Test func `a worker that renews is seen, and one that has ended is not`() throws {
        func table(_ name: String, _ moment: Int) throws -> LeaseTable {
            try LeaseTable(try KCLRecording(name).moments[moment].rows, of: stream, createdOn: createdOn)
        }
        let moved = try table("01-basic", 2).moved(since: try table("01-basic", 1))
        #expect(moved.count == 4)
        #expect(Set(moved.map(\.owner)) == ["worker-1"])
        // 120 s after a SIGKILL, while others came and went: the rows of workers do not count.
        #expect(
            try table("05-aggregated-subsequence", 3).moved(since: try table("05-aggregated-subsequence", 0)).isEmpty)
    }
}
