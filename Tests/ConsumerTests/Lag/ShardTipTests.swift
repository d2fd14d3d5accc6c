import Bytes
import Kinesis
import Testing
import Time

@testable import Consumer

@Suite struct ShardTipTests {
    private let now = WallTime(milliseconds: 1_000_000)

    private func tip(records: String, lag: Int, next: Bool = true) throws -> ShardTip {
        let end = next ? #","NextShardIterator":"i""# : #","ChildShards":[]"#
        return try ShardTip(
            response: ByteBuffer(#"{"Records":[\#(records)],"MillisBehindLatest":\#(lag)\#(end)}"#), now: now)
    }

    private func record(at milliseconds: Int) -> String {
        #"{"SequenceNumber":"1","ApproximateArrivalTimestamp":\#(Double(milliseconds) / 1000),"PartitionKey":"k","Data":"YQ=="}"#
    }

    @Test func `without a record behind the checkpoint the tip is reached, at a shard's end too`() throws {
        #expect(try tip(records: "", lag: 0) == .reached)
        #expect(try tip(records: "", lag: 0, next: false) == .reached)
        #expect(ShardTip.reached.lag(now: now) == 0)
    }

    @Test func `the newest record, which the service counts as reached, is not done`() throws {
        let tip = try tip(records: record(at: 400_000), lag: 0)
        #expect(tip == .behind(since: WallTime(milliseconds: 400_000)))
        #expect(tip.lag(now: now) == 600_000)
        #expect(tip.lag(now: now.advanced(by: .seconds(5))) == 605_000)
        // However the clocks differ, there is something that is not done.
        #expect(tip.lag(now: WallTime(milliseconds: 300_000)) == 1)
    }

    @Test func `an empty response can be behind, and a record may tell less than the response`() throws {
        #expect(try tip(records: "", lag: 7000) == .behind(since: WallTime(milliseconds: 993_000)))
        #expect(try tip(records: record(at: 999_000), lag: 7000) == .behind(since: WallTime(milliseconds: 993_000)))
    }

    @Test func `a broken response says nothing`() {
        #expect(throws: GetRecordsError.self) { try ShardTip(response: ByteBuffer(#"{"Records":["#), now: now) }
    }
}
