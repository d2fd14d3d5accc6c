/// Times as the JSON protocols of AWS write them: seconds since 1970 as a number with a fraction.
enum EpochSeconds {
    /// 9999-12-31T23:59:59.999Z: what ISO 8601 with four digits of a year can say.
    static let maximumMilliseconds: Int64 = 253_402_300_799_999

    /// Reads `1700000000` or `1700000000.123` to milliseconds, rounded, and moves the cursor behind it; nil when the
    /// number has another form, and then the cursor is anywhere.
    @inline(__always)
    static func scan(_ base: UnsafePointer<UInt8>, _ at: inout Int, _ end: Int) -> Int64? {
        let start = at
        var seconds: Int64 = 0
        while at < end, base[at] &- UInt8(ascii: "0") < 10 {
            seconds = seconds &* 10 &+ Int64(base[at] &- UInt8(ascii: "0"))
            at &+= 1
        }
        let digits = at &- start
        if digits == 0 || digits > 12 || (digits > 1 && base[start] == UInt8(ascii: "0")) { return nil }
        var milliseconds: Int64 = 0
        if at < end, base[at] == UInt8(ascii: ".") {
            at &+= 1
            let fraction = at
            var weight: Int64 = 1000
            while at < end, base[at] &- UInt8(ascii: "0") < 10 {
                let digit = Int64(base[at] &- UInt8(ascii: "0"))
                if weight > 1 {
                    weight /= 10
                    milliseconds &+= digit &* weight
                } else if at &- fraction == 3, digit >= 5 {
                    milliseconds &+= 1
                }
                at &+= 1
            }
            if at == fraction { return nil }
        }
        if at < end, base[at] | 0x20 == UInt8(ascii: "e") { return nil }
        let time = seconds &* 1000 &+ milliseconds
        return time <= maximumMilliseconds ? time : nil
    }

    /// Any JSON number; nil outside of the years 1970…9999.
    static func read(_ number: UnsafeRawBufferPointer) -> Int64? {
        guard let seconds = Double(String(decoding: number, as: UTF8.self)) else { return nil }
        let milliseconds = (seconds * 1000).rounded()
        guard milliseconds >= 0, milliseconds <= Double(maximumMilliseconds) else { return nil }
        return Int64(milliseconds)
    }
}
