import Time

/// The last hour of the process in samples, so that a curve can begin before somebody looks. Performs no I/O.
struct ProcessHistory {
    /// An hour of samples as `RateWindow.interval` takes them.
    static let capacity = 360

    /// The process at one moment. What is counted since its start can fall where a consumer or a stream is forgotten.
    struct Sample: Equatable {
        var time: WallTime
        /// Counted since the start, over all shards of all consumers.
        var deliveredRecords = 0
        /// Counted since the start, over all streams, as `throttles`.
        var putRecords = 0
        var throttles = 0
        /// Of the shard that is furthest behind with its checkpoint; nil where none is known.
        var millisBehindLatest: Int?
        var bufferedBytes = 0
        var waitingPutBytes = 0
    }

    /// The oldest first.
    private(set) var samples: [Sample] = []

    mutating func sampled(_ sample: Sample) {
        if samples.count == Self.capacity { samples.removeFirst() }
        samples.append(sample)
    }
}
