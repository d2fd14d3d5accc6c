import Reactor

/// When reading and writing of one connection have taken too long. Confined to its loop.
///
/// Both share one timer, which is only moved when a deadline comes before it: a busy connection's idle time is pushed back with
/// every request, and its timer is not touched.
struct Deadlines {
    typealias Instant = EventLoop.Instant

    /// Nothing is read until then.
    private var read: Instant?
    /// Nothing is taken by the peer until then.
    private var write: (at: Instant, time: Duration, unacknowledgedBytes: Int)?
    private var timer: (token: TimerToken, at: Instant)?

    /// What has happened when the timer fires.
    struct Passed {
        var read = false
        /// The peer takes nothing.
        var write = false
    }

    mutating func setRead(_ instant: Instant) { read = instant }

    mutating func clearRead() { read = nil }

    /// - Parameter unacknowledgedBytes: of what was sent before. The deadline moves as long as the peer takes something: one
    ///   that reads slowly empties a part of the kernel's buffer for a long time before that takes more.
    mutating func setWrite(after time: Duration, now: Instant, unacknowledgedBytes: Int) {
        write = (now + time, time, unacknowledgedBytes)
    }

    mutating func clearWrite() { write = nil }

    /// What is over by now; the timer is no more. `unacknowledgedBytes`: of what was sent.
    mutating func timerFired(now: Instant, unacknowledgedBytes: () -> Int) -> Passed {
        timer = nil
        var passed = Passed()
        if let due = write, due.at <= now {
            let left = unacknowledgedBytes()
            // The kernel would go on offering what it holds to a peer that takes nothing.
            passed.write = left >= due.unacknowledgedBytes
            write = (now + due.time, due.time, left)
        }
        if let due = read, due <= now {
            read = nil
            passed.read = true
        }
        return passed
    }

    /// When a timer has to be set; nil: the one that is set fires early enough.
    var neededTimer: Instant? {
        let next = if let read, let write { min(read, write.at) } else { read ?? write?.at }
        guard let next, let timer else { return next }
        return next < timer.at ? next : nil
    }

    /// A timer is set. Returns the one that it takes the place of.
    mutating func timerIsSet(_ token: TimerToken, at instant: Instant) -> TimerToken? {
        defer { timer = (token, instant) }
        return timer?.token
    }

    /// None passes any more.
    mutating func end(on loop: EventLoop) {
        if let timer { loop.cancel(timer.token) }
        self = Deadlines()
    }
}
