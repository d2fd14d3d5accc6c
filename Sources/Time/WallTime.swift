import Glibc

/// A point in wall-clock time: whole milliseconds since 1970-01-01T00:00:00Z, without leap seconds.
///
/// Kinesis and the state item speak of time in milliseconds; what waits or expires in this process uses
/// `ContinuousClock.Instant` instead, which no administrator can set back.
package struct WallTime: Hashable, Comparable, Sendable {
    /// Milliseconds since the epoch. Negative before 1970.
    package var milliseconds: Int64

    package init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// Seconds since the epoch with a fraction, as the JSON protocols of AWS write times.
    package init(seconds: Double) {
        self.milliseconds = Int64((seconds * 1000).rounded())
    }

    /// The time on this machine's clock (CLOCK_REALTIME).
    package static func now() -> WallTime {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
    }

    package static func < (left: WallTime, right: WallTime) -> Bool {
        left.milliseconds < right.milliseconds
    }

    package func advanced(by duration: Duration) -> WallTime {
        WallTime(milliseconds: milliseconds + duration.wholeMilliseconds)
    }

    package func duration(since earlier: WallTime) -> Duration {
        .milliseconds(milliseconds - earlier.milliseconds)
    }
}

extension Duration {
    /// The duration in whole milliseconds, rounded towards zero.
    package var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1000 + attoseconds / 1_000_000_000_000_000
    }
}

extension WallTime {
    /// Since the epoch; 0 for what was before it.
    package var nanoseconds: UInt64 { UInt64(max(0, milliseconds)) * 1_000_000 }
}
