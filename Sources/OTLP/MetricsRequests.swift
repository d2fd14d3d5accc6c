import Bytes
import Protobuf
import Telemetry

/// Metrics as `ExportMetricsServiceRequest`s, each of about `partBytes` at most: collectors refuse long bodies. Performs no I/O.
/// Confined to one caller.
///
/// Sums and histograms are cumulative: they count since the process began, as they do for Prometheus. Names are those of
/// `/metrics`.
/// Source: opentelemetry-proto 1.x, `metrics/v1/metrics.proto`.
package final class MetricsRequests: MetricWriter, @unchecked Sendable {
    /// From which on a request is complete. The OpenTelemetry collector takes 20 MiB.
    package static let partBytes = 1 << 20
    /// What all requests of one round may take; samples beyond that are dropped and counted.
    package static let mostBytes = 64 << 20

    fileprivate struct Metric {
        let name: String
        let kind: MetricKind
        let help: String
    }

    private let resource: ResourceAttributes
    private let version: String
    /// Nanoseconds since the epoch.
    private let start: UInt64
    private let now: UInt64
    private var metric: Metric?
    /// The data points of `metric`, as fields of its data.
    private var points = ByteBuffer()
    /// The metrics of the request that is being made, as fields of `ScopeMetrics`.
    private var metrics = ByteBuffer()
    private var parts: [ByteBuffer] = []
    private var bytes = 0
    /// Samples for which there was no room.
    package private(set) var dropped = 0

    /// - Parameters:
    ///   - start: when the process began.
    ///   - now: what the samples are of; both nanoseconds since the epoch.
    package init(_ resource: ResourceAttributes, version: String, start: UInt64, now: UInt64) {
        self.resource = resource
        self.version = version
        self.start = start
        self.now = now
    }

    /// The bodies, none where nothing was added. To be called once, behind the last metric.
    package func finish() -> [ByteBuffer] {
        closeMetric()
        closePart()
        return parts
    }

    // MARK: MetricWriter

    package func begin(_ name: String, _ kind: MetricKind, _ help: String) {
        closeMetric()
        metric = Metric(name: name, kind: kind, help: help)
    }

    package func add(_ labels: MetricLabels, _ value: Double) {
        point(labels, attributes: 7) { $0.double(4, value) }
    }

    package func add(_ labels: MetricLabels, _ value: Int) {
        // sfixed64
        point(labels, attributes: 7) { $0.fixed64(6, UInt64(bitPattern: Int64(value))) }
    }

    package func add(_ labels: MetricLabels, _ value: Histogram) {
        point(labels, attributes: 9) { writer in
            let counts = value.counts
            writer.fixed64(4, UInt64(counts.reduce(0, +)))
            writer.double(5, value.sum.inSeconds)
            writer.beginBytes(6, counts.count * 8)
            for count in counts { writer.fixed64(UInt64(count)) }
            writer.beginBytes(7, value.bounds.count * 8)
            for bound in value.bounds { writer.fixed64(bound.inSeconds.bitPattern) }
        }
    }

    // MARK: Parts

    private func point(_ labels: MetricLabels, attributes field: Int, _ value: (ProtobufWriter) -> Void) {
        guard bytes + metrics.count + points.count < Self.mostBytes else {
            dropped += 1
            return
        }
        ProtobufWriter(points).message(1) {
            if metric?.kind != .gauge { $0.fixed64(2, start) }
            $0.fixed64(3, now)
            for label in labels { $0.attribute(field, "\(label.name)", .text(label.value)) }
            value($0)
        }
        guard metrics.count + points.count >= Self.partBytes, let metric else { return }
        closeMetric()
        closePart()
        self.metric = metric
    }

    private func closeMetric() {
        defer {
            metric = nil
            points = ByteBuffer()
        }
        guard let metric, !points.isEmpty else { return }
        ProtobufWriter(metrics).message(2) {
            $0.text(1, metric.name)
            $0.text(2, metric.help)
            if let unit = metric.unit { $0.text(3, unit) }
            $0.message(metric.dataField) {
                $0.buffer.append(points)
                // AGGREGATION_TEMPORALITY_CUMULATIVE
                if metric.kind != .gauge { $0.int(2, 2) }
                if metric.kind == .counter { $0.bool(3, true) }
            }
        }
    }

    private func closePart() {
        guard !metrics.isEmpty else { return }
        let part = ByteBuffer(capacity: metrics.count + 1024)
        ProtobufWriter(part).message(1) {
            $0.resource(resource)
            $0.message(2) {
                $0.scope(version: version)
                $0.buffer.append(metrics)
            }
        }
        bytes += part.count
        parts.append(part)
        metrics = ByteBuffer()
    }
}

extension MetricsRequests.Metric {
    /// `gauge`, `sum` or `histogram` of `Metric`.
    fileprivate var dataField: Int {
        switch kind {
        case .gauge: 5
        case .counter: 7
        case .histogram: 9
        }
    }

    /// By the end of the name, in the Unified Code for Units of Measure; nil where it says none.
    fileprivate var unit: String? {
        let base = kind == .counter && name.hasSuffix("_total") ? name.dropLast(6) : name[...]
        if base.hasSuffix("_seconds") { return "s" }
        return base.hasSuffix("_bytes") ? "By" : nil
    }
}
