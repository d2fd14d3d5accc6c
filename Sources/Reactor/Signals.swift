import CLinux
import Glibc

/// Signals as events of a loop, over signalfd.
///
/// `block` comes first, before any thread is made, since threads inherit the mask: a signal that one thread still takes
/// would end the process in the ordinary way. Confined to its loop.
package final class Signals {
    private let fd: Int32
    private var watch: Watch?

    /// Blocks `signals` for this thread and those that it will make; ignores SIGPIPE and SIGXFSZ, so that a write to a
    /// closed pipe or socket, or beyond the limit of file sizes, is an error code.
    package static func block(_ signals: [Int32]) {
        tellByCalls()
        var set = mask(signals)
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// What calls tell better than signals: a write to a closed pipe, a file's limit, and the end of a child, whose status the
    /// kernel keeps only while SIGCHLD is not ignored, as whoever started this process may have left it.
    package static func tellByCalls() {
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        // Setting it drops one that is blocked and has not been told (signal(7): it is ignored by default).
        if isIgnored(SIGCHLD) { signal(SIGCHLD, SIG_DFL) }
    }

    /// Whether the process ignores the signal. A blocked one would be told all the same (signal(7)).
    package static func isIgnored(_ signal: Int32) -> Bool {
        var action = sigaction()
        guard sigaction(signal, nil, &action) == 0 else { return false }
        let handler = unsafeBitCast(action.__sigaction_handler.sa_handler, to: UInt.self)
        return handler == unsafeBitCast(SIG_IGN, to: UInt.self)
    }

    /// Calls `handler` on the loop for each of `signals` that arrives.
    package init(loop: EventLoop, _ signals: [Int32], handler: @escaping (Int32) -> Void) throws(SystemError) {
        var set = Self.mask(signals)
        let fd = signalfd(-1, &set, Int32(SFD_CLOEXEC | SFD_NONBLOCK))
        guard fd >= 0 else { throw SystemError("signalfd") }
        self.fd = fd
        watch = try loop.watch(fd, .read) { _ in
            var info = signalfd_siginfo()
            while read(fd, &info, MemoryLayout<signalfd_siginfo>.size) == MemoryLayout<signalfd_siginfo>.size {
                handler(Int32(info.ssi_signo))
            }
        }
    }

    /// Stops listening; the signals stay blocked.
    package func cancel() {
        watch?.cancel()
        watch = nil
        close(fd)
    }

    private static func mask(_ signals: [Int32]) -> sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal) }
        return set
    }
}
