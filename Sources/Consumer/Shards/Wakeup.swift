import Reactor

/// Where one task waits for a deadline or for news, whichever comes first. Confined to its loop.
///
/// News that comes while the task does something else is not lost: the next wait returns at once.
final class Wakeup: @unchecked Sendable {
    private let loop: EventLoop
    private var continuation: Suspension<Void>?
    private var timer: TimerToken?
    private var hasNews = false

    init(loop: EventLoop) {
        self.loop = loop
    }

    /// Returns at the deadline, or when `signal` is called; without a deadline only then. One task at a time.
    func wait(until deadline: EventLoop.Instant?) async {
        precondition(continuation == nil, "two tasks wait at one place")
        if !hasNews {
            timer = deadline.map { loop.schedule(at: $0) { [weak self] in self?.signal() } }
            await withSuspension { continuation = $0 }
        }
        hasNews = false
    }

    /// Lets the task through that waits, or the next one.
    func signal() {
        loop.preconditionOnLoop()
        hasNews = true
        if let timer { loop.cancel(timer) }
        timer = nil
        let waiter = continuation
        continuation = nil
        waiter?.resume()
    }
}
