import CLinux
import Glibc
import Reactor

/// A Unix socket that a server listens on: its file belongs to the server from bind to stop.
package enum UnixSocket {
    /// Who may connect: write permission on the file.
    package struct Access: Sendable, Equatable {
        /// Permission bits.
        package var mode: mode_t = 0o660
        /// User and group of the file; nil: as the process has them.
        package var owner: uid_t?
        package var group: gid_t?

        package init() {}
    }

    /// Listens on the path. The file of a socket that nobody listens on any more is replaced; anything else that is there is
    /// left alone, and EADDRINUSE thrown.
    static func listening(_ path: String, _ access: Access) throws(SystemError) -> Int32 {
        try removeStale(path)
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let fd = socket(AF_UNIX, type, 0)
        guard fd >= 0 else { throw SystemError("socket") }
        do throws(SystemError) {
            // Until its rights are set nobody else may connect.
            let former = umask(0o177)
            let result = withAddress(path) { bind(fd, $0, $1) }
            let bound: SystemError? = result == 0 ? nil : SystemError("bind")
            umask(former)
            if let bound { throw bound }
            if access.owner != nil || access.group != nil {
                guard chown(path, access.owner ?? uid_t.max, access.group ?? gid_t.max) == 0 else {
                    throw SystemError("chown")
                }
            }
            guard chmod(path, access.mode) == 0 else { throw SystemError("chmod") }
            guard listen(fd, 4096) == 0 else { throw SystemError("listen") }
        } catch {
            close(fd)
            throw error
        }
        return fd
    }

    /// Somebody may have put another file in its place since.
    static func remove(_ path: String, inode: ino_t?) {
        if let inode, inode == self.inode(path) { unlink(path) }
    }

    /// nil: there is no such file.
    static func inode(_ path: String) -> ino_t? {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_ino : nil
    }

    private static func removeStale(_ path: String) throws(SystemError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw SystemError("bind", ENOTSOCK) }
        let fd = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard fd >= 0 else { throw SystemError("socket") }
        defer { close(fd) }
        let result = withAddress(path) { connect(fd, $0, $1) }
        guard result != 0, errno == ECONNREFUSED else { throw SystemError("bind", EADDRINUSE) }
        unlink(path)
    }

    private static func withAddress<T>(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> T) -> T {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) {
            $0.copyBytes(from: path.utf8.prefix(ListenAddress.longestPath))
        }
        return withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
