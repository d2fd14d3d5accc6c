import Bytes
import Glibc
import TestSupport
import Testing

@testable import Reactor

/// Deadlines are the suite's.
@Suite(.timeLimit(.minutes(4))) struct ChildProcessTests {
    // MARK: What it reads

    @Test func `what is written comes back in order, and the end of the input ends the program`() async throws {
        let told = try await Self.told(by: ["cat"]) { program in
            try await program.child.write([ByteBuffer("on"), ByteBuffer(), ByteBuffer("e\nt")])
            try await program.child.write([])
            try await program.child.write([ByteBuffer("wo\n")])
            program.child.closeInput()
            program.child.closeInput()
        }
        #expect(told == [.line("one"), .line("two"), .outputClosed, .ended(.exited(code: 0))])
    }

    @Test func `a write waits for the program to read, and the loop goes on meanwhile`() async throws {
        let folder = TemporaryFolder()
        let go = folder.path + "/go"
        let told = try await Self.told(by: ["sh", "-c", "while [ ! -e \(go) ]; do sleep 0.01; done; wc -c"]) {
            program in
            let piece = ByteBuffer([UInt8](repeating: 7, count: 30_000))
            let writing = program.loop.spawn {
                do throws(SystemError) {
                    try await program.child.write([ByteBuffer](repeating: piece, count: 200))
                    program.note("written")
                } catch {
                    program.note("\(error)")
                }
                program.child.closeInput()
            }
            try await program.loop.sleep(for: .milliseconds(50))
            #expect(program.notes.isEmpty)
            close(open(go, O_CREAT | O_WRONLY, 0o600))
            await writing.value
            #expect(program.notes == ["written"])
        }
        #expect(told.first == .line("6000000"))
    }

    @Test func `who writes to a program that has closed its input gets an error`() async throws {
        let told = try await Self.told(by: ["sh", "-c", "read first; exec <&-; echo closed; sleep 1000"]) { program in
            let filling = ByteBuffer([UInt8](repeating: 10, count: 4 << 20))
            let error = await program.errorOfWriting(filling)
            #expect(error?.code == EPIPE)
            try await program.until { $0.contains(.line("closed")) }
            #expect(await program.errorOfWriting(ByteBuffer("x"))?.code == EPIPE)
            program.child.kill()
        }
        #expect(told.last == .ended(.signalled(SIGKILL)))
    }

    @Test(arguments: [
        "sleep 0.05", "setsid sleep 100 <&0 & sleep 0.05; echo $!", "kill -9 $$",
    ]) func `who waits to write gets an error when the program ends`(_ script: String) async throws {
        try await Self.told(by: ["sh", "-c", script]) { program in
            let error = await program.errorOfWriting(ByteBuffer([UInt8](repeating: 10, count: 4 << 20)))
            #expect(error?.code == EPIPE)
            try await program.untilEnded()
            #expect(await program.errorOfWriting(ByteBuffer("x"))?.code == EPIPE)
        }
    }

    @Test func `closing the input ends a write that waits`() async throws {
        try await Self.told(by: ["sleep", "1000"]) { program in
            _ = program.loop.schedule(after: .milliseconds(30)) { program.child.closeInput() }
            let error = await program.errorOfWriting(ByteBuffer([UInt8](repeating: 10, count: 4 << 20)))
            #expect(error?.code == EPIPE)
            program.child.kill()
        }
    }

    // MARK: What it prints

    @Test func `a line has any bytes, and the last one may lack its end`() async throws {
        let told = try await Self.told(by: ["printf", "a\\000\\377\\r\\n\\nlast"])
        #expect(
            told == [
                .line([0x61, 0, 0xff]), .line([]), .line("last"), .outputClosed, .ended(.exited(code: 0)),
            ])
    }

    @Test func `megabytes without a line's end are passed over, and the next line is told`() async throws {
        var limits = ChildProcess.Limits()
        limits.lineBytes = 1000
        let told = try await Self.told(
            by: ["sh", "-c", "head -c 5000000 /dev/zero; echo; echo next; head -c 1001 /dev/zero"], limits)
        #expect(
            told == [
                .overlongLine(bytes: 5_000_000), .line("next"), .overlongLine(bytes: 1001), .outputClosed,
                .ended(.exited(code: 0)),
            ])
    }

    @Test func `ten megabytes of standard error are read at once and told at a rate`() async throws {
        let script = "yes \(String(repeating: "e", count: 99)) | head -n 100000 >&2; echo why >&2; exit 3"
        let told = try await Self.told(by: ["sh", "-c", script]) { program in
            try await program.untilEnded()
            #expect(program.child.counts.errorBytes == 10_000_004)
            #expect(program.child.counts.errorLines == 100_001)
        }
        let lines = told.compactMap { if case .errorLine(let line, let lost) = $0 { (line, lost) } else { nil } }
        #expect(lines.count >= 500 && lines.count < 10_000)
        #expect(lines.count + lines.reduce(0) { $0 + $1.1 } == 100_001)
        #expect(lines.last.map { $0.0 == Array("why".utf8) } ?? false)
        #expect(told.last == .ended(.exited(code: 3)))
    }

    @Test func `a long line of standard error is cut`() async throws {
        var limits = ChildProcess.Limits()
        limits.errorLineBytes = 4
        let told = try await Self.told(by: ["sh", "-c", "echo abcdef >&2; echo x >&2"], limits)
        #expect(told.prefix(2) == [.errorLine("abcd", lost: 0), .errorLine("x", lost: 0)])
    }

    @Test func `a program that never stops printing does not keep the loop from its work`() async throws {
        try await Self.told(by: ["sh", "-c", "yes & yes >&2"]) { program in
            for _ in 0..<20 { try await program.loop.sleep(for: .milliseconds(2)) }
            #expect(program.child.counts.outputBytes > 0 && program.child.counts.errorBytes > 0)
            program.child.kill()
        }
    }

    @Test func `a program that closes its output lives on`() async throws {
        let told = try await Self.told(by: ["sh", "-c", "echo x; exec >&-; read line; echo $line >&2"]) { program in
            try await program.until { $0.contains(.outputClosed) }
            try await program.child.write([ByteBuffer("still here\n")])
        }
        #expect(
            told == [.line("x"), .outputClosed, .errorLine("still here", lost: 0), .ended(.exited(code: 0))])
    }

    @Test func `who keeps the output open elsewhere holds up nothing, and what was there is told`() async throws {
        // In a session of its own it is not of the program's group, which is killed at the program's end.
        let isApart = #"until [ "$(cut -d' ' -f6 /proc/$!/stat)" = $! ]; do :; done"#
        let told = try await Self.told(
            by: ["sh", "-c", "setsid sleep 1000 & \(isApart); echo $!; echo done >&2"])
        #expect(told.count == 4 && told.last == .ended(.exited(code: 0)))
        #expect(told.contains(.errorLine("done", lost: 0)))
        let pid = try #require(Self.pids(told).first)
        #expect(kill(pid, SIGKILL) == 0)
    }

    // MARK: Its end

    @Test func `whom a program leaves behind in its group is killed`() async throws {
        let told = try await Self.told(by: ["sh", "-c", "sleep 1000 >&- 2>&- & echo $!; exit 3"])
        #expect(told.last == .ended(.exited(code: 3)))
        try await expectEnd(of: Self.pids(told), count: 1)
    }

    @Test func `a program that is to end has its grace`() async throws {
        let told = try await Self.told(
            by: ["sh", "-c", "exec 2>&-; trap 'echo bye; exit 4' TERM; echo ready; while :; do sleep 0.01; done"]
        ) { program in
            try await program.until { $0.contains(.line("ready")) }
            program.child.terminate(grace: .seconds(1000))
            program.child.terminate(grace: .zero)
        }
        #expect(told == [.line("ready"), .line("bye"), .outputClosed, .ended(.exited(code: 4))])
    }

    @Test func `a program that does not end within its grace is killed with its group`() async throws {
        let told = try await Self.told(
            by: ["sh", "-c", "trap '' TERM; sleep 1000 & echo $!; while :; do sleep 0.01; done"]
        ) { program in
            try await program.until { !$0.isEmpty }
            program.child.terminate(grace: .milliseconds(50))
        }
        #expect(told.last == .ended(.signalled(SIGKILL)))
        try await expectEnd(of: Self.pids(told), count: 1)
    }

    private static let slowToEnd =
        "exec 2>&-; trap 'sleep 0.2; echo cleaned; exit' TERM; echo ready; while :; do sleep 0.01; done"

    @Test func `who ends more slowly than the shell around it has the grace too`() async throws {
        let told = try await Self.told(by: ["sh", "-c", "sh -c \"$0\"; true", Self.slowToEnd]) { program in
            try await program.until { $0.contains(.line("ready")) }
            program.child.terminate(grace: .seconds(1000))
        }
        #expect(told == [.line("ready"), .line("cleaned"), .outputClosed, .ended(.signalled(SIGTERM))])
    }

    @Test(arguments: [true, false])
    func `who is left of the group at the end of the grace is killed`(byHand: Bool) async throws {
        let told = try await Self.told(by: ["sh", "-c", "sh -c 'trap \"\" TERM; echo $$; exec sleep 1000' & wait"]) {
            program in
            try await program.until { !$0.isEmpty }
            program.child.terminate(grace: byHand ? .seconds(1000) : .milliseconds(100))
            guard byHand else { return }
            // The shell has ended, as a zombie: its status is not taken yet.
            while Self.isAlive(program.child.pid) { try await program.loop.sleep(for: .milliseconds(2)) }
            try await program.loop.sleep(for: .milliseconds(20))
            #expect(program.events.count == 1)
            program.child.kill()
        }
        #expect(told.last == .ended(.signalled(SIGTERM)))
        try await expectEnd(of: Self.pids(told), count: 1)
    }

    @Test func `whoever is told may end the program and start another one`() async throws {
        try await onLoop { loop in
            let gate = Gate(loop: loop)
            var second: [ChildProcess.Event] = []
            let first = Box<ChildProcess>()
            first.value = try ChildProcess.start(["sh", "-c", "echo a; echo b; sleep 1000"], on: loop) { event in
                first.value?.kill()
                guard case .ended = event else { return }
                first.value?.terminate(grace: .zero)
                first.value?.closeInput()
                _ = try? ChildProcess.start(["echo", "second"], on: loop) {
                    second.append($0)
                    gate.open()
                }
            }
            try await gate.wait { second.last != .ended(.exited(code: 0)) }
            #expect(second.first == .line("second"))
        }
    }

    // MARK: Its start

    @Test func `a program that cannot be started is told with its errno`() async throws {
        try await onLoop { loop in
            for (words, code) in [
                (["/nowhere/program"], ENOENT), (["/etc/passwd"], EACCES), ([], ENOENT), (["echo", "a\0b"], EINVAL),
            ] {
                #expect(throws: ChildProcessError.notStarted(code: code)) {
                    _ = try ChildProcess.start(words, on: loop) { Issue.record("\($0)") }
                }
            }
        }
    }

    @Test func `a thousand programs leave no descriptor, no process and no zombie`() async throws {
        let scripts = [
            "exit 0", "exit 1", "kill -9 $$", "echo x; exec >&-", "sleep 1000 & echo $!", "cat", "exec <&-; sleep 1000",
            "trap '' TERM; cat", "setsid sh -c 'exec >&- 2>&-; sleep 0.1' &",
        ]
        let before = Self.descriptors()
        let (children, left) = try await onLoop { loop in
            var random = SeededGenerator(seed: 16)
            var (children, left): ([pid_t], [pid_t]) = ([], [])
            for number in 0..<1000 {
                let script = scripts[number % scripts.count]
                let program = try Program(["sh", "-c", script], ChildProcess.Limits(), loop)
                children.append(program.child.pid)
                if random.below(2) == 0 { _ = await program.errorOfWriting(ByteBuffer("line\n")) }
                switch random.below(4) {
                case 0: program.child.kill()
                case 1: program.child.terminate(grace: .milliseconds(random.below(20)))
                case 2 where !script.contains("exec <"): program.child.closeInput()
                default: _ = loop.schedule(after: .milliseconds(random.below(10))) { program.child.kill() }
                }
                try await program.untilEnded()
                #expect(throws: ChildProcessError.notStarted(code: ENOENT)) {
                    _ = try ChildProcess.start(["/nowhere/program"], on: loop) { _ in }
                }
                left += Self.pids(program.events)
            }
            return (children, left)
        }
        for child in children {
            #expect(waitpid(child, nil, WNOHANG) == -1 && errno == ECHILD)
        }
        #expect(left.count > 20)
        try await expectEnd(of: left, count: left.count)
        // Other suites run beside this one.
        #expect(Self.descriptors() - before < 200)
    }

    // MARK: Helpers

    /// Everything that is told of a program, to its end.
    @discardableResult
    private static func told(
        by words: [String], _ limits: ChildProcess.Limits = ChildProcess.Limits(),
        _ body: @escaping @Sendable (Program) async throws -> Void = { _ in }
    ) async throws -> [ChildProcess.Event] {
        try await onLoop { loop in
            let program = try Program(words, limits, loop)
            do {
                try await body(program)
            } catch {
                program.child.kill()
                throw error
            }
            try await program.untilEnded()
            return program.events
        }
    }

    /// The numbers that a program has printed.
    private static func pids(_ events: [ChildProcess.Event]) -> [pid_t] {
        events.compactMap { if case .line(let line) = $0 { pid_t(String(decoding: line, as: UTF8.self)) } else { nil } }
    }

    private static func descriptors() -> Int {
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        return count
    }

    private func expectEnd(of pids: [pid_t], count: Int) async throws {
        #expect(pids.count == count)
        for pid in pids {
            while Self.isAlive(pid) { try await Task.sleep(for: .milliseconds(2)) }
        }
    }

    /// A grandchild is init's to reap: it is gone, or dead and not reaped yet.
    private static func isAlive(_ pid: pid_t) -> Bool {
        guard let file = fopen("/proc/\(pid)/stat", "r") else { return false }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = fread(&bytes, 1, bytes.count, file)
        let state = String(decoding: bytes[..<count], as: UTF8.self).split(separator: " ").dropFirst(2).first
        return state.map { $0 != "Z" && $0 != "X" } ?? false
    }
}

extension ChildProcess.Event {
    fileprivate static func line(_ text: String) -> Self { .line(Array(text.utf8)) }
    fileprivate static func errorLine(_ text: String, lost: Int) -> Self { .errorLine(Array(text.utf8), lost: lost) }
}

private final class Box<Value> {
    var value: Value?
}

/// A program with all that was told of it. Confined to its loop.
private final class Program: @unchecked Sendable {
    let loop: EventLoop
    let child: ChildProcess
    private let told: Told

    private final class Told {
        var events: [ChildProcess.Event] = []
        var notes: [String] = []
        let gate: Gate
        init(_ loop: EventLoop) { gate = Gate(loop: loop) }
    }

    init(_ words: [String], _ limits: ChildProcess.Limits, _ loop: EventLoop) throws {
        let told = Told(loop)
        self.loop = loop
        self.told = told
        child = try ChildProcess.start(words, limits: limits, on: loop) { event in
            told.events.append(event)
            told.gate.open()
        }
    }

    var events: [ChildProcess.Event] { told.events }
    var notes: [String] { told.notes }
    func note(_ text: String) { told.notes.append(text) }

    func until(_ condition: ([ChildProcess.Event]) -> Bool) async throws {
        try await told.gate.wait { !condition(told.events) }
    }

    func untilEnded() async throws {
        try await until { if case .ended? = $0.last { true } else { false } }
    }

    func errorOfWriting(_ piece: ByteBuffer) async -> SystemError? {
        do throws(SystemError) {
            try await child.write([piece])
            return nil
        } catch {
            return error
        }
    }
}
