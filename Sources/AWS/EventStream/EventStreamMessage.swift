import Bytes
import CZlib

/// One message of `application/vnd.amazon.eventstream`: typed headers, and a payload that they describe.
///
/// On the wire, all numbers big-endian: the message's length, the headers' length, the CRC-32 of these two (4 bytes each),
/// the headers, the payload, and the CRC-32 of everything before it.
/// Source: the event stream encoding of the AWS SDKs; Tests/Vectors/event-stream.json.
package struct EventStreamMessage: Sendable {
    /// A message has at most so many bytes, as in the AWS SDKs.
    package static let mostBytes = 16 << 20
    /// Its headers have at most so many.
    package static let mostHeaderBytes = 128 << 10
    /// Lengths, checksums: the bytes of a message that has neither headers nor payload.
    static let frameBytes = 16

    /// A header's value, as one of the ten types that the encoding has.
    package enum Value: Equatable, Sendable {
        case bool(Bool)
        case int8(Int8)
        case int16(Int16)
        case int32(Int32)
        case int64(Int64)
        case bytes([UInt8])
        case string(String)
        /// Milliseconds since 1970.
        case timestamp(Int64)
        /// 16 bytes.
        case uuid([UInt8])
    }

    /// By name; the order has no meaning.
    package var headers: [String: Value]
    package var payload: ByteBuffer

    package init(headers: [String: Value] = [:], payload: ByteBuffer = ByteBuffer()) {
        self.headers = headers
        self.payload = payload
    }

    /// A header that is text.
    package func text(_ name: String) -> String? {
        if case .string(let text) = headers[name] { text } else { nil }
    }

    /// Appends the message as it goes over the wire. Its headers and payload have to be within the bounds.
    package func write(to buffer: ByteBuffer) {
        let head = ByteBuffer(capacity: 128)
        for (name, value) in headers.sorted(by: { $0.key < $1.key }) {
            precondition((1...255).contains(name.utf8.count))
            head.append(UInt8(name.utf8.count))
            head.append(name)
            value.write(to: head)
        }
        let length = Self.frameBytes + head.count + payload.count
        precondition(head.count <= Self.mostHeaderBytes && length <= Self.mostBytes)
        let start = buffer.count
        buffer.reserve(length)
        buffer.append(bigEndian: UInt32(length))
        buffer.append(bigEndian: UInt32(head.count))
        buffer.append(bigEndian: CRC32(buffer.bytes[start...]).value)
        buffer.append(head)
        buffer.append(payload)
        buffer.append(bigEndian: CRC32(buffer.bytes[start...]).value)
    }
}

/// The checksum of zlib and Ethernet, over bytes as they come.
struct CRC32 {
    private(set) var value: UInt32 = 0

    init() {}

    init(_ bytes: Slice<UnsafeRawBufferPointer>) { add(UnsafeRawBufferPointer(rebasing: bytes)) }

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        // zlib takes no bytes at no address for a wish to begin anew.
        guard !bytes.isEmpty else { return }
        value = UInt32(
            truncatingIfNeeded: crc32_z(UInt(value), bytes.assumingMemoryBound(to: UInt8.self).baseAddress, bytes.count)
        )
    }
}

extension ByteBuffer {
    fileprivate func append(bigEndian number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.bigEndian) { append($0) }
    }
}

// MARK: - Header values

extension EventStreamMessage.Value {
    /// The byte that names the type, and the value. Text and bytes have at most 32,767 bytes.
    fileprivate func write(to buffer: ByteBuffer) {
        switch self {
        case .bool(let value): buffer.append(value ? 0 : 1)
        case .int8(let value): buffer.append(tagged: 2, value)
        case .int16(let value): buffer.append(tagged: 3, value)
        case .int32(let value): buffer.append(tagged: 4, value)
        case .int64(let value): buffer.append(tagged: 5, value)
        case .bytes(let value): buffer.append(tagged: 6, value)
        case .string(let value): buffer.append(tagged: 7, Array(value.utf8))
        case .timestamp(let value): buffer.append(tagged: 8, value)
        case .uuid(let value):
            precondition(value.count == 16)
            buffer.append(9)
            buffer.append(contentsOf: value)
        }
    }
}

extension ByteBuffer {
    fileprivate func append(tagged tag: UInt8, _ number: some FixedWidthInteger) {
        append(tag)
        append(bigEndian: number)
    }

    fileprivate func append(tagged tag: UInt8, _ bytes: [UInt8]) {
        precondition(bytes.count <= Int16.max)
        append(tag)
        append(bigEndian: UInt16(bytes.count))
        append(contentsOf: bytes)
    }
}
