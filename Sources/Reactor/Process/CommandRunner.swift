import Glibc

/// Runs programs to their end for what they print, without holding up the loop. Confined to its loop.
///
/// Each gets this process's environment, nothing to read, and no place for its errors. It is a process group of its own, which
/// is killed whole when it takes too long or prints too much, and by `close`. However this process ends, a program does not
/// outlive it: the kernel kills it when the thread ends that has started it, which is the loop's. Whom the program itself has
/// started may go on then, where nobody has called `close`.
package final class CommandRunner: @unchecked Sendable {
    private let loop: EventLoop
    private var running: [pid_t: Running] = [:]
    private var isClosed = false

    package init(on loop: EventLoop) {
        self.loop = loop
    }

    /// What the program printed, of at most `limit` bytes, once it has ended with success.
    /// - Parameters:
    ///   - words: the program, looked for in PATH where it has no slash, and its arguments.
    ///   - timeout: from now to its end.
    package func output(
        of words: [String], limit: Int, timeout: Duration
    ) async throws(ChildProcessError) -> [UInt8] {
        loop.preconditionOnLoop()
        guard !isClosed else { throw .closed }
        let program = try start(words, limit)
        running[program.pid] = program
        defer { running[program.pid] = nil }
        return try await program.result(within: timeout).get()
    }

    private func start(_ words: [String], _ limit: Int) throws(ChildProcessError) -> Running {
        let nothing = try ChildProcessError.ofSystem { () throws(SystemError) in
            try Descriptor("open /dev/null", open("/dev/null", O_RDWR | O_CLOEXEC))
        }
        let output = try ChildProcessError.ofSystem(Pipe.init)
        let child = try SpawnedChild(words, streams: (nothing.number, output.writing.number, nothing.number))
        let program = Running(child, OutputPipe(output.reading), limit, loop)
        do throws(SystemError) {
            try program.watch()
        } catch {
            program.abandon()
            throw .system(error)
        }
        return program
    }

    /// Ends the programs that run, with those whom they have started; none is started any more.
    package func close() {
        isClosed = true
        for program in running.values { program.fail(.closed) }
    }
}

/// A program between its start and its end. The loop holds it up to there. Confined to its loop.
private final class Running {
    let pid: pid_t
    private let output: OutputPipe
    private let limit: Int
    private let loop: EventLoop
    /// nil: its status was taken.
    private var child: SpawnedChild?
    private var end: Watch?
    private var printed: [UInt8] = []
    private var done: UnsafeContinuation<Result<[UInt8], ChildProcessError>, Never>?

    init(_ child: consuming SpawnedChild, _ output: OutputPipe, _ limit: Int, _ loop: EventLoop) {
        pid = child.pid
        self.child = consume child
        self.output = output
        self.limit = limit
        self.loop = loop
    }

    func watch() throws(SystemError) {
        guard let number = child?.end.number else { return }
        try output.watch(on: loop) { [self] in output.read { take($0) } }
        end = try loop.watch(number, .read) { [self] _ in ended() }
    }

    func abandon() {
        fail(.closed)
        // It has hardly begun, so that this does not wait long.
        _ = takeStatus()
    }

    /// A descendant that keeps the output open does not keep the result: what the program wrote before its end is there then.
    func result(within timeout: Duration) async -> Result<[UInt8], ChildProcessError> {
        let timer = loop.schedule(after: timeout) { [unowned self] in fail(.timedOut(after: timeout)) }
        defer { loop.cancel(timer) }
        return await withUnsafeContinuation { done = $0 }
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        printed += bytes
        if printed.count > limit { fail(.tooMuchOutput(limit: limit)) }
    }

    private func ended() {
        output.readRest { take($0) }
        output.close()
        let exit = takeStatus()
        finish(exit == .exited(code: 0) ? .success(printed) : .failure(.failed(exit)))
    }

    private func takeStatus() -> ChildExit {
        end?.cancel()
        end = nil
        return child.take()?.reap() ?? .unknown(code: ECHILD)
    }

    /// Ends the program and whom it has started. The result does not wait for its end.
    func fail(_ error: ChildProcessError) {
        child?.signal(SIGKILL)
        output.close()
        finish(.failure(error))
    }

    private func finish(_ result: Result<[UInt8], ChildProcessError>) {
        guard let done else { return }
        self.done = nil
        done.resume(returning: result)
    }
}
