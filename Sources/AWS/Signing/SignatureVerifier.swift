import COpenSSL
import Time

/// Why a request's signature is refused, with the code under which the service says so.
package enum SignatureError: Error, Hashable, Sendable {
    /// No Authorization header.
    case missingAuthenticationToken
    /// The Authorization header, or what it relies on, lacks a part; `detail` names it.
    case incomplete(detail: String)
    /// The key id is not known.
    case unrecognizedClient(accessKeyID: String)
    /// The request was signed more than five minutes before, or after, this machine's time.
    case expired(signedAt: WallTime, now: WallTime)
    /// The signature is not the one that this request and this key give.
    case invalid
    /// The signing date and the credential's scope are of different days.
    case wrongDay(scope: String, signedAt: String)
    /// A presigned URL, which the data plane does not take.
    case presigned

    /// The service's code.
    package var code: String {
        switch self {
        case .missingAuthenticationToken: "MissingAuthenticationTokenException"
        case .incomplete, .presigned: "IncompleteSignatureException"
        case .unrecognizedClient: "UnrecognizedClientException"
        case .expired, .invalid, .wrongDay: "InvalidSignatureException"
        }
    }

    /// The service's kind of text.
    package var message: String {
        switch self {
        case .missingAuthenticationToken:
            "Missing Authentication Token"
        case .incomplete(let detail):
            "Authorization header is not complete: \(detail)"
        case .presigned:
            "A signature in the query is not supported; use the Authorization header"
        case .unrecognizedClient:
            "The security token included in the request is invalid."
        case .expired(let signedAt, let now):
            signedAt < now
                ? "Signature expired: \(signedAt.basicISO8601) is more than 5 min earlier than \(now.basicISO8601)"
                : "Signature not yet current: \(signedAt.basicISO8601) is more than 5 min later than \(now.basicISO8601)"
        case .wrongDay(let scope, let signedAt):
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                + "'\(scope)' != '\(signedAt)'"
        case .invalid:
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
                + "Access Key and signing method."
        }
    }
}

/// Verifies what clients have signed with SigV4, for the embedded Kinesis. Confined to its loop.
package final class SignatureVerifier: @unchecked Sendable {
    /// What is done with a key id that has no secret here.
    package enum UnknownKeys: Sendable { case accept, refuse }

    package struct Request {
        /// Upper case, as sent.
        package var method: String
        /// As sent, percent-encoded, without the query.
        package var path: String
        /// As sent, without the question mark; nil or empty when there is none.
        package var query: String?
        /// Every value under a lower-case name, in the order sent; of HTTP/2 also under `:authority`.
        package var headerValues: (String) -> [String]
        package var bodyHash: SHA256Value

        package init(
            method: String, path: String, query: String?, bodyHash: SHA256Value,
            headerValues: @escaping (String) -> [String]
        ) {
            self.method = method
            self.path = path
            self.query = query
            self.bodyHash = bodyHash
            self.headerValues = headerValues
        }
    }

    /// Who signed.
    package struct Signer: Hashable, Sendable {
        package var accessKeyID: String
        package var region: String
        package var service: String
        /// False for a key id that is accepted without a secret to check it with.
        package var isVerified: Bool
    }

    /// How far the signing time may be from ours, either way.
    package static let tolerance = Duration.seconds(300)

    private let secrets: [String: Secret]
    private let unknownKeys: UnknownKeys
    private let signatureV4 = SignatureV4(region: "", service: "")
    private var keys: [SignatureV4.Scope: SigningKey] = [:]
    private static let keptKeys = 32

    package init(secrets: [String: Secret], unknownKeys: UnknownKeys) {
        self.secrets = secrets
        self.unknownKeys = unknownKeys
    }

    /// - Throws: why the request is refused; nothing else has happened.
    package func verify(_ request: Request, now: WallTime) throws(SignatureError) -> Signer {
        if let query = request.query, query.contains("X-Amz-Signature=") { throw .presigned }
        guard let text = request.headerValues("authorization").first else { throw .missingAuthenticationToken }
        let header = try AuthorizationHeader(text)
        var signer = Signer(
            accessKeyID: header.accessKeyID, region: header.scope.region, service: header.scope.service,
            isVerified: false)
        guard let secret = secrets[header.accessKeyID] else {
            guard unknownKeys == .accept else { throw .unrecognizedClient(accessKeyID: header.accessKeyID) }
            return signer
        }
        let date = try signingDate(request, header)
        let canonical = try canonicalRequest(request, header)
        let expected = signatureV4.signature(canonical, key: key(secret, header.scope), date: date)
        let matches = expected.withBytes { CRYPTO_memcmp($0.baseAddress, header.signature, $0.count) == 0 }
        guard matches else { throw .invalid }
        try checkAge(date, now)
        signer.isVerified = true
        return signer
    }

    /// The time as it was signed, `20260102T030405Z`, from X-Amz-Date or, without one, Date.
    private func signingDate(_ request: Request, _ header: AuthorizationHeader) throws(SignatureError) -> String {
        let date: String
        if let given = request.headerValues("x-amz-date").first {
            guard WallTime(basicISO8601: given) != nil else {
                throw .incomplete(detail: "X-Amz-Date must be a time such as 20260102T030405Z")
            }
            date = given
        } else {
            guard let given = request.headerValues("date").first, let time = WallTime(httpDate: given) else {
                throw .incomplete(detail: "X-Amz-Date is missing")
            }
            date = time.basicISO8601
        }
        guard date.hasPrefix(header.scope.day) else {
            throw .wrongDay(scope: header.scope.day, signedAt: String(date.prefix(8)))
        }
        return date
    }

    private func canonicalRequest(_ request: Request, _ header: AuthorizationHeader) throws(SignatureError)
        -> CanonicalRequest
    {
        // Over HTTP/2 JavaScript's SDK signs the pseudo-header field in its place.
        guard header.signedHeaders.contains("host") || header.signedHeaders.contains(":authority") else {
            throw .incomplete(detail: "host must be signed")
        }
        var headers: [(name: String, value: String)] = []
        for name in header.signedHeaders {
            let values = request.headerValues(name)
            guard !values.isEmpty else { throw .incomplete(detail: "the signed header \(name) is missing") }
            for value in values { headers.append((name, value)) }
        }
        return CanonicalRequest(
            method: request.method, path: request.path, query: request.query, headers: headers,
            bodyHash: request.bodyHash)
    }

    private func checkAge(_ date: String, _ now: WallTime) throws(SignatureError) {
        guard let signedAt = WallTime(basicISO8601: date) else { throw .incomplete(detail: "X-Amz-Date is missing") }
        let age = now.duration(since: signedAt)
        guard age <= Self.tolerance, age >= .zero - Self.tolerance else {
            throw .expired(signedAt: signedAt, now: now)
        }
    }

    /// Clients of one key differ in region and day; a client that makes them up cannot fill the memory.
    private func key(_ secret: Secret, _ scope: SignatureV4.Scope) -> SigningKey {
        if let key = keys[scope], key.secret == secret { return key }
        if keys.count >= Self.keptKeys { keys.removeAll() }
        let made = SigningKey(secret: secret, scope: scope)
        keys[scope] = made
        return made
    }
}
