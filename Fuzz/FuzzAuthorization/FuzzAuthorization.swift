import AWS
import Time

/// SwiftPM makes this symbol the program's main, in place of the one that libFuzzer brings.
@_cdecl("FuzzAuthorization_main")
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

/// An Authorization header, path, query and signed value of any bytes are refused or verified to be wrong: nobody can
/// find a signature. What is read as an endpoint is written so that it is read the same.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    let parts = text.split(separator: "\n", maxSplits: 3, omittingEmptySubsequences: false).map(String.init)
    func part(_ index: Int) -> String { index < parts.count ? parts[index] : "" }
    let verifier = SignatureVerifier(secrets: ["local": Secret("local")], unknownKeys: .accept)
    let request = SignatureVerifier.Request(
        method: "POST", path: part(1), query: part(2), bodyHash: Digest.sha256(part(3))
    ) { name in
        switch name {
        case "authorization": [part(0)]
        case "x-amz-date": ["20260102T030405Z"]
        default: [part(3)]
        }
    }
    if let signer = try? verifier.verify(request, now: WallTime(milliseconds: 1_767_323_045_000)) {
        precondition(!signer.isVerified)
    }
    if let endpoint = try? Endpoint(part(1)) {
        precondition((try? Endpoint(endpoint.url)) == endpoint)
    }
    return 0
}
