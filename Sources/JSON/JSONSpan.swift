import Bytes

/// What a JSON value is, told by its first byte.
package enum JSONKind: Equatable, Sendable {
    case null, bool, number, string, array, object
}

/// A checked JSON value as a piece of the text it stands in, nothing copied. Valid while that text's buffer is
/// neither changed nor freed.
package struct JSONSpan {
    package let kind: JSONKind
    /// The value as it is written, a string with its quotes.
    package let raw: UnsafeRawBufferPointer
    /// Bytes of the text before it, for messages.
    package let offset: Int

    /// A value that `JSONText.skipValue` has passed without a fault; `raw` is not empty.
    package init(checked raw: UnsafeRawBufferPointer, offset: Int) {
        self.raw = raw
        self.offset = offset
        kind =
            switch raw.first {
            case UInt8(ascii: "n"): .null
            case UInt8(ascii: "t"), UInt8(ascii: "f"): .bool
            case UInt8(ascii: "\""): .string
            case UInt8(ascii: "["): .array
            case UInt8(ascii: "{"): .object
            default: .number
            }
    }

    /// A string's bytes between its quotes, escapes as they were written; nil for other kinds.
    package var rawString: UnsafeRawBufferPointer? {
        kind == .string ? UnsafeRawBufferPointer(rebasing: raw[1..<(raw.count - 1)]) : nil
    }

    /// Whether a string holds a backslash, so that its value differs from its raw bytes.
    package var hasEscapes: Bool {
        guard let bytes = rawString, let start = bytes.baseAddress else { return false }
        var at = 0
        while at &+ 8 <= bytes.count {
            // The usual test for a zero byte, on the text with backslashes turned to zero.
            let word = (start + at).loadUnaligned(as: UInt64.self) ^ 0x5c5c_5c5c_5c5c_5c5c
            if (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080 != 0 { return true }
            at &+= 8
        }
        return bytes[at...].contains(UInt8(ascii: "\\"))
    }

    /// Whether this is a string of exactly this text. A key that is written with escapes compares by its value.
    package func isString(_ text: StaticString) -> Bool {
        guard let bytes = rawString else { return false }
        // An escape is longer than what it stands for.
        guard bytes.count > text.utf8CodeUnitCount else { return Self.isEqual(bytes, text) }
        return hasEscapes && (try? string()) == text.description
    }

    private static func isEqual(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        for index in 0..<bytes.count where bytes[index] != text.utf8Start[index] { return false }
        return true
    }

    /// A string's value; nil for other kinds. Throws for an escaped lone surrogate, which no text can hold.
    package func string() throws(JSONError) -> String? {
        guard let bytes = rawString else { return nil }
        guard hasEscapes else { return String(decoding: bytes, as: UTF8.self) }
        let buffer = ByteBuffer(capacity: bytes.count)
        if let place = JSONText.appendUnescaped(bytes, to: buffer) {
            throw JSONError(.loneSurrogate, at: offset + 1 + place)
        }
        return buffer.text
    }

    /// Appends a string's value in UTF-8; false (and nothing appended) for other kinds. Throws as `string()`, what
    /// was appended is taken back.
    package func appendString(to buffer: ByteBuffer) throws(JSONError) -> Bool {
        guard let bytes = rawString else { return false }
        let start = buffer.count
        if let place = JSONText.appendUnescaped(bytes, to: buffer) {
            buffer.truncate(to: start)
            throw JSONError(.loneSurrogate, at: offset + 1 + place)
        }
        return true
    }

    /// The value as a tree.
    package func value(limits: JSONLimits = JSONLimits()) throws(JSONError) -> JSONValue {
        do {
            return try JSONParser.parse(raw, limits: limits)
        } catch {
            throw JSONError(error.reason, at: error.offset + offset)
        }
    }
}
