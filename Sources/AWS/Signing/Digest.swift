import Bytes
import COpenSSL
import Reactor

/// SHA-256, SHA-1 and MD5 of bytes, through OpenSSL's EVP with algorithms that are fetched once.
///
/// MD5 and SHA-1 are what Kinesis's hash ranges and lifion's default partition keys are made of; nothing here relies on
/// them for secrecy.
package enum Digest {
    /// 256 bits.
    package static func sha256(_ bytes: UnsafeRawBufferPointer) -> SHA256Value {
        var value = SHA256Value()
        value.fill { Algorithm.sha256.digest(bytes, into: $0) }
        return value
    }

    /// SHA-256 of a text's UTF-8.
    package static func sha256(_ text: String) -> SHA256Value {
        var text = text
        return text.withUTF8 { sha256(UnsafeRawBufferPointer($0)) }
    }

    /// 20 bytes.
    package static func sha1(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 20) { buffer, count in
            Algorithm.sha1.digest(bytes, into: UnsafeMutableRawBufferPointer(buffer))
            count = 20
        }
    }

    /// MD5 as a 128-bit number, big endian: the hash key by which Kinesis chooses a record's shard.
    package static func md5Number(_ bytes: UnsafeRawBufferPointer) -> UInt128 {
        var digest: UInt128 = 0
        withUnsafeMutableBytes(of: &digest) { Algorithm.md5.digest(bytes, into: $0) }
        return UInt128(bigEndian: digest)
    }

    /// MD5 in base64: the value of Content-MD5 (RFC 1864).
    package static func md5Base64(_ bytes: UnsafeRawBufferPointer) -> String {
        var digest: UInt128 = 0
        return withUnsafeMutableBytes(of: &digest) {
            Algorithm.md5.digest(bytes, into: $0)
            return Base64.encode(UnsafeRawBufferPointer($0))
        }
    }

    /// What is hashed in one go on a loop: about 0.2 ms.
    package static let sliceBytes = 256 * 1024

    /// SHA-256 of a body of any size; between slices of `sliceBytes` the loop has other turns, since 5 MB take 4 ms.
    /// `body` must not be written to meanwhile.
    package static func sha256(_ body: ByteBuffer, on loop: EventLoop) async -> SHA256Value {
        guard body.count > sliceBytes else { return sha256(body.bytes) }
        let hasher = SHA256Hasher()
        var at = 0
        while at < body.count {
            let end = min(at + sliceBytes, body.count)
            hasher.update(UnsafeRawBufferPointer(rebasing: body.bytes[at..<end]))
            at = end
            if at < body.count { await loop.nextTurn() }
        }
        return hasher.finish()
    }
}

/// The 32 bytes of a SHA-256, without an allocation.
package struct SHA256Value: Hashable, Sendable {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    package static let byteCount = 32

    init() {}

    mutating func fill(_ body: (UnsafeMutableRawBufferPointer) -> Void) {
        withUnsafeMutableBytes(of: &words) { body($0) }
    }

    package func withBytes<T>(_ body: (UnsafeRawBufferPointer) -> T) -> T {
        withUnsafeBytes(of: words) { body($0) }
    }

    package var bytes: [UInt8] { withBytes { Array($0) } }

    /// 64 lower-case hexadecimal digits.
    package var hex: String {
        withBytes { Hex.encode($0) }
    }

    package var base64: String {
        withBytes { Base64.encode($0) }
    }

    /// Nil where the text is not 64 hexadecimal digits of either case.
    package init?(hex: String) {
        let digits = hex.utf8.compactMap(Hex.value)
        guard hex.utf8.count == 2 * Self.byteCount, digits.count == hex.utf8.count else { return nil }
        fill { bytes in
            for at in bytes.indices { bytes[at] = digits[2 * at] << 4 | digits[2 * at + 1] }
        }
    }

    /// Whether both are the same, in a time that does not tell where they differ.
    package func equalsInConstantTime(_ other: SHA256Value) -> Bool {
        let difference =
            (words.0 ^ other.words.0) | (words.1 ^ other.words.1) | (words.2 ^ other.words.2)
            | (words.3 ^ other.words.3)
        return difference == 0
    }

    package static func == (left: SHA256Value, right: SHA256Value) -> Bool {
        left.words == right.words
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }
}

/// SHA-256 over slices. Confined to whoever made it.
final class SHA256Hasher {
    private let context: OpaquePointer

    init() {
        context = EVP_MD_CTX_new()
        let code = EVP_DigestInit_ex2(context, Algorithm.sha256.method, nil)
        precondition(code == 1, "EVP_DigestInit_ex2")
    }

    deinit {
        EVP_MD_CTX_free(context)
    }

    func update(_ bytes: UnsafeRawBufferPointer) {
        let code = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
        precondition(code == 1, "EVP_DigestUpdate")
    }

    func finish() -> SHA256Value {
        var value = SHA256Value()
        value.fill { buffer in
            let code = EVP_DigestFinal_ex(context, buffer.bindMemory(to: UInt8.self).baseAddress, nil)
            precondition(code == 1, "EVP_DigestFinal_ex")
        }
        return value
    }
}

/// A fetched EVP_MD: fetching by name at each use costs more than hashing a short text. OpenSSL shares it among threads.
private struct Algorithm: @unchecked Sendable {
    let method: OpaquePointer

    static let sha256 = Algorithm("SHA256")
    static let sha1 = Algorithm("SHA1")
    static let md5 = Algorithm("MD5")

    private init(_ name: String) {
        guard let method = EVP_MD_fetch(nil, name, nil) else {
            preconditionFailure("this OpenSSL has no \(name)")
        }
        self.method = method
    }

    func digest(_ bytes: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) {
        let target = output.bindMemory(to: UInt8.self).baseAddress
        let code = EVP_Digest(bytes.baseAddress, bytes.count, target, nil, method, nil)
        precondition(code == 1, "EVP_Digest")
    }
}
