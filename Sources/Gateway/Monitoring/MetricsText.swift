import Bytes

/// Writes metrics in Prometheus's text format. Performs no I/O.
///
/// Source: Prometheus, "Exposition formats", text format 0.0.4.
struct MetricsText {
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    enum Kind: String {
        /// Only grows; begins at zero with the process.
        case counter
        /// Goes up and down.
        case gauge
    }

    typealias Labels = [(name: StaticString, value: String)]

    let buffer = ByteBuffer(capacity: 8192)

    /// Begins a metric: its HELP and TYPE lines, and what `samples` adds. A metric without samples is left out.
    func metric(_ name: String, _ kind: Kind, _ help: String, _ samples: (Samples) -> Void) {
        let lines = Samples(name: name)
        samples(lines)
        append(lines, kind, help)
    }

    /// The same where the samples are so many that `samples` lets others have their turn between them.
    func slicedMetric(_ name: String, _ kind: Kind, _ help: String, _ samples: (Samples) async -> Void) async {
        let lines = Samples(name: name)
        await samples(lines)
        append(lines, kind, help)
    }

    private func append(_ lines: Samples, _ kind: Kind, _ help: String) {
        guard !lines.buffer.isEmpty else { return }
        buffer.append("# HELP \(lines.name) \(help)\n# TYPE \(lines.name) \(kind.rawValue)\n")
        buffer.append(lines.buffer)
    }

    /// A metric of one sample without labels.
    func metric(_ name: String, _ kind: Kind, _ help: String, _ value: Double) {
        metric(name, kind, help) { $0.add([], value) }
    }

    func metric(_ name: String, _ kind: Kind, _ help: String, _ value: Int) {
        metric(name, kind, help) { $0.add([], value) }
    }

    /// The samples of one metric.
    struct Samples {
        fileprivate let name: String
        fileprivate let buffer = ByteBuffer()

        fileprivate init(name: String) {
            self.name = name
        }

        func add(_ labels: Labels, _ value: Double) {
            begin(labels)
            buffer.append(value.description)
            buffer.append("\n")
        }

        func add(_ labels: Labels, _ value: Int) {
            begin(labels)
            buffer.append(decimal: value)
            buffer.append("\n")
        }

        private func begin(_ labels: Labels) {
            buffer.append(name)
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
}
