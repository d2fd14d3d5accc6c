import CLinux
import Glibc
import Synchronization

/// Who takes the status of which child of this process: `reap` that of one that `start` has started, `reapOrphans` any
/// other's.
///
/// The others are whoever has lost its parent where this process is the first of its PID namespace, as in a container, or a
/// subreaper (prctl(2)), and whoever was started by the program that became this one. Nobody else asks about them, and an
/// ended process stays in the kernel's table until somebody does.
package enum Children {
    private struct State {
        var started: Set<pid_t> = []
        /// One of `started` that had ended when orphans were looked for: waitid tells of no child behind it until its status
        /// is taken, which at the latest is at the end of its group's grace.
        var hiding: pid_t?
    }

    /// Held also while a child is started, or its status taken: to whoever looks from another thread it would be an orphan.
    private static let state = Mutex(State())

    /// - Parameter spawn: returns an errno, or 0 with the child's id, whose status `reap` takes.
    static func start(_ spawn: (inout pid_t) -> Int32) throws(ChildProcessError) -> pid_t {
        try state.withLock { state throws(ChildProcessError) in
            var pid: pid_t = 0
            let code = spawn(&pid)
            guard code == 0 else { throw .notStarted(code: code) }
            state.started.insert(pid)
            return pid
        }
    }

    /// Takes the status of one that `start` has started, and waits for its end where that has not come.
    static func reap(_ pid: pid_t) -> ChildExit {
        state.withLock { state in
            var status: Int32 = 0
            let result = retryingInterrupts { waitpid(pid, &status, 0) }
            let exit: ChildExit = result == pid ? .init(waitStatus: status) : .unknown(code: errno)
            state.started.remove(pid)
            if state.hiding == pid { reapOrphans(&state) }
            return exit
        }
    }

    /// Takes the status of every other child that has ended: to be called for each SIGCHLD. Of those that are hidden now it
    /// is taken by itself, later.
    package static func reapOrphans() {
        state.withLock { reapOrphans(&$0) }
    }

    private static func reapOrphans(_ state: inout State) {
        state.hiding = nil
        while let pid = ended() {
            if state.started.contains(pid) {
                state.hiding = pid
                return
            }
            waitpid(pid, nil, WNOHANG)
        }
    }

    /// A child that has ended, whose status is not taken hereby.
    private static func ended() -> pid_t? {
        var info = siginfo_t()
        guard retryingInterrupts({ waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) }) == 0 else { return nil }
        let pid = info._sifields._sigchld.si_pid
        return pid == 0 ? nil : pid
    }
}
