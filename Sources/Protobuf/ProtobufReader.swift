import Bytes

/// Reads the fields of one message in the order in which they came. What they mean, and which are known, is the caller's:
/// a field that it does not look at is skipped. Performs no I/O.
///
/// The buffer must stay unchanged while reader and fields are in use. Nothing is allocated, and no length is believed that
/// points beyond the message. The members are inlinable, because aggregated records are read with them on the path of records.
/// Source: https://protobuf.dev/programming-guides/encoding
@usableFromInline
package struct ProtobufReader: Sendable {
    @inlinable static var largestFieldNumber: UInt64 { 1 << 29 - 1 }

    @usableFromInline package let buffer: ByteBuffer
    @usableFromInline let end: Int
    @usableFromInline var at: Int

    /// Bytes that are still to be read.
    package var count: Int { end - at }

    /// Bytes of the buffer up to what is still to be read.
    package var offset: Int { at }

    /// What is still to be read; valid while the buffer stays as it is.
    package var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: buffer.bytes[at..<end]) }

    package init(_ buffer: ByteBuffer) {
        self.init(buffer, 0..<buffer.count)
    }

    @inlinable
    package init(_ buffer: ByteBuffer, _ range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= buffer.count)
        self.buffer = buffer
        at = range.lowerBound
        end = range.upperBound
    }

    /// The next field; nil at the end of the message.
    @inlinable
    package mutating func next() throws(ProtobufError) -> ProtobufField? {
        guard at < end else { return nil }
        let start = at
        let tag = try varint()
        let number = tag >> 3
        guard (1...Self.largestFieldNumber).contains(number) else {
            throw ProtobufError(.badFieldNumber(number), at: start)
        }
        let field = Int(number)
        let value: ProtobufField.Value
        switch tag & 7 {
        case 0: value = .varint(try varint())
        case 1: value = .fixed64(try fixed(8))
        case 2:
            let length = try varint()
            guard length <= UInt64(end - at) else { throw ProtobufError(.unexpectedEnd, at: end) }
            value = .bytes(at..<(at + Int(length)))
            at += Int(length)
        case 3, 4: throw ProtobufError(.group(field: field), at: start)
        case 5: value = .fixed32(UInt32(try fixed(4)))
        default: throw ProtobufError(.reservedWireType(field: field), at: start)
        }
        return ProtobufField(number: field, value: value, buffer: buffer, start: start)
    }

    /// Bits beyond the 64th are refused, as no writer makes them.
    @inlinable
    mutating func varint() throws(ProtobufError) -> UInt64 {
        let start = at
        if at < end, buffer[at] < 0x80 {
            at += 1
            return UInt64(buffer[start])
        }
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), through: 63, by: 7) {
            guard at < end else { throw ProtobufError(.unexpectedEnd, at: end) }
            let byte = buffer[at]
            at += 1
            if shift == 63, byte > 1 { break }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        throw ProtobufError(.varintTooLong, at: start)
    }

    /// Least significant byte first.
    @inlinable
    mutating func fixed(_ count: Int) throws(ProtobufError) -> UInt64 {
        guard end - at >= count else { throw ProtobufError(.unexpectedEnd, at: end) }
        var value: UInt64 = 0
        for index in 0..<count { value |= UInt64(buffer[at + index]) << UInt64(8 * index) }
        at += count
        return value
    }
}

/// One field of a message as it came. Asked for another type than it came as, it throws.
@usableFromInline
package struct ProtobufField {
    @usableFromInline @frozen
    package enum Value: Equatable {
        case varint(UInt64)
        case fixed64(UInt64)
        case fixed32(UInt32)
        /// Where it stands in the buffer: bytes, a text, a message, or packed numbers.
        case bytes(Range<Int>)
    }

    @usableFromInline package let number: Int
    @usableFromInline package let value: Value
    @usableFromInline package let buffer: ByteBuffer
    /// Where its tag stands.
    @usableFromInline let start: Int

    @inlinable
    init(number: Int, value: Value, buffer: ByteBuffer, start: Int) {
        self.number = number
        self.value = value
        self.buffer = buffer
        self.start = start
    }

    /// Where the bytes stand in the buffer.
    @inlinable
    package func bytes() throws(ProtobufError) -> Range<Int> {
        guard case .bytes(let range) = value else { throw failure(.notA(.bytes, field: number)) }
        return range
    }

    package func text() throws(ProtobufError) -> String {
        let bytes = UnsafeRawBufferPointer(rebasing: buffer.bytes[try bytes()])
        guard let text = String(validating: bytes, as: UTF8.self) else { throw failure(.badUTF8(field: number)) }
        return text
    }

    @inlinable
    package func message() throws(ProtobufError) -> ProtobufReader {
        ProtobufReader(buffer, try bytes())
    }

    /// A uint64 or a uint32.
    @inlinable
    package func unsigned() throws(ProtobufError) -> UInt64 {
        guard case .varint(let value) = value else { throw failure(.notA(.varint, field: number)) }
        return value
    }

    /// An int64, an int32 or an enum: ten bytes where it is negative.
    package func int() throws(ProtobufError) -> Int {
        Int(truncatingIfNeeded: try unsigned())
    }

    package func bool() throws(ProtobufError) -> Bool {
        try unsigned() != 0
    }

    package func double() throws(ProtobufError) -> Double {
        guard case .fixed64(let bits) = value else { throw failure(.notA(.fixed64, field: number)) }
        return Double(bitPattern: bits)
    }

    /// What is wrong with the field.
    @inlinable
    package func failure(_ reason: ProtobufError.Reason) -> ProtobufError {
        ProtobufError(reason, at: start)
    }
}
