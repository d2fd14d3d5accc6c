import Kinesis
import Testing

@Suite struct NamesTests {
    @Test func `the longer sequence number is the greater one, of equal length the text decides`() throws {
        let texts = ["0", "9", "10", "11", "99", "100", "49590338271490256642100000000000000000000000001000000000"]
        let numbers = try texts.map { try #require(SequenceNumber($0)) }
        #expect(numbers.shuffled().sorted() == numbers)
    }

    @Test(arguments: ["", "01", "-1", "+1", "1.0", "1e3", " 1", "1 ", "١", String(repeating: "1", count: 130)])
    func `what is no decimal number of at most 129 digits is no sequence number`(_ text: String) {
        #expect(SequenceNumber(text) == nil)
    }

    @Test(arguments: ["s", "a.b-c_D9", String(repeating: "x", count: 128)])
    func `names of streams and shards that the service takes`(_ text: String) {
        #expect(StreamName(text)?.text == text)
        #expect(ShardID(text)?.text == text)
    }

    @Test(arguments: ["", "a/b", "a b", "ä", "a\n", "a:b", String(repeating: "x", count: 129)])
    func `names of streams and shards that the service refuses`(_ text: String) {
        #expect(StreamName(text) == nil)
        #expect(ShardID(text) == nil)
    }

    @Test func `shards are numbered with twelve digits`() {
        #expect(ShardID(number: 0).text == "shardId-000000000000")
        #expect(ShardID(number: 1_234_567_890_123).text == "shardId-1234567890123")
    }
}
