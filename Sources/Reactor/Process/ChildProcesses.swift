import CLinux
import Glibc

/// Programs that are run to their end for what they print, without holding up the loop. Confined to its loop.
///
/// Each gets this process's environment, nothing to read, and no place for its errors. It is a process group of its own, which
/// is killed whole when it takes too long or prints too much, and by `close`. However this process ends, a child does not
/// outlive it: the kernel kills it when the thread ends that has started it, which is the loop's. Whom the child itself has
/// started may go on then, where nobody has called `close`.
package final class ChildProcesses: @unchecked Sendable {
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
        var ends: [Int32] = [-1, -1]
        guard pipe2(&ends, O_CLOEXEC) == 0 else { throw .system(SystemError("pipe2")) }
        defer { Glibc.close(ends[0]) }
        let started = Self.spawn(words, output: ends[1])
        Glibc.close(ends[1])
        let child = try started.get()
        let program = Running(child, ends[0], limit, loop)
        running[child] = program
        defer { running[child] = nil }
        let result: Result<[UInt8], ChildProcessError>
        do throws(SystemError) {
            result = try await program.result(within: timeout)
        } catch {
            program.kill()
            throw .system(error)
        }
        return try result.get()
    }

    /// Ends the programs that run, with those whom they have started; none is started any more.
    package func close() {
        isClosed = true
        for program in running.values { program.fail(.closed) }
    }

    /// - Parameter output: where what it prints goes.
    private static func spawn(_ words: [String], output: Int32) -> Result<pid_t, ChildProcessError> {
        let nothing = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard nothing >= 0 else { return .failure(.system(SystemError("open /dev/null"))) }
        defer { Glibc.close(nothing) }
        var child: pid_t = 0
        let code = withCStrings(places(of: words[0])) { places in
            withCStrings(words) { arguments in
                clinux_spawn(places, arguments, environ, [nothing, output, nothing], &child)
            }
        }
        return code == 0 ? .success(child) : .failure(.notStarted(code: code))
    }

    /// Where a program is looked for, in that order: as execvp(3) does.
    private static func places(of program: String) -> [String] {
        guard !program.utf8.contains(UInt8(ascii: "/")) else { return [program] }
        let path = getenv("PATH").map { String(cString: $0) } ?? "/bin:/usr/bin"
        return path.split(separator: ":", omittingEmptySubsequences: false).map { folder in
            folder.isEmpty ? program : "\(folder)/\(program)"
        }
    }

    /// Texts as C has a list of them.
    private static func withCStrings<Result>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = texts.map { strdup($0) } + [nil]
        defer { for copy in copies { free(copy) } }
        return body(copies)
    }
}

/// Why a program gave nothing.
package enum ChildProcessError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The errno of its start: it is not there, or may not be run.
    case notStarted(code: Int32)
    /// It ended with this code.
    case exited(code: Int32)
    /// A signal ended it.
    case signalled(Int32)
    case timedOut(after: Duration)
    case tooMuchOutput(limit: Int)
    /// This process is ending.
    case closed
    /// A call of this process itself failed.
    case system(call: String, code: Int32)

    static func system(_ error: SystemError) -> ChildProcessError {
        .system(call: error.call.description, code: error.code)
    }

    package var description: String {
        switch self {
        case .notStarted(let code): "the program cannot be started: \(String(cString: strerror(code))) (\(code))"
        case .exited(let code): "the program ended with code \(code)"
        case .signalled(let signal): "signal \(signal) ended the program"
        case .timedOut(let after): "the program did not end within \(after)"
        case .tooMuchOutput(let limit): "the program printed more than \(limit) bytes"
        case .closed: "the program was not waited for, because the sidecar is ending"
        case .system(let call, let code): "\(call): \(String(cString: strerror(code))) (\(code))"
        }
    }
}

/// A child between its start and its end. Confined to its loop.
private final class Running {
    private let child: pid_t
    private let output: Int32
    private let limit: Int
    private let loop: EventLoop
    private var printed: [UInt8] = []
    private var isOutputOpen = true
    private var hasEnded = false
    private var watches: [Watch] = []
    private var done: UnsafeContinuation<Result<[UInt8], ChildProcessError>, Never>?

    init(_ child: pid_t, _ output: Int32, _ limit: Int, _ loop: EventLoop) {
        self.child = child
        self.output = output
        self.limit = limit
        self.loop = loop
    }

    /// A descendant that keeps the output open does not keep the result: what the child wrote before its end is there then.
    func result(within timeout: Duration) async throws(SystemError) -> Result<[UInt8], ChildProcessError> {
        let ended = clinux_pidfd_open(child)
        guard ended >= 0 else { throw SystemError("pidfd_open") }
        defer {
            for watch in watches { watch.cancel() }
            close(ended)
        }
        _ = fcntl(output, F_SETFL, O_NONBLOCK)
        watches.append(try loop.watch(output, .read) { [unowned self] _ in read() })
        watches.append(try loop.watch(ended, .read) { [unowned self] _ in end() })
        let timer = loop.schedule(after: timeout) { [unowned self] in fail(.timedOut(after: timeout)) }
        defer { loop.cancel(timer) }
        return await withUnsafeContinuation { done = $0 }
    }

    private func read() {
        var chunk = [UInt8](repeating: 0, count: 16 << 10)
        while isOutputOpen {
            let count = retryingInterrupts { Glibc.read(output, &chunk, chunk.count) }
            if count < 0, errno == EAGAIN { return }
            guard count > 0 else {
                isOutputOpen = false
                return watches[0].cancel()
            }
            printed += chunk[..<count]
            if printed.count > limit { return fail(.tooMuchOutput(limit: limit)) }
        }
    }

    private func end() {
        guard !hasEnded else { return }
        read()
        guard done != nil else { return }
        finish(reap())
    }

    private func reap() -> Result<[UInt8], ChildProcessError> {
        hasEnded = true
        var status: Int32 = 0
        guard retryingInterrupts({ waitpid(child, &status, 0) }) == child else {
            return .failure(.system(SystemError("waitpid")))
        }
        // The macros of wait(2), which Swift cannot import.
        let signal = status & 0x7f
        if signal != 0 { return .failure(.signalled(signal)) }
        let code = (status >> 8) & 0xff
        return code == 0 ? .success(printed) : .failure(.exited(code: code))
    }

    func fail(_ error: ChildProcessError) {
        kill()
        finish(.failure(error))
    }

    /// Ends the child and whom it started, and takes its status from the kernel: SIGKILL leaves nothing to wait for.
    func kill() {
        guard !hasEnded else { return }
        hasEnded = true
        _ = Glibc.kill(-child, SIGKILL)
        _ = Glibc.kill(child, SIGKILL)
        var status: Int32 = 0
        _ = retryingInterrupts { waitpid(child, &status, 0) }
    }

    private func finish(_ result: Result<[UInt8], ChildProcessError>) {
        guard let done else { return }
        self.done = nil
        done.resume(returning: result)
    }
}
