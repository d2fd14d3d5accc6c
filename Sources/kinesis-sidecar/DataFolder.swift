import Glibc

/// The folder of `--data-dir`: made when it is missing, for one process at a time.
struct DataFolder: Sendable {
    let path: String

    /// Makes the folder with mode 0700, and takes its lock, which the kernel gives back when the process ends, however
    /// that is. Throws when it cannot be made or another process has it.
    init(_ path: String) throws(StartError) {
        self.path = path
        try Self.make(path)
        let lock = open(path + "/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard lock >= 0 else { throw .failed("--data-dir \(path): \(TextFile.lastError)") }
        // The descriptor stays open as long as the process lives.
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            close(lock)
            throw .failed("--data-dir \(path) is in use by another kinesis-sidecar")
        }
    }

    /// The database of positions.
    var state: String { path + "/state.db" }

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
