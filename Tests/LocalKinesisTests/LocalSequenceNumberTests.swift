import Kinesis
import Testing
import Time

@testable import LocalKinesis

private let created = WallTime(milliseconds: 1_700_000_000_123)

@Suite struct LocalSequenceNumberTests {
    private func number(_ ordinal: Int64, shard: Int = 3, at milliseconds: Int64 = 1_700_000_001_000) -> SequenceNumber?
    {
        SequenceNumber(
            LocalSequenceNumber(shardCreated: created, shardIndex: shard, ordinal: ordinal)
                .text(at: WallTime(milliseconds: milliseconds)))
    }

    @Test func `a number has 56 digits and is one that the service's model allows`() throws {
        for ordinal in [0, 1, 9, 10, 1 << 39, Int64.max] {
            let made = try #require(number(ordinal))
            #expect(made.text.utf8.count == 56)
        }
    }

    @Test func `numbers grow with the ordinal, also when the clock is set back`() throws {
        let early = try #require(number(7, at: 1_700_000_009_000))
        let late = try #require(number(8, at: 1_600_000_000_000))
        #expect(early < late)
    }

    @Test func `numbers of a shard made later are larger`() throws {
        let parent = LocalSequenceNumber(shardCreated: created, shardIndex: 0, ordinal: 1 << 38)
        let child = LocalSequenceNumber(
            shardCreated: WallTime(milliseconds: created.milliseconds + 1), shardIndex: 1, ordinal: 0)
        let (before, after) = (SequenceNumber(parent.text(at: created)), SequenceNumber(child.text(at: created)))
        let last = try #require(before)
        let first = try #require(after)
        #expect(last < first)
    }

    @Test func `what was written can be read`() throws {
        let text = try #require(number(4711))
        let read = try #require(LocalSequenceNumber(text))
        #expect(read == LocalSequenceNumber(shardCreated: created, shardIndex: 3, ordinal: 4711))
    }

    @Test(arguments: ["0", "12345", "49", String(repeating: "9", count: 56), "5" + String(repeating: "9", count: 55)])
    func `another service's number is not read`(text: String) throws {
        #expect(LocalSequenceNumber(try #require(SequenceNumber(text))) == nil)
    }
}
