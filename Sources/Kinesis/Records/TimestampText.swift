import Bytes
import Time

/// Writes times as `2026-01-02T03:04:05.678Z` without an allocation: records of one second follow each other, so the
/// text up to the point is kept from one to the next.
struct TimestampText {
    private var second = Int64.min
    /// 20 bytes, the point included; kept in the value, so that a copy has its own.
    private var prefix: (UInt64, UInt64, UInt32) = (0, 0, 0)

    /// - Parameter milliseconds: 0…`EpochSeconds.maximumMilliseconds`.
    @inline(__always)
    mutating func append(_ milliseconds: Int64, to out: ByteBuffer) {
        let (whole, fraction) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        if whole != second { load(whole) }
        withUnsafeBytes(of: prefix) { out.append(UnsafeRawBufferPointer(rebasing: $0[..<20])) }
        let digits = UInt8(ascii: "0")
        out.append(digits &+ UInt8(truncatingIfNeeded: fraction / 100))
        out.append(digits &+ UInt8(truncatingIfNeeded: fraction / 10 % 10))
        out.append(digits &+ UInt8(truncatingIfNeeded: fraction % 10))
        out.append(UInt8(ascii: "Z"))
    }

    private mutating func load(_ whole: Int64) {
        second = whole
        withUnsafeMutableBytes(of: &prefix) { bytes in
            for (index, byte) in WallTime(milliseconds: whole * 1000).iso8601.utf8.prefix(20).enumerated() {
                bytes[index] = byte
            }
        }
    }
}
