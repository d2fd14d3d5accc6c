import HTTP

/// SwiftPM makes this symbol the program's main, in place of the one that libFuzzer brings.
@_cdecl("FuzzURLText_main")
public func start(
    _ count: CInt, _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
) -> CInt {
    var count = count
    var arguments = arguments
    return runFuzzer(&count, &arguments, fuzz)
}

@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
    _ one: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// Queries and paths of any bytes are decoded or refused, and nothing becomes longer.
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
