import Time

/// How much memory a store without a file takes, and what goes when that is too much: the oldest records of all streams, as
/// if they had outlived the retention period. Performs no I/O. Confined to its loop.
///
/// Records are counted in buckets of their stream, in the order of their arrival; a bucket goes as a whole.
struct MemoryBound {
    private struct Bucket {
        /// When its last record arrived.
        var until: WallTime
        var bytes: Int
    }

    /// A bucket takes this share of the limit, so that a trim takes no more than it must.
    private static let bucketShare = 64
    /// What a trim leaves free of the limit, so that not every put has to trim.
    private static let freeShare = 8

    /// Bytes of memory.
    let limit: Int
    private(set) var bytes = 0
    /// How often records had to go.
    private(set) var trims = 0
    private var streams: [String: [Bucket]] = [:]

    init(limit: Int) {
        self.limit = limit
    }

    /// What a record costs that is stored in `count` bytes. SQLite has pages of 4 KiB, of which one holds whole records or a
    /// part of a larger one.
    static func cost(ofStored count: Int) -> Int {
        let page = 4096
        let row = count + 32
        let perPage = page / row
        return perPage > 0 ? page / perPage : (row + page - 1) / page * page
    }

    /// Records were stored that arrived at `arrival`, or a moment before.
    mutating func stored(_ cost: Int, in stream: String, at arrival: WallTime) {
        bytes += cost
        Self.add(Bucket(until: arrival, bytes: cost), to: &streams[stream, default: []], size: limit / Self.bucketShare)
    }

    private static func add(_ records: Bucket, to buckets: inout [Bucket], size: Int) {
        // A bucket begins with a later arrival, so that a horizon divides none.
        if let last = buckets.indices.last, records.until <= buckets[last].until || buckets[last].bytes < size {
            buckets[last].bytes += records.bytes
            buckets[last].until = max(buckets[last].until, records.until)
        } else {
            buckets.append(records)
        }
    }

    /// The stream is gone with its records.
    mutating func forgot(_ stream: String) {
        for bucket in streams.removeValue(forKey: stream) ?? [] { bytes -= bucket.bytes }
    }

    /// The stream's records that arrived before `horizon` are gone.
    mutating func trimmed(_ stream: String, before horizon: WallTime) {
        guard var buckets = streams[stream] else { return }
        while let first = buckets.first, first.until < horizon {
            bytes -= first.bytes
            buckets.removeFirst()
        }
        streams[stream] = buckets
    }

    /// Of each stream that has to give records away the time before which they arrived; empty within the limit. They count
    /// as gone.
    mutating func trim() -> [String: WallTime] {
        guard bytes > limit else { return [:] }
        trims += 1
        var horizons: [String: WallTime] = [:]
        while bytes > limit - limit / Self.freeShare, let stream = oldest {
            let horizon = streams[stream]![0].until.advanced(by: .milliseconds(1))
            horizons[stream] = horizon
            trimmed(stream, before: horizon)
        }
        return horizons
    }

    private var oldest: String? {
        streams.filter { !$0.value.isEmpty }.min { $0.value[0].until < $1.value[0].until }?.key
    }
}
