import AWS
import Bytes
import Logging
import Reactor
import Telemetry
import Time

/// Sends metrics and spans to a collector over OTLP/HTTP, in Protobuf.
///
/// A collector that is away, slow or talks nonsense costs dropped telemetry and a line of the log: at most `SpanQueue.limit`
/// spans wait, a round of metrics that was not taken is replaced by the next one, and nobody waits for either. Confined to its
/// loop.
package final class Exporter: SpanRecorder, @unchecked Sendable {
    package struct Settings: Sendable {
        /// Where spans are posted; nil: there are none.
        package var traces: Endpoint?
        /// Where metrics are posted; nil: they are not.
        package var metrics: Endpoint?
        /// Of each request, beside those that say what it has.
        package var headers: [(name: String, value: String)] = []
        /// From one round of metrics to the next.
        package var interval = Duration.seconds(60)
        /// For one request.
        package var timeout = Duration.seconds(10)
        package var resource = ResourceAttributes()
        /// Of this program.
        package var version = ""
        /// When the process began.
        package var startedOn = WallTime(milliseconds: 0)

        package init() {}
    }

    /// What the end waits for a collector.
    private static let lastTimeout = Duration.seconds(2)
    /// Bytes of a response that are looked at: nothing in it matters.
    private static let responseLimit = 64 << 10

    private let settings: Settings
    private let loop: EventLoop
    private let transport: Transport
    private let logger: Logger
    /// Writes every metric there is.
    private let writeMetrics: @Sendable (MetricsRequests) async -> Void
    private let spansRequest: SpansRequest
    private let batchIsFull: Gate
    private var spans = SpanQueue()
    private var tasks: [Task<Void, Never>] = []
    private var isFailing = false
    private var failedRequests = 0
    /// Before which no metrics are sent: a collector has said so.
    private var noMetricsBefore: EventLoop.Instant?

    /// - Parameter transport: its own, so that its connections hold up nobody else's. Closed with this.
    package init(
        _ settings: Settings, over transport: Transport, logger: Logger,
        metrics: @escaping @Sendable (MetricsRequests) async -> Void
    ) {
        self.settings = settings
        self.transport = transport
        self.logger = logger
        loop = transport.loop
        writeMetrics = metrics
        spansRequest = SpansRequest(settings.resource, version: settings.version)
        batchIsFull = Gate(loop: transport.loop)
    }

    package var counters: ExportCounters {
        ExportCounters(failedRequests: failedRequests, droppedSpans: spans.dropped)
    }

    package func start() {
        if settings.metrics != nil { tasks.append(loop.spawn { await self.keepSendingMetrics() }) }
        if settings.traces != nil { tasks.append(loop.spawn { await self.keepSendingSpans() }) }
    }

    /// Sends what there is once more, for a moment at most.
    package func stop() async {
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
        tasks = []
        async let metrics: Void = sendMetrics(timeout: Self.lastTimeout)
        async let spans: Void = sendLastSpans()
        _ = await (metrics, spans)
        self.spans.end()
        transport.close()
    }

    // MARK: Spans

    package func record(_ span: Span) {
        spans.append(span)
        if spans.isDue(now: loop.now) { batchIsFull.open() }
    }

    private func keepSendingSpans() async {
        while !Task.isCancelled {
            if !spans.isDue(now: loop.now) { try? await batchIsFull.wait(until: loop.now + SpanQueue.delay) }
            if !Task.isCancelled { await sendSpans(timeout: settings.timeout) }
        }
    }

    private func sendLastSpans() async {
        spans.hurry()
        while await sendSpans(timeout: Self.lastTimeout) {}
    }

    /// Whether a batch was taken: there may be another one.
    @discardableResult private func sendSpans(timeout: Duration) async -> Bool {
        guard let endpoint = settings.traces else { return false }
        let batch = spans.take(now: loop.now)
        guard !batch.isEmpty else { return false }
        let outcome = await post(spansRequest.encode(batch), to: endpoint, timeout)
        spans.ended(batch, outcome, now: loop.now)
        return outcome == .accepted
    }

    // MARK: Metrics

    private func keepSendingMetrics() async {
        while !Task.isCancelled {
            try? await loop.sleep(for: settings.interval)
            if !Task.isCancelled, noMetricsBefore ?? loop.now <= loop.now {
                await sendMetrics(timeout: settings.timeout)
            }
        }
    }

    /// Values are cumulative: what a collector does not take is in the next round.
    private func sendMetrics(timeout: Duration) async {
        guard let endpoint = settings.metrics else { return }
        let requests = MetricsRequests(
            settings.resource, version: settings.version, start: settings.startedOn.nanoseconds,
            now: WallTime.now().nanoseconds)
        await writeMetrics(requests)
        for body in requests.finish() {
            let outcome = await post(body, to: endpoint, timeout)
            if case .again(let pause?) = outcome { noMetricsBefore = loop.now + pause }
            // The rest of the round would meet the same.
            guard outcome == .accepted else { return }
        }
    }

    // MARK: Requests

    private func post(_ body: ByteBuffer, to endpoint: Endpoint, _ timeout: Duration) async -> ExportOutcome {
        var headers = [
            ("content-type", "application/x-protobuf"), ("user-agent", "kinesis-sidecar/\(settings.version)"),
        ]
        headers += settings.headers.map { ($0.name, $0.value) }
        let request = TransportRequest(
            endpoint: endpoint, headers: headers, body: body, timeout: timeout, responseLimit: Self.responseLimit)
        let outcome: ExportOutcome
        do throws(TransportError) {
            let response = try await transport.send(request)
            outcome = ExportOutcome(status: response.status, retryAfter: response.headers.first("retry-after"))
            told(outcome, "the status \(response.status)", endpoint)
        } catch {
            outcome = .again(after: nil)
            if error != .cancelled { told(outcome, "\(error)", endpoint) }
        }
        return outcome
    }

    /// One line when it begins to fail, one when it works again.
    private func told(_ outcome: ExportOutcome, _ reason: String, _ endpoint: Endpoint) {
        guard outcome == .accepted else {
            failedRequests += 1
            guard !isFailing else { return }
            isFailing = true
            return logger.warning(
                "telemetry cannot be sent; it is dropped until it can",
                metadata: ["address": "\(endpoint)", "error": "\(reason)"])
        }
        guard isFailing else { return }
        isFailing = false
        logger.notice("telemetry is sent again", metadata: ["address": "\(endpoint)"])
    }
}
