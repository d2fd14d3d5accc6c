import Bytes

/// Recognises addresses that must never go through a proxy. Performs no I/O.
package enum IPAddress {
    /// Whether a host (lower case, IPv6 without brackets) is this machine or on its link: loopback, `localhost`, and
    /// link-local, where metadata services live.
    /// So are the addresses that EC2 has for an instance's own services.
    /// Source: RFC 6761, 6.3 (localhost); RFC 1122, 3.2.1.3 and RFC 4291, 2.5.3 (loopback); RFC 3927 and RFC 4291,
    /// 2.5.6 (link-local).
    package static func isLoopbackOrLinkLocal(_ host: String) -> Bool {
        let name = host.hasSuffix(".") ? String(host.dropLast()) : host
        if name == "localhost" || name.hasSuffix(".localhost") { return true }
        if let bytes = version4(Substring(name)) { return isNear(bytes[...]) }
        guard let bytes = version6(Substring(name)) else { return false }
        if isLoopback(bytes) || bytes.starts(with: ofInstances) { return true }
        if bytes[0] == 0xfe && bytes[1] & 0xc0 == 0x80 { return true }
        let isMapped = bytes[0..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xff && bytes[11] == 0xff
        return isMapped && isNear(bytes[12...])
    }

    /// Whether a host (as above) is this machine.
    static func isLoopback(_ host: String) -> Bool {
        let name = host.hasSuffix(".") ? String(host.dropLast()) : host
        if name == "localhost" || name.hasSuffix(".localhost") { return true }
        if let bytes = version4(Substring(name)) { return bytes[0] == 127 }
        return version6(Substring(name)).map(isLoopback) ?? false
    }

    private static func isLoopback(_ bytes: [UInt8]) -> Bool {
        bytes.dropLast().allSatisfy { $0 == 0 } && bytes[15] == 1
    }

    /// fd00:ec2::/32. Source: EC2's user guide, "Instance metadata and user data".
    private static let ofInstances: [UInt8] = [0xfd, 0x00, 0x0e, 0xc2]

    static func isVersion6(_ text: Substring) -> Bool {
        version6(text) != nil
    }

    private static func isNear(_ bytes: ArraySlice<UInt8>) -> Bool {
        let (first, second) = (bytes[bytes.startIndex], bytes[bytes.startIndex + 1])
        return first == 127 || (first == 169 && second == 254)
    }

    /// Four decimal numbers; the shorter and octal forms of inet_aton are not addresses here.
    private static func version4(_ text: Substring) -> [UInt8]? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            guard (1...3).contains(part.utf8.count), part.utf8.allSatisfy(\.isDigit),
                let byte = UInt8(part)
            else { return nil }
            bytes.append(byte)
        }
        return bytes
    }

    /// RFC 4291, 2.2: groups of hexadecimal digits, one `::` for zeros, an IPv4 address as the last 32 bits.
    private static func version6(_ text: Substring) -> [UInt8]? {
        let address = text.prefix { $0 != "%" }
        let halves = split(address)
        guard (1...2).contains(halves.count), let head = groups(halves[0]) else { return nil }
        guard halves.count == 2 else { return head.count == 16 ? head : nil }
        guard let tail = groups(halves[1]), head.count + tail.count <= 14 else { return nil }
        return head + [UInt8](repeating: 0, count: 16 - head.count - tail.count) + tail
    }

    /// The parts around `::`.
    private static func split(_ text: Substring) -> [Substring] {
        var parts: [Substring] = []
        var start = text.startIndex
        var at = text.startIndex
        while at < text.endIndex {
            let next = text.index(after: at)
            if text[at] == ":", next < text.endIndex, text[next] == ":" {
                parts.append(text[start..<at])
                start = text.index(after: next)
                at = start
            } else {
                at = next
            }
        }
        return parts + [text[start...]]
    }

    private static func groups(_ text: Substring) -> [UInt8]? {
        guard !text.isEmpty else { return [] }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        var bytes: [UInt8] = []
        for (index, part) in parts.enumerated() {
            if index == parts.count - 1, let last = version4(part) {
                bytes += last
                continue
            }
            guard (1...4).contains(part.utf8.count), part.utf8.allSatisfy({ $0 != 43 && $0 != 45 }),
                let group = UInt16(part, radix: 16)
            else { return nil }
            bytes += [UInt8(group >> 8), UInt8(group & 255)]
        }
        return bytes
    }
}
