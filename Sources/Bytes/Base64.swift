/// Base64 with the standard alphabet and padding (RFC 4648, section 4). Strict both ways.
@usableFromInline
package enum Base64 {
    /// Characters that `count` bytes become, padding included.
    @inlinable
    package static func encodedCount(_ count: Int) -> Int { (count &+ 2) / 3 &* 4 }

    /// Appends the text of these bytes.
    package static func encode(_ bytes: UnsafeRawBufferPointer, to buffer: ByteBuffer) {
        fatalError("in progress")
    }

    /// Appends the bytes of this text. Returns the place of the first character that is wrong (the text's length
    /// when it stops too early), with nothing appended; nil when all is well. Refused are other alphabets, line
    /// breaks, missing padding, and bits behind the last byte that are not 0.
    package static func decode(_ text: UnsafeRawBufferPointer, to buffer: ByteBuffer) -> Int? {
        fatalError("in progress")
    }

    package static func encode(_ bytes: some Collection<UInt8>) -> String {
        let text = ByteBuffer()
        encode(ByteBuffer(bytes).bytes, to: text)
        return text.text
    }

    /// nil when the text is not base64.
    package static func decode(_ text: String) -> [UInt8]? {
        let bytes = ByteBuffer()
        return decode(ByteBuffer(text).bytes, to: bytes) == nil ? bytes.array : nil
    }
}
