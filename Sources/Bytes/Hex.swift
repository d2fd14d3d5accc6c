/// Hexadecimal: lower case where it is written, either case where it is read.
package enum Hex {
    /// Two digits for each byte.
    package static func encode(_ bytes: some Sequence<UInt8>) -> String {
        let bytes = Array(bytes)
        return String(unsafeUninitializedCapacity: 2 * bytes.count) { buffer in
            guard let target = buffer.baseAddress else { return 0 }
            bytes.withUnsafeBytes { write($0, to: target) }
            return 2 * bytes.count
        }
    }

    /// All digits of a number, zeros before it too.
    package static func encode<Number: FixedWidthInteger>(_ number: Number) -> String {
        withUnsafeBytes(of: number.bigEndian) { encode($0) }
    }

    /// Writes two digits for each byte; `target` has room for them.
    package static func write(_ bytes: UnsafeRawBufferPointer, to target: UnsafeMutablePointer<UInt8>) {
        var at = target
        for byte in bytes {
            at[0] = digit(byte >> 4)
            at[1] = digit(byte & 15)
            at += 2
        }
    }

    /// The value of one hexadecimal digit, either case; nil for any other byte.
    @inlinable
    package static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit &- UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit &- UInt8(ascii: "a") &+ 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit &- UInt8(ascii: "A") &+ 10
        default: nil
        }
    }

    /// The digit of a value below 16.
    @inlinable
    package static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") &+ value : UInt8(ascii: "a") &- 10 &+ value
    }
}
