import Bytes

/// The scanning core: skips one value and says whether it is JSON (RFC 8259) in UTF-8, without building anything.
///
/// Flat functions over a pointer and an `inout` cursor: captured variables in nested functions cost 2 to 3 times as
/// much (measured, design section 3). Eight bytes of a string at a time, by arithmetic on a word; half of the time
/// from a GetRecords answer to events is spent here. The cursor never passes `end`.
extension JSONText {
    /// Skips the value at the cursor, white space before it included. On a fault the cursor stands at the place.
    ///
    /// - Parameters:
    ///   - depth: brackets that may be open at once.
    ///   - lineBreaks: gets what of the value would end a line.
    package static func skipValue(
        _ base: UnsafePointer<UInt8>, _ cursor: inout Int, _ end: Int, depth: Int, lineBreaks: inout JSONLineBreaks
    ) -> JSONFault {
        var at = cursor
        let fault = skipLevels(base, &at, end, depth, &lineBreaks)
        cursor = at
        return fault
    }

    /// Up to 64 levels in one call, their kinds in the bits of a word (1 is an object); deeper ones recurse, so that
    /// neither the stack nor the heap grows with each bracket.
    private static func skipLevels(
        _ base: UnsafePointer<UInt8>, _ at: inout Int, _ end: Int, _ depth: Int, _ lineBreaks: inout JSONLineBreaks
    ) -> JSONFault {
        var kinds: UInt64 = 0
        var level = 0
        var wantsKey = false
        while true {
            skipSpace(base, &at, end, &lineBreaks)
            if at >= end { return .unexpectedEnd }
            let byte = base[at]
            if wantsKey {
                if byte != UInt8(ascii: "\"") { return .unexpectedByte }
                at &+= 1
                let fault = skipString(base, &at, end, &lineBreaks)
                if fault != .none { return fault }
                skipSpace(base, &at, end, &lineBreaks)
                if at >= end { return .unexpectedEnd }
                if base[at] != UInt8(ascii: ":") { return .unexpectedByte }
                at &+= 1
                wantsKey = false
                continue
            }
            if byte == UInt8(ascii: "\"") {
                at &+= 1
                let fault = skipString(base, &at, end, &lineBreaks)
                if fault != .none { return fault }
            } else if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
                if level >= depth { return .tooDeep }
                if level == 64 {
                    let fault = skipLevels(base, &at, end, depth &- 64, &lineBreaks)
                    if fault != .none { return fault }
                } else {
                    let isObject = byte == UInt8(ascii: "{")
                    at &+= 1
                    skipSpace(base, &at, end, &lineBreaks)
                    if at >= end { return .unexpectedEnd }
                    if base[at] == byte &+ 2 {  // '}' is '{' + 2 and ']' is '[' + 2
                        at &+= 1
                    } else {
                        level &+= 1
                        kinds = kinds &<< 1 | (isObject ? 1 : 0)
                        wantsKey = isObject
                        continue
                    }
                }
            } else {
                let fault = skipScalar(base, &at, end)
                if fault != .none { return fault }
            }
            // A value is complete: close what ends here.
            while true {
                if level == 0 { return .none }
                skipSpace(base, &at, end, &lineBreaks)
                if at >= end { return .unexpectedEnd }
                let byte = base[at]
                let isObject = kinds & 1 == 1
                if byte == UInt8(ascii: ",") {
                    at &+= 1
                    wantsKey = isObject
                    break
                }
                if byte != (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) { return .unexpectedByte }
                at &+= 1
                level &-= 1
                kinds &>>= 1
            }
        }
    }

    @inline(__always)
    package static func skipSpace(
        _ base: UnsafePointer<UInt8>, _ at: inout Int, _ end: Int, _ lineBreaks: inout JSONLineBreaks
    ) {
        while at < end, base[at] <= 0x20 {
            switch base[at] {
            case 0x20, 0x09: at &+= 1
            case 0x0a, 0x0d:
                lineBreaks.insert(.betweenTokens)
                at &+= 1
            default: return
            }
        }
    }

    /// Skips a string whose opening quote is behind the cursor; the cursor stops behind the closing one.
    @inline(__always)
    package static func skipString(
        _ base: UnsafePointer<UInt8>, _ at: inout Int, _ end: Int, _ lineBreaks: inout JSONLineBreaks
    ) -> JSONFault {
        while true {
            while at &+ 8 <= end {
                let word = UnsafeRawPointer(base + at).loadUnaligned(as: UInt64.self)
                let marks = stringMarks(UInt64(littleEndian: word))
                if marks == 0 {
                    at &+= 8
                } else {
                    at &+= marks.trailingZeroBitCount &>> 3
                    break
                }
            }
            if at >= end { return .unexpectedEnd }
            let byte = base[at]
            if byte == UInt8(ascii: "\"") {
                at &+= 1
                return .none
            }
            if byte == UInt8(ascii: "\\") {
                let fault = skipEscape(base, &at, end)
                if fault != .none { return fault }
            } else if byte >= 0x80 {
                let length = UTF8Text.sequenceLength(base, at, end)
                if length == 0 { return .badUTF8 }
                if UTF8Text.isLineBreak(base, at, end) { lineBreaks.insert(.inStrings) }
                at &+= length
            } else if byte < 0x20 {
                return .badString
            } else {
                at &+= 1
            }
        }
    }

    /// High bits where a byte of the word is a quote, a backslash, a control character or not ASCII. Only the lowest
    /// mark is exact: a borrow may mark bytes above it.
    @inline(__always)
    static func stringMarks(_ word: UInt64) -> UInt64 {
        let quote = (word ^ 0x2222_2222_2222_2222) &- 0x0101_0101_0101_0101
        let backslash = (word ^ 0x5c5c_5c5c_5c5c_5c5c) &- 0x0101_0101_0101_0101
        let control = word &- 0x2020_2020_2020_2020
        return (quote | backslash | control | word) & 0x8080_8080_8080_8080
    }

    private static func skipEscape(_ base: UnsafePointer<UInt8>, _ at: inout Int, _ end: Int) -> JSONFault {
        if at &+ 1 >= end {
            at = end
            return .unexpectedEnd
        }
        switch base[at &+ 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            at &+= 2
            return .none
        case UInt8(ascii: "u"):
            for index in 2..<6 {
                if at &+ index >= end {
                    at = end
                    return .unexpectedEnd
                }
                if Hex.value(base[at &+ index]) == nil { return .badString }
            }
            at &+= 6
            return .none
        default: return .badString
        }
    }

    /// Skips a number, `true`, `false` or `null`.
    @inline(__always)
    static func skipScalar(_ base: UnsafePointer<UInt8>, _ at: inout Int, _ end: Int) -> JSONFault {
        switch base[at] {
        case UInt8(ascii: "t"): return skipWord(base, &at, end, "true")
        case UInt8(ascii: "f"): return skipWord(base, &at, end, "false")
        case UInt8(ascii: "n"): return skipWord(base, &at, end, "null")
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return skipNumber(base, &at, end)
        default: return .unexpectedByte
        }
    }

    private static func skipWord(
        _ base: UnsafePointer<UInt8>, _ at: inout Int, _ end: Int, _ word: StaticString
    ) -> JSONFault {
        for index in 0..<word.utf8CodeUnitCount {
            if at >= end { return .unexpectedEnd }
            if base[at] != word.utf8Start[index] { return .unexpectedByte }
            at &+= 1
        }
        return .none
    }

    /// RFC 8259, 6: `-? (0 | [1-9][0-9]*) (\.[0-9]+)? ([eE][+-]?[0-9]+)?`.
    @inline(__always)
    static func skipNumber(_ base: UnsafePointer<UInt8>, _ at: inout Int, _ end: Int) -> JSONFault {
        if base[at] == UInt8(ascii: "-") { at &+= 1 }
        if at >= end { return .unexpectedEnd }
        if base[at] == UInt8(ascii: "0") {
            at &+= 1
            if at < end, isDigit(base[at]) { return .badNumber }
        } else if !skipDigits(base, &at, end) {
            return at >= end ? .unexpectedEnd : .badNumber
        }
        if at < end, base[at] == UInt8(ascii: ".") {
            at &+= 1
            if !skipDigits(base, &at, end) { return at >= end ? .unexpectedEnd : .badNumber }
        }
        if at < end, base[at] | 0x20 == UInt8(ascii: "e") {
            at &+= 1
            if at < end, base[at] == UInt8(ascii: "+") || base[at] == UInt8(ascii: "-") { at &+= 1 }
            if !skipDigits(base, &at, end) { return at >= end ? .unexpectedEnd : .badNumber }
        }
        return .none
    }

    @inline(__always)
    private static func isDigit(_ byte: UInt8) -> Bool {
        byte &- UInt8(ascii: "0") < 10
    }

    /// Whether there was a digit at all.
    @inline(__always)
    private static func skipDigits(_ base: UnsafePointer<UInt8>, _ at: inout Int, _ end: Int) -> Bool {
        let start = at
        while at < end, isDigit(base[at]) { at &+= 1 }
        return at > start
    }
}
