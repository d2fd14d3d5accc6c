import Kinesis
import Testing

@Suite struct SequenceNumberTests {
    @Test func `the longer number is the greater one, of equal length the text decides`() throws {
        let short = try #require(SequenceNumber("9"))
        let long = try #require(SequenceNumber("10"))
        #expect(short < long)
        #expect(try #require(SequenceNumber("11")) > long)
    }
}
