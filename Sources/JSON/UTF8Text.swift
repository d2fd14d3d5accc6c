/// UTF-8 as RFC 3629, section 4 defines it: no overlong forms, no surrogates, nothing above U+10FFFF.
package enum UTF8Text {
    /// Whether all of these bytes are UTF-8.
    package static func isValid(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let start = bytes.baseAddress else { return true }
        return isValid(start.assumingMemoryBound(to: UInt8.self), 0, bytes.count)
    }

    /// Whether the bytes from `start` up to `end` are UTF-8; ASCII eight bytes at a time.
    package static func isValid(_ base: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Bool {
        var at = start
        while at < end {
            if at &+ 8 <= end,
                UnsafeRawPointer(base + at).loadUnaligned(as: UInt64.self) & 0x8080_8080_8080_8080 == 0
            {
                at &+= 8
            } else if base[at] < 0x80 {
                at &+= 1
            } else {
                let length = sequenceLength(base, at, end)
                if length == 0 { return false }
                at &+= length
            }
        }
        return true
    }

    /// The length (2…4) of the multi-byte sequence at `at`; 0 when it is none or is cut off.
    @inline(__always)
    package static func sequenceLength(_ base: UnsafePointer<UInt8>, _ at: Int, _ end: Int) -> Int {
        let first = base[at]
        if first < 0xc2 || first > 0xf4 || at &+ 1 >= end { return 0 }
        let second = base[at &+ 1]
        if first < 0xe0 { return second & 0xc0 == 0x80 ? 2 : 0 }
        var low: UInt8 = 0x80
        var high: UInt8 = 0xbf
        switch first {
        case 0xe0: low = 0xa0
        case 0xed: high = 0x9f
        case 0xf0: low = 0x90
        case 0xf4: high = 0x8f
        default: break
        }
        if second < low || second > high || at &+ 2 >= end || base[at &+ 2] & 0xc0 != 0x80 { return 0 }
        if first < 0xf0 { return 3 }
        if at &+ 3 >= end || base[at &+ 3] & 0xc0 != 0x80 { return 0 }
        return 4
    }

    /// Whether U+0085, U+2028 or U+2029 begins at `at`. Readers of Unicode text end a line there (Python's
    /// `splitlines`, UAX #14), which neither JSON nor an event stream does.
    @inline(__always)
    package static func isLineBreak(_ base: UnsafePointer<UInt8>, _ at: Int, _ end: Int) -> Bool {
        let first = base[at]
        if first == 0xe2 { return at &+ 2 < end && base[at &+ 1] == 0x80 && base[at &+ 2] | 1 == 0xa9 }
        return first == 0xc2 && at &+ 1 < end && base[at &+ 1] == 0x85
    }
}
