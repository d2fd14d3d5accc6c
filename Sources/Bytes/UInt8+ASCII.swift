/// Classes of ASCII bytes, for texts that are checked byte by byte.
extension UInt8 {
    /// `0` to `9`.
    @inlinable package var isDigit: Bool { self &- UInt8(ascii: "0") < 10 }

    /// `A` to `Z`, either case.
    @inlinable package var isLetter: Bool { (self | 0x20) &- UInt8(ascii: "a") < 26 }

    /// `A` to `Z`.
    @inlinable package var isUppercase: Bool { self &- UInt8(ascii: "A") < 26 }

    /// `a` to `z`.
    @inlinable package var isLowercase: Bool { self &- UInt8(ascii: "a") < 26 }
}
