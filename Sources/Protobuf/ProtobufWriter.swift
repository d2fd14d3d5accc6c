import Bytes

/// Writes fields of messages into a buffer. Performs no I/O. The buffer is the caller's; the writer only appends.
///
/// A field that has its default is written like any other: whether it is left out is the caller's to decide.
package struct ProtobufWriter {
    package let buffer: ByteBuffer

    package init(_ buffer: ByteBuffer) {
        self.buffer = buffer
    }

    // MARK: Numbers

    package func unsigned(_ field: Int, _ value: UInt64) {
        tag(field, .varint)
        varint(value)
    }

    /// An int64, an int32 or an enum.
    package func int(_ field: Int, _ value: Int) {
        unsigned(field, UInt64(bitPattern: Int64(value)))
    }

    package func bool(_ field: Int, _ value: Bool) {
        unsigned(field, value ? 1 : 0)
    }

    package func double(_ field: Int, _ value: Double) {
        tag(field, .fixed64)
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            buffer.append(UInt8(truncatingIfNeeded: value.bitPattern >> shift))
        }
    }

    // MARK: Texts, bytes and messages

    package func text(_ field: Int, _ text: String) {
        var text = text
        text.withUTF8 { bytes(field, UnsafeRawBufferPointer($0)) }
    }

    package func bytes(_ field: Int, _ bytes: UnsafeRawBufferPointer) {
        beginBytes(field, bytes.count)
        buffer.append(bytes)
    }

    package func bytes(_ field: Int, _ bytes: ByteBuffer) {
        self.bytes(field, bytes.bytes)
    }

    /// Begins bytes, a text or a message of a length that is known; the caller appends its `count` bytes.
    package func beginBytes(_ field: Int, _ count: Int) {
        tag(field, .bytes)
        varint(UInt64(count))
    }

    /// A message whose fields are written by `body`. Its length is known behind it only: one of 128 bytes or more is
    /// moved by what its length takes.
    package func message<E: Error>(_ field: Int, _ body: (ProtobufWriter) throws(E) -> Void) throws(E) {
        tag(field, .bytes)
        let place = buffer.count
        buffer.append(0)
        try body(self)
        let length = buffer.count - place - 1
        let more = Self.size(UInt64(length)) - 1
        if more > 0 {
            buffer.reserve(more)
            let start = UnsafeMutableRawPointer(buffer.base + place + 1)
            (start + more).copyMemory(from: start, byteCount: length)
            buffer.setCount(buffer.count + more)
        }
        Self.put(UInt64(length), to: buffer.base + place)
    }

    // MARK: Parts

    package func tag(_ field: Int, _ type: ProtobufWireType) {
        varint(UInt64(field) << 3 | type.code)
    }

    package func varint(_ value: UInt64) {
        let size = Self.size(value)
        buffer.reserve(size)
        Self.put(value, to: buffer.base + buffer.count)
        buffer.setCount(buffer.count + size)
    }

    /// Bytes that a number takes as a varint: 1 to 10.
    package static func size(_ value: UInt64) -> Int {
        (64 - (value | 1).leadingZeroBitCount + 6) / 7
    }

    /// Bytes that a length-delimited field takes with its tag and its length.
    package static func size(_ field: Int, bytes count: Int) -> Int {
        size(UInt64(field) << 3) + size(UInt64(count)) + count
    }

    private static func put(_ value: UInt64, to target: UnsafeMutablePointer<UInt8>) {
        var rest = value
        var target = target
        while rest >= 0x80 {
            target.pointee = UInt8(truncatingIfNeeded: rest) | 0x80
            target += 1
            rest >>= 7
        }
        target.pointee = UInt8(truncatingIfNeeded: rest)
    }
}
