import Bytes
import FuzzDriver
import Gzip

// The first byte says where the rest is cut, the second how much is asked for at once: the decoder must give the same
// text and error for the whole, for two parts and byte by byte, and never more than was asked for.

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzGzip_main")
public func start(_ count: CInt, _ arguments: Arguments) -> CInt { runFuzzer(count, arguments) }

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 2 else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: start + 2, count: count - 2))
    let room = 1 + Int(start[1])
    let whole = outcome(bytes, [], room: 65_536)
    precondition(outcome(bytes, [min(Int(start[0]), bytes.count)], room: room) == whole)
    precondition(outcome(bytes, Array(0...bytes.count), room: 1000) == whole)
    return 0
}

/// Bytes that are decoded of one input at most: a longer one is only slow.
let most = 1 << 18

func outcome(_ bytes: [UInt8], _ cuts: [Int], room: Int) -> String {
    let decoder = GzipDecoder()
    var text: [UInt8] = []
    var start = 0
    do throws(GzipError) {
        for end in cuts + [bytes.count] {
            // A copy of exactly this length, so that the sanitizer sees a read beyond it.
            decoder.append(ByteBuffer(bytes[start..<end]))
            start = end
            let output = ByteBuffer()
            while try decoder.next(into: output, atMost: room) {
                precondition((1...room).contains(output.count))
                text += output.bytes
                output.removeAll()
                if text.count >= most { return "more than enough \(text.prefix(most))" }
            }
        }
        try decoder.finish()
        return "\(text)"
    } catch {
        return "\(error) \(text)"
    }
}
