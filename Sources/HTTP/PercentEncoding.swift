import Bytes

/// What is wrong with the text of a URL.
package enum URLTextError: Error, Equatable, Sendable {
    /// A percent sign that two hexadecimal digits do not follow; the offset in the raw text.
    case badEscape(offset: Int)
    /// The decoded bytes of the part that begins at this offset are not UTF-8.
    case notUTF8(offset: Int)
}

/// Percent-decoding (RFC 3986, 2.1). Performs no I/O.
enum PercentEncoding {
    private static let percent = UInt8(ascii: "%")
    private static let plus = UInt8(ascii: "+")

    /// `raw` is a slice of the whole text, whose indices are the offsets of the errors.
    static func decode(_ raw: ArraySlice<UInt8>, plusIsSpace: Bool) throws(URLTextError) -> String {
        // Most texts hold nothing to decode, and are text already.
        if !raw.contains(where: { $0 == percent || (plusIsSpace && $0 == plus) }) {
            return String(decoding: raw, as: UTF8.self)
        }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(raw.count)
        var at = raw.startIndex
        while at < raw.endIndex {
            let byte = raw[at]
            if byte == percent {
                guard at + 2 < raw.endIndex, let high = Hex.value(raw[at + 1]), let low = Hex.value(raw[at + 2]) else {
                    throw .badEscape(offset: at)
                }
                decoded.append(high << 4 | low)
                at += 3
            } else {
                decoded.append(plusIsSpace && byte == plus ? ASCII.space : byte)
                at += 1
            }
        }
        guard let text = String(validating: decoded, as: UTF8.self) else { throw .notUTF8(offset: raw.startIndex) }
        return text
    }
}
