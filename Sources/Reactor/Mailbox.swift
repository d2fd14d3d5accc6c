import CLinux
import Glibc
import Synchronization

/// What other threads hand to a loop: jobs that became ready there, and closures to run.
///
/// The only part of a loop that is touched by several threads. One lock, held for an append or a swap; the loop is woken
/// through an eventfd, once for all that gathers until it looks.
final class Mailbox: Sendable {
    struct Contents {
        var jobs: [UnownedJob] = []
        var closures: [@Sendable () -> Void] = []
        var isEmpty: Bool { jobs.isEmpty && closures.isEmpty }
    }

    private let contents = Mutex(Contents())
    private let hint = Atomic<Bool>(false)
    let eventFD: Int32

    init() throws(SystemError) {
        eventFD = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard eventFD >= 0 else { throw SystemError("eventfd") }
    }

    deinit {
        close(eventFD)
    }

    func post(_ job: UnownedJob) {
        put { $0.jobs.append(job) }
    }

    func post(_ closure: @escaping @Sendable () -> Void) {
        put { $0.closures.append(closure) }
    }

    private func put(_ append: (inout sending Contents) -> Void) {
        let wasEmpty = contents.withLock { contents in
            let wasEmpty = contents.isEmpty
            append(&contents)
            return wasEmpty
        }
        guard wasEmpty else { return }
        hint.store(true, ordering: .releasing)
        wake()
    }

    func wake() {
        var one: UInt64 = 1
        // The counter cannot overflow: it is read at each turn. EAGAIN would mean that the loop is awake already.
        _ = retryingInterrupts { write(eventFD, &one, 8) }
    }

    /// All that has gathered; without taking the lock when there is nothing.
    func take() -> Contents? {
        guard hint.exchange(false, ordering: .acquiring) else { return nil }
        return contents.withLock { contents in
            let taken = contents
            contents = Contents()
            return taken
        }
    }

    /// Reads the eventfd's counter back to zero, so that the next post is seen.
    func clearWakeup() {
        var count: UInt64 = 0
        _ = retryingInterrupts { read(eventFD, &count, 8) }
    }
}
