import Bytes
import Protobuf
import Telemetry

/// What metrics and traces have in common in OTLP. Performs no I/O.
///
/// Source: opentelemetry-proto 1.x, `common/v1/common.proto`, `resource/v1/resource.proto`.
extension ProtobufWriter {
    /// `KeyValue`
    func attribute(_ field: Int, _ name: String, _ value: Span.Value) {
        message(field) {
            $0.text(1, name)
            $0.message(2) {
                switch value {
                case .text(let text): $0.text(1, text)
                case .number(let number): $0.int(3, number)
                }
            }
        }
    }

    /// `Resource`, as field 1 of `ResourceMetrics` and `ResourceSpans`.
    func resource(_ resource: ResourceAttributes) {
        message(1) {
            for (name, value) in resource.all { $0.attribute(1, name, .text(value)) }
        }
    }

    /// `InstrumentationScope`, as field 1 of `ScopeMetrics` and `ScopeSpans`.
    func scope(version: String) {
        message(1) {
            $0.text(1, "kinesis-sidecar")
            $0.text(2, version)
        }
    }

    func fixed64(_ field: Int, _ value: UInt64) {
        tag(field, .fixed64)
        fixed64(value)
    }

    /// Without a tag, as an element of a packed field.
    func fixed64(_ value: UInt64) {
        for shift in stride(from: UInt64(0), to: 64, by: 8) { buffer.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }
}
