import Glibc
import JSON

/// A blocking HTTP client over one socket. Waits at most 10 s for anything.
final class TestClient {
    struct Gone: Error {
        let received: String
    }

    private let fd: Int32
    /// What has arrived so far.
    private(set) var received: [UInt8] = []
    var text: String { String(decoding: received, as: UTF8.self) }

    init(port: Int) throws {
        fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
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
        let bytes = Array((lines.joined(separator: "\r\n") + "\r\n\r\n" + body).utf8)
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(fd, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return }
            sent += count
        }
    }

    /// Reads until the text has arrived.
    func read(until text: String) throws {
        while !self.text.contains(text) {
            if try !readMore() { throw Gone(received: self.text) }
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

/// An answer with a Content-Length, taken apart.
struct TestAnswer {
    let status: Int
    let head: String
    let body: String

    init(_ text: String) {
        let end = text.firstRange(of: "\r\n\r\n")
        head = end.map { String(text[..<$0.lowerBound]) } ?? text
        body = end.map { String(text[$0.upperBound...]) } ?? ""
        status = Int(head.dropFirst(9).prefix(3)) ?? 0
    }

    var json: JSONValue? { try? JSONParser.parse(body) }
    var code: String? { json?["code"]?.string }
}
