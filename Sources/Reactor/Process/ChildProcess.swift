import Bytes
import CLinux
import Glibc

/// A program that runs for long and is spoken with over its standard input and output. Confined to its loop.
///
/// It leads a process group of its own, of which nobody is left once `ended` is told: whom the program has started and left
/// behind is killed, unless that has left the group. However this process ends, the program does not outlive it; whom it has
/// started may, up to the end of what they read. What it prints is read at once, whether anybody wants it or not.
///
/// It is kept alive until it has ended; nobody has to hold it.
package final class ChildProcess: @unchecked Sendable {
    /// What is told of a program, in the order in which it happened on each of its outputs.
    package enum Event: Equatable, Sendable {
        /// A line of standard output, without its LF or CRLF: any bytes but LF, also none.
        case line([UInt8])
        /// A line of standard output that was longer than the limit and was passed over whole. Told once, at its end.
        case overlongLine(bytes: Int)
        /// A line of standard error, or its first `errorLineBytes`.
        /// - Parameter lost: lines that were not told, between the one told before it and this one. The last line of all is
        ///   always told.
        case errorLine([UInt8], lost: Int)
        /// No further line comes: nobody has standard output open any more, or the program has ended. It may also go on.
        case outputClosed
        /// The program has ended, and its status was taken. All that it printed was told before. The last event.
        case ended(ChildExit)
    }

    package struct Limits: Sendable {
        /// The longest line of standard output, a CR before its LF included; so much of one is held.
        package var lineBytes = 1 << 20
        /// What is told of a line of standard error.
        package var errorLineBytes = 8 << 10
        /// Lines of standard error that are told at once, and then each second.
        package var errorLinesBurst = 500
        package var errorLinesPerSecond = 100
        /// What standard input holds before `write` waits, where the kernel allows it. A user's pipes have 64 MiB together,
        /// beyond which new ones hold 8 KiB (pipe(7), pipe-user-pages-soft): a hundred children are to stay within that.
        package var inputBytes = 256 << 10

        package init() {}
    }

    /// What has come of a program so far.
    package struct Counts: Equatable, Sendable {
        /// Bytes of standard output and error that were read.
        package var outputBytes = 0
        package var errorBytes = 0
        /// Lines of standard error, those among them that were not told.
        package var errorLines = 0
        package var errorLinesLost = 0
    }

    private enum Stage {
        case running
        /// The group got SIGTERM, and gets SIGKILL when the timer fires. `hasLeaderEnded`: the program has ended within the
        /// grace, and others of its group have the rest of that; its status is not taken yet, which would free its id.
        case terminating(TimerToken, hasLeaderEnded: Bool)
        /// The group got SIGKILL.
        case killed
        case ended
    }

    package let pid: pid_t
    package private(set) var counts = Counts()
    private let loop: EventLoop
    private let onEvent: (Event) -> Void
    /// nil: its status was taken.
    private var child: SpawnedChild?
    private var end: Watch?
    private var stage = Stage.running
    private let input: InputPipe
    private let output: OutputPipe
    private let errors: OutputPipe
    private var lines: LineCutter
    private var errorLines: LineCutter
    private var errorRate: LineRate

    /// Starts the program with this process's environment and folder.
    /// - Parameters:
    ///   - words: the program, looked for in PATH where it has no slash, and its arguments.
    ///   - onEvent: on the loop, not before this has returned. It may call whatever this class has.
    /// - Throws: `notStarted` or `system`; nothing runs then.
    package static func start(
        _ words: [String], limits: Limits = Limits(), on loop: EventLoop, onEvent: @escaping (Event) -> Void
    ) throws(ChildProcessError) -> ChildProcess {
        loop.preconditionOnLoop()
        let input = try ChildProcessError.ofSystem(Pipe.init)
        let output = try ChildProcessError.ofSystem(Pipe.init)
        let errors = try ChildProcessError.ofSystem(Pipe.init)
        let spawned = try SpawnedChild(
            words, streams: (input.reading.number, output.writing.number, errors.writing.number))
        let child = ChildProcess(
            spawned, InputPipe(input.writing), OutputPipe(output.reading), OutputPipe(errors.reading), limits, loop,
            onEvent)
        do throws(SystemError) {
            try child.watch(limits)
        } catch {
            child.abandon()
            throw .system(error)
        }
        return child
    }

    private init(
        _ child: consuming SpawnedChild, _ input: InputPipe, _ output: OutputPipe, _ errors: OutputPipe,
        _ limits: Limits, _ loop: EventLoop, _ onEvent: @escaping (Event) -> Void
    ) {
        pid = child.pid
        self.child = consume child
        self.input = input
        self.output = output
        self.errors = errors
        self.loop = loop
        self.onEvent = onEvent
        lines = LineCutter(limit: limits.lineBytes)
        errorLines = LineCutter(limit: limits.errorLineBytes)
        errorRate = LineRate(perSecond: limits.errorLinesPerSecond, burst: limits.errorLinesBurst)
    }

    /// The loop holds this from here on, up to the program's end.
    private func watch(_ limits: Limits) throws(SystemError) {
        try input.watch(on: loop, bytes: limits.inputBytes)
        try output.watch(on: loop) { [self] in readOutput() }
        try errors.watch(on: loop) { [self] in readErrors() }
        guard let number = child?.end.number else { return }
        end = try loop.watch(number, .read) { [self] _ in leaderEnded() }
    }

    private func abandon() {
        signal(SIGKILL)
        closePipes()
        // It has hardly begun, so that this does not wait long.
        _ = takeStatus()
    }

    // MARK: Its input

    /// Returns once the pipe has taken all of it, which is not yet the program. One caller at a time.
    ///
    /// A cancelled task goes on waiting: `closeInput` and `kill` end that.
    /// - Throws: EPIPE when nobody reads the input any more, it was closed, or the program has ended, also while it waits; a
    ///   part may have been taken.
    package func write(_ pieces: [ByteBuffer]) async throws(SystemError) {
        loop.preconditionOnLoop()
        try await input.write(pieces)
    }

    /// The program reads the end of its input behind what was written. Closing twice is no error.
    package func closeInput() {
        loop.preconditionOnLoop()
        input.close()
    }

    // MARK: Its end

    /// Sends SIGTERM to the group; SIGKILL follows when `grace` is over, or when the program has ended and nobody of the group
    /// has its outputs open any more. Only the first call counts.
    package func terminate(grace: Duration) {
        loop.preconditionOnLoop()
        guard case .running = stage else { return }
        let timer = loop.schedule(after: grace) { [self] in kill() }
        stage = .terminating(timer, hasLeaderEnded: false)
        signal(SIGTERM)
    }

    /// Sends SIGKILL to the group. `ended` follows in a later turn. Of a program that has ended nothing happens.
    package func kill() {
        loop.preconditionOnLoop()
        switch stage {
        case .running: break
        case .terminating(let timer, let hasLeaderEnded):
            loop.cancel(timer)
            if hasLeaderEnded { end?.change(.read) }
        case .killed, .ended: return
        }
        stage = .killed
        signal(SIGKILL)
    }

    private func leaderEnded() {
        // Whom it has started may be about to end in order, as a shell's program is when both got SIGTERM.
        if case .terminating(let timer, _) = stage, output.isOpen || errors.isOpen {
            stage = .terminating(timer, hasLeaderEnded: true)
            end?.change([])
            return
        }
        finish()
    }

    /// The program has ended, and its group has no time left.
    private func finish() {
        if case .terminating(let timer, _) = stage { loop.cancel(timer) }
        stage = .ended
        // Before its status is taken: the group's number is nobody else's up to there.
        signal(SIGKILL)
        if output.isOpen {
            output.readRest { cutOutput($0) }
            endOutput()
        }
        if errors.isOpen {
            errors.readRest { cutErrors($0) }
            endErrors()
        }
        closePipes()
        onEvent(.ended(takeStatus()))
    }

    private func signal(_ number: Int32) { child?.signal(number) }

    private func takeStatus() -> ChildExit {
        end?.cancel()
        end = nil
        return child.take()?.reap() ?? .unknown(code: ECHILD)
    }

    private func closePipes() {
        input.close()
        output.close()
        errors.close()
    }

    // MARK: Its outputs

    private func readOutput() {
        output.read { cutOutput($0) }
        guard !output.isOpen else { return }
        endOutput()
        finishIfLast()
    }

    private func readErrors() {
        errors.read { cutErrors($0) }
        guard !errors.isOpen else { return }
        endErrors()
        finishIfLast()
    }

    /// Nobody of the group is left, as far as can be seen.
    private func finishIfLast() {
        guard case .terminating(_, hasLeaderEnded: true) = stage, !output.isOpen, !errors.isOpen else { return }
        finish()
    }

    private func cutOutput(_ bytes: UnsafeRawBufferPointer) {
        counts.outputBytes += bytes.count
        for line in lines.append(bytes) { tell(line) }
    }

    private func endOutput() {
        if let line = lines.finish() { tell(line) }
        onEvent(.outputClosed)
    }

    private func tell(_ line: LineCutter.Line) {
        if line.isCut {
            onEvent(.overlongLine(bytes: line.count))
        } else {
            onEvent(.line(line.start))
        }
    }

    private func cutErrors(_ bytes: UnsafeRawBufferPointer) {
        counts.errorBytes += bytes.count
        for line in errorLines.append(bytes) { tellError(line) }
    }

    private func endErrors() {
        if let line = errorLines.finish() { tellError(line) }
        if let told = errorRate.finish() { tell(told) }
    }

    private func tellError(_ line: LineCutter.Line) {
        counts.errorLines += 1
        if let told = errorRate.tell(line.start, now: loop.now) { tell(told) }
    }

    private func tell(_ told: LineRate.Told) {
        counts.errorLinesLost += told.lost
        onEvent(.errorLine(told.line, lost: told.lost))
    }
}
