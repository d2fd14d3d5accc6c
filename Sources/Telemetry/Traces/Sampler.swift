/// Which traces are recorded. Performs no I/O.
///
/// Source: OpenTelemetry, "Trace SDK", built-in samplers.
package struct Sampler: Equatable, Sendable {
    /// Whether what was decided before this process holds.
    package var followsParent = true
    /// Of the traces that begin here, or of all where nobody is followed: 0 to 1.
    package var ratio = 1.0

    package init(followsParent: Bool = true, ratio: Double = 1) {
        self.followsParent = followsParent
        self.ratio = ratio
    }

    /// By the names of `OTEL_TRACES_SAMPLER`; nil: it is none of them, or the argument no number from 0 to 1.
    package init?(name: String, argument: String?) {
        let parts = name.split(separator: "_", maxSplits: 1)
        let isFollowing = parts.count == 2 && parts[0] == "parentbased"
        switch isFollowing ? String(parts[1]) : name {
        case "always_on": self.init(followsParent: isFollowing, ratio: 1)
        case "always_off": self.init(followsParent: isFollowing, ratio: 0)
        case "traceidratio":
            guard let ratio = argument.map(Double.init) ?? 1, (0...1).contains(ratio) else { return nil }
            self.init(followsParent: isFollowing, ratio: ratio)
        default: return nil
        }
    }

    package static let names = [
        "always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off",
        "parentbased_traceidratio",
    ]

    /// The trace's id decides, so that all who sample by it agree.
    package func samples(_ trace: TraceID, parent: TraceContext?) -> Bool {
        if followsParent, let parent { return parent.isSampled }
        // 56 bits, which the recommendation says are random. As a Double the largest of them is 2^56.
        return ratio >= 1 || Double(trace.low & 0x00FF_FFFF_FFFF_FFFF) < ratio * 0x1p56
    }
}
