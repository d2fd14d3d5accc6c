import Kinesis
import State

/// Decides whether the service is asked for a record that somebody names as a checkpoint. Performs no I/O.
///
/// Whoever acknowledges each record names many that lie inside an event, of which the log knows no more than that. The service
/// answers five requests for an iterator a second and shard, so that of those only one is checked each `interval`: a client
/// that names records that do not exist does so from the first one on.
struct CheckpointChecks: Sendable {
    typealias Instant = ContinuousClock.Instant

    static let interval: Duration = .seconds(1)

    /// Bounded by the number of the stream's shards.
    private var asked: [ShardID: Instant] = [:]

    init() {}

    mutating func mustAsk(_ known: RecordInLog, of shard: ShardID, now: Instant) -> Bool {
        switch known {
        case .named: return false
        case .unknown: return true
        case .insideEvent:
            if let last = asked[shard], now < last + Self.interval { return false }
            asked[shard] = now
            return true
        }
    }
}
