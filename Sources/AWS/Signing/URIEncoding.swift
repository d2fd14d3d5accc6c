import Bytes

/// Percent encoding as SigV4 wants it: everything but the unreserved characters of RFC 3986, upper-case digits.
package enum URIEncoding {
    /// Appends `bytes` encoded. `keepsSlash` is for paths.
    package static func append(_ bytes: some Sequence<UInt8>, to buffer: ByteBuffer, keepsSlash: Bool = false) {
        for byte in bytes {
            if isUnreserved(byte) || (keepsSlash && byte == UInt8(ascii: "/")) {
                buffer.append(byte)
            } else {
                buffer.append(UInt8(ascii: "%"))
                buffer.append(digit(byte >> 4))
                buffer.append(digit(byte & 15))
            }
        }
    }

    /// The bytes behind percent escapes. An escape that is none stays as it is.
    static func decode(_ text: Substring.UTF8View) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var at = text.startIndex
        while at < text.endIndex {
            let byte = text[at]
            let rest = text[text.index(after: at)...].prefix(2)
            if byte == UInt8(ascii: "%"), rest.count == 2, let high = Hex.value(rest.first!),
                let low = Hex.value(rest.last!)
            {
                bytes.append(high << 4 | low)
                at = rest.endIndex
            } else {
                bytes.append(byte)
                at = text.index(after: at)
            }
        }
        return bytes
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        byte.isLetter || byte.isDigit || "-._~".utf8.contains(byte)
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? 48 &+ value : 55 &+ value
    }
}
