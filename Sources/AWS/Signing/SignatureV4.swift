import Bytes
import Time

/// Signs requests with AWS Signature Version 4.
///
/// Keeps the signing key of the day, and the buffers that it writes into. Confined to its loop.
/// Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
package final class SignatureV4 {
    /// What a signature is good for, beside its key.
    package struct Scope: Hashable, Sendable {
        /// `20260102`.
        package var day: String
        package var region: String
        package var service: String

        package init(day: String, region: String, service: String) {
            self.day = day
            self.region = region
            self.service = service
        }

        var text: String { "\(day)/\(region)/\(service)/aws4_request" }
    }

    private let region: String
    private let service: String
    private var key: SigningKey?
    private var clock = SigningClock()
    private let canonical = ByteBuffer(capacity: 1024)
    private let names = ByteBuffer(capacity: 128)
    private let scratch = ByteBuffer(capacity: 512)

    package init(region: String, service: String) {
        self.region = region
        self.service = service
    }

    /// The value of X-Amz-Date at `time`: `20260102T030405Z`. The signed headers must have it.
    package func date(_ time: WallTime) -> String {
        clock.text(time)
    }

    /// The value of the Authorization header. `request` has every header that is signed, Host and X-Amz-Date included.
    package func authorization(_ request: CanonicalRequest, credentials: Credentials, time: WallTime) -> String {
        let key = key(credentials.secretAccessKey, time)
        let signature = signature(request, key: key, date: clock.text(time))
        scratch.removeAll()
        scratch.append("AWS4-HMAC-SHA256 Credential=")
        scratch.append(credentials.accessKeyID)
        scratch.append(UInt8(ascii: "/"))
        scratch.append(key.scopeText)
        scratch.append(", SignedHeaders=")
        scratch.append(names)
        scratch.append(", Signature=")
        scratch.appendHex(signature)
        return scratch.text
    }

    /// The canonical request and the text that is signed, for whoever has to find out why two sides disagree.
    package func explain(_ request: CanonicalRequest, credentials: Credentials, time: WallTime)
        -> (canonicalRequest: String, stringToSign: String, signature: String)
    {
        let signature = signature(request, key: key(credentials.secretAccessKey, time), date: clock.text(time))
        return (canonical.text, scratch.text, signature.hex)
    }

    func signature(_ request: CanonicalRequest, key: SigningKey, date: String) -> SHA256Value {
        canonical.removeAll()
        names.removeAll()
        request.write(to: canonical, signedHeaders: names)
        scratch.removeAll()
        scratch.append("AWS4-HMAC-SHA256\n")
        scratch.append(date)
        scratch.append(UInt8(ascii: "\n"))
        scratch.append(key.scopeText)
        scratch.append(UInt8(ascii: "\n"))
        scratch.appendHex(Digest.sha256(canonical.bytes))
        return key.mac.code(scratch.bytes)
    }

    private func key(_ secret: Secret, _ time: WallTime) -> SigningKey {
        let day = clock.day(time)
        if let key, key.scope.day == day, key.secret == secret { return key }
        let made = SigningKey(secret: secret, scope: Scope(day: day, region: region, service: service))
        key = made
        return made
    }
}

/// The key that a secret gives for one day, region and service: four HMACs that need not be made anew per request.
final class SigningKey {
    let secret: Secret
    let scope: SignatureV4.Scope
    let scopeText: String
    let mac: KeyedHMAC

    init(secret: Secret, scope: SignatureV4.Scope) {
        self.secret = secret
        self.scope = scope
        scopeText = scope.text
        var first = "AWS4" + secret.exposed
        let day = first.withUTF8 { KeyedHMAC(key: UnsafeRawBufferPointer($0)).code(scope.day) }
        let region = KeyedHMAC(key: day).code(scope.region)
        let service = KeyedHMAC(key: region).code(scope.service)
        mac = KeyedHMAC(key: KeyedHMAC(key: service).code("aws4_request"))
    }
}

/// The texts of a signing time, which are the same for every request of one second.
private struct SigningClock {
    private var second = Int64.min
    private var dateText = ""
    private var dayText = ""

    mutating func text(_ time: WallTime) -> String {
        refresh(time)
        return dateText
    }

    mutating func day(_ time: WallTime) -> String {
        refresh(time)
        return dayText
    }

    private mutating func refresh(_ time: WallTime) {
        let second = time.milliseconds / 1000
        guard second != self.second else { return }
        self.second = second
        dateText = time.basicISO8601
        dayText = String(dateText.prefix(8))
    }
}
