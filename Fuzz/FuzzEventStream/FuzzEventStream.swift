import AWS
import Bytes
import FuzzDriver

// Messages of an event stream are the same however the bytes are cut up, and are written and read back the same. The first
// byte says where to cut; the checksums of what follows are put right, as far as its lengths go, so that inputs come behind
// them.

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzEventStream_main")
public func start(_ count: CInt, _ arguments: Arguments) -> CInt { runFuzzer(count, arguments) }

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 1 else { return 0 }
    let input = ByteBuffer(UnsafeBufferPointer(start: start + 1, count: count - 1))
    for bytes in [input, withChecksums(input)] {
        let whole = decode(bytes, inPiecesOf: bytes.count)
        let pieces = decode(bytes, inPiecesOf: 1 + Int(start[0]))
        precondition(whole.error == pieces.error)
        precondition(whole.messages.count == pieces.messages.count)
        for (one, other) in zip(whole.messages, pieces.messages) {
            check(one, other)
            let written = ByteBuffer()
            one.write(to: written)
            let again = decode(written, inPiecesOf: written.count)
            precondition(again.error == nil && again.messages.count == 1)
            check(one, again.messages[0])
        }
        precondition(whole.error.map { !$0.description.isEmpty } ?? true)
    }
    return 0
}

func check(_ one: EventStreamMessage, _ other: EventStreamMessage) {
    precondition(one.headers == other.headers && one.payload.array == other.payload.array)
}

func decode(_ bytes: ByteBuffer, inPiecesOf size: Int) -> (messages: [EventStreamMessage], error: EventStreamError?) {
    var decoder = EventStreamDecoder()
    var messages: [EventStreamMessage] = []
    var rest = bytes.bytes[...]
    while !rest.isEmpty {
        var piece = UnsafeRawBufferPointer(rebasing: rest.prefix(size))
        rest = rest.dropFirst(size)
        do throws(EventStreamError) {
            while let message = try decoder.next(&piece) { messages.append(message) }
        } catch {
            return (messages, error)
        }
    }
    return (messages, nil)
}

/// The first message with the checksums that it should have.
func withChecksums(_ input: ByteBuffer) -> ByteBuffer {
    let fixed = ByteBuffer(input.bytes)
    guard fixed.count >= 16 else { return fixed }
    put(checksum(fixed.bytes[..<8]), at: 8, in: fixed)
    let length = Int(UInt32(bigEndian: fixed.bytes.loadUnaligned(as: UInt32.self)))
    guard (16...fixed.count).contains(length) else { return fixed }
    put(checksum(fixed.bytes[..<(length - 4)]), at: length - 4, in: fixed)
    return fixed
}

func put(_ number: UInt32, at offset: Int, in buffer: ByteBuffer) {
    withUnsafeBytes(of: number.bigEndian) {
        for (index, byte) in $0.enumerated() { buffer.base[offset + index] = byte }
    }
}

/// CRC-32, a bit at a time: written apart from what is tested.
func checksum(_ bytes: Slice<UnsafeRawBufferPointer>) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { crc, byte in
        (0..<8).reduce(crc ^ UInt32(byte)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
}
