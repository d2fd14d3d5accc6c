import Bytes

/// Writes JSON text into a buffer, commas included. What is written is valid as long as calls are balanced.
///
/// Performs no I/O. The buffer is the caller's; the writer only appends.
@usableFromInline
package struct JSONWriter: Sendable {
    @usableFromInline package let buffer: ByteBuffer
    @usableFromInline var needsComma = false

    @inlinable
    package init(_ buffer: ByteBuffer) {
        self.buffer = buffer
    }

    /// A writer over a new buffer.
    @inlinable
    package init(capacity: Int = 256) {
        self.init(ByteBuffer(capacity: capacity))
    }

    @inlinable
    package mutating func beginObject() {
        separate()
        buffer.append(UInt8(ascii: "{"))
        needsComma = false
    }

    @inlinable
    package mutating func endObject() {
        buffer.append(UInt8(ascii: "}"))
        needsComma = true
    }

    @inlinable
    package mutating func beginArray() {
        separate()
        buffer.append(UInt8(ascii: "["))
        needsComma = false
    }

    @inlinable
    package mutating func endArray() {
        buffer.append(UInt8(ascii: "]"))
        needsComma = true
    }

    /// A key that needs no escape: our own names.
    @inlinable
    package mutating func key(_ name: StaticString) {
        separate()
        buffer.append(UInt8(ascii: "\""))
        buffer.append(name)
        buffer.append("\":")
        needsComma = false
    }

    @inlinable
    package mutating func key(_ name: String) {
        separate()
        JSONText.appendString(name, to: buffer)
        buffer.append(UInt8(ascii: ":"))
        needsComma = false
    }

    @inlinable
    package mutating func string(_ text: String) {
        separate()
        JSONText.appendString(text, to: buffer)
        needsComma = true
    }

    /// A string whose UTF-8 bytes are given; they are escaped, not checked.
    @inlinable
    package mutating func string(_ utf8: UnsafeRawBufferPointer) {
        separate()
        JSONText.appendString(utf8, to: buffer)
        needsComma = true
    }

    /// A string that is the base64 of these bytes.
    package mutating func base64(_ bytes: UnsafeRawBufferPointer) {
        separate()
        buffer.reserve(Base64.encodedCount(bytes.count) &+ 2)
        buffer.append(UInt8(ascii: "\""))
        Base64.encode(bytes, to: buffer)
        buffer.append(UInt8(ascii: "\""))
        needsComma = true
    }

    @inlinable
    package mutating func int(_ value: Int) {
        separate()
        buffer.append(decimal: value)
        needsComma = true
    }

    /// The shortest text that reads back as the same number; JSON has no NaN and no infinity: they become null.
    package mutating func double(_ value: Double) {
        guard value.isFinite else { return null() }
        separate()
        buffer.append(value.description)
        needsComma = true
    }

    @inlinable
    package mutating func bool(_ value: Bool) {
        separate()
        buffer.append(value ? "true" : "false")
        needsComma = true
    }

    @inlinable
    package mutating func null() {
        separate()
        buffer.append("null")
        needsComma = true
    }

    /// A value that is JSON text already.
    @inlinable
    package mutating func raw(_ json: UnsafeRawBufferPointer) {
        separate()
        buffer.append(json)
        needsComma = true
    }

    /// A whole tree.
    package mutating func value(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let value): bool(value)
        case .number(let text): number(text)
        case .string(let text): string(text)
        case .array(let elements):
            beginArray()
            for element in elements { self.value(element) }
            endArray()
        case .object(let members):
            beginObject()
            for member in members {
                key(member.key)
                self.value(member.value)
            }
            endObject()
        }
    }

    private mutating func number(_ text: String) {
        separate()
        buffer.append(text)
        needsComma = true
    }

    @inlinable @inline(__always)
    package mutating func separate() {
        if needsComma { buffer.append(UInt8(ascii: ",")) }
    }
}
