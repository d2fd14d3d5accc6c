import Bytes
import Glibc

/// Files of a few KB that are read in one go, on the loop: configuration, tokens, logins.
enum SmallFile {
    enum Failure: Error, Hashable, Sendable {
        /// The errno.
        case code(Int32)
        case tooLarge(limit: Int)

        /// The errno that says as much.
        var code: Int32 {
            switch self {
            case .code(let code): code
            case .tooLarge: EFBIG
            }
        }
    }

    static func read(_ path: String, limit: Int) throws(Failure) -> ByteBuffer {
        let fd = open(path, O_RDONLY | O_CLOEXEC)
        guard fd >= 0 else { throw .code(errno) }
        defer { close(fd) }
        let buffer = ByteBuffer()
        while true {
            buffer.reserve(16 * 1024)
            let count = Glibc.read(fd, buffer.base + buffer.count, 16 * 1024)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .code(errno) }
            if count == 0 { return buffer }
            buffer.setCount(buffer.count + count)
            guard buffer.count <= limit else { throw .tooLarge(limit: limit) }
        }
    }

    /// Puts the text in place at once, for this user's eyes alone: nobody who reads the file sees half of it, nor does a
    /// crash leave half of it.
    static func replace(_ path: String, with text: ByteBuffer) throws(Failure) {
        let draft = "\(path).\(getpid())"
        unlink(draft)
        let fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard fd >= 0 else { throw .code(errno) }
        var code: Int32 = 0
        if Glibc.write(fd, text.base, text.count) != text.count || fsync(fd) != 0 { code = errno == 0 ? EIO : errno }
        close(fd)
        if code == 0, rename(draft, path) != 0 { code = errno }
        guard code == 0 else {
            unlink(draft)
            throw .code(code)
        }
    }
}
