import Kinesis

/// A stream that the embedded Kinesis has from the start: `NAME` or `NAME:SHARDS`. Performs no I/O.
struct LocalStreamName: Hashable, Sendable, CustomStringConvertible {
    /// What one stream may have; the real quota is an account's.
    static let shardCounts = 1...10_000
    static let accepted = "NAME or NAME:SHARDS, of letters, digits, _, . and -, with 1 to 10000 shards"

    let name: StreamName
    let shards: Int

    init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let name = StreamName(parts[0]), let shards = parts.count == 2 ? Int(parts[1]) : 1,
            Self.shardCounts.contains(shards)
        else { return nil }
        self.name = name
        self.shards = shards
    }

    var description: String { "\(name):\(shards)" }
}
