/// Base64 with the standard alphabet and padding (RFC 4648, section 4). Strict both ways. Performs no I/O.
package enum Base64 {
    /// Characters that `count` bytes become, padding included.
    package static func encodedCount(_ count: Int) -> Int { (count + 2) / 3 * 4 }

    /// Appends the text of these bytes.
    package static func encode(_ bytes: UnsafeRawBufferPointer, to buffer: ByteBuffer) {
        guard let start = bytes.baseAddress, bytes.count > 0 else { return }
        buffer.reserve(encodedCount(bytes.count))
        let written = encode(
            start.assumingMemoryBound(to: UInt8.self), bytes.count, to: buffer.base + buffer.count)
        buffer.setCount(buffer.count + written)
    }

    /// Appends the bytes of this text. Returns the place of the first character that is wrong (the text's length
    /// when it stops too early), with nothing appended; nil when all is well. Refused are other alphabets, line
    /// breaks, missing padding, and bits behind the last byte that are not 0.
    package static func decode(_ text: UnsafeRawBufferPointer, to buffer: ByteBuffer) -> Int? {
        guard let start = text.baseAddress, text.count > 0 else { return nil }
        let source = start.assumingMemoryBound(to: UInt8.self)
        buffer.reserve(text.count / 4 * 3 + decodeSlack)
        let written = decode(source, text.count, to: buffer.base + buffer.count)
        if written < 0 { return firstFault(source, text.count) }
        buffer.setCount(buffer.count + written)
        return nil
    }

    package static func encode(_ bytes: some Collection<UInt8>) -> String {
        let plain = ByteBuffer(bytes)
        let text = ByteBuffer()
        withExtendedLifetime(plain) { encode(plain.bytes, to: text) }
        return text.text
    }

    /// nil when the text is not base64.
    package static func decode(_ text: String) -> [UInt8]? {
        var text = text
        let bytes = ByteBuffer()
        let fault = text.withUTF8 { decode(UnsafeRawBufferPointer($0), to: bytes) }
        return fault == nil ? bytes.array : nil
    }

    // MARK: Over pointers

    /// Room that `decode` over pointers needs behind the last byte that it yields, because it stores eight at a time.
    package static var decodeSlack: Int { 8 }

    /// Writes the text of `count` bytes; `target` has room for `encodedCount(count)`. Returns that number.
    package static func encode(
        _ source: UnsafePointer<UInt8>, _ count: Int, to target: UnsafeMutablePointer<UInt8>
    ) -> Int {
        let pairs = Base64Tables.shared.pairs
        var at = 0
        var out = UnsafeMutableRawPointer(target)
        while at &+ 3 <= count {
            let bits = Int(source[at]) &<< 16 | Int(source[at &+ 1]) &<< 8 | Int(source[at &+ 2])
            out.storeBytes(of: pairs[bits &>> 12], as: UInt16.self)
            (out + 2).storeBytes(of: pairs[bits & 0xfff], as: UInt16.self)
            at &+= 3
            out += 4
        }
        if at < count {
            let isPair = at &+ 1 < count
            let bits = Int(source[at]) &<< 16 | (isPair ? Int(source[at &+ 1]) &<< 8 : 0)
            out.storeBytes(of: pairs[bits &>> 12], as: UInt16.self)
            (out + 2).storeBytes(of: pairs[bits & 0xfff], as: UInt16.self)
            (out + 3).storeBytes(of: UInt8(ascii: "="), as: UInt8.self)
            if !isPair { (out + 2).storeBytes(of: UInt8(ascii: "="), as: UInt8.self) }
            out += 4
        }
        return UnsafeRawPointer(out) - UnsafeRawPointer(target)
    }

    /// Writes the bytes of `count` characters; `target` has room for `count / 4 * 3 + decodeSlack`. Returns how many
    /// bytes there are, or -1 when the text is not base64 (what was written is then meaningless).
    package static func decode(
        _ source: UnsafePointer<UInt8>, _ count: Int, to target: UnsafeMutablePointer<UInt8>
    ) -> Int {
        if count & 3 != 0 { return -1 }
        if count == 0 { return 0 }
        let values = Base64Tables.shared.values
        let whole = source[count &- 1] == UInt8(ascii: "=") ? count &- 4 : count
        var at = 0
        var out = UnsafeMutableRawPointer(target)
        var faults: UInt32 = 0
        // Faults gather and are looked at once: a branch for each group costs more than the rest of a bad text.
        while at &+ 8 <= whole {
            let first = group(source + at, values)
            let second = group(source + (at &+ 4), values)
            faults |= first | second
            out.storeBytes(of: (UInt64(first) | UInt64(second) &<< 24).littleEndian, as: UInt64.self)
            at &+= 8
            out += 6
        }
        if at < whole {
            let bits = group(source + at, values)
            faults |= bits
            out.storeBytes(of: bits.littleEndian, as: UInt32.self)
            at &+= 4
            out += 3
        }
        if faults & Base64Tables.fault != 0 { return -1 }
        let written = UnsafeRawPointer(out) - UnsafeRawPointer(target)
        if whole == count { return written }
        let last = padded(source + whole, out)
        return last < 0 ? -1 : written &+ last
    }

    /// Three bytes in the low 24 bits, the first lowest.
    @inline(__always)
    private static func group(_ source: UnsafePointer<UInt8>, _ values: UnsafePointer<UInt32>) -> UInt32 {
        values[Int(source[0])] | values[256 &+ Int(source[1])] | values[512 &+ Int(source[2])]
            | values[768 &+ Int(source[3])]
    }

    /// The last four characters, of which the fourth is `=`: one byte or two.
    private static func padded(_ source: UnsafePointer<UInt8>, _ out: UnsafeMutableRawPointer) -> Int {
        let values = Base64Tables.shared.values
        let isOne = source[2] == UInt8(ascii: "=")
        let bits =
            values[Int(source[0])] | values[256 &+ Int(source[1])] | (isOne ? 0 : values[512 &+ Int(source[2])])
        // Bits behind the last byte must be 0, else two texts would mean the same bytes.
        if bits & (Base64Tables.fault | (isOne ? 0xff00 : 0xff0000)) != 0 { return -1 }
        out.storeBytes(of: UInt8(truncatingIfNeeded: bits), as: UInt8.self)
        if isOne { return 1 }
        (out + 1).storeBytes(of: UInt8(truncatingIfNeeded: bits &>> 8), as: UInt8.self)
        return 2
    }

    /// Where a text that is not base64 goes wrong.
    private static func firstFault(_ source: UnsafePointer<UInt8>, _ count: Int) -> Int {
        let values = Base64Tables.shared.values
        let padding =
            count & 3 != 0 || source[count - 1] != UInt8(ascii: "=")
            ? 0 : source[count - 2] == UInt8(ascii: "=") ? 2 : 1
        for at in 0..<(count - padding) where values[Int(source[at])] & Base64Tables.fault != 0 { return at }
        // All characters are of the alphabet: it stops too early, or has bits behind the last byte.
        return padding == 0 ? count : count - padding - 1
    }
}

/// The tables by which both directions go. Made at first use, 12 KiB, kept for ever.
private struct Base64Tables: @unchecked Sendable {
    static let shared = Base64Tables()
    /// Set in what a character outside the alphabet yields.
    static let fault: UInt32 = 0xff00_0000

    /// The two characters of 12 bits, in the order of memory.
    let pairs: UnsafePointer<UInt16>
    /// Four tables of 256: what a character in the first to fourth place adds to a group of three bytes.
    let values: UnsafePointer<UInt32>

    private init() {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
        let pairs = UnsafeMutablePointer<UInt16>.allocate(capacity: 4096)
        for bits in 0..<4096 {
            let text = UInt16(alphabet[bits >> 6]) | UInt16(alphabet[bits & 63]) << 8
            (pairs + bits).initialize(to: text.littleEndian)
        }
        let values = UnsafeMutablePointer<UInt32>.allocate(capacity: 1024)
        values.initialize(repeating: Self.fault, count: 1024)
        for (index, character) in alphabet.enumerated() {
            let bits = UInt32(index)
            values[Int(character)] = bits << 2
            values[256 + Int(character)] = bits >> 4 | (bits & 15) << 12
            values[512 + Int(character)] = (bits >> 2) << 8 | (bits & 3) << 22
            values[768 + Int(character)] = bits << 16
        }
        self.pairs = UnsafePointer(pairs)
        self.values = UnsafePointer(values)
    }
}
