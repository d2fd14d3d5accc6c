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

    /// Puts the text in place at once: who waits for the file never sees half of it. What is there and is no
    /// file, a device or a link say, stays what it is, and is written to.
    static func write(_ text: String, to path: String, mode: mode_t = 0o600) throws(Failure) {
        var status = stat()
        if lstat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            return try write(text, into: path, O_WRONLY | O_TRUNC | O_CLOEXEC, mode)
        }
        let draft = "\(path).\(getpid())"
        do throws(Failure) {
            try write(text, into: draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
            guard rename(draft, path) == 0 else { throw Failure(problem: "cannot be written: \(lastError)") }
        } catch {
            unlink(draft)
            throw error
        }
    }

    private static func write(_ text: String, into path: String, _ flags: Int32, _ mode: mode_t) throws(Failure) {
        let fd = open(path, flags, mode)
        guard fd >= 0 else { throw Failure(problem: "cannot be written: \(lastError)") }
        defer { close(fd) }
        // The process's umask lets nobody else read what it makes.
        if flags & O_CREAT != 0 { fchmod(fd, mode) }
        let bytes = Array(text.utf8)
        guard Glibc.write(fd, bytes, bytes.count) == bytes.count else {
            throw Failure(problem: "cannot be written: \(lastError)")
        }
    }

    /// errno's text.
    static var lastError: String { String(cString: strerror(errno)) }
}
