/// Why a text is not the JSON that was expected, and where.
package struct JSONError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Reason: Equatable, Sendable {
        /// The text stops inside a value.
        case unexpectedEnd
        /// A byte that no value, separator or bracket has at this place.
        case unexpectedByte(UInt8)
        /// A number that RFC 8259 does not allow: a leading zero, a lone sign, no digit after the point.
        case badNumber
        /// A control character inside a string, or an escape that does not exist.
        case badString
        /// Bytes that are not UTF-8.
        case badUTF8
        /// An escaped surrogate without its partner. Only where a string's value is asked for: RFC 8259 allows it.
        case loneSurrogate
        /// More brackets open than `JSONLimits.depth`.
        case tooDeep(limit: Int)
        /// A key that the same object has already.
        case duplicateKey(String)
        /// Something behind the value that is not white space.
        case trailingBytes
    }

    package var reason: Reason
    /// Bytes before the place, counted from the text's start.
    package var offset: Int

    package init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    package var description: String {
        let what =
            switch reason {
            case .unexpectedEnd: "the JSON text stops inside a value"
            case .unexpectedByte(let byte): "unexpected " + Self.name(byte)
            case .badNumber: "not a JSON number"
            case .badString: "a control character or an unknown escape in a string"
            case .badUTF8: "not UTF-8"
            case .loneSurrogate: "an escaped surrogate without its partner"
            case .tooDeep(let limit): "nested deeper than \(limit) levels"
            case .duplicateKey(let key): "the key \"\(key)\" occurs twice"
            case .trailingBytes: "something behind the value"
            }
        return what + " at byte \(offset)"
    }

    private static func name(_ byte: UInt8) -> String {
        (0x21...0x7e).contains(byte)
            ? "'" + String(UnicodeScalar(byte)) + "'" : "byte 0x" + String(byte, radix: 16)
    }
}

/// What a JSON text may cost.
package struct JSONLimits: Equatable, Sendable {
    /// Brackets that may be open at once. 64: no configuration or answer nests deeper than a handful.
    package var depth: Int

    package init(depth: Int = 64) {
        self.depth = depth
    }

    /// For payloads, which are embedded without a tree: 512 levels cost nothing, and readers in other languages
    /// cope with them (Python's limit is about 1,000).
    package static let payload = JSONLimits(depth: 512)
}
