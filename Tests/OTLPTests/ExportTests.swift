@testable import OTLP
import Reactor
import Telemetry
import Testing

@Suite struct ExportOutcomeTests {
    @Test func `a collector that is busy is asked again, when it says`() {
        #expect(ExportOutcome(status: 200, retryAfter: nil) == .accepted)
        for status in [429, 502, 503, 504] {
            #expect(ExportOutcome(status: status, retryAfter: "7") == .again(after: .seconds(7)))
        }
        for text in [nil, "-1", "Wed, 21 Oct 2026 07:28:00 GMT", ""] as [String?] {
            #expect(ExportOutcome(status: 503, retryAfter: text) == .again(after: nil))
        }
        #expect(ExportOutcome(status: 503, retryAfter: "999999999") == .again(after: .seconds(300)))
    }

    @Test(arguments: [100, 301, 400, 401, 404, 413, 500, 501])
    func `what it refuses is not sent again`(_ status: Int) {
        #expect(ExportOutcome(status: status, retryAfter: "1") == .refused)
    }
}

@Suite struct SpanQueueTests {
    private let start = ContinuousClock.now
    private let span = Span(
        TraceContext(trace: .random(), span: .random(), isSampled: true), parent: nil, name: "a", kind: .server,
        start: 0, duration: .zero)

    private func filled(_ count: Int) -> SpanQueue {
        var queue = SpanQueue()
        for _ in 0..<count { queue.append(span) }
        return queue
    }

    @Test func `what does not fit is dropped and counted`() {
        var queue = filled(SpanQueue.limit + 3)
        #expect(queue.dropped == 3)
        #expect(queue.take(now: start).count == SpanQueue.batch)
        queue.append(span)
        #expect(queue.dropped == 3)
    }

    @Test func `a batch that was not taken goes again after a pause, and is dropped in the end`() {
        var queue = filled(5)
        var now = start
        for attempt in 1...SpanQueue.tries {
            let batch = queue.take(now: now)
            #expect(batch.count == 5)
            queue.ended(batch, .again(after: nil), now: now)
            if attempt < SpanQueue.tries { #expect(queue.take(now: now + .seconds(1)).isEmpty) }
            now += .seconds(60)
        }
        #expect(queue.dropped == 5)
        #expect(queue.take(now: now).isEmpty)
    }

    @Test func `the pause is the collector's where it names one`() {
        var queue = filled(1)
        queue.ended(queue.take(now: start), .again(after: .seconds(9)), now: start)
        #expect(queue.take(now: start + .seconds(8)).isEmpty)
        #expect(queue.take(now: start + .seconds(9)).count == 1)
    }

    @Test func `what was refused is dropped at once, what was accepted is not counted`() {
        var queue = filled(2)
        queue.ended(queue.take(now: start), .refused, now: start)
        #expect(queue.dropped == 2)
        queue.append(span)
        queue.ended(queue.take(now: start), .accepted, now: start)
        #expect(queue.dropped == 2)
    }

    @Test func `whatever happens every span is sent, waits or is counted, and the memory is bounded`() {
        var random = SystemRandomNumberGenerator()
        var queue = SpanQueue()
        var now = start
        var (given, accepted) = (0, 0)
        var flying: [Span] = []
        for _ in 0..<3000 {
            now += .milliseconds(Int.random(in: 0...2000, using: &random))
            switch Int.random(in: 0..<3, using: &random) {
            case 0:
                let count = Int.random(in: 0...700, using: &random)
                for _ in 0..<count { queue.append(span) }
                given += count
            case 1 where flying.isEmpty: flying = queue.take(now: now)
            case 2 where !flying.isEmpty:
                let outcomes: [ExportOutcome] = [.accepted, .again(after: nil), .again(after: .seconds(3)), .refused]
                let outcome = outcomes.randomElement(using: &random)!
                if outcome == .accepted { accepted += flying.count }
                queue.ended(flying, outcome, now: now)
                flying = []
            default: break
            }
        }
        if !flying.isEmpty { queue.ended(flying, .refused, now: now) }
        queue.end()
        #expect(accepted + queue.dropped == given)
    }
}

@Suite struct KeyValueListTests {
    @Test func `pairs are separated by commas, and their values percent-encoded`() throws {
        let pairs = try #require(KeyValueList.read("service.name=a%20b, key = v=w,"))
        #expect(pairs.map(\.name) == ["service.name", "key"])
        #expect(pairs.map(\.value) == ["a b", "v=w"])
    }

    @Test(arguments: ["a", "=b", "a=%", "a=%2", "a=%zz", "a=%ff", "a=%+1"])
    func `anything else is none`(_ text: String) {
        #expect(KeyValueList.read(text) == nil)
    }
}
