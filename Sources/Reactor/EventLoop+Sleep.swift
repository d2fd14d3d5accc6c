extension EventLoop {
    /// Suspends the task until `deadline`; throws at once when the task is cancelled.
    package func sleep(until deadline: Instant) async throws(CancellationError) {
        preconditionOnLoop()
        let sleeper = Sleeper(loop: self)
        await withTaskCancellationHandler {
            await withUnsafeContinuation { sleeper.start(until: deadline, $0) }
        } onCancel: {
            // Runs on whatever thread cancels; only the loop may touch the sleeper.
            self.post { sleeper.wake() }
        }
        if Task.isCancelled { throw CancellationError() }
    }

    package func sleep(for duration: Duration) async throws(CancellationError) {
        try await sleep(until: now + duration)
    }
}

/// One suspended sleep: ended by its timer or by cancellation, whichever comes first. Confined to its loop.
private final class Sleeper: @unchecked Sendable {
    private let loop: EventLoop
    private var timer: TimerToken?
    private var continuation: UnsafeContinuation<Void, Never>?

    init(loop: EventLoop) {
        self.loop = loop
    }

    func start(until deadline: EventLoop.Instant, _ continuation: UnsafeContinuation<Void, Never>) {
        // A cancellation that came before has posted its wake already, or will: it finds the continuation then.
        if Task.isCancelled { return continuation.resume() }
        self.continuation = continuation
        timer = loop.schedule(at: deadline) { self.wake() }
    }

    func wake() {
        guard let continuation else { return }
        self.continuation = nil
        if let timer { loop.cancel(timer) }
        continuation.resume()
    }
}
