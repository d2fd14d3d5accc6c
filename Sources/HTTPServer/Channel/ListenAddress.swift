import Bytes
import CLinux
import Glibc
import Reactor

/// Where a server listens. Names are not resolved, but `localhost` is 127.0.0.1.
package enum ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// An IP address without brackets; port 0 lets the kernel choose.
    case ip(host: String, port: Int)
    /// A Unix socket's file.
    case unix(path: String)

    /// The bytes that a socket's path may have (unix(7), with its ending zero).
    package static let longestPath = 107

    /// Nil when `host` is no address or `port` is not in 0…65535.
    package init?(host: String, port: Int) {
        let host = host == "localhost" ? "127.0.0.1" : host
        guard (0...65535).contains(port), SocketAddress(host: host, port: port) != nil else { return nil }
        self = .ip(host: host, port: port)
    }

    /// `127.0.0.1:8700`, `[::1]:8700`, `localhost:8700` or `unix:/run/sidecar.sock`.
    package init?(_ text: String) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst("unix:".count))
            guard (1...Self.longestPath).contains(path.utf8.count), !path.utf8.contains(0) else { return nil }
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy(\.isDigit),
            let port = Int(digits)
        else { return nil }
        var host = text[..<colon]
        if host.first == "[", host.last == "]" {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        self.init(host: String(host), port: port)
    }

    /// What `--listen` may say: an address with its port, a socket's path, or a port alone, which is meant on both loopbacks.
    package static func all(_ text: String) -> [ListenAddress]? {
        if let address = ListenAddress(text) { return [address] }
        let loopbacks = ["127.0.0.1:", "[::1]:"].compactMap { ListenAddress($0 + text) }
        return loopbacks.isEmpty ? nil : loopbacks
    }

    init(_ address: SocketAddress) {
        self = address.isUnix ? .unix(path: "") : .ip(host: address.host, port: address.port)
    }

    /// Whether only this machine can connect to it.
    package var isLoopback: Bool {
        guard case .ip(let host, let port) = self else { return true }
        return SocketAddress(host: host, port: port)?.isLoopback ?? false
    }

    /// nil: of a Unix socket.
    package var port: Int? { if case .ip(_, let port) = self { port } else { nil } }

    /// As it stands in a URL, or behind `--listen`.
    package var description: String {
        switch self {
        case .ip(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

/// A `sockaddr` for IPv4 or IPv6. The larger of the two is the room; `sockaddr_storage` would take 100 bytes more of
/// every connection.
struct SocketAddress {
    private(set) var storage = sockaddr_in6()
    private(set) var length: socklen_t = 0

    init?(host: String, port: Int) {
        var four = sockaddr_in()
        var six = sockaddr_in6()
        if inet_pton(AF_INET, host, &four.sin_addr) == 1 {
            four.sin_family = sa_family_t(AF_INET)
            four.sin_port = UInt16(port).bigEndian
            store(four)
        } else if inet_pton(AF_INET6, host, &six.sin6_addr) == 1 {
            six.sin6_family = sa_family_t(AF_INET6)
            six.sin6_port = UInt16(port).bigEndian
            store(six)
        } else {
            return nil
        }
    }

    /// What `body` fills in, given the address and the room there is.
    init(filledBy body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Void) {
        length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, &length) }
        }
    }

    func withPointer<T>(_ body: (UnsafePointer<sockaddr>) -> T) -> T {
        withUnsafePointer(to: storage) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1, body) }
    }

    var family: Int32 { Int32(storage.sin6_family) }

    /// Of a Unix socket nothing but the family is kept.
    var isUnix: Bool { family == AF_UNIX }

    var port: Int {
        family == AF_INET6
            ? Int(UInt16(bigEndian: load(sockaddr_in6.self).sin6_port))
            : Int(UInt16(bigEndian: load(sockaddr_in.self).sin_port))
    }

    var host: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        if family == AF_INET6 {
            var address = load(sockaddr_in6.self).sin6_addr
            inet_ntop(AF_INET6, &address, &text, socklen_t(text.count))
        } else {
            var address = load(sockaddr_in.self).sin_addr
            inet_ntop(AF_INET, &address, &text, socklen_t(text.count))
        }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// 127.0.0.0/8, ::1, or a Unix socket.
    var isLoopback: Bool {
        if isUnix { return true }
        if family == AF_INET6 { return host == "::1" }
        return family == AF_INET && UInt32(bigEndian: load(sockaddr_in.self).sin_addr.s_addr) >> 24 == 127
    }

    private func load<T>(_ type: T.Type) -> T {
        withUnsafeBytes(of: storage) { $0.load(as: type) }
    }

    private mutating func store<T>(_ address: T) {
        withUnsafeMutableBytes(of: &storage) { $0.storeBytes(of: address, as: T.self) }
        length = socklen_t(MemoryLayout<T>.size)
    }
}
