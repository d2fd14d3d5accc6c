import Testing
import Time

@testable import Gateway

struct ProcessHistoryTests {
    @Test func `the last hour is kept, the oldest first`() {
        var history = ProcessHistory()
        for second in 0..<1000 {
            history.sampled(.init(time: WallTime(milliseconds: Int64(second) * 10_000), putRecords: second))
        }
        #expect(history.samples.count == ProcessHistory.capacity)
        #expect(history.samples.map(\.putRecords) == Array(640..<1000))
    }
}
