/// How the put path behaves: what configuration may change about it, with the defaults of design section 8.
package struct ProducerOptions: Sendable {
    /// Bytes of encoded records that may wait in this process, over all streams. Beyond it a put is refused with 429.
    package var maxPutBytes: Int = 32 << 20
    /// How long a put may take before it is answered with 504, which says that it may have been written.
    package var putTimeout: Duration = .seconds(30)
    /// How long arrivals gather although a PutRecords could leave at once. For those who pay per request.
    package var putLinger: Duration = .zero
    /// The shards that a missing stream is created with, or nil where the stream must not be created: the streams that
    /// configuration lists, and every one with `--local` (design section 5).
    package var shardsToCreate: @Sendable (String) -> Int?

    package init(shardsToCreate: @escaping @Sendable (String) -> Int? = { _ in nil }) {
        self.shardsToCreate = shardsToCreate
    }
}
