/// Why bytes are not the CBOR that was expected, and where.
package struct CBORError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Reason: Equatable, Sendable {
        /// The input stops inside an item, or a length points beyond its end.
        case unexpectedEnd
        /// An initial byte that RFC 8949 reserves: additional information 28 to 30, or a type that has no indefinite length.
        case reserved(UInt8)
        /// A break where no indefinite length is open, or between a key and its value.
        case unexpectedBreak
        /// Inside a string of indefinite length, what is no string of the same type and of a definite length.
        case badChunk
        /// A simple value below 32 in two bytes.
        case badSimple(UInt8)
        /// A text whose bytes are not UTF-8.
        case badUTF8
        /// More arrays, maps and tags open than `CBORLimits.depth`.
        case tooDeep(limit: Int)
        /// A string longer than `CBORLimits.stringBytes`.
        case stringTooLong(limit: Int)
        /// More items than `CBORLimits.items`.
        case tooManyItems(limit: Int)
        /// A key that the same map has already.
        case duplicateKey
        /// An item of another kind than the one asked for.
        case notA(CBORKind)
        /// Something behind the item.
        case trailingBytes
    }

    package var reason: Reason
    /// Bytes before the place, counted from the input's start.
    package var offset: Int

    package init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    package var description: String {
        let what =
            switch reason {
            case .unexpectedEnd: "the CBOR stops inside an item"
            case .reserved(let byte): "the initial byte 0x\(String(byte, radix: 16)) has no meaning"
            case .unexpectedBreak: "a break where none may stand"
            case .badChunk: "a string's chunk is no string of its type with a definite length"
            case .badSimple(let value): "the simple value \(value) in two bytes"
            case .badUTF8: "a text is not UTF-8"
            case .tooDeep(let limit): "nested deeper than \(limit) levels"
            case .stringTooLong(let limit): "a string longer than \(limit) bytes"
            case .tooManyItems(let limit): "more than \(limit) items"
            case .duplicateKey: "a key occurs twice"
            case .notA(let kind): "an item that is no \(kind.rawValue)"
            case .trailingBytes: "something behind the item"
            }
        return what + " at byte \(offset)"
    }
}

/// What a CBOR item is, tags aside.
package enum CBORKind: String, Equatable, Sendable {
    case null
    case bool
    case integer
    case float
    /// One that RFC 8949 gives no meaning to.
    case simple = "simple value"
    case bytes = "byte string"
    case text
    case array
    case map
}

/// What reading CBOR may cost. The input's own size is its owner's bound.
package struct CBORLimits: Equatable, Sendable {
    /// Arrays, maps and tags that may be open at once. 64, as of a JSON text: no request nests deeper than a handful.
    package var depth: Int
    /// Bytes of one string, all of its chunks together. 16 MiB: a request has 10 MiB of data.
    package var stringBytes: Int
    /// Items together, keys and values each. A million: a PutRecords of 500 records has about 3,000.
    package var items: Int

    package init(depth: Int = 64, stringBytes: Int = 16 << 20, items: Int = 1 << 20) {
        self.depth = depth
        self.stringBytes = stringBytes
        self.items = items
    }
}
