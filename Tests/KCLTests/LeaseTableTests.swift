import DynamoDB
import Kinesis
import Testing
import Time

@testable import KCL

@Suite struct LeaseTableTests {
    private let stream = StreamName("orders")!
    private let createdOn = WallTime(milliseconds: 1_700_000_000_123)

    private func row(_ key: String, _ checkpoint: String = "TRIM_HORIZON", _ more: Item = [:]) -> Item {
        ["leaseKey": .string(key), "leaseCounter": 3, "checkpoint": .string(checkpoint)].merging(more) { $1 }
    }

    private func shards(_ rows: [Item], of stream: StreamName? = nil) throws -> [String] {
        try LeaseTable(rows, of: stream ?? self.stream, createdOn: createdOn).leases.keys.map(\.text).sorted()
    }

    @Test func `a row without a counter, or of another type, is no lease`() throws {
        #expect(try KCLLease(["leaseKey": "shardId-1", "entityType": "WORKER_METRIC_STATS"]) == nil)
        #expect(try KCLLease(["leaseKey": "shardId-1"]) == nil)
        #expect(try KCLLease(["leaseKey": "the leader", "checkpoint": "TRIM_HORIZON"]) == nil)
        #expect(try KCLLease(row("shardId-1", "TRIM_HORIZON", ["entityType": "LEADER"])) == nil)
        #expect(try KCLLease(row("shardId-1", "TRIM_HORIZON", ["entityType": "LEASE"])) != nil)
    }

    @Test(
        arguments: ["shardId-1", "123456789012:orders:1700000000:shardId-1"], [nil, "5", .null] as [AttributeValue?])
    func `a shard's row with a checkpoint and no true counter is a damaged lease`(
        _ key: String, _ counter: AttributeValue?
    ) {
        var damaged = row(key, "49")
        damaged["leaseCounter"] = counter
        let fault = KCLLease.Fault(row: key, attribute: "leaseCounter", value: counter)
        #expect(throws: LeaseTable.Fault.unreadable(fault)) {
            try LeaseTable([row("shardId-0"), damaged], of: stream, createdOn: createdOn)
        }
    }

    @Test func `a lease of KCL 1 has neither owner nor user records`() throws {
        let lease = try #require(try KCLLease(row("shardId-1", "49")))
        #expect(lease.owner == nil && lease.parents == [] && lease.pendingCheckpoint == nil)
        #expect(lease.position == .record(SequenceNumber("49")!, subSequenceNumber: 0))
    }

    @Test(arguments: [
        ("TRIM_HORIZON", KCLLease.Position.trimHorizon), ("LATEST", .latest), ("AT_TIMESTAMP", .atTimestamp),
        ("SHARD_END", .shardEnd), ("7", .record(SequenceNumber("7")!, subSequenceNumber: 2)),
    ])
    func `every position is read, and is told as the table has it`(_ text: String, _ position: KCLLease.Position) throws
    {
        let lease = try #require(try KCLLease(row("shardId-1", text, ["checkpointSubSequenceNumber": 2])))
        #expect(lease.position == position)
        #expect("\(lease.position)" == (text == "7" ? "7/2" : text))
    }

    @Test(arguments: [
        ("leaseKey", AttributeValue.string("a:b")), ("leaseKey", .string("")),
        ("leaseKey", .string("a:b c:1:shardId-1")),
        ("checkpoint", .string("SHARD_START")), ("checkpoint", .number("4")),
        ("leaseCounter", .string("3")),
        ("checkpointSubSequenceNumber", .string("0")), ("checkpointSubSequenceNumber", -1),
        ("checkpointSubSequenceNumber", .number("1E400")), ("parentShardId", .string("shardId-0")),
    ])
    func `what no KCL writes is named`(_ attribute: String, _ value: AttributeValue) throws {
        do {
            _ = try LeaseTable([row("shardId-1", "49", [attribute: value])], of: stream, createdOn: createdOn)
            Issue.record("it was read")
        } catch LeaseTable.Fault.unreadable(let fault) {
            #expect(fault.attribute == attribute)
            #expect(fault.value == value)
        }
    }

    @Test func `a lease without a checkpoint is named`() {
        let fault = KCLLease.Fault(row: "shardId-1", attribute: "checkpoint", value: nil)
        #expect(throws: fault) { try KCLLease(["leaseKey": "shardId-1", "leaseCounter": 0]) }
    }

    @Test func `of several streams the one that is asked for is taken`() throws {
        let rows = [
            row("123456789012:orders:1700000000:shardId-1"), row("123456789012:bills:1700000000:shardId-2"),
            row("123456789012:orders:1700000000:shardId-3"),
        ]
        #expect(try shards(rows) == ["shardId-1", "shardId-3"])
        let arn = StreamName(StreamARN("arn:aws:kinesis:eu-central-1:123456789012:stream/bills")!)
        #expect(try shards(rows, of: arn) == ["shardId-2"])
        #expect(
            throws: LeaseTable.Fault.otherStreams(["123456789012:bills:1700000000", "123456789012:orders:1700000000"])
        ) { try shards(rows, of: StreamName("returns")!) }
        let elsewhere = StreamName(StreamARN("arn:aws:kinesis:eu-central-1:999999999999:stream/bills")!)
        #expect(throws: LeaseTable.Fault.self) { try shards(rows, of: elsewhere) }
    }

    @Test func `of several streams of one name it is the one that there is now`() throws {
        let rows = [row("1:orders:1600000000:shardId-1"), row("1:orders:1700000000:shardId-2")]
        #expect(try shards(rows) == ["shardId-2"])
        // What the application has said of the creation does not matter where there is one.
        #expect(try shards([rows[0]]) == ["shardId-1"])
        let others = [rows[0], row("1:orders:1650000000:shardId-2")]
        #expect(throws: LeaseTable.Fault.severalStreams(["1:orders:1600000000", "1:orders:1650000000"])) {
            try shards(others)
        }
    }

    @Test func `a table without leases is none`() {
        #expect(throws: LeaseTable.Fault.noLeases(rows: 0)) { try shards([]) }
        #expect(throws: LeaseTable.Fault.noLeases(rows: 1)) { try shards([["leaseKey": "Leader"]]) }
    }

    @Test func `a lease that was written, has come or has gone is seen`() throws {
        let before = try LeaseTable([row("a", "1"), row("b", "1"), row("c", "1")], of: stream, createdOn: createdOn)
        let after = try LeaseTable(
            [row("a", "1"), row("b", "1", ["leaseCounter": 4, "leaseOwner": "w"]), row("d")], of: stream,
            createdOn: createdOn)
        #expect(after.moved(since: before).map(\.shard.text) == ["b", "c", "d"])
        #expect(after.moved(since: after).isEmpty)
    }
}
