import AWS
import FuzzDriver
import Time

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzAuthorization_main")
public func start(_ count: CInt, _ arguments: Arguments) -> CInt { runFuzzer(count, arguments) }

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
