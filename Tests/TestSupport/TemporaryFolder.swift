import Glibc

/// A folder that is removed with its files when the value goes.
package final class TemporaryFolder {
    package let path: String

    package init() {
        var template = Array("/tmp/kinesis-sidecar-test-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { mkdtemp($0.baseAddress!) != nil }
        precondition(made, "mkdtemp: errno \(errno)")
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        if let folder = opendir(path) {
            while let entry = readdir(folder) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                unlink(path + "/" + name)
            }
            closedir(folder)
        }
        rmdir(path)
    }

    /// Writes a file and returns its path.
    package func write(_ name: String, _ text: String) -> String {
        let path = path + "/" + name
        let file = fopen(path, "w")
        precondition(file != nil, "fopen: errno \(errno)")
        fputs(text, file!)
        fclose(file!)
        return path
    }
}
