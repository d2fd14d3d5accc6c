import Bytes
import Glibc

/// A subject alternative name of a client's certificate (RFC 5280, 4.2.1.6). Names of different kinds are never equal, since
/// an authority that signs any host's name may not mean to sign URIs. Performs no I/O.
package enum PeerName: Hashable, Sendable, CustomStringConvertible {
    /// In lower case. A `*` in a certificate is a character like others here.
    case dns(String)
    case uri(String)
    case email(String)
    /// As `inet_ntop` writes it.
    case ip(String)

    package static let accepted =
        "a host name, an IP address, a URI such as spiffe://example/app, or an e-mail address"

    /// What configuration says; nil for what can be none of them. What has a colon and is no address is a URI, what has an `@`
    /// an e-mail address.
    package init?(_ text: String) {
        guard Self.isName(text.utf8) else { return nil }
        if let address = SocketAddress(host: text, port: 0) {
            self = .ip(address.host)
        } else if text.contains(":") {
            self = .uri(text)
        } else if text.contains("@") {
            self = .email(text)
        } else {
            guard text.utf8.allSatisfy({ $0.isLetter || $0.isDigit || "-._*".utf8.contains($0) }) else { return nil }
            self = .dns(text.lowercased())
        }
    }

    /// The kinds of a certificate's names that are read, by their numbers there.
    enum Kind: Int32 {
        case email = 1
        case dns = 2
        case uri = 6
        case ip = 7
    }

    /// A name as a certificate has it; nil for one with characters that such a name cannot have: a zero would end it for
    /// others.
    init?(_ kind: Kind, _ bytes: UnsafeRawBufferPointer) {
        if kind == .ip {
            guard let text = Self.address(bytes) else { return nil }
            self = .ip(text)
            return
        }
        guard Self.isName(bytes) else { return nil }
        let text = String(decoding: bytes, as: UTF8.self)
        self =
            switch kind {
            case .email: .email(text)
            case .uri: .uri(text)
            case .dns, .ip: .dns(text.lowercased())
            }
    }

    /// Up to 1,024 printable characters of ASCII.
    private static func isName(_ bytes: some Collection<UInt8>) -> Bool {
        (1...1024).contains(bytes.count) && bytes.allSatisfy { (0x21...0x7E).contains($0) }
    }

    /// Of 4 or 16 bytes in the network's order.
    private static func address(_ bytes: UnsafeRawBufferPointer) -> String? {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        guard inet_ntop(family, bytes.baseAddress, &text, socklen_t(text.count)) != nil else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// `DNS:app.example`, as OpenSSL writes them.
    package var description: String {
        switch self {
        case .dns(let name): "DNS:\(name)"
        case .uri(let name): "URI:\(name)"
        case .email(let name): "email:\(name)"
        case .ip(let address): "IP:\(address)"
        }
    }
}
