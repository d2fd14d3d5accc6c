import Reactor

/// How fast a count has grown over about the last minute. Performs no I/O and has no clock.
///
/// Samples come every `interval`; the rate is what was counted since the oldest one. Before a second sample there is
/// none to compare with, and the rate is measured from the first.
struct RateWindow {
    static let interval: Duration = .seconds(10)
    static let samples = 7

    private var samples: [(at: ContinuousClock.Instant, counts: Counts)] = []

    struct Counts: Equatable {
        var records: Int
        var bytes: Int
    }

    struct Rate: Equatable {
        var recordsPerSecond = 0.0
        var bytesPerSecond = 0.0
    }

    mutating func sampled(_ counts: Counts, now: ContinuousClock.Instant) {
        // The counter began anew: what was before says nothing about it.
        if let last = samples.last, last.counts.records > counts.records { samples.removeAll() }
        if samples.count == Self.samples { samples.removeFirst() }
        samples.append((now, counts))
    }

    func rate(_ counts: Counts, now: ContinuousClock.Instant) -> Rate {
        guard let oldest = samples.first, now > oldest.at, counts.records >= oldest.counts.records else {
            return Rate()
        }
        let seconds = (now - oldest.at) / .seconds(1)
        return Rate(
            recordsPerSecond: Double(counts.records - oldest.counts.records) / seconds,
            bytesPerSecond: Double(counts.bytes - oldest.counts.bytes) / seconds)
    }
}
