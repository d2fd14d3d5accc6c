/// Where tasks of one loop wait until another one has news for them.
///
/// `open` lets through all who wait at that moment and nobody after. Who waits for a state uses `wait(while:)`: of several
/// who are let through, the first may change the state again. Confined to its loop.
package final class Gate: @unchecked Sendable {
    private struct Waiter {
        var id: UInt64
        var continuation: UnsafeContinuation<Void, Never>
    }

    private let loop: EventLoop
    private var waiters: [Waiter] = []
    private var lastID: UInt64 = 0

    package init(loop: EventLoop) {
        self.loop = loop
    }

    /// How many tasks wait.
    package var waiting: Int { waiters.count }

    /// Returns after the next `open`; throws when the task is cancelled.
    package func wait() async throws(CancellationError) {
        try await waitOnce(if: { true })
    }

    /// Returns once `condition` is false, which is looked at now and after every `open`; throws when the task is
    /// cancelled.
    package func wait(while condition: () -> Bool) async throws(CancellationError) {
        while condition() { try await waitOnce(if: condition) }
    }

    /// Returns after the next `open`, or at the deadline; throws when the task is cancelled.
    package func wait(until deadline: EventLoop.Instant) async throws(CancellationError) {
        // The number that the wait gets.
        let id = lastID &+ 1
        let timer = loop.schedule(at: deadline) { [weak self] in self?.leave(id) }
        defer { loop.cancel(timer) }
        try await waitOnce(if: { true })
    }

    private func waitOnce(if condition: () -> Bool) async throws(CancellationError) {
        loop.preconditionOnLoop()
        lastID &+= 1
        let id = lastID
        await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                if Task.isCancelled || !condition() { return continuation.resume() }
                waiters.append(Waiter(id: id, continuation: continuation))
            }
        } onCancel: {
            loop.post { self.leave(id) }
        }
        if Task.isCancelled { throw CancellationError() }
    }

    /// Lets all through who wait now.
    package func open() {
        loop.preconditionOnLoop()
        let leaving = waiters
        waiters.removeAll()
        for waiter in leaving { waiter.continuation.resume() }
    }

    private func leave(_ id: UInt64) {
        guard let index = waiters.firstIndex(where: { $0.id == id }) else { return }
        waiters.remove(at: index).continuation.resume()
    }
}
