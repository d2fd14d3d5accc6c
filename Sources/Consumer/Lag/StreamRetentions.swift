import Kinesis
import Time

/// How long each stream keeps its records, as far as it was asked: that is how long a group that nobody uses counts. Performs
/// no I/O.
///
/// Bounded by the streams that groups are of: `keep` forgets the others.
struct StreamRetentions: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// What a stream has unless somebody has changed it, and what one counts as having that is not there.
    static let usual: Duration = .seconds(24 * 3600)
    /// How often a stream is asked.
    static let interval: Duration = .seconds(3600)
    /// How often one that was not there.
    static let intervalOfMissing: Duration = .seconds(600)

    /// What is known of a stream now.
    enum Standing: Equatable, Sendable {
        case there
        case missing
        /// It is to be asked.
        case unknown
    }

    private struct Seen {
        let retention: Duration
        /// nil: it was not there.
        let creation: WallTime?
        let at: Instant
    }

    private var streams: [StreamName: Seen] = [:]

    init() {}

    func standing(of stream: StreamName, now: Instant) -> Standing {
        guard let seen = streams[stream] else { return .unknown }
        let isMissing = seen.creation == nil
        guard now < seen.at + (isMissing ? Self.intervalOfMissing : Self.interval) else { return .unknown }
        return isMissing ? .missing : .there
    }

    /// nil: the stream was not looked at yet.
    func retention(of stream: StreamName) -> Duration? { streams[stream]?.retention }

    /// When the stream was made; nil where it is not there, or was not looked at yet.
    func creation(of stream: StreamName) -> WallTime? { streams[stream]?.creation }

    mutating func saw(_ summary: StreamSummary, of stream: StreamName, now: Instant) {
        streams[stream] = Seen(
            retention: .seconds(summary.retentionHours * 3600), creation: summary.creation, at: now)
    }

    mutating func missed(_ stream: StreamName, now: Instant) {
        streams[stream] = Seen(retention: Self.usual, creation: nil, at: now)
    }

    mutating func keep(_ names: Set<StreamName>) {
        streams = streams.filter { names.contains($0.key) }
    }
}
