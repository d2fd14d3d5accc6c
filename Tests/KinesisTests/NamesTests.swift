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

    @Test func `an ARN tells region, account and name`() throws {
        let text = "arn:aws-cn:kinesis:cn-north-1:123456789012:stream/a.b-c_D9"
        let arn = try #require(StreamARN(text))
        #expect(arn.region == "cn-north-1" && arn.account == "123456789012" && arn.name.text == "a.b-c_D9")
        let stream = StreamName(arn)
        #expect(stream.isARN && stream.arn == arn && stream.text == text && StreamName(nameOrARN: text) == stream)
        #expect(StreamName(text) == nil)
        #expect(StreamName(nameOrARN: "orders").map { !$0.isARN && $0.arn == nil } == true)
    }

    @Test(arguments: [
        "", "arn", "arn:aws:kinesis:eu-west-1:123456789012:stream/", "arn:aws:kinesis:eu-west-1:12345678901:stream/s",
        "arn:aws:kinesis::123456789012:stream/s", "arn:gcp:kinesis:eu-west-1:123456789012:stream/s",
        "arn:aws:dynamodb:eu-west-1:123456789012:stream/s", "arn:aws:kinesis:eu-west-1:123456789012:stream/a b",
        "arn:aws:kinesis:eu-west-1:123456789012:stream/s/consumer/c:1",
        "arn:aws:kinesis:eu-west-1:١23456789012:stream/s",
        "arn:aws:kinesis:eu west:123456789012:stream/s",
    ])
    func `what is no ARN of a stream is none`(_ text: String) {
        #expect(StreamARN(text) == nil)
    }

    @Test func `shards are numbered with twelve digits`() {
        #expect(ShardID(number: 0).text == "shardId-000000000000")
        #expect(ShardID(number: 1_234_567_890_123).text == "shardId-1234567890123")
    }
}
