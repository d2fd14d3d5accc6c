import Reactor

/// How fast a count has grown over about the last minute. Performs no I/O and has no clock.
///
/// Samples come every `interval`; the rate is what was counted since the oldest one. Before a second sample there is
/// none to compare with, and the rate is measured from the first.
struct RateWindow {
    static let interval: Duration = .seconds(10)
    static let samples = 7

    /// From one sample that is kept for an hour to the next.
    static let hourlyInterval: Duration = .seconds(300)
    static let hourlySamples = 13

    private var samples: [(at: ContinuousClock.Instant, counts: Counts)] = []
    private var hour: [(at: ContinuousClock.Instant, records: Int)] = []

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
        if let last = samples.last, last.counts.records > counts.records {
            samples.removeAll()
            hour.removeAll()
        }
        if samples.count == Self.samples { samples.removeFirst() }
        samples.append((now, counts))
        guard hour.last.map({ now >= $0.at + Self.hourlyInterval }) ?? true else { return }
        if hour.count == Self.hourlySamples { hour.removeFirst() }
        hour.append((now, counts.records))
    }

    /// Records a second since the oldest sample, an hour ago at most; nil where none came.
    func hourlyRate(now: ContinuousClock.Instant) -> Double? {
        guard let oldest = hour.first, let newest = samples.last, now > oldest.at,
            newest.counts.records > oldest.records
        else { return nil }
        return Double(newest.counts.records - oldest.records) / ((now - oldest.at) / .seconds(1))
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
