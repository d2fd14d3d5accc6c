import CLinux
import Glibc
import Reactor

/// What the process asks of the system before any thread is made.
enum ProcessLimits {
    /// Signals that the program hears: SIGCHLD, that a child has ended, and those that end it in order. SIGHUP says that the
    /// terminal was closed; where it was ignored at the start (nohup), the program is to go on.
    static let signals = [SIGCHLD, SIGTERM, SIGINT] + (Signals.isIgnored(SIGHUP) ? [] : [SIGHUP])

    /// The size from which a block of memory is mapped by itself. Of the bodies and responses on a busy stream most are
    /// smaller: those stay on the heap, which spares their page faults.
    private static let largeBlockBytes: Int32 = 4 << 20

    /// Blocks the signals for every thread to come, raises the limit of open files to its hard limit, since every
    /// reader is a connection, and makes files of state readable by their owner alone.
    static func prepare() {
        Signals.block(signals)
        umask(0o077)
        // One heap for the few threads there are. A thread's own heap grows by an mprotect for nearly every page, and
        // keeps what it once held: a tenth of the processor time of a put, and memory that is lost to the others.
        mallopt(M_ARENA_MAX, 1)
        // Large blocks lie outside of the heap, and are given back when they are let go. By itself glibc raises the threshold
        // to whatever was let go last (up to 32 MiB), and buffers that grow side by side on the heap leave holes between
        // each other: a fifth of the memory of many large bodies.
        mallopt(M_MMAP_THRESHOLD, largeBlockBytes)
        mallopt(M_TRIM_THRESHOLD, 2 * largeBlockBytes)
        guard var limit = fileLimit, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(files, &limit)
    }

    /// How many files may be open; 0 where the kernel does not say.
    static var openFiles: Int { fileLimit.map { Int(clamping: $0.rlim_cur) } ?? 0 }

    private static let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)

    private static var fileLimit: rlimit? {
        var limit = rlimit()
        return getrlimit(files, &limit) == 0 ? limit : nil
    }
}
