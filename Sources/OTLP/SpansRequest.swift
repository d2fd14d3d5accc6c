import Bytes
import Protobuf
import Telemetry

/// Spans as an `ExportTraceServiceRequest`. Performs no I/O.
///
/// Source: opentelemetry-proto 1.x, `trace/v1/trace.proto`.
package struct SpansRequest {
    private let resource: ResourceAttributes
    private let version: String

    /// - Parameter version: of the program, which is the scope.
    package init(_ resource: ResourceAttributes, version: String) {
        self.resource = resource
        self.version = version
    }

    package func encode(_ spans: [Span]) -> ByteBuffer {
        let buffer = ByteBuffer(capacity: 256 + spans.count * 256)
        ProtobufWriter(buffer).message(1) {
            $0.resource(resource)
            $0.message(2) {
                $0.scope(version: version)
                for span in spans { write(span, $0) }
            }
        }
        return buffer
    }

    private func write(_ span: Span, _ writer: ProtobufWriter) {
        writer.message(2) {
            $0.bytes(1, ByteBuffer(span.context.trace.bytes))
            $0.bytes(2, ByteBuffer(span.context.span.bytes))
            if let parent = span.parent { $0.bytes(4, ByteBuffer(parent.bytes)) }
            $0.text(5, span.name)
            $0.int(6, span.kind.rawValue)
            $0.fixed64(7, span.start)
            $0.fixed64(8, span.end)
            for (name, value) in span.attributes { $0.attribute(9, name, value) }
            if let failure = span.failure {
                $0.message(15) {
                    $0.text(2, failure)
                    // STATUS_CODE_ERROR
                    $0.int(3, 2)
                }
            }
        }
    }
}
