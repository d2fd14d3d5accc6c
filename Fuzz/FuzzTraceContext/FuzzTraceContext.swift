import FuzzDriver
import Telemetry

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzTraceContext_main")
public func start(_ count: CInt, _ arguments: Arguments) -> CInt { runFuzzer(count, arguments) }

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    if let context = TraceContext(traceparent: Substring(text).utf8) {
        precondition(text.utf8.count >= 55)
        precondition(context.trace.bytes.contains { $0 != 0 } && context.span.bytes.contains { $0 != 0 })
    }
    return 0
}
