import Bytes
import FuzzDriver
import HTTP

// The first byte says where the rest is cut: the parser must give the same body and error for the whole, for two parts
// and byte by byte.

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzChunkedBody_main")
public func start(_ count: CInt, _ arguments: Arguments) -> CInt { runFuzzer(count, arguments) }

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 1 else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
    let whole = outcome(bytes, [])
    precondition(outcome(bytes, [min(Int(start[0]), bytes.count)]) == whole)
    precondition(outcome(bytes, Array(0...bytes.count)) == whole)
    return 0
}

func outcome(_ bytes: [UInt8], _ cuts: [Int]) -> String {
    var limits = HTTPLimits()
    limits.headerBytes = 100
    limits.chunkExtensionBytes = 20
    var parser = ChunkedBodyParser(limits: limits)
    var body: [UInt8] = []
    var start = 0
    do throws(HTTPParseError) {
        for end in cuts + [bytes.count] {
            let part = ByteBuffer(bytes[start..<end])
            defer { withExtendedLifetime(part) {} }
            var at = 0
            var event = try parser.next(part.bytes, at: &at)
            while case .data(let range) = event {
                body += part.bytes[range]
                event = try parser.next(part.bytes, at: &at)
            }
            if event == .end { return "\(start + at) \(body)" }
            precondition(at == part.count)
            start = end
        }
        return "incomplete \(body)"
    } catch {
        return "\(error) \(body)"
    }
}
