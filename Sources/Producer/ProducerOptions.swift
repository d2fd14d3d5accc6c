import Kinesis

/// How the put path behaves: what configuration may change about it, with the defaults of design section 8.
package struct ProducerOptions: Sendable {
    /// Bytes of encoded records that may wait in this process, over all streams. Beyond it a put is refused with 429.
    package var maxPutBytes: Int = 32 << 20
    /// How long a put may take before it is answered with 504, which says that it may have been written.
    package var putTimeout: Duration = .seconds(30)
    /// How long arrivals gather although a PutRecords could leave at once. For those who pay per request.
    package var putLinger: Duration = .zero
    /// The region in which streams are asked for, which an ARN must name; nil: any.
    package var region: String?
    /// What a missing stream is created with, or nil where the stream must not be created: the streams that configuration
    /// lists, and every one with `--local` (design section 5).
    package var capacity: @Sendable (StreamName) -> StreamCapacity?
    package var shaping = PutShaping()
    /// How records of a stream are encoded.
    package var encoding: @Sendable (StreamName) -> PutEncoding = { _ in PutEncoding() }

    package init(capacity: @escaping @Sendable (StreamName) -> StreamCapacity? = { _ in nil }) {
        self.capacity = capacity
    }
}
