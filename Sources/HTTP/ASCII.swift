import Bytes

/// Byte classes and comparisons that the parsers share. Performs no I/O and allocates nothing.
enum ASCII {
    static let tab = UInt8(ascii: "\t")
    static let lineFeed = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")
    static let space = UInt8(ascii: " ")
    static let colon = UInt8(ascii: ":")

    /// tchar (RFC 9110, 5.6.2): one bit a byte, because a table in a global array costs a bounds and a
    /// once-check at each look.
    @inline(__always)
    static func isToken(_ byte: UInt8) -> Bool {
        let low: UInt64 = 0x03FF_6CFA_0000_0000  // ! # $ % & ' * + - . 0…9
        let high: UInt64 = 0x57FF_FFFF_C7FF_FFFE  // A…Z ^ _ ` a…z | ~
        if byte < 64 { return low &>> UInt64(byte) & 1 == 1 }
        return byte < 128 && high &>> UInt64(byte &- 64) & 1 == 1
    }

    /// What may stand in a field value or a chunk extension: VCHAR, obs-text, space and tab (RFC 9110, 5.5).
    @inline(__always)
    static func isText(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != 0x7F || byte == tab
    }

    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool {
        byte == space || byte == tab
    }

    @inline(__always)
    static func lower(_ byte: UInt8) -> UInt8 {
        byte.isUppercase ? byte | 0x20 : byte
    }

    /// The first byte at or after `start` that is not text (`isText`), or the end. A line's CR is found so, and
    /// every byte before it has been checked in the same pass, eight at a time.
    static func endOfText(_ input: UnsafeRawBufferPointer, from start: Int) -> Int {
        guard let base = input.baseAddress else { return 0 }
        let end = input.count
        var at = start
        while at < end {
            while at &+ 8 <= end {
                let word = base.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                let control = (word &- 0x2020_2020_2020_2020) & ~word
                let flipped = word ^ 0x7F7F_7F7F_7F7F_7F7F
                let delete = (flipped &- 0x0101_0101_0101_0101) & ~flipped
                // A borrow can raise the mark of a byte that is text; the loop below looks at each of the eight.
                if (control | delete) & 0x8080_8080_8080_8080 != 0 { break }
                at &+= 8
            }
            let stop = min(at &+ 8, end)
            while at < stop {
                if !isText(base.load(fromByteOffset: at, as: UInt8.self)) { return at }
                at &+= 1
            }
        }
        return at
    }

    static func equals(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        for at in 0..<bytes.count where bytes[at] != text.utf8Start[at] { return false }
        return true
    }

    /// `lowered` has no capital letters.
    static func equalsIgnoringCase(_ bytes: UnsafeRawBufferPointer, lowered: StaticString) -> Bool {
        guard bytes.count == lowered.utf8CodeUnitCount else { return false }
        for at in 0..<bytes.count where lower(bytes[at]) != lowered.utf8Start[at] { return false }
        return true
    }

    static func equalsIgnoringCase(_ bytes: UnsafeRawBufferPointer, _ other: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count == other.count else { return false }
        for at in 0..<bytes.count where lower(bytes[at]) != lower(other[at]) { return false }
        return true
    }

    static func equalsIgnoringCase(_ left: String, _ right: String) -> Bool {
        guard left.utf8.count == right.utf8.count else { return false }
        return zip(left.utf8, right.utf8).allSatisfy { lower($0) == lower($1) }
    }

    static func lowercased(_ text: String) -> String {
        var text = text
        return text.withUTF8 { lowercased(UnsafeRawBufferPointer($0)) }
    }

    static func lowercased(_ bytes: UnsafeRawBufferPointer) -> String {
        String(unsafeUninitializedCapacity: bytes.count) { text in
            for at in 0..<bytes.count { text[at] = lower(bytes[at]) }
            return bytes.count
        }
    }

    static func trimmed(_ bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
        var from = 0
        var to = bytes.count
        while from < to, isBlank(bytes[from]) { from += 1 }
        while to > from, isBlank(bytes[to - 1]) { to -= 1 }
        return UnsafeRawBufferPointer(rebasing: bytes[from..<to])
    }
}
