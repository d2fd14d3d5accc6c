import HTTP
import HTTPServer
import Kinesis
import Producer
import Reactor
import Telemetry
import Time

/// Which puts are traced, and who takes their spans.
package struct Tracing: Sendable {
    package var sampler: Sampler
    package var recorder: any SpanRecorder

    package init(sampler: Sampler, recorder: any SpanRecorder) {
        self.sampler = sampler
        self.recorder = recorder
    }

    /// nil: it is not recorded.
    fileprivate func begin(_ exchange: HTTPExchange) -> PutSpan? {
        let parent = exchange.request.header("traceparent").flatMap { TraceContext(traceparent: Substring($0).utf8) }
        let trace = parent?.trace ?? .random()
        guard sampler.samples(trace, parent: parent) else { return nil }
        return PutSpan(TraceContext(trace: trace, span: .random(), isSampled: true), parent?.span, exchange.loop.now)
    }
}

extension Gateway {
    /// Does what a put asks for, and records it where its trace is.
    /// - Parameters:
    ///   - route: as metrics name it, or the method of gRPC.
    ///   - put: gets what is to be told of its calls; nil where the put is not recorded.
    func traced<Value>(
        _ exchange: HTTPExchange, _ route: String, _ put: (PutTrace?) async throws(Problem) -> Value
    ) async throws(Problem) -> Value {
        guard let tracing = options.tracing, let span = tracing.begin(exchange) else { return try await put(nil) }
        do {
            let value = try await put(span.trace)
            span.end(exchange, route, exchange.answeredStatus ?? .ok, tracing.recorder)
            return value
        } catch {
            span.end(exchange, route, error.document.code.status, tracing.recorder)
            throw error
        }
    }
}

/// The span of a put that has not ended. Confined to its loop.
private struct PutSpan {
    let trace = PutTrace()
    private let context: TraceContext
    private let parent: SpanID?
    private let began: EventLoop.Instant
    /// What `began` is by the calendar, to which all times of the trace are counted.
    private let start = WallTime.now()

    init(_ context: TraceContext, _ parent: SpanID?, _ began: EventLoop.Instant) {
        self.context = context
        self.parent = parent
        self.began = began
    }

    /// Source of the attributes' names: OpenTelemetry, semantic conventions of HTTP servers, of AWS's SDKs and of Kinesis.
    func end(_ exchange: HTTPExchange, _ route: String, _ status: HTTPStatus, _ recorder: any SpanRecorder) {
        let method = exchange.request.method.text
        var span = Span(
            context, parent: parent, name: "\(method) \(route)", kind: .server, start: nanoseconds(at: began),
            duration: exchange.loop.now - began)
        span.attributes = [
            ("http.request.method", .text(method)), ("http.route", .text(route)),
            ("url.path", .text(exchange.request.path)), ("url.scheme", .text(exchange.request.scheme)),
            ("http.response.status_code", .number(status.rawValue)),
        ]
        if let stream = trace.stream { span.attributes.append(("aws.kinesis.stream_name", .text(stream.text))) }
        if trace.recordCount > 0 {
            span.attributes.append(("messaging.batch.message_count", .number(trace.recordCount)))
        }
        if status.rawValue >= 500 { span.failure = "the status \(status.rawValue)" }
        recorder.record(span)
        for call in trace.calls { recorder.record(child(call)) }
    }

    private func child(_ call: PutTrace.Call) -> Span {
        var span = Span(
            TraceContext(trace: context.trace, span: .random(), isSampled: true), parent: context.span,
            name: "Kinesis.\(call.operation)", kind: .client, start: nanoseconds(at: call.started),
            duration: call.ended - call.started)
        span.attributes = [
            ("rpc.system", .text("aws-api")), ("rpc.service", .text("Kinesis")), ("rpc.method", .text(call.operation)),
            ("messaging.batch.message_count", .number(call.records)),
        ]
        if let stream = trace.stream { span.attributes.append(("aws.kinesis.stream_name", .text(stream.text))) }
        span.failure = call.failure
        return span
    }

    private func nanoseconds(at moment: EventLoop.Instant) -> UInt64 {
        start.nanoseconds + UInt64(max(0, (moment - began).wholeNanoseconds))
    }
}
