import Bytes

/// `uri-host [ ":" port ]` (RFC 9110, 7.2; RFC 3986, 3.2.2). Performs no I/O.
enum Authority {
    /// Whether the bytes could be a host and a port at all. An empty host is grammatical, and no host of ours.
    static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let (host, port) = split(bytes)
        guard port?.allSatisfy(\.isDigit) ?? true, (port?.count ?? 0) <= 5 else { return false }
        if host.first == UInt8(ascii: "[") {
            guard host.count > 3, host.last == UInt8(ascii: "]") else { return false }
            return host.dropFirst().dropLast().allSatisfy {
                $0.isLetter || $0.isDigit || $0 == ASCII.colon || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "%")
            }
        }
        return host.allSatisfy { byte in
            byte.isLetter || byte.isDigit || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
                || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "%") || byte == UInt8(ascii: "~")
                || byte == UInt8(ascii: "!") || byte == UInt8(ascii: "$") || byte == UInt8(ascii: "&")
                || (byte >= 0x27 && byte <= 0x2C)  // ' ( ) * + ,
                || byte == UInt8(ascii: ";") || byte == UInt8(ascii: "=")
        }
    }

    /// Host and port of a text that is valid: an IPv6 literal keeps its brackets.
    static func split(_ bytes: UnsafeRawBufferPointer) -> (host: UnsafeRawBufferPointer, port: UnsafeRawBufferPointer?)
    {
        var at = bytes.count
        while at > 0, bytes[at - 1].isDigit { at -= 1 }
        guard at > 0, bytes[at - 1] == ASCII.colon else { return (bytes, nil) }
        return (
            UnsafeRawBufferPointer(rebasing: bytes[..<(at - 1)]), UnsafeRawBufferPointer(rebasing: bytes[at...])
        )
    }

    /// The host of a text in lower case, without the port and the root's dot.
    static func host(_ text: String) -> String {
        var text = text
        let host = text.withUTF8 { String(decoding: split(UnsafeRawBufferPointer($0)).host, as: UTF8.self) }
        return withoutRootDot(ASCII.lowercased(host))
    }

    /// `localhost.` is the name `localhost`, written with the root that every name ends at (RFC 3986, 3.2.2).
    static func withoutRootDot(_ host: String) -> String {
        host.hasSuffix(".") ? String(host.dropLast()) : host
    }

    /// Whether the host is an address and not a name: no page of another site can have it by rebinding its name.
    static func isAddress(_ host: String) -> Bool {
        var host = host
        return host.withUTF8 { bytes in
            if bytes.first == UInt8(ascii: "[") {
                return bytes.last == UInt8(ascii: "]") && bytes.contains(ASCII.colon)
            }
            var (parts, digits, value) = (1, 0, 0)
            for byte in bytes {
                if byte.isDigit {
                    digits += 1
                    value = value * 10 + Int(byte - UInt8(ascii: "0"))
                    guard digits <= 3, value <= 255 else { return false }
                } else {
                    guard byte == UInt8(ascii: "."), digits > 0, parts < 4 else { return false }
                    (parts, digits, value) = (parts + 1, 0, 0)
                }
            }
            return parts == 4 && digits > 0
        }
    }
}
