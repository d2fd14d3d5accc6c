import Time

/// How far the service's clock is from ours, measured from the Date header of a response that refused our time.
///
/// A signature is good for five minutes either way; a machine whose clock is off signs with the corrected time until it
/// is restarted or a response says otherwise.
package struct ClockSkew: Hashable, Sendable {
    /// What is added to our clock to get the service's.
    package private(set) var offset: Duration = .zero

    package init() {}

    /// The time to sign with.
    package func corrected(_ now: WallTime) -> WallTime {
        now.advanced(by: offset)
    }

    /// Takes the service's time in. Returns whether the correction moved by `threshold` or more, so that another
    /// attempt with it makes sense.
    package mutating func measured(date: WallTime, now: WallTime, threshold: Duration = .seconds(30)) -> Bool {
        let measured = date.duration(since: now)
        let moved = measured - offset
        guard moved >= threshold || moved <= .zero - threshold else { return false }
        offset = measured
        return true
    }
}
