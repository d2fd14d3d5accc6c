/// How long a shard waits after failures of one kind in a row. Performs no I/O.
///
/// Half of the bound is fixed and half is random ("equal jitter"): shards that failed together do not come back
/// together, and none comes back at once. `RetryPolicy` is what the user's `retryOptions` say of the control plane; this is
/// the engine's own table (`ReadFailure`), which never gives up.
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
