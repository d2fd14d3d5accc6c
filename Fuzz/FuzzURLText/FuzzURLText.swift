import FuzzDriver
import HTTP

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzURLText_main")
public func start(_ count: CInt, _ arguments: Arguments) -> CInt { runFuzzer(count, arguments) }

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    for item in (try? QueryItems(text))?.items ?? [] {
        precondition(item.name.utf8.count + item.value.utf8.count <= text.utf8.count)
    }
    for segment in (try? PathSegments(text))?.segments ?? [] {
        precondition(segment.utf8.count <= text.utf8.count)
    }
    return 0
}
