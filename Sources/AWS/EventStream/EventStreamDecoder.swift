import Bytes

/// Reads messages of `application/vnd.amazon.eventstream` from bytes that come cut up in any way. Performs no I/O.
///
/// Memory grows with what has come, not with what a length promises. After an error nothing more is to be decoded.
package struct EventStreamDecoder {
    /// Which part of a message is coming. Each but the first says how many bytes of payload there are.
    private enum Part {
        /// Lengths, and their checksum.
        case prelude
        case headers(bytes: Int, payload: Int)
        case payload([String: EventStreamMessage.Value], bytes: Int)
        case checksum(EventStreamMessage)
    }

    private var part = Part.prelude
    /// What has come of the part.
    private var gathered = ByteBuffer()
    /// Bytes of the message that is coming, of which the lengths are there.
    private var messageBytes = 0
    /// Of all parts of the message that are complete.
    private var checksum = CRC32()

    package init() {}

    /// Whether the bytes so far end between two messages.
    package var isBetweenMessages: Bool {
        if case .prelude = part { gathered.isEmpty } else { false }
    }

    /// Takes the lengths with which a message begins from the front of `input`, and returns how many bytes it has in all; nil:
    /// all were taken, and they are not complete.
    package mutating func beginMessage(_ input: inout UnsafeRawBufferPointer) throws(EventStreamError) -> Int? {
        if case .prelude = part {
            guard gather(12, &input) else { return nil }
            part = try readPrelude()
            gathered.removeAll()
        }
        return messageBytes
    }

    /// Takes bytes from the front of `input` until a message is complete, and returns it; nil: all were taken, and none is.
    package mutating func next(_ input: inout UnsafeRawBufferPointer) throws(EventStreamError) -> EventStreamMessage? {
        while true {
            switch part {
            case .prelude:
                guard try beginMessage(&input) != nil else { return nil }
            case .headers(let bytes, let payload):
                guard gather(bytes, &input) else { return nil }
                part = .payload(try EventStreamHeaders.read(gathered), bytes: payload)
                checksum.add(gathered.bytes)
                gathered.removeAll()
            case .payload(let headers, let bytes):
                guard gather(bytes, &input) else { return nil }
                checksum.add(gathered.bytes)
                part = .checksum(EventStreamMessage(headers: headers, payload: gathered))
                gathered = ByteBuffer()
            case .checksum(let message):
                guard gather(4, &input) else { return nil }
                guard gathered.number(at: 0) == checksum.value else { throw .messageChecksum }
                gathered.removeAll()
                checksum = CRC32()
                part = .prelude
                return message
            }
        }
    }

    /// Whether the part has its bytes.
    private func gather(_ count: Int, _ input: inout UnsafeRawBufferPointer) -> Bool {
        let taken = min(count - gathered.count, input.count)
        gathered.append(UnsafeRawBufferPointer(rebasing: input[..<taken]))
        input = UnsafeRawBufferPointer(rebasing: input[taken...])
        return gathered.count == count
    }

    private mutating func readPrelude() throws(EventStreamError) -> Part {
        let (length, headers) = (gathered.number(at: 0), gathered.number(at: 4))
        guard (EventStreamMessage.frameBytes...EventStreamMessage.mostBytes).contains(Int(length)) else {
            throw .length(length)
        }
        let room = Int(length) - EventStreamMessage.frameBytes
        guard Int(headers) <= min(room, EventStreamMessage.mostHeaderBytes) else { throw .headerLength(headers) }
        guard gathered.number(at: 8) == CRC32(gathered.bytes[..<8]).value else { throw .preludeChecksum }
        checksum.add(gathered.bytes)
        messageBytes = Int(length)
        return .headers(bytes: Int(headers), payload: room - Int(headers))
    }
}

/// The headers of one message.
private struct EventStreamHeaders {
    private var rest: UnsafeRawBufferPointer

    static func read(_ buffer: ByteBuffer) throws(EventStreamError) -> [String: EventStreamMessage.Value] {
        var reader = EventStreamHeaders(rest: buffer.bytes)
        var headers: [String: EventStreamMessage.Value] = [:]
        while !reader.rest.isEmpty {
            let name = try reader.text(Int(reader.number(UInt8.self)), "name")
            if name.isEmpty { throw .header("has no name") }
            guard headers.updateValue(try reader.value(of: name), forKey: name) == nil else {
                throw .header("comes twice: \(name)")
            }
        }
        return headers
    }

    private mutating func value(of name: String) throws(EventStreamError) -> EventStreamMessage.Value {
        switch try number(UInt8.self) {
        case 0: return .bool(true)
        case 1: return .bool(false)
        case 2: return .int8(try number())
        case 3: return .int16(try number())
        case 4: return .int32(try number())
        case 5: return .int64(try number())
        case 6: return .bytes(Array(try bytes(Int(number(UInt16.self)))))
        case 7: return .string(try text(Int(number(UInt16.self)), name))
        case 8: return .timestamp(try number())
        case 9: return .uuid(Array(try bytes(16)))
        case let type: throw .header("is of the unknown type \(type): \(name)")
        }
    }

    private mutating func number<N: FixedWidthInteger>(_: N.Type = N.self) throws(EventStreamError) -> N {
        N(bigEndian: try bytes(N.bitWidth / 8).loadUnaligned(as: N.self))
    }

    private mutating func text(_ count: Int, _ what: String) throws(EventStreamError) -> String {
        guard let text = String(validating: try bytes(count), as: UTF8.self) else {
            throw .header("is no UTF-8: \(what)")
        }
        return text
    }

    private mutating func bytes(_ count: Int) throws(EventStreamError) -> UnsafeRawBufferPointer {
        guard count <= rest.count else { throw .header("ends behind the headers") }
        defer { rest = UnsafeRawBufferPointer(rebasing: rest[count...]) }
        return UnsafeRawBufferPointer(rebasing: rest[..<count])
    }
}

extension ByteBuffer {
    /// Four bytes, big-endian.
    fileprivate func number(at offset: Int) -> UInt32 {
        UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}
