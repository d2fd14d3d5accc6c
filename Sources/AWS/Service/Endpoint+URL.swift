import Bytes

extension Endpoint {
    /// Reads and checks a URL that somebody configured.
    package init(_ text: String) throws(EndpointError) {
        let (scheme, rest) = try Self.scheme(text)
        let cut = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        let (authority, tail) = (rest[..<cut], rest[cut...])
        guard !tail.contains("?"), !tail.contains("#"), !authority.contains("@") else { throw .unexpected(text) }
        let (host, port) = try Self.split(authority, in: text)
        try self.init(scheme: scheme, host: host, port: port, path: Self.path(tail))
    }

    /// A URL as people may see it: without what may be a secret, a user with a password, a query or a fragment.
    package static func masked(_ text: String) -> String {
        guard let scheme = text.firstRange(of: "://") else { return text }
        let cut = text[scheme.upperBound...].firstIndex { $0 == "?" || $0 == "#" }
        let tail = cut.map { "\(text[$0])\(Secret.mask)" } ?? ""
        let head = text[scheme.upperBound..<(cut ?? text.endIndex)]
        let user = head.lastIndex(of: "@")
        return text[..<scheme.upperBound] + (user.map { Secret.mask + head[$0...] } ?? String(head)) + tail
    }

    private static func scheme(_ text: String) throws(EndpointError) -> (Scheme, Substring) {
        for scheme in [Scheme.http, .https] {
            let prefix = scheme.rawValue + "://"
            if text.lowercased().hasPrefix(prefix) { return (scheme, text.dropFirst(prefix.count)) }
        }
        throw .scheme(text)
    }

    private static func split(_ authority: Substring, in text: String) throws(EndpointError) -> (String, UInt16?) {
        var name = authority
        var portText: Substring?
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { throw .host(text) }
            name = authority[authority.index(after: authority.startIndex)..<end]
            let behind = authority[authority.index(after: end)...]
            guard behind.isEmpty || behind.hasPrefix(":") else { throw .host(text) }
            portText = behind.isEmpty ? nil : behind.dropFirst()
            guard IPAddress.isVersion6(name) else { throw .host(text) }
        } else if let colon = authority.firstIndex(of: ":") {
            name = authority[..<colon]
            portText = authority[authority.index(after: colon)...]
        }
        guard name.contains(":") || isHostName(name) else { throw .host(text) }
        return (name.lowercased(), try portText.map { (text) throws(EndpointError) in try port(text) })
    }

    private static func port(_ text: Substring) throws(EndpointError) -> UInt16 {
        let isNumber = (1...5).contains(text.utf8.count) && text.utf8.allSatisfy(\.isDigit)
        guard isNumber, let port = UInt16(text), port > 0 else { throw .port(String(text)) }
        return port
    }

    /// Letters, digits, hyphens and underscores (container networks have them) in labels of 1 to 63, 253 in all.
    private static func isHostName(_ name: Substring) -> Bool {
        guard (1...253).contains(name.utf8.count) else { return false }
        let trimmed = name.hasSuffix(".") ? name.dropLast() : name
        return trimmed.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            (1...63).contains(label.utf8.count)
                && label.utf8.allSatisfy { byte in
                    byte.isLetter || byte.isDigit || "-_".utf8.contains(byte)
                }
        }
    }

    /// RFC 3986, 3.3: pchar and slashes; what needs percent encoding must have it.
    private static func path(_ text: Substring) throws(EndpointError) -> String {
        guard !text.isEmpty else { return "/" }
        let allowed = text.utf8.allSatisfy { byte in
            byte.isLetter || byte.isDigit || "-._~!$&'()*+,;=:@/%".utf8.contains(byte)
        }
        let escapes = text.split(separator: "%", omittingEmptySubsequences: false).dropFirst()
        let escaped = escapes.allSatisfy { $0.utf8.count >= 2 && $0.utf8.prefix(2).allSatisfy { Hex.value($0) != nil } }
        guard allowed, escaped else { throw .path(String(text)) }
        return String(text)
    }
}
