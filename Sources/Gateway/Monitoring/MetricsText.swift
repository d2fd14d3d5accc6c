import Bytes
import Telemetry

/// Writes metrics in Prometheus's text format. Performs no I/O. Confined to one caller.
///
/// Source: Prometheus, "Exposition formats", text format 0.0.4.
final class MetricsText: MetricWriter, @unchecked Sendable {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    private struct Head {
        let name: String
        let kind: MetricKind
        let help: String
        var isWritten = false
    }

    let buffer = ByteBuffer(capacity: 8192)
    private var head = Head(name: "", kind: .gauge, help: "")

    func begin(_ name: String, _ kind: MetricKind, _ help: String) {
        head = Head(name: name, kind: kind, help: help)
    }

    func add(_ labels: MetricLabels, _ value: Double) {
        begin(labels)
        buffer.append(value.description)
        buffer.append("\n")
    }

    func add(_ labels: MetricLabels, _ value: Int) {
        begin(labels)
        buffer.append(decimal: value)
        buffer.append("\n")
    }

    /// Prometheus's buckets count what those before them do, too.
    func add(_ labels: MetricLabels, _ value: Histogram) {
        var below = 0
        for (index, count) in value.counts.enumerated() {
            below += count
            let bound = index < value.bounds.count ? value.bounds[index].inSeconds.description : "+Inf"
            begin(labels + [("le", bound)], "_bucket")
            buffer.append(decimal: below)
            buffer.append("\n")
        }
        begin(labels, "_sum")
        buffer.append(value.sum.inSeconds.description)
        buffer.append("\n")
        begin(labels, "_count")
        buffer.append(decimal: below)
        buffer.append("\n")
    }

    private func begin(_ labels: MetricLabels, _ suffix: StaticString = "") {
        if !head.isWritten {
            head.isWritten = true
            buffer.append("# HELP \(head.name) \(head.help)\n# TYPE \(head.name) \(head.kind.rawValue)\n")
        }
        buffer.append(head.name)
        buffer.append(suffix)
        for (index, label) in labels.enumerated() {
            buffer.append(index == 0 ? "{" : ",")
            buffer.append(label.name)
            buffer.append("=\"")
            escape(label.value)
            buffer.append("\"")
        }
        buffer.append(labels.isEmpty ? " " : "} ")
    }

    private func escape(_ text: String) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): buffer.append("\\\\")
            case UInt8(ascii: "\""): buffer.append("\\\"")
            case UInt8(ascii: "\n"): buffer.append("\\n")
            default: buffer.append(byte)
            }
        }
    }
}
