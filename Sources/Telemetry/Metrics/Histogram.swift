/// How long something took, over all times that it happened: how often by bucket, and the sum. Performs no I/O.
///
/// A value without an allocation of its own: recording is a few comparisons and two additions.
package struct Histogram: Equatable, Sendable {
    /// Which times are told apart. Each is another series of Prometheus, so that there are few.
    package enum Buckets: Sendable {
        /// Of calls and of what this process does: 1 ms to 30 s.
        case latency
        /// Of records when they are delivered: from what polls five times a second to what lies there for a day.
        case age
    }

    private static let latency: [Duration] = [
        .milliseconds(1), .milliseconds(5), .milliseconds(10), .milliseconds(25), .milliseconds(50),
        .milliseconds(100), .milliseconds(250), .milliseconds(500), .seconds(1), .seconds(5), .seconds(30),
    ]
    private static let age: [Duration] = [
        .milliseconds(100), .milliseconds(250), .milliseconds(500), .seconds(1), .milliseconds(2500), .seconds(5),
        .seconds(15), .seconds(60), .seconds(300), .seconds(3600), .seconds(86_400),
    ]

    private let buckets: Buckets
    private var inBucket = InlineArray<12, Int>(repeating: 0)
    package private(set) var sum = Duration.zero

    package init(_ buckets: Buckets) {
        self.buckets = buckets
    }

    /// A time below zero, as of two clocks that differ, counts as zero.
    package mutating func record(_ time: Duration) {
        let bounds = bounds
        var index = 0
        while index < bounds.count, time > bounds[index] { index += 1 }
        inBucket[index] += 1
        if time > .zero { sum += time }
    }

    /// The longest time of each bucket but the last, which has none.
    package var bounds: [Duration] {
        switch buckets {
        case .latency: Self.latency
        case .age: Self.age
        }
    }

    /// Times in each bucket; the last one has those beyond all bounds.
    package var counts: [Int] { inBucket.indices.map { inBucket[$0] } }

    package var count: Int { counts.reduce(0, +) }

    package static func == (one: Histogram, other: Histogram) -> Bool {
        one.buckets == other.buckets && one.sum == other.sum && one.counts == other.counts
    }
}

extension Duration {
    /// As metrics say times.
    package var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}
