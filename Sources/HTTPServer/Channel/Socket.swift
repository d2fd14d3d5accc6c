import Bytes
import CLinux
import Glibc
import Reactor

/// The system calls of sockets, each with its result as a value. Every call is non-blocking.
enum Socket {
    enum Received: Equatable {
        case bytes(Int)
        /// The peer has shut its writing side.
        case end
        case wouldBlock
        case failed(Int32)
    }

    enum Sent: Equatable {
        case bytes(Int)
        case wouldBlock
        case failed(Int32)
    }

    enum Accepted {
        case connection(Int32, SocketAddress)
        case nothing
        /// This connection failed before it was accepted; others may wait behind it.
        case aborted
        case failed(SystemError)
    }

    /// A listening socket bound to `address`.
    static func listening(_ address: SocketAddress) throws(SystemError) -> Int32 {
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let fd = socket(address.family, type, 0)
        guard fd >= 0 else { throw SystemError("socket") }
        do throws(SystemError) {
            // A server that was restarted binds although connections of the last one are in TIME_WAIT.
            try set(fd, SOL_SOCKET, SO_REUSEADDR, 1)
            // Otherwise [::]:port would take the IPv4 port too, or fail where that is taken, as the machine is set.
            if address.family == AF_INET6 { try set(fd, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1) }
            guard address.withPointer({ bind(fd, $0, address.length) }) == 0 else { throw SystemError("bind") }
            guard listen(fd, 4096) == 0 else { throw SystemError("listen") }
        } catch {
            close(fd)
            throw error
        }
        return fd
    }

    static func localAddress(_ fd: Int32) -> SocketAddress {
        SocketAddress { _ = getsockname(fd, $0, $1) }
    }

    static func accept(_ listener: Int32) -> Accepted {
        var fd: Int32 = -1
        let flags = Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let address = SocketAddress { fd = accept4(listener, $0, $1, flags) }
        if fd >= 0 { return .connection(fd, address) }
        switch errno {
        case EAGAIN: return .nothing
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .failed(SystemError("accept4"))
        // accept(2): errors of the network that wait on the new socket; EPERM is a firewall's.
        case EINTR, ECONNABORTED, EPERM, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH,
            EOPNOTSUPP, ENETUNREACH:
            return .aborted
        default: return .failed(SystemError("accept4"))
        }
    }

    /// Answers leave at once: Nagle's algorithm would hold the last segment back for an acknowledgement.
    static func disableDelay(_ fd: Int32) {
        try? set(fd, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    }

    /// Finds hosts that vanished: probes after 60 s of silence, every 15 s, gone after 4 without an answer.
    static func enableKeepAlive(_ fd: Int32) {
        try? set(fd, SOL_SOCKET, SO_KEEPALIVE, 1)
        try? set(fd, Int32(IPPROTO_TCP), TCP_KEEPIDLE, 60)
        try? set(fd, Int32(IPPROTO_TCP), TCP_KEEPINTVL, 15)
        try? set(fd, Int32(IPPROTO_TCP), TCP_KEEPCNT, 4)
    }

    /// `close` then sends a reset instead of an orderly end, and drops what was not sent.
    static func resetOnClose(_ fd: Int32) {
        var value = linger(l_onoff: 1, l_linger: 0)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
    }

    static func receive(_ fd: Int32, into start: UnsafeMutableRawPointer, room: Int) -> Received {
        // `retryingInterrupts` would be an unspecialised generic of another module here, at every read and write.
        var count = recv(fd, start, room, 0)
        while count < 0, errno == EINTR { count = recv(fd, start, room, 0) }
        if count > 0 { return .bytes(count) }
        if count == 0 { return .end }
        return errno == EAGAIN ? .wouldBlock : .failed(errno)
    }

    /// What waits to be read, without reading it.
    static func peek(_ fd: Int32) -> Received {
        var byte: UInt8 = 0
        return peek(fd, into: &byte)
    }

    /// The same, with what the next byte is.
    static func peek(_ fd: Int32, into byte: inout UInt8) -> Received {
        let count = retryingInterrupts { recv(fd, &byte, 1, Int32(MSG_PEEK)) }
        if count > 0 { return .bytes(count) }
        if count == 0 { return .end }
        return errno == EAGAIN ? .wouldBlock : .failed(errno)
    }

    /// Whether the connection has failed and nobody was told yet. The error is gone afterwards.
    static func takesError(_ fd: Int32) -> Bool {
        var error: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0
    }

    /// Bytes that were sent and that the peer's kernel has not acknowledged, our FIN counted as one; -1 where the socket
    /// does not say.
    static func unacknowledgedBytes(_ fd: Int32) -> Int {
        Int(clinux_unacknowledged(fd))
    }

    static func send(_ fd: Int32, _ start: UnsafeRawPointer, _ length: Int) -> Sent {
        var count = Glibc.send(fd, start, length, Int32(MSG_NOSIGNAL))
        while count < 0, errno == EINTR { count = Glibc.send(fd, start, length, Int32(MSG_NOSIGNAL)) }
        if count >= 0 { return .bytes(count) }
        return errno == EAGAIN ? .wouldBlock : .failed(errno)
    }

    /// Sends the pieces as one, beginning `skip` bytes into the first.
    static func send(_ fd: Int32, _ pieces: ArraySlice<ByteBuffer>, skip: Int) -> Sent {
        let count = min(pieces.count, 256)
        return withUnsafeTemporaryAllocation(of: iovec.self, capacity: count) { vectors in
            var skip = skip
            for (index, piece) in pieces.prefix(count).enumerated() {
                vectors[index] = iovec(iov_base: piece.base + skip, iov_len: piece.count - skip)
                skip = 0
            }
            var message = msghdr()
            message.msg_iov = vectors.baseAddress
            message.msg_iovlen = count
            let sent = retryingInterrupts { sendmsg(fd, &message, Int32(MSG_NOSIGNAL)) }
            if sent >= 0 { return .bytes(sent) }
            return errno == EAGAIN ? .wouldBlock : .failed(errno)
        }
    }

    private static func set(
        _ fd: Int32, _ level: Int32, _ option: Int32, _ value: Int32
    ) throws(SystemError) {
        var value = value
        guard setsockopt(fd, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
            throw SystemError("setsockopt")
        }
    }
}
