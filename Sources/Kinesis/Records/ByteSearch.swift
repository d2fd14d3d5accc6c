import func Glibc.memchr
import func Glibc.memmem

/// The one use of memchr: it finds the end of a string of base64 at 10 GB/s and more, four times as fast as eight
/// bytes at a time in Swift.
enum ByteSearch {
    /// Whether the text stands somewhere in these bytes.
    static func contains(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        guard let start = bytes.baseAddress else { return false }
        return memmem(start, bytes.count, text.utf8Start, text.utf8CodeUnitCount) != nil
    }

    /// The place of the next quote at or behind `start`; `end` when there is none.
    @inline(__always)
    static func quote(_ base: UnsafePointer<UInt8>, _ start: Int, _ end: Int) -> Int {
        guard start < end, let place = memchr(base + start, 0x22, end &- start) else { return end }
        return UnsafeRawPointer(place) - UnsafeRawPointer(base)
    }
}
