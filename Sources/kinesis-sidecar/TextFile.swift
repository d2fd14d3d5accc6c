import Glibc

/// Small files of the configuration and of the ports.
enum TextFile {
    /// More is no configuration.
    static let sizeLimit = 1 << 20

    struct Failure: Error, Hashable, Sendable {
        let problem: String
    }

    static func read(_ path: String) throws(Failure) -> [UInt8] {
        guard let file = fopen(path, "re") else { throw Failure(problem: "cannot be read: \(lastError)") }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: sizeLimit + 1)
        let count = fread(&bytes, 1, bytes.count, file)
        guard ferror(file) == 0 else { throw Failure(problem: "cannot be read: \(lastError)") }
        guard count <= sizeLimit else { throw Failure(problem: "is larger than \(sizeLimit) bytes") }
        return Array(bytes[..<count])
    }

    /// Puts the text in place at once: who waits for the file never sees half of it. Mode 0600.
    static func write(_ text: String, to path: String) throws(Failure) {
        let draft = "\(path).\(getpid())"
        let fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard fd >= 0 else { throw Failure(problem: "cannot be written: \(lastError)") }
        let bytes = Array(text.utf8)
        let written = Glibc.write(fd, bytes, bytes.count)
        close(fd)
        guard written == bytes.count, rename(draft, path) == 0 else {
            let failure = Failure(problem: "cannot be written: \(lastError)")
            unlink(draft)
            throw failure
        }
    }

    /// errno's text.
    static var lastError: String { String(cString: strerror(errno)) }
}
