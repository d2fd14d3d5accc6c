/// Something that was done, as a trace tells it. Performs no I/O.
package struct Span: Sendable {
    /// Source: opentelemetry-proto, `Span.SpanKind`.
    package enum Kind: Int, Sendable {
        /// Answers a request of somebody else.
        case server = 2
        /// Asks somebody else.
        case client = 3
    }

    package enum Value: Hashable, Sendable {
        case text(String)
        case number(Int)
    }

    package var context: TraceContext
    package var parent: SpanID?
    package var name: String
    package var kind: Kind
    /// Nanoseconds since the epoch.
    package var start: UInt64
    package var duration: Duration
    package var attributes: [(name: String, value: Value)] = []
    /// Why it failed; nil: it did not.
    package var failure: String?

    package init(
        _ context: TraceContext, parent: SpanID?, name: String, kind: Kind, start: UInt64, duration: Duration
    ) {
        self.context = context
        self.parent = parent
        self.name = name
        self.kind = kind
        self.start = start
        self.duration = duration
    }

    /// Nanoseconds since the epoch.
    package var end: UInt64 { start + UInt64(max(0, duration.wholeNanoseconds)) }
}

extension Duration {
    package var wholeNanoseconds: Int64 {
        components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
}

/// Who takes spans that are over. Confined to its loop; never waits.
package protocol SpanRecorder: AnyObject, Sendable {
    func record(_ span: Span)
}
