import COpenSSL
import Glibc
import Synchronization
import TestSupport

/// A blocking server on a port of its own, a thread per connection, that does to its client what a test says.
final class TestServer: @unchecked Sendable {
    struct Received: Sendable {
        /// Request line and header lines.
        var head: String
        var body: [UInt8]
        /// Which connection it came on, counted from 1, and which request of that connection it is.
        var connection: Int
        var request: Int

        var method: String { String(head.prefix { $0 != " " }) }
        var path: String { String(target.prefix { $0 != "?" }) }
        /// What stands behind the question mark, nil without one.
        var query: String? { target.firstIndex(of: "?").map { String(target[target.index(after: $0)...]) } }

        private var target: Substring {
            head.prefix { $0 != "\r\n" }.dropFirst(method.count + 1).prefix { $0 != " " }
        }

        func header(_ name: String) -> String? {
            let prefix = name.lowercased() + ":"
            for line in head.split(separator: "\r\n") where line.lowercased().hasPrefix(prefix) {
                return String(line.dropFirst(prefix.count).drop { $0 == " " })
            }
            return nil
        }
    }

    enum Answer: Sendable {
        /// These bytes; then the next request.
        case bytes([UInt8])
        /// These bytes, then the connection is closed.
        case bytesAndCut([UInt8])
        /// Nothing until the client goes away.
        case silence

        static func ok(_ body: String, headers: String = "") -> Answer {
            ok(Array(body.utf8), headers: headers)
        }

        static func ok(_ body: [UInt8], headers: String = "") -> Answer {
            .bytes(Array("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\(headers)\r\n".utf8) + body)
        }

        /// A HEAD is told how long the body is, and gets none.
        static func reply(to received: Received, _ status: Int, _ body: String) -> Answer {
            guard case .bytes(let bytes) = self.status(status, body), received.method == "HEAD" else {
                return self.status(status, body)
            }
            return .bytes(bytes.dropLast(body.utf8.count))
        }

        static func status(_ status: Int, _ body: String, headers: String = "") -> Answer {
            .bytes(Array("HTTP/1.1 \(status) X\r\nContent-Length: \(body.utf8.count)\r\n\(headers)\r\n\(body)".utf8))
        }
    }

    let port: UInt16
    private let listener: Int32
    private let tls: TestCertificate?
    private let answer: @Sendable (Received) -> Answer
    private let state = Mutex((connections: 0, closed: 0))

    init(tls: TestCertificate? = nil, _ answer: @escaping @Sendable (Received) -> Answer) {
        self.tls = tls
        self.answer = answer
        (listener, port) = Self.listen()
        let context = Unmanaged.passRetained(self)
        Self.startThread {
            let server = context.takeRetainedValue()
            while true {
                let fd = accept(server.listener, nil, nil)
                guard fd >= 0 else { return }
                let number = server.state.withLock {
                    $0.connections += 1
                    return $0.connections
                }
                Self.startThread { server.serve(fd, number) }
            }
        }
    }

    /// Connections that were made so far.
    var connections: Int { state.withLock { $0.connections } }
    /// Connections whose end the server has seen.
    var closed: Int { state.withLock { $0.closed } }

    var url: String { "\(tls == nil ? "http://127.0.0.1" : "https://localhost"):\(port)" }

    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private static func listen() -> (Int32, UInt16) {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(fd, address, length) | Glibc.listen(fd, 128) | getsockname(fd, address, &length)
            }
        }
        precondition(code == 0, "bind, listen, getsockname: errno \(errno)")
        return (fd, UInt16(bigEndian: address.sin_port))
    }

    private static func startThread(_ body: @escaping @Sendable () -> Void) {
        final class Box { let body: () -> Void; init(_ body: @escaping () -> Void) { self.body = body } }
        var thread = pthread_t()
        let context = Unmanaged.passRetained(Box(body))
        let code = pthread_create(
            &thread, nil,
            { context in
                // OpenSSL writes without MSG_NOSIGNAL; the client's writes must do without this.
                var pipe = sigset_t()
                sigemptyset(&pipe)
                sigaddset(&pipe, SIGPIPE)
                pthread_sigmask(SIG_BLOCK, &pipe, nil)
                Unmanaged<Box>.fromOpaque(context!).takeRetainedValue().body()
                return nil
            }, context.toOpaque())
        precondition(code == 0)
        pthread_detach(thread)
    }

    private func serve(_ fd: Int32, _ number: Int) {
        defer {
            close(fd)
            state.withLock { $0.closed += 1 }
        }
        guard let stream = TestStream(fd, tls) else { return }
        var request = 0
        while var received = stream.readRequest() {
            request += 1
            received.connection = number
            received.request = request
            switch answer(received) {
            case .bytes(let bytes):
                guard stream.write(bytes) else { return }
            case .bytesAndCut(let bytes):
                _ = stream.write(bytes)
                return
            case .silence:
                stream.readAway()
                return
            }
        }
    }
}

/// A connection's bytes, in the clear or through TLS.
private final class TestStream {
    private let fd: Int32
    private var ssl: OpaquePointer?
    private var buffered: [UInt8] = []

    init?(_ fd: Int32, _ certificate: TestCertificate?) {
        self.fd = fd
        guard let certificate else { return }
        ssl = SSL_new(certificate.context)
        SSL_set_fd(ssl, fd)
        guard SSL_accept(ssl) == 1 else { return nil }
    }

    deinit {
        if let ssl { SSL_free(ssl) }
    }

    func readRequest() -> TestServer.Received? {
        let end = Array("\r\n\r\n".utf8)
        var from = 0
        while true {
            let place = buffered.indices.dropFirst(from).first { buffered[$0...].starts(with: end) }
            if let place {
                let head = String(decoding: buffered[..<place], as: UTF8.self)
                buffered.removeFirst(place + 4)
                var received = TestServer.Received(head: head, body: [], connection: 0, request: 0)
                let length = received.header("content-length").flatMap { Int($0) } ?? 0
                while buffered.count < length { guard fill() else { return nil } }
                received.body = Array(buffered.prefix(length))
                buffered.removeFirst(length)
                return received
            }
            from = max(0, buffered.count - 3)
            guard fill() else { return nil }
        }
    }

    func readAway() {
        while fill() { buffered.removeAll() }
    }

    private func fill() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65536)
        let count = ssl.map { Int(SSL_read($0, &chunk, 65536)) } ?? read(fd, &chunk, 65536)
        guard count > 0 else { return false }
        buffered += chunk.prefix(count)
        return true
    }

    func write(_ bytes: [UInt8]) -> Bool {
        if let ssl { return SSL_write(ssl, bytes, Int32(bytes.count)) > 0 }
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                send(fd, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }
}

/// A certificate for `localhost` that signed itself, with its key, made anew.
final class TestCertificate: @unchecked Sendable {
    let context: OpaquePointer
    /// PEM.
    let file: String
    private let folder = TemporaryFolder()

    init() {
        let key = EVP_PKEY_Q_keygen_p256()!
        let certificate = X509_new()!
        X509_set_version(certificate, 2)
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1)
        X509_gmtime_adj(X509_getm_notBefore(certificate), -3600)
        X509_gmtime_adj(X509_getm_notAfter(certificate), 3600)
        X509_set_pubkey(certificate, key)
        let name = X509_get_subject_name(certificate)
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC_value, "localhost", -1, -1, 0)
        X509_set_issuer_name(certificate, name)
        precondition(X509_sign(certificate, key, EVP_sha256()) > 0)
        context = SSL_CTX_new(TLS_server_method())
        SSL_CTX_use_certificate(context, certificate)
        SSL_CTX_use_PrivateKey(context, key)
        file = folder.path + "/ca.pem"
        let output = fopen(file, "w")!
        PEM_write_X509(output, certificate)
        fclose(output)
        X509_free(certificate)
        EVP_PKEY_free(key)
    }

    deinit {
        SSL_CTX_free(context)
    }
}

/// EVP_PKEY_Q_keygen is variadic and MBSTRING_ASC a macro with a shift.
private func EVP_PKEY_Q_keygen_p256() -> OpaquePointer? {
    let context = EVP_PKEY_CTX_new_from_name(nil, "EC", nil)
    defer { EVP_PKEY_CTX_free(context) }
    var key: OpaquePointer?
    EVP_PKEY_keygen_init(context)
    EVP_PKEY_CTX_set_group_name(context, "P-256")
    EVP_PKEY_generate(context, &key)
    return key
}

private let MBSTRING_ASC_value: Int32 = 0x1001
