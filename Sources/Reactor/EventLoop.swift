import CLinux
import Glibc
import Synchronization

/// One thread that waits for files, timers and messages, and runs the Swift tasks that are confined to it.
///
/// A turn: timers that are due, messages from other threads, jobs of tasks that became ready, end-of-turn actions (the
/// gathered writes), then epoll, whose handlers make further tasks ready. The loop does not sleep while its own queue
/// holds a job. Nothing on it may block, and no turn should take longer than about 1 ms.
///
/// It is the executor of the tasks made by `spawn`: nonisolated async functions called from them run here too, without
/// a hop (SE-0417). Everything but `post`, `stop`, `isCurrent` and the executor's own entry is confined to the loop.
package final class EventLoop: TaskExecutor, @unchecked Sendable {
    package typealias Instant = ContinuousClock.Instant

    /// Jobs that one turn runs before it looks at the sockets again; tasks that wake one another cannot starve them.
    private static let jobsPerTurn = 512

    package let name: String
    private let mailbox: Mailbox
    private let threadID = Atomic<UInt>(0)
    private let stopping = Atomic<Bool>(false)

    private var poller: Poller
    private var timers = TimerHeap()
    private var jobs = JobQueue()
    private var endOfTurnActions: [() -> Void] = []
    private var nextTurnWaiters: [UnsafeContinuation<Void, Never>] = []
    private var thread: pthread_t?

    /// The time of this turn, read once at its start and again after epoll has waited.
    package private(set) var now: Instant = .now
    /// The time in this moment. Where `now` may be of before the process, or the host, slept.
    package var clock: Instant { time == .system ? .now : manualNow }
    private let time: LoopTime
    /// Where a manual time stands.
    private var manualNow: Instant = .now
    /// Answers that other threads owe to the tasks of this loop, as far as they say so.
    private var outsideWork = 0

    package init(name: String, time: LoopTime = .system) throws(SystemError) {
        self.name = name
        self.time = time
        mailbox = try Mailbox()
        poller = try Poller()
        let mailbox = mailbox
        _ = try poller.add(mailbox.eventFD, .read) { _ in mailbox.clearWakeup() }
    }

    // MARK: Running

    /// Turns the loop on the calling thread until `stop` is called.
    package func run() {
        threadID.store(UInt(pthread_self()), ordering: .releasing)
        let outer = Self.replaceCurrent(self)
        while !stopping.load(ordering: .acquiring) {
            turn()
        }
        _ = Self.replaceCurrent(outer)
        threadID.store(0, ordering: .releasing)
    }

    /// Starts a thread that runs the loop. Call `stop` and then `join` to end it.
    package func startThread() throws(SystemError) {
        let body: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { context in
            let loop = Unmanaged<EventLoop>.fromOpaque(context!).takeRetainedValue()
            pthread_setname_np(pthread_self(), String(loop.name.prefix(15)))
            loop.run()
            return nil
        }
        var handle = pthread_t()
        let context = Unmanaged.passRetained(self)
        let code = pthread_create(&handle, nil, body, context.toOpaque())
        guard code == 0 else {
            context.release()
            throw SystemError("pthread_create", code)
        }
        thread = handle
    }

    /// Ends `run` after the turn that is under way. From any thread.
    package func stop() {
        stopping.store(true, ordering: .releasing)
        mailbox.wake()
    }

    /// Waits for the thread that `startThread` made. From another thread.
    package func join() {
        guard let thread else { return }
        pthread_join(thread, nil)
        self.thread = nil
    }

    private func turn() {
        readTime()
        runDueTimers()
        takeMail()
        for waiter in takeNextTurnWaiters() { waiter.resume() }
        runJobs()
        runEndOfTurnActions()
        wait()
    }

    private func runDueTimers() {
        while let action = timers.popDue(now) { action() }
    }

    private func takeMail() {
        guard let mail = mailbox.take() else { return }
        for job in mail.jobs { jobs.push(job) }
        for closure in mail.closures { closure() }
    }

    private func takeNextTurnWaiters() -> [UnsafeContinuation<Void, Never>] {
        guard !nextTurnWaiters.isEmpty else { return [] }
        defer { nextTurnWaiters.removeAll(keepingCapacity: true) }
        return nextTurnWaiters
    }

    private func runJobs() {
        // As a task executor only: a job that runs "isolated to" a serial executor is queued anew at each call of a
        // plain async function, since the executor it is on is then not the generic one (6 to 28 % of a request).
        let executor = asUnownedTaskExecutor()
        var left = Self.jobsPerTurn
        while left > 0, let job = jobs.pop() {
            job.runSynchronously(on: executor)
            left &-= 1
        }
    }

    private func runEndOfTurnActions() {
        // An action may ask for another one; both belong to this turn, before the loop sleeps.
        var index = 0
        while index < endOfTurnActions.count {
            endOfTurnActions[index]()
            index += 1
        }
        endOfTurnActions.removeAll(keepingCapacity: true)
    }

    private func wait() {
        let count: Int
        do throws(SystemError) {
            count = try poller.wait(milliseconds: waitingTime())
        } catch {
            // EBADF, EFAULT, EINVAL: this loop's own state is broken, and going on would spin.
            fatalError("\(name): \(error)")
        }
        guard count > 0 else { return moveTimeIfIdle() }
        readTime()
        for index in 0..<count {
            if let (handler, readiness) = poller.handler(at: index) { handler(readiness) }
        }
    }

    /// Milliseconds that epoll may wait: none while something is ready, up to the next deadline (rounded up, so that the
    /// timer is due when it wakes), else without end.
    private func waitingTime() -> Int32 {
        guard jobs.isEmpty, nextTurnWaiters.isEmpty else { return 0 }
        guard let deadline = timers.nextDeadline else { return -1 }
        if time != .system { return deadline <= manualNow || movesTimeNow ? 0 : -1 }
        let (seconds, attoseconds) = (deadline - .now).components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let longest: Int64 = 3600
        guard seconds < longest else { return Int32(longest * 1000) }
        return Int32(seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }

    // MARK: Executor

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrent { jobs.push(job) } else { mailbox.post(job) }
    }

    /// Whether the caller runs on the loop's thread.
    package var isCurrent: Bool {
        threadID.load(ordering: .relaxed) == UInt(pthread_self())
    }

    package func preconditionOnLoop() {
        precondition(isCurrent, "called off its loop")
    }

    /// Starts a task that runs on this loop to its end. From any thread.
    @discardableResult
    package func spawn(_ body: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        Task(executorPreference: self, operation: body)
    }

    /// Runs `closure` on the loop, in its next turn. From any thread.
    package func post(_ closure: @escaping @Sendable () -> Void) {
        mailbox.post(closure)
    }

    /// Lets sockets, timers and other tasks have their turn, then goes on: between the slices of long work.
    package func nextTurn() async {
        preconditionOnLoop()
        await withUnsafeContinuation { nextTurnWaiters.append($0) }
    }

    /// Runs `action` once, after the jobs of this turn and before the loop sleeps: what gathers writes hangs here.
    package func endOfTurn(_ action: @escaping () -> Void) {
        preconditionOnLoop()
        endOfTurnActions.append(action)
    }

    // MARK: Files

    /// Calls `handler` whenever `fd` is ready for what `interest` names (level-triggered).
    package func watch(_ fd: Int32, _ interest: Interest, _ handler: @escaping (Readiness) -> Void)
        throws(SystemError) -> Watch
    {
        preconditionOnLoop()
        return Watch(loop: self, token: try poller.add(fd, interest, handler))
    }

    fileprivate func change(_ token: Poller.Token, _ interest: Interest) {
        poller.change(token, interest)
    }

    fileprivate func remove(_ token: Poller.Token) {
        poller.remove(token)
    }

    // MARK: Timers

    /// Runs `action` on the loop at `deadline` or as soon after as the loop is free.
    package func schedule(at deadline: Instant, _ action: @escaping () -> Void) -> TimerToken {
        preconditionOnLoop()
        return timers.insert(at: deadline, action)
    }

    package func schedule(after delay: Duration, _ action: @escaping () -> Void) -> TimerToken {
        schedule(at: now + delay, action)
    }

    /// A token whose timer has run or was cancelled is no error.
    package func cancel(_ token: TimerToken) {
        timers.cancel(token)
    }

    /// Reads the clock anew, for a caller that has worked long within one turn.
    package func refreshTime() {
        readTime()
    }

    // MARK: Time

    private func readTime() {
        now = time == .system ? .now : manualNow
    }

    private var movesTimeNow: Bool { time == .manual(.whenIdle) && outsideWork == 0 }

    /// Called where epoll has nothing to tell.
    private func moveTimeIfIdle() {
        guard movesTimeNow, jobs.isEmpty, nextTurnWaiters.isEmpty, let deadline = timers.nextDeadline else { return }
        manualNow = max(manualNow, deadline)
    }

    /// Moves the manual time on, from one deadline to the next, and lets what is due then run, with what follows from it.
    package func advance(by duration: Duration) async {
        preconditionOnLoop()
        precondition(time != .system, "only a manual time can be moved")
        let end = manualNow + duration
        await settle()
        while let deadline = timers.nextDeadline, deadline <= end {
            manualNow = max(manualNow, deadline)
            await settle()
        }
        manualNow = max(manualNow, end)
        await settle()
    }

    /// Takes turns until nothing is ready and no other thread works for this loop; where something always is, a hundred.
    private func settle() async {
        var left = 100
        repeat {
            await nextTurn()
            if outsideWork == 0 { left -= 1 }
        } while left > 0 && !(jobs.isEmpty && nextTurnWaiters.isEmpty && outsideWork == 0)
    }

    /// Another thread works for a task of this loop, which says `outsideWorkEnded` once it has the answer: meanwhile a
    /// manual time does not move by itself.
    package func outsideWorkBegan() {
        preconditionOnLoop()
        outsideWork += 1
    }

    package func outsideWorkEnded() {
        preconditionOnLoop()
        outsideWork -= 1
    }

    // MARK: The loop of a thread

    /// The loop that runs on the calling thread.
    package static var current: EventLoop? {
        pthread_getspecific(currentKey).map { Unmanaged<EventLoop>.fromOpaque($0).takeUnretainedValue() }
    }

    private static func replaceCurrent(_ loop: EventLoop?) -> EventLoop? {
        let outer = current
        pthread_setspecific(currentKey, loop.map { UnsafeRawPointer(Unmanaged.passUnretained($0).toOpaque()) })
        return outer
    }

    private static let currentKey: pthread_key_t = {
        var key = pthread_key_t()
        let code = pthread_key_create(&key, nil)
        precondition(code == 0, "pthread_key_create: \(code)")
        return key
    }()
}

/// One watched file descriptor. The owner closes the descriptor, after `cancel`. Confined to its loop.
package final class Watch {
    private let loop: EventLoop
    private let token: Poller.Token

    fileprivate init(loop: EventLoop, token: Poller.Token) {
        self.loop = loop
        self.token = token
    }

    package func change(_ interest: Interest) {
        loop.preconditionOnLoop()
        loop.change(token, interest)
    }

    /// The handler does not run any more, not even for an event of this turn. Cancelling twice is no error.
    package func cancel() {
        loop.preconditionOnLoop()
        loop.remove(token)
    }
}
