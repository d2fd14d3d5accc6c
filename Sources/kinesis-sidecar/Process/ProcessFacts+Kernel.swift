import Gateway
import Glibc
import Time

extension ProcessFacts {
    /// This process, which begins now.
    static func current() -> ProcessFacts {
        var facts = ProcessFacts()
        facts.host = hostName
        facts.pid = Int(getpid())
        facts.startedOn = .now()
        facts.figures = figures
        return facts
    }

    private static var hostName: String {
        // Linux: at most 64 bytes and a zero.
        var name = [CChar](repeating: 0, count: 65)
        guard gethostname(&name, name.count - 1) == 0 else { return "" }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Of proc(5): the second field of statm is resident pages; every entry of fd but the two dots is an open file, of
    /// which one is the folder that is being read.
    @Sendable private static func figures() -> Figures? {
        guard let memory = residentBytes, let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        var entries = 0
        while readdir(folder) != nil { entries += 1 }
        return Figures(
            residentBytes: memory, openFiles: max(0, entries - 3), mostOpenFiles: ProcessLimits.openFiles,
            processorTime: processorTime)
    }

    private static var processorTime: Duration {
        var used = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used)
        return .seconds(used.tv_sec) + .nanoseconds(used.tv_nsec)
    }

    private static var residentBytes: Int? {
        let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        // Seven numbers.
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(file, &bytes, bytes.count)
        let fields = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: " ")
        guard fields.count > 1, let pages = Int(fields[1]) else { return nil }
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
