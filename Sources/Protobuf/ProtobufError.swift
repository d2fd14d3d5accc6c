/// Why bytes are not the Protobuf message that was expected, and where.
@usableFromInline
package struct ProtobufError: Error, Equatable, Sendable, CustomStringConvertible {
    @usableFromInline @frozen
    package enum Reason: Equatable, Sendable {
        /// The message stops inside a field, or a length points beyond its end.
        case unexpectedEnd
        /// A varint of more than 64 bits.
        case varintTooLong
        /// 0, or more than 2^29 - 1.
        case badFieldNumber(UInt64)
        /// A group, which proto3 does not have.
        case group(field: Int)
        /// The wire types 6 and 7 mean nothing.
        case reservedWireType(field: Int)
        /// A field that came as another wire type than the one asked for.
        case notA(ProtobufWireType, field: Int)
        /// A text whose bytes are not UTF-8.
        case badUTF8(field: Int)
        /// A number that the field's type cannot hold.
        case outOfRange(field: Int)
    }

    @usableFromInline package var reason: Reason
    /// Bytes before the place, counted from the start of the buffer.
    @usableFromInline package var offset: Int

    @inlinable
    package init(_ reason: Reason, at offset: Int) {
        self.reason = reason
        self.offset = offset
    }

    @usableFromInline
    package var description: String {
        let what =
            switch reason {
            case .unexpectedEnd: "the message stops inside a field"
            case .varintTooLong: "a number of more than 64 bits"
            case .badFieldNumber(let number): "\(number) is no number of a field"
            case .group(let field): "field \(field) is a group"
            case .reservedWireType(let field): "field \(field) is of a wire type that has no meaning"
            case .notA(let type, let field): "field \(field) is no \(type.rawValue)"
            case .badUTF8(let field): "the text of field \(field) is not UTF-8"
            case .outOfRange(let field): "the number of field \(field) is out of its range"
            }
        return what + " (byte \(offset))"
    }
}

/// How a field's value is written (https://protobuf.dev/programming-guides/encoding, "Message Structure").
@usableFromInline @frozen
package enum ProtobufWireType: String, Equatable, Sendable {
    case varint
    case fixed64 = "64-bit value"
    case bytes = "length-delimited value"
    case fixed32 = "32-bit value"

    var code: UInt64 {
        switch self {
        case .varint: 0
        case .fixed64: 1
        case .bytes: 2
        case .fixed32: 5
        }
    }
}
