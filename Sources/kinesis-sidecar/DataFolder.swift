import Gateway
import Glibc

/// The folder of `--data-dir`: made when it is missing, for one process at a time.
struct DataFolder: Sendable {
    let path: String

    /// Makes the folder with mode 0700, and takes its lock, which the kernel gives back when the process ends, however
    /// that is. Throws when it cannot be made or another process has it.
    init(_ path: String, for process: ProcessFacts) throws(StartError) {
        self.path = path
        try Self.make(path)
        let lock = open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw .failed("--data-dir \(path): \(TextFile.lastError)") }
        // The descriptor stays open as long as the process lives.
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            defer { close(lock) }
            let holder = Self.holder(lock).map { ": \($0)" } ?? ""
            throw .failed("--data-dir \(path) is in use by another kinesis-sidecar\(holder)")
        }
        Self.sign(lock, process)
    }

    /// The database of positions.
    var state: String { path + "/state.db" }
    /// The certificate of the embedded Kinesis, with its key.
    var localTLS: String { path + "/local-tls.pem" }
    /// Under which name the process takes part in groups.
    var memberID: String { path + "/member-id" }

    /// The lock itself does not depend on what stands in it, which is for whoever finds it taken.
    private static func sign(_ lock: Int32, _ process: ProcessFacts) {
        let text = Array("process \(process.pid) on host \(process.host)\n".utf8)
        guard ftruncate(lock, 0) == 0 else { return }
        _ = pwrite(lock, text, text.count, 0)
    }

    private static func holder(_ lock: Int32) -> String? {
        // A number and a host's name, of 64 bytes at most.
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = pread(lock, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        return String(decoding: bytes.prefix(count).prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }

    private static func make(_ path: String) throws(StartError) {
        var end = path.startIndex
        while end < path.endIndex {
            end = path[end...].dropFirst().firstIndex(of: "/") ?? path.endIndex
            guard mkdir(String(path[..<end]), 0o700) == 0 || errno == EEXIST else {
                throw .failed("--data-dir \(path) cannot be made: \(TextFile.lastError)")
            }
        }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw .failed("--data-dir \(path) is no folder")
        }
    }
}
