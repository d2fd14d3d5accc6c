import Glibc
import JSON

/// A blocking HTTP client over one socket. Waits at most 10 s for anything.
final class TestClient {
    struct Gone: Error {
        let received: String
    }

    private var fd: Int32
    /// What has arrived so far.
    private(set) var received: [UInt8] = []
    var text: String { String(decoding: received, as: UTF8.self) }

    init(port: Int) throws {
        fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if result != 0 { throw Gone(received: "connect: \(errno)") }
    }

    deinit {
        close(fd)
    }

    func send(_ method: String, _ target: String, headers: [String] = [], body: String = "") {
        var lines = ["\(method) \(target) HTTP/1.1"]
        if !headers.contains(where: { $0.hasPrefix("Host:") }) { lines.append("Host: localhost") }
        lines += headers
        if !body.isEmpty { lines.append("Content-Length: \(body.utf8.count)") }
        write(lines.joined(separator: "\r\n") + "\r\n\r\n" + body)
    }

    /// False when the server takes no more.
    @discardableResult
    func write(_ text: String) -> Bool {
        write(Array(text.utf8))
    }

    @discardableResult
    func write(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return false }
            sent += count
        }
        return true
    }

    /// One chunk of a body that was announced as chunked.
    func writeChunk(_ text: String) {
        write(String(text.utf8.count, radix: 16) + "\r\n" + text + "\r\n")
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

    /// Reads until the text has arrived.
    func read(until text: String) throws {
        try read { $0.contains(text) }
    }

    /// Reads until what has arrived is as the condition says.
    func read(until condition: (String) -> Bool) throws {
        while !condition(text) {
            if try !readMore() { throw Gone(received: text) }
        }
    }

    func readToEnd() throws -> String {
        while try readMore() {}
        return text
    }

    private func readMore() throws -> Bool {
        var part = [UInt8](repeating: 0, count: 65_536)
        let count = recv(fd, &part, part.count, 0)
        if count < 0 { throw Gone(received: text) }
        received += part[..<count]
        return count > 0
    }
}

/// An answer, taken apart. Of a chunked one that was cut, the whole chunks.
struct TestAnswer {
    let status: Int
    let head: String
    let body: String
    /// Whether a chunked body had its last chunk.
    private(set) var isWhole = false

    init(_ text: String) {
        let end = text.firstRange(of: "\r\n\r\n")
        head = end.map { String(text[..<$0.lowerBound]) } ?? text
        let rest = end.map { Array(text[$0.upperBound...].utf8) } ?? []
        status = Int(head.dropFirst(9).prefix(3)) ?? 0
        guard head.contains("Transfer-Encoding: chunked") else {
            body = String(decoding: rest, as: UTF8.self)
            return
        }
        var chunks: [UInt8] = []
        var at = 0
        while let line = rest[at...].firstIndex(of: UInt8(ascii: "\r")),
            let size = Int(String(decoding: rest[at..<line], as: UTF8.self), radix: 16), line + 2 + size <= rest.count
        {
            isWhole = isWhole || size == 0
            chunks += rest[line + 2..<line + 2 + size]
            at = min(line + 2 + size + 2, rest.count)
        }
        body = String(decoding: chunks, as: UTF8.self)
    }

    var json: JSONValue? { try? JSONParser.parse(body) }
    /// Of an NDJSON body.
    var lines: [JSONValue] { body.split(separator: "\n").compactMap { try? JSONParser.parse(String($0)) } }
    var code: String? { json?["code"]?.string }
}
