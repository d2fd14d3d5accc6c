import Telemetry
import Testing

@Suite struct RepetitionsTests {
    @Test func `the first time is told at once, those after it once a minute`() {
        var repetitions = Repetitions<String>()
        let told = ["a", "a", "b", "a"].map { repetitions.happened($0) }
        #expect(told == [true, false, true, false])
        #expect(repetitions.minuteEnded() == ["a": 2])
        let again = repetitions.happened("a")
        #expect(!again)
        #expect(repetitions.minuteEnded() == ["a": 1])
    }

    @Test func `after a minute without it the next time is a first one`() {
        var repetitions = Repetitions<String>()
        _ = repetitions.happened("a")
        #expect(repetitions.minuteEnded().isEmpty)
        #expect(repetitions.isEmpty)
        let isTold = repetitions.happened("a")
        #expect(isTold)
    }

    @Test func `kinds without number take no memory without bound`() {
        var repetitions = Repetitions<Int>()
        let told = (0..<1000).count { repetitions.happened($0) }
        #expect(told == Repetitions<Int>.mostKinds)
    }
}
