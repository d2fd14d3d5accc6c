import CLinux
import Glibc

/// What a client got: the head's lines and the decoded body.
struct Answer: Equatable {
    var status: Int
    var head: String
    var body: String
}

/// A blocking client that sends what a test says, byte for byte. Every wait ends after ten seconds.
final class Client {
    struct Failure: Error {
        var what: String
    }

    private(set) var fd: Int32
    private var received: [UInt8] = []

    init(port: Int, receiveBuffer: Int32? = nil) throws {
        fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        if var size = receiveBuffer { setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, 4) }
        var time = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
        var on: Int32 = 1
        setsockopt(fd, Int32(IPPROTO_TCP), TCP_NODELAY, &on, 4)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw Failure(what: "connect: \(errno)") }
    }

    deinit {
        close(fd)
    }

    /// False when the server has closed its side and the bytes have no receiver.
    @discardableResult
    func send(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    func sendByteByByte(_ text: String) {
        for byte in text.utf8 { send(String(decoding: [byte], as: UTF8.self)) }
    }

    func shutdownWriting() {
        shutdown(fd, Int32(SHUT_WR))
    }

    /// Ends with a reset.
    func reset() {
        var value = linger(l_onoff: 1, l_linger: 0)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
        close(fd)
        fd = -1
    }

    func get(_ path: String, _ fields: String = "") throws -> Answer {
        send("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\(fields)\r\n")
        return try answer()
    }

    /// One answer. `isHead` for one that has no body whatever its head says.
    func answer(isHead: Bool = false) throws -> Answer {
        let head = try read(through: "\r\n\r\n")
        guard let status = Int(head.dropFirst(9).prefix(3)) else { throw Failure(what: "no status: \(head)") }
        var body = ""
        if status >= 200, !isHead {
            if let length = field("content-length", head) {
                body = try take(Int(length) ?? 0)
            } else if field("transfer-encoding", head) == "chunked" {
                while let chunk = try chunk() { body += chunk }
            } else {
                body = try readToEnd()
            }
        }
        return Answer(status: status, head: head, body: body)
    }

    /// The next chunk of a streamed body; nil at its end.
    func chunk() throws -> String? {
        let line = try read(through: "\r\n")
        guard let size = Int(line.dropLast(), radix: 16) else { throw Failure(what: "chunk size: \(line)") }
        let data = try take(size)
        guard try take(2) == "\r\n" else { throw Failure(what: "chunk end") }
        return size == 0 ? nil : data
    }

    func field(_ name: String, _ head: String) -> String? {
        for line in head.split(separator: "\r\n") where line.lowercased().hasPrefix(name + ": ") {
            return String(line.dropFirst(name.utf8.count + 2))
        }
        return nil
    }

    func read(through end: String) throws -> String {
        let end = Array(end.utf8)
        var from = 0
        while true {
            while from + end.count <= received.count {
                if received[from] == end[0], received[from..<from + end.count].elementsEqual(end) {
                    return try take(from + end.count)
                }
                from += 1
            }
            try receive()
        }
    }

    func take(_ count: Int) throws -> String {
        while received.count < count { try receive() }
        defer { received.removeFirst(count) }
        return String(decoding: received.prefix(count), as: UTF8.self)
    }

    /// Everything up to the orderly end.
    func readToEnd() throws -> String {
        while try receive(endIsFine: true) {}
        defer { received.removeAll() }
        return String(decoding: received, as: UTF8.self)
    }

    /// Whether the server has ended the connection, in order or not, with nothing more to say.
    func isClosed() -> Bool {
        (try? readToEnd()) != "" ? errno == ECONNRESET : true
    }

    @discardableResult
    private func receive(endIsFine: Bool = false) throws -> Bool {
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = recv(fd, &bytes, bytes.count, 0)
        guard count >= 0 else { throw Failure(what: "recv: \(errno)") }
        guard count > 0 || endIsFine else { throw Failure(what: "ended") }
        received += bytes.prefix(count)
        return count > 0
    }
}
