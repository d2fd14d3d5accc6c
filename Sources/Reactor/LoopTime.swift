/// What a loop's timers go by.
package enum LoopTime: Hashable, Sendable {
    /// The system's monotonic clock.
    case system
    /// A time that stands still until it is moved: the loop never sleeps for a timer.
    case manual(Moving)

    /// What moves a manual time.
    package enum Moving: Hashable, Sendable {
        /// `EventLoop.advance` alone.
        case whenAdvanced
        /// `EventLoop.advance`, and the loop itself: where it has nothing to do and no other thread works for it, the time
        /// moves to the next deadline. Sockets do not count as work: it is for a loop whose peers are all its own.
        case whenIdle
    }
}
