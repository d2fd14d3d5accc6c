import Telemetry
import Testing

@Suite struct HistogramTests {
    @Test func `a time is counted in the first bucket whose bound it does not pass`() {
        var histogram = Histogram(.latency)
        for time: Duration in [.zero, .milliseconds(1), .microseconds(1001), .seconds(30), .seconds(31)] {
            histogram.record(time)
        }
        #expect(histogram.counts == [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1])
        #expect(histogram.count == 5)
        #expect(histogram.sum == .seconds(61) + .microseconds(2001))
    }

    @Test func `a time below zero counts as zero`() {
        var histogram = Histogram(.age)
        histogram.record(.seconds(-3))
        #expect(histogram.counts.first == 1)
        #expect(histogram.sum == .zero)
    }

    @Test(arguments: [Histogram.Buckets.latency, .age])
    func `bounds rise, and there is one bucket more than there are bounds`(_ buckets: Histogram.Buckets) {
        let histogram = Histogram(buckets)
        #expect(histogram.bounds == histogram.bounds.sorted())
        #expect(histogram.counts.count == histogram.bounds.count + 1)
    }

    @Test func `histograms with the same times are equal`() {
        var one = Histogram(.latency)
        var other = Histogram(.latency)
        one.record(.seconds(1))
        #expect(one != other)
        other.record(.seconds(1))
        #expect(one == other)
    }

    @Test func `seconds are those that people write`() {
        #expect(Duration.milliseconds(5).inSeconds == 0.005)
        #expect(Duration.milliseconds(2500).inSeconds == 2.5)
    }
}
