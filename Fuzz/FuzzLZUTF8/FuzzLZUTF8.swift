import Bytes
import FuzzDriver
import Kinesis

// Bytes are decompressed without reading beyond them or writing more than the limit; texts come out as they were.

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzLZUTF8_main")
public func start(_ count: CInt, _ arguments: Arguments) -> CInt { runFuzzer(count, arguments) }

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 1 else { return 0 }
    let input = ByteBuffer(UnsafeBufferPointer(start: start + 1, count: count - 1))
    let whole = decompress(input, limit: 31 * count)
    // Whatever the limit, the same or the limit's error.
    let limit = Int(start[0])
    let bounded = decompress(input, limit: limit)
    switch (whole, bounded) {
    case (.success(let one), .success(let other)): precondition(one == other && one.count <= limit)
    case (_, .failure(.textOverLimit)): break
    case (.failure(let one), .failure(let other)): precondition(one == other && !one.description.isEmpty)
    default: preconditionFailure()
    }
    // A text of it, with what it repeats.
    let text = ByteBuffer(String(decoding: input.bytes, as: UTF8.self))
    text.append(ByteBuffer(text.bytes))
    let compressed = ByteBuffer()
    LZUTF8.compress(text.bytes, to: compressed)
    precondition(compressed.count <= text.count)
    precondition((try? decompress(ByteBuffer(compressed.bytes), limit: text.count).get()) == text.array)
    precondition((try? decompress(text, limit: text.count).get()) == text.array)
    return 0
}

func decompress(_ input: ByteBuffer, limit: Int) -> Result<[UInt8], LZUTF8Error> {
    let output = ByteBuffer()
    do throws(LZUTF8Error) {
        try LZUTF8.decompress(input.bytes, to: output, limit: limit)
        return .success(output.array)
    } catch {
        precondition(output.isEmpty)
        return .failure(error)
    }
}
