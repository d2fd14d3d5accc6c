import Bytes
import FuzzDriver
import HTTP

// Lines of `name TAB value` are the fields of a request of HTTP/2, as nghttp2 gives them. Whatever they hold, the head that is
// made of them is one whole head of HTTP/1.1, or refused; and what an answer is made of holds no line end.

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzHTTP2_main")
public func start(_ count: CInt, _ arguments: Arguments) -> CInt { runFuzzer(count, arguments) }

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let start, count > 0 else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: start, count: count))
    var request = HTTP2Request()
    var headers = HTTPHeaders()
    for line in bytes.split(separator: 0, maxSplits: 50) {
        let parts = line.split(separator: 9, maxSplits: 1, omittingEmptySubsequences: false)
        let (name, value) = (ByteBuffer(parts[0]), ByteBuffer(parts.count > 1 ? parts[1] : []))
        withExtendedLifetime((name, value)) { request.add(name.bytes, value.bytes) }
        headers.add(name.text, value.text)
    }
    if let head = try? request.head(HTTPLimits()) {
        let request = HTTPRequest(head: head)
        precondition(!request.path.isEmpty)
        for field in request.headers { precondition(!field.value.utf8.contains(10) && !field.value.utf8.contains(13)) }
    }
    let fields = HTTP2Fields(.ok, headers, length: nil, date: "")
    for byte in fields.bytes.array { precondition(byte != 10 && byte != 13 && byte != 0) }
    return 0
}
