@testable import Gateway
import Telemetry
import Testing

@Suite struct MetricsTextTests {
    @Test func `a metric has its help, its type and a line for each sample`() {
        let text = MetricsText()
        text.metric("a_total", .counter, "What it is.") {
            $0.add([("stream", "orders"), ("shard", "1")], 3)
            $0.add([], 0.5)
        }
        #expect(
            text.buffer.text == """
                # HELP a_total What it is.
                # TYPE a_total counter
                a_total{stream="orders",shard="1"} 3
                a_total 0.5

                """)
    }

    @Test func `quotes, backslashes and line breaks in a label are escaped`() {
        let text = MetricsText()
        text.metric("a", .gauge, "A.") { $0.add([("group", "q\"b\\n\nä")], 1) }
        #expect(text.buffer.text.hasSuffix("a{group=\"q\\\"b\\\\n\\nä\"} 1\n"))
    }

    @Test func `a histogram's buckets count what is below them, too`() {
        var histogram = Histogram(.latency)
        for time: Duration in [.milliseconds(3), .milliseconds(7), .seconds(60)] { histogram.record(time) }
        let text = MetricsText()
        text.metric("a_seconds", .histogram, "A.") { $0.add([("stream", "s")], histogram) }
        let lines = text.buffer.text.split(separator: "\n")
        #expect(lines[1] == "# TYPE a_seconds histogram")
        #expect(lines[2] == "a_seconds_bucket{stream=\"s\",le=\"0.001\"} 0")
        #expect(lines[3] == "a_seconds_bucket{stream=\"s\",le=\"0.005\"} 1")
        #expect(lines[4] == "a_seconds_bucket{stream=\"s\",le=\"0.01\"} 2")
        #expect(lines[12] == "a_seconds_bucket{stream=\"s\",le=\"30.0\"} 2")
        #expect(
            lines[13...] == [
                "a_seconds_bucket{stream=\"s\",le=\"+Inf\"} 3", "a_seconds_sum{stream=\"s\"} 60.01",
                "a_seconds_count{stream=\"s\"} 3",
            ])
    }

    @Test func `a metric without samples is left out`() {
        let text = MetricsText()
        text.metric("a", .gauge, "A.") { _ in }
        #expect(text.buffer.isEmpty)
    }
}

@Suite struct RequestCountersTests {
    @Test func `requests are counted by route and status`() {
        var counters = RequestCounters()
        for status in [200, 404, 200] {
            counters.began()
            counters.ended(.put, status)
        }
        counters.began()
        #expect(counters.inFlight == 1)
        #expect(
            counters.all == [
                RequestCounters.Count(route: .put, status: 200, count: 2),
                RequestCounters.Count(route: .put, status: 404, count: 1),
            ])
    }
}

@Suite struct RateWindowTests {
    private let start = ContinuousClock.now

    @Test func `the rate is what was counted since the oldest sample`() {
        var window = RateWindow()
        window.sampled(.init(records: 100, bytes: 1000), now: start)
        let rate = window.rate(.init(records: 150, bytes: 3000), now: start + .seconds(20))
        #expect(rate == RateWindow.Rate(recordsPerSecond: 2.5, bytesPerSecond: 100))
    }

    @Test func `samples of more than a minute ago do not count`() {
        var window = RateWindow()
        for index in 0...RateWindow.samples {
            window.sampled(.init(records: index == 0 ? 0 : 1000, bytes: 0), now: start + RateWindow.interval * index)
        }
        let rate = window.rate(.init(records: 1000, bytes: 0), now: start + RateWindow.interval * 8)
        #expect(rate.recordsPerSecond == 0)
    }

    @Test func `without a sample, and after a count began anew, there is no rate`() {
        var window = RateWindow()
        #expect(window.rate(.init(records: 5, bytes: 5), now: start) == RateWindow.Rate())
        window.sampled(.init(records: 100, bytes: 0), now: start)
        #expect(window.rate(.init(records: 5, bytes: 5), now: start + .seconds(1)) == RateWindow.Rate())
    }
}
