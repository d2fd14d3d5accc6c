import Bytes
import OTLP
import Telemetry
import Testing

@Suite struct MetricsRequestsTests {
    private func requests() -> MetricsRequests {
        MetricsRequests(ResourceAttributes(), version: "1", start: 1, now: 2)
    }

    @Test func `metrics without samples make no request`() {
        let requests = requests()
        requests.metric("a", .gauge, "A.") { _ in }
        #expect(requests.finish().isEmpty)
        #expect(requests.dropped == 0)
    }

    @Test func `many samples are cut into requests of about a mebibyte, each with its metric`() {
        let requests = requests()
        for name in ["kinesis_sidecar_first", "kinesis_sidecar_second"] {
            requests.metric(name, .gauge, "A.") {
                for shard in 0..<20_000 { $0.add([("shard", "shardId-\(shard)"), ("stream", "orders")], shard) }
            }
        }
        let parts = requests.finish()
        #expect(parts.count > 2)
        for part in parts {
            #expect(part.count < MetricsRequests.partBytes + 1024)
            #expect(part.text.contains("kinesis_sidecar_"))
        }
        #expect(parts.last?.text.contains("kinesis_sidecar_first") == false)
    }

    @Test func `a round has a bound, and counts what is beyond it`() {
        let requests = requests()
        let long = String(repeating: "x", count: 100_000)
        requests.metric("a", .gauge, "A.") {
            for _ in 0..<800 { $0.add([("stream", long)], 1) }
        }
        #expect(
            requests.finish().reduce(0) { $0 + $1.count } < MetricsRequests.mostBytes + 2 * MetricsRequests.partBytes)
        #expect(requests.dropped > 0)
    }
}
