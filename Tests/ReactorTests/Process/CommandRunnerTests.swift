import Glibc
import Synchronization
import TestSupport
import Testing

@testable import Reactor

@Suite(.timeLimit(.minutes(4))) struct CommandRunnerTests {
    private static func run(
        _ words: [String], limit: Int = 1024, timeout: Duration = .seconds(30)
    ) async throws -> Result<String, ChildProcessError> {
        try await onLoop { loop in
            do throws(ChildProcessError) {
                let printed = try await CommandRunner(on: loop).output(
                    of: words, limit: limit, timeout: timeout)
                return .success(String(decoding: printed, as: UTF8.self))
            } catch {
                return .failure(error)
            }
        }
    }

    @Test func `a program's output is had once it has ended, with PATH and arguments`() async throws {
        #expect(try await Self.run(["printf", "%s-%s", "a b", "$HOME"]) == .success("a b-$HOME"))
        #expect(try await Self.run(["/bin/sh", "-c", "cat; echo hush >&2; echo done"]) == .success("done\n"))
    }

    @Test func `what a program is to print at most may come in pieces`() async throws {
        let text = String(repeating: "x", count: 300_000)
        let command = "head -c 300000 /dev/zero | tr '\\0' x"
        #expect(try await Self.run(["sh", "-c", command], limit: 300_000) == .success(text))
        #expect(
            try await Self.run(["sh", "-c", command], limit: 299_999) == .failure(.tooMuchOutput(limit: 299_999)))
    }

    @Test func `an end that is none is told`() async throws {
        #expect(try await Self.run(["sh", "-c", "echo x; exit 3"]) == .failure(.failed(.exited(code: 3))))
        #expect(try await Self.run(["sh", "-c", "kill -9 $$"]) == .failure(.failed(.signalled(SIGKILL))))
        #expect(try await Self.run(["/nowhere/program"]) == .failure(.notStarted(code: ENOENT)))
        #expect(try await Self.run(["/etc/passwd"]) == .failure(.notStarted(code: EACCES)))
    }

    @Test func `a program that hangs is ended with those it started, and the loop goes on meanwhile`() async throws {
        let folder = TemporaryFolder()
        let pids = folder.path + "/pids"
        let hung = ["sh", "-c", "sleep 1000 & echo $$ $! > \(pids); wait"]
        let ticks = Ticks()
        let result = try await onLoop { loop in
            let counting = loop.spawn {
                while (try? await loop.sleep(for: .milliseconds(5))) != nil { ticks.count.add(1, ordering: .relaxed) }
            }
            var result: ChildProcessError?
            do throws(ChildProcessError) {
                _ = try await CommandRunner(on: loop).output(of: hung, limit: 10, timeout: .seconds(3))
            } catch {
                result = error
            }
            counting.cancel()
            return result
        }
        #expect(result == .timedOut(after: .seconds(3)))
        #expect(ticks.count.load(ordering: .relaxed) > 3)
        try await expectEnd(of: pids, count: 2)
    }

    /// Waits until the processes have gone whose ids the file has.
    private func expectEnd(of pids: String, count: Int) async throws {
        let written = try Self.testText(pids).split(whereSeparator: \.isWhitespace).compactMap { Int32($0) }
        #expect(written.count == count)
        for pid in written {
            let deadline = ContinuousClock.now + .seconds(30)
            while isAlive(pid), ContinuousClock.now < deadline { await Task.yield() }
            #expect(!isAlive(pid), "\(pid) lives on")
        }
    }

    /// The grandchild is init's to reap: it is gone, or dead and not reaped yet.
    private func isAlive(_ pid: Int32) -> Bool {
        let state = (try? Self.testText("/proc/\(pid)/stat"))?.split(separator: " ").dropFirst(2).first
        return state.map { $0 != "Z" } ?? false
    }

    @Test func `closing ends what runs with those it started, and nothing is started any more`() async throws {
        let folder = TemporaryFolder()
        let pids = folder.path + "/pids"
        let results: [ChildProcessError?] = try await onLoop { loop in
            let processes = CommandRunner(on: loop)
            async let hung = Self.failure(of: processes, ["sh", "-c", "sleep 1000 & echo $$ $! > \(pids); wait"])
            while try Self.lines(of: pids) == 0 { try await loop.sleep(for: .milliseconds(5)) }
            processes.close()
            return [await hung, await Self.failure(of: processes, ["true"])]
        }
        #expect(results == [.closed, .closed])
        try await expectEnd(of: pids, count: 2)
    }

    /// The loop's thread stands for the process: the kernel does the same when that is killed.
    @Test func `a program ends with the thread that has started it`() async throws {
        let folder = TemporaryFolder()
        let pids = folder.path + "/pids"
        try await onLoop { loop in
            let processes = CommandRunner(on: loop)
            loop.spawn { _ = await Self.failure(of: processes, ["sh", "-c", "echo $$ > \(pids); exec sleep 1000"]) }
            while try Self.lines(of: pids) == 0 { try await loop.sleep(for: .milliseconds(5)) }
        }
        try await expectEnd(of: pids, count: 1)
    }

    @Test func `a program has no signal blocked or ignored that this process has`() async throws {
        signal(SIGPIPE, SIG_IGN)
        let status = try await Self.run(["sh", "-c", "grep -E '^Sig(Blk|Ign)' /proc/self/status"], limit: 1000).get()
        let masks = status.split(whereSeparator: \.isWhitespace).compactMap { UInt64($0, radix: 16) }
        #expect(masks.count == 2 && masks[0] == 0)
        #expect(try #require(masks.last) & (1 << UInt64(SIGPIPE - 1)) == 0)
    }

    @Test func `a program has no descriptor of this process`() async throws {
        var ends: [Int32] = [-1, -1]
        #expect(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        let listed = try await Self.run(["sh", "-c", "echo /proc/$$/fd/*"], limit: 1000).get()
        // The shell has opened the folder that it lists.
        #expect(listed.split(whereSeparator: \.isWhitespace).count <= 4, "\(listed)")
    }

    private static func failure(of processes: CommandRunner, _ words: [String]) async -> ChildProcessError? {
        do throws(ChildProcessError) {
            _ = try await processes.output(of: words, limit: 10, timeout: .seconds(1000))
            return nil
        } catch {
            return error
        }
    }

    private static func lines(of path: String) throws -> Int {
        guard access(path, F_OK) == 0 else { return 0 }
        return try testText(path).split(separator: "\n", omittingEmptySubsequences: false).count - 1
    }

    @Test func `a descendant that keeps the output open does not keep the result`() async throws {
        let (result, duration) = try await onLoop { loop in
            let start = ContinuousClock.now
            let printed = try await CommandRunner(on: loop).output(
                of: ["sh", "-c", "sleep 100 & echo done"], limit: 100, timeout: .seconds(90))
            return (String(decoding: printed, as: UTF8.self), ContinuousClock.now - start)
        }
        #expect(result == "done\n" && duration < .seconds(60))
    }

    private static func testText(_ path: String) throws -> String {
        guard let file = fopen(path, "r") else { throw TestFileError(path: path, code: errno) }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = fread(&bytes, 1, bytes.count, file)
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}

private final class Ticks: Sendable {
    let count = Atomic(0)
}
