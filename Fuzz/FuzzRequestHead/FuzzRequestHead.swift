import Bytes
import FuzzDriver
import HTTP

// The first byte says where the rest is cut: the parser must say the same of the whole, of two parts and of every
// prefix, and the request that it makes must be safe to look at.

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzRequestHead_main")
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
    limits.headerBytes = 200
    limits.requestLineBytes = 60
    limits.headerFields = 8
    var parser = RequestHeadParser(limits: limits)
    let head = RequestHead()
    do throws(HTTPParseError) {
        for end in cuts + [bytes.count] {
            // A copy of exactly this length, so that the sanitizer sees a read beyond it.
            let part = ByteBuffer(bytes[..<end])
            defer { withExtendedLifetime(part) {} }
            if let length = try parser.parse(part.bytes, into: head) { return "\(length) \(describe(head))" }
        }
        return "incomplete"
    } catch {
        return "\(error)"
    }
}

func describe(_ head: RequestHead) -> String {
    let request = HTTPRequest(head: head)
    let policy = OriginPolicy(allowedHosts: ["a"], allowedOrigins: ["b"])
    return [
        request.path, request.query ?? "-", request.authority ?? "-", request.contentType ?? "-",
        "\(request.headers)", "\(head.facts)", "\(String(describing: policy.check(request)))",
    ].joined(separator: "|")
}
