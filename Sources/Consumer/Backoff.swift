import Kinesis

/// How long a shard waits after failures of one kind in a row. Performs no I/O.
///
/// Half of the bound is fixed and half is random ("equal jitter"): shards that failed together do not come back
/// together, and none comes back at once.
struct Backoff: Equatable, Sendable {
    /// The bound after the first failure.
    let first: Duration
    /// The bound of every wait.
    let longest: Duration

    /// - Parameters:
    ///   - failures: how many failures in a row there were, 1 or more.
    ///   - random: from 0 up to 1.
    func delay(failures: Int, random: Double) -> Duration {
        var bound = first
        var step = 1
        while step < failures, bound < longest {
            bound = bound * 2
            step += 1
        }
        bound = min(bound, longest)
        return bound / 2 + (bound / 2) * random
    }
}

/// A small generator of random numbers that is part of a value, so that a test's walk can be repeated.
///
/// Source: SplitMix64, Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
struct SplitMix64: RandomNumberGenerator, Equatable, Sendable {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// From 0 up to 1.
    mutating func fraction() -> Double {
        Double.random(in: 0..<1, using: &self)
    }
}
