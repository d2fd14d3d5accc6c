import CLinux
import Glibc
import TestSupport
import Testing

@testable import Reactor

/// Serial: what one of these tests starts the others would take the status of. No other suite starts a child but by
/// `SpawnedChild`.
@Suite(.serialized, .timeLimit(.minutes(4))) struct ChildrenTests {
    @Test func `whom nobody here has started is taken, and the others keep their status`() async throws {
        try await onLoop { loop in
            var random = SeededGenerator(seed: 41)
            var strangers: [pid_t] = []
            var expected: [ChildExit] = []
            var exits: [Int: ChildExit] = [:]
            let gate = Gate(loop: loop)
            for number in 0..<200 {
                if random.below(2) == 0 {
                    strangers.append(try Self.startStranger())
                } else {
                    let index = expected.count
                    expected.append(.exited(code: Int32(number % 100)))
                    _ = try ChildProcess.start(["sh", "-c", "exit \(number % 100)"], on: loop) { event in
                        guard case .ended(let exit) = event else { return }
                        exits[index] = exit
                        gate.open()
                    }
                }
                if random.below(3) == 0 { Children.reapOrphans() }
                if random.below(3) == 0 { await loop.nextTurn() }
            }
            try await gate.wait { exits.count < expected.count }
            #expect(expected.indices.map { exits[$0] } == expected)
            while !strangers.isEmpty {
                Children.reapOrphans()
                strangers.removeAll { !Self.isChild($0) }
                try await loop.sleep(for: .milliseconds(2))
            }
        }
    }

    @Test func `who is hidden behind a child whose group has its grace is taken when that is over`() async throws {
        try await onLoop { loop in
            let gate = Gate(loop: loop)
            var events: [ChildProcess.Event] = []
            let child = try ChildProcess.start(
                ["sh", "-c", "sh -c 'trap \"\" TERM; echo ready; exec sleep 1000' & wait"], on: loop
            ) { event in
                events.append(event)
                gate.open()
            }
            try await gate.wait { events.isEmpty }
            child.terminate(grace: .seconds(1000))
            Self.waitForEnd(of: child.pid)
            let stranger = try Self.startStranger()
            Self.waitForEnd(of: stranger)
            Children.reapOrphans()
            #expect(Self.isChild(child.pid) && Self.isChild(stranger))
            child.kill()
            try await gate.wait { events.last != .ended(.signalled(SIGTERM)) }
            #expect(!Self.isChild(child.pid) && !Self.isChild(stranger))
        }
    }

    @Test func `a signal that has not been heard yet is not lost when a child is started`() throws {
        var set = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, SIGCHLD)
        var before = sigset_t()
        pthread_sigmask(SIG_BLOCK, &set, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        pthread_kill(pthread_self(), SIGCHLD)
        Signals.tellByCalls()
        var pending = sigset_t()
        sigpending(&pending)
        #expect(sigismember(&pending, SIGCHLD) == 1)
        var taken: Int32 = 0
        if sigismember(&pending, SIGCHLD) == 1 { sigwait(&set, &taken) }
    }

    private static func startStranger() throws -> pid_t {
        var pid: pid_t = 0
        let name = strdup("true")
        defer { free(name) }
        #expect(posix_spawnp(&pid, "true", nil, nil, [name, nil], environ) == 0)
        return try #require(pid == 0 ? nil : pid)
    }

    /// Its status is not taken.
    private static func waitForEnd(of pid: pid_t) {
        var info = siginfo_t()
        #expect(waitid(P_PID, id_t(pid), &info, WEXITED | WNOWAIT) == 0)
    }

    /// One that runs, or whose status nobody has taken.
    private static func isChild(_ pid: pid_t) -> Bool {
        var info = siginfo_t()
        return waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0
    }
}
