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
    /// `offset` is where `raw` lies in the whole text, for the error.
    static func decode(
        _ raw: Substring.UTF8View, offset: Int, plusIsSpace: Bool
    ) throws(URLTextError) -> String {
        // Most texts hold nothing to decode, and are text already.
        if !raw.contains(where: { $0 == UInt8(ascii: "%") || (plusIsSpace && $0 == UInt8(ascii: "+")) }) {
            return String(Substring(raw))
        }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(raw.count)
        var at = raw.startIndex
        var count = 0
        while at < raw.endIndex {
            let byte = raw[at]
            raw.formIndex(after: &at)
            if byte == UInt8(ascii: "%") {
                guard let high = digit(raw, &at), let low = digit(raw, &at) else {
                    throw .badEscape(offset: offset + count)
                }
                decoded.append(high << 4 | low)
                count += 3
            } else {
                decoded.append(plusIsSpace && byte == UInt8(ascii: "+") ? ASCII.space : byte)
                count += 1
            }
        }
        guard let text = String(validating: decoded, as: UTF8.self) else { throw .notUTF8(offset: offset) }
        return text
    }

    private static func digit(_ raw: Substring.UTF8View, _ at: inout Substring.UTF8View.Index) -> UInt8? {
        guard at < raw.endIndex, let value = Hex.value(raw[at]) else { return nil }
        raw.formIndex(after: &at)
        return value
    }
}
