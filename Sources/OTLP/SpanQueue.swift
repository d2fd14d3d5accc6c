import Reactor
import Telemetry

/// The spans that wait to be exported, and what is done with a batch that was not taken. Performs no I/O.
///
/// What does not fit is dropped and counted; what waits is never replaced, so that a burst keeps its beginning.
struct SpanQueue {
    typealias Instant = EventLoop.Instant

    /// Source: OpenTelemetry, "Trace SDK", batching processor: maxQueueSize, maxExportBatchSize, scheduledDelayMillis.
    static let limit = 2048
    static let batch = 512
    static let delay = Duration.seconds(5)
    /// Tries of one batch: with their pauses half a minute.
    static let tries = 5

    private var waiting: [Span] = []
    /// What was sent and is to be sent again, with the tries that it has had.
    private var failed: (spans: [Span], tries: Int)?
    private var notBefore: Instant?
    /// Spans for which there was no room, or that were not taken.
    private(set) var dropped = 0

    /// Whether a batch is full that may leave now.
    func isDue(now: Instant) -> Bool { notBefore ?? now <= now && failed == nil && waiting.count >= Self.batch }

    mutating func append(_ span: Span) {
        if waiting.count + (failed?.spans.count ?? 0) >= Self.limit { dropped += 1 } else { waiting.append(span) }
    }

    /// What leaves now; empty where nothing does.
    mutating func take(now: Instant) -> [Span] {
        guard notBefore ?? now <= now else { return [] }
        notBefore = nil
        if let failed { return failed.spans }
        let taken = Array(waiting.prefix(Self.batch))
        waiting.removeFirst(taken.count)
        return taken
    }

    /// - Parameter spans: what `take` gave.
    mutating func ended(_ spans: [Span], _ outcome: ExportOutcome, now: Instant) {
        let tries = (failed?.tries ?? 0) + 1
        failed = nil
        switch outcome {
        case .accepted: break
        case .again(let pause) where tries < Self.tries:
            failed = (spans, tries)
            notBefore = now + (pause ?? .seconds(1 << tries))
        case .again, .refused: dropped += spans.count
        }
    }

    /// There is no later.
    mutating func hurry() { notBefore = nil }

    /// Nothing is sent any more.
    mutating func end() {
        dropped += waiting.count + (failed?.spans.count ?? 0)
        waiting = []
        failed = nil
    }
}
