import Bytes

import func Glibc.memchr

/// JSON text as bytes: checking, escaping and reading strings, without a tree.
///
/// Performs no I/O.
@usableFromInline
package enum JSONText {
    /// Whether these bytes are exactly one JSON value (RFC 8259) in UTF-8, white space around it allowed.
    package static func isValid(_ bytes: UnsafeRawBufferPointer, limits: JSONLimits = .payload) -> Bool {
        guard let start = bytes.baseAddress else { return false }
        var lineBreaks = JSONLineBreaks()
        return isValid(
            start.assumingMemoryBound(to: UInt8.self), 0, bytes.count, depth: limits.depth, lineBreaks: &lineBreaks)
    }

    /// The same for the bytes from `start` up to `end` of a buffer, in place.
    ///
    /// - Parameter lineBreaks: gets what of the text would end a line.
    package static func isValid(
        _ base: UnsafePointer<UInt8>, _ start: Int, _ end: Int, depth: Int, lineBreaks: inout JSONLineBreaks
    ) -> Bool {
        var at = start
        if skipValue(base, &at, end, depth: depth, lineBreaks: &lineBreaks) != .none { return false }
        skipSpace(base, &at, end, &lineBreaks)
        return at == end
    }

    /// Writes a string with its quotes. Escaped are the quote, the backslash, control characters, and what ends a line
    /// for readers of Unicode text (`UTF8Text.isLineBreak`); everything else stays as it is.
    @usableFromInline
    package static func appendString(_ text: String, to buffer: ByteBuffer) {
        var text = text
        text.withUTF8 { appendString(UnsafeRawBufferPointer($0), to: buffer) }
    }

    /// The same from UTF-8 bytes, which are not checked.
    @usableFromInline
    package static func appendString(_ utf8: UnsafeRawBufferPointer, to buffer: ByteBuffer) {
        buffer.reserve(utf8.count &+ 2)
        buffer.append(UInt8(ascii: "\""))
        appendEscaped(utf8, to: buffer)
        buffer.append(UInt8(ascii: "\""))
    }

    /// Writes what stands between a string's quotes.
    package static func appendEscaped(_ utf8: UnsafeRawBufferPointer, to buffer: ByteBuffer) {
        guard let start = utf8.baseAddress else { return }
        appendEscaped(start.assumingMemoryBound(to: UInt8.self), utf8.count, to: buffer)
    }

    private static func appendEscaped(_ base: UnsafePointer<UInt8>, _ end: Int, to buffer: ByteBuffer) {
        var at = 0
        var copied = 0
        while true {
            at = nextToEscape(base, at, end)
            buffer.append(UnsafeRawBufferPointer(start: base + copied, count: at &- copied))
            if at >= end { return }
            if base[at] >= 0x80 {
                at &+= appendLineBreakEscape(base + at, to: buffer)
            } else {
                appendEscape(base[at], to: buffer)
                at &+= 1
            }
            copied = at
        }
    }

    /// Writes JSON text with U+0085, U+2028 and U+2029 as escapes. In valid JSON they stand inside strings only.
    package static func appendEscapingLineBreaks(_ json: UnsafeRawBufferPointer, to buffer: ByteBuffer) {
        guard let start = json.baseAddress else { return }
        let base = start.assumingMemoryBound(to: UInt8.self)
        buffer.reserve(json.count)
        var at = 0
        var copied = 0
        while at < json.count {
            guard UTF8Text.isLineBreak(base, at, json.count) else {
                at &+= 1
                continue
            }
            buffer.append(UnsafeRawBufferPointer(start: base + copied, count: at &- copied))
            at &+= appendLineBreakEscape(base + at, to: buffer)
            copied = at
        }
        buffer.append(UnsafeRawBufferPointer(start: base + copied, count: at &- copied))
    }

    /// Writes the escape of the U+0085, U+2028 or U+2029 that stands at the place. Returns the bytes that it took.
    private static func appendLineBreakEscape(_ place: UnsafePointer<UInt8>, to buffer: ByteBuffer) -> Int {
        if place[0] == 0xc2 {
            buffer.append("\\u0085")
            return 2
        }
        buffer.append(place[2] == 0xa8 ? "\\u2028" : "\\u2029")
        return 3
    }

    /// The place of the next byte at or behind `start` that must be escaped; `end` when there is none.
    private static func nextToEscape(_ base: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Int {
        var at = start
        while at &+ 8 <= end {
            let word = UInt64(littleEndian: UnsafeRawPointer(base + at).loadUnaligned(as: UInt64.self))
            let quote = word ^ 0x2222_2222_2222_2222
            let backslash = word ^ 0x5c5c_5c5c_5c5c_5c5c
            // What ends a line begins with C2 or E2, which differ in this one bit.
            let lineBreak = (word | 0x2020_2020_2020_2020) ^ 0xe2e2_e2e2_e2e2_e2e2
            let marks =
                (((quote &- 0x0101_0101_0101_0101) & ~quote) | ((backslash &- 0x0101_0101_0101_0101) & ~backslash)
                    | ((lineBreak &- 0x0101_0101_0101_0101) & ~lineBreak)
                    | ((word &- 0x2020_2020_2020_2020) & ~word)) & 0x8080_8080_8080_8080
            if marks == 0 {
                at &+= 8
                continue
            }
            at &+= marks.trailingZeroBitCount &>> 3
            if base[at] < 0x80 || UTF8Text.isLineBreak(base, at, end) { return at }
            at &+= 1
        }
        while at < end {
            let byte = base[at]
            if byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
                || UTF8Text.isLineBreak(base, at, end)
            {
                return at
            }
            at &+= 1
        }
        return end
    }

    private static func appendEscape(_ byte: UInt8, to buffer: ByteBuffer) {
        switch byte {
        case UInt8(ascii: "\""): buffer.append("\\\"")
        case UInt8(ascii: "\\"): buffer.append("\\\\")
        case 0x08: buffer.append("\\b")
        case 0x09: buffer.append("\\t")
        case 0x0a: buffer.append("\\n")
        case 0x0c: buffer.append("\\f")
        case 0x0d: buffer.append("\\r")
        default:
            buffer.append("\\u00")
            buffer.append(Hex.digit(byte &>> 4))
            buffer.append(Hex.digit(byte & 15))
        }
    }

    /// Reads a string whose raw text (between the quotes, known to be valid JSON) is given, escapes resolved.
    /// Returns the place of an escaped surrogate without its partner, which no UTF-8 can hold; nil when all is well.
    package static func appendUnescaped(_ raw: UnsafeRawBufferPointer, to buffer: ByteBuffer) -> Int? {
        var at = 0
        buffer.reserve(raw.count)
        while at < raw.count {
            // A run without escapes at a time: most texts are one.
            let run = plainRun(raw, at)
            buffer.append(UnsafeRawBufferPointer(rebasing: raw[at..<at + run]))
            at += run
            guard at < raw.count else { break }
            guard at + 1 < raw.count else { return at }
            let letter = raw[at + 1]
            if letter != UInt8(ascii: "u") {
                buffer.append(unescaped(letter))
                at += 2
                continue
            }
            guard let (scalar, length) = scalar(raw, at) else { return at }
            for unit in UTF8.encode(scalar).unsafelyUnwrapped { buffer.append(unit) }
            at += length
        }
        return nil
    }

    /// Bytes from `at` on before the next backslash.
    private static func plainRun(_ raw: UnsafeRawBufferPointer, _ at: Int) -> Int {
        guard let start = raw.baseAddress else { return 0 }
        guard let found = memchr(start + at, 0x5c, raw.count - at) else { return raw.count - at }
        return UnsafeRawPointer(found) - (start + at)
    }

    private static func unescaped(_ letter: UInt8) -> UInt8 {
        switch letter {
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0c
        case UInt8(ascii: "n"): 0x0a
        case UInt8(ascii: "r"): 0x0d
        case UInt8(ascii: "t"): 0x09
        default: letter
        }
    }

    /// The character of `\uXXXX`, or of the surrogate pair `\uXXXX\uXXXX`, and the bytes that it took.
    private static func scalar(_ raw: UnsafeRawBufferPointer, _ at: Int) -> (Unicode.Scalar, Int)? {
        guard let first = codeUnit(raw, at) else { return nil }
        if let scalar = Unicode.Scalar(first) { return (scalar, 6) }
        guard first < 0xdc00, let second = codeUnit(raw, at + 6), (0xdc00...0xdfff).contains(second) else { return nil }
        let value = 0x10000 + (UInt32(first & 0x3ff) << 10 | UInt32(second & 0x3ff))
        return Unicode.Scalar(value).map { ($0, 12) }
    }

    private static func codeUnit(_ raw: UnsafeRawBufferPointer, _ at: Int) -> UInt16? {
        guard at + 6 <= raw.count, raw[at] == UInt8(ascii: "\\"), raw[at + 1] == UInt8(ascii: "u") else { return nil }
        var value: UInt16 = 0
        for index in 2..<6 {
            guard let digit = Hex.value(raw[at + index]) else { return nil }
            value = value << 4 | UInt16(digit)
        }
        return value
    }
}
