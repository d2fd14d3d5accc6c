import AWS
import Bytes
import FuzzDriver

/// SwiftPM makes this symbol the program's main.
@_cdecl("FuzzCredentials_main")
public func start(_ count: CInt, _ arguments: Arguments) -> CInt { runFuzzer(count, arguments) }

/// What endpoints, STS and processes answer: credentials that can be used, or a problem that quotes nothing.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = Array(UnsafeRawBufferPointer(start: start, count: count))
    let readings: [([UInt8]) throws(CredentialsDocument.Problem) -> Credentials] = [
        CredentialsDocument.ofProcess, CredentialsDocument.ofEndpoint, CredentialsDocument.ofLogin,
        { (bytes) throws(CredentialsDocument.Problem) in
            let buffer = ByteBuffer()
            buffer.append(contentsOf: bytes)
            return try STS.credentials(buffer)
        },
    ]
    for read in readings {
        guard let found = try? read(bytes) else { continue }
        precondition(!found.accessKeyID.isEmpty && !found.secretAccessKey.exposed.isEmpty)
    }
    if let process = CredentialProcess(String(decoding: bytes, as: UTF8.self)) {
        precondition(!process.words[0].isEmpty)
    }
    return 0
}
