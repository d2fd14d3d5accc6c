import Kinesis
import State

/// Decides whether the service is asked for a record that somebody names as a checkpoint. Performs no I/O.
///
/// Whoever acknowledges each record names many that lie inside an event, of which the log knows no more than that. The service
/// answers five requests for an iterator a second and shard, so that of those only one is asked for each `interval` while
/// the service knows them: behind one that it refused the next is asked for again.
struct CheckpointChecks: Sendable {
    typealias Instant = ContinuousClock.Instant

    static let interval: Duration = .seconds(1)

    /// When the service last knew such a record. Bounded by the number of the stream's shards.
    private var known: [ShardID: Instant] = [:]

    init() {}

    func mustAsk(_ record: RecordInLog, of shard: ShardID, now: Instant) -> Bool {
        switch record {
        case .named: false
        case .unknown: true
        case .insideEvent: known[shard].map { now >= $0 + Self.interval } ?? true
        }
    }

    /// The service has such a record.
    mutating func confirmed(_ shard: ShardID, now: Instant) { known[shard] = now }
}
