import Glibc

/// A folder for a test's database, removed with all that lies in it.
final class TemporaryFolder {
    let path: String

    init() {
        var template = Array("/tmp/kinesis-sidecar-XXXXXX".utf8CString)
        path = String(cString: mkdtemp(&template))
    }

    deinit {
        for name in ["kinesis.db", "kinesis.db-wal", "kinesis.db-shm"] { unlink(path + "/" + name) }
        rmdir(path)
    }
}
