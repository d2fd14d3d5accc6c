/// Keeps one shard's GetRecords calls within the service's five a second. Performs no I/O.
///
/// Source: https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html
struct ReadPace: Equatable, Sendable {
    static let callsPerSecond = 5

    /// When the last calls left, oldest first; at most `callsPerSecond`.
    private var calls: [ContinuousClock.Instant] = []

    /// The earliest moment of the next call; nil when nothing holds it back.
    var earliest: ContinuousClock.Instant? {
        calls.count < Self.callsPerSecond ? nil : calls[0] + .seconds(1)
    }

    var last: ContinuousClock.Instant? { calls.last }

    mutating func called(now: ContinuousClock.Instant) {
        if calls.count == Self.callsPerSecond { calls.removeFirst() }
        calls.append(now)
    }
}
