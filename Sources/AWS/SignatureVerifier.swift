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
    /// A presigned URL, which the data plane does not take.
    case presigned

    /// The service's code.
    package var code: String {
        switch self {
        case .missingAuthenticationToken: "MissingAuthenticationTokenException"
        case .incomplete: "IncompleteSignatureException"
        case .unrecognizedClient: "UnrecognizedClientException"
        case .expired, .invalid: "InvalidSignatureException"
        case .presigned: "IncompleteSignatureException"
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
        /// Every value under a lower-case name, in the order sent.
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

    package init(secrets: [String: Secret], unknownKeys: UnknownKeys) {
        self.secrets = secrets
        self.unknownKeys = unknownKeys
    }

    package func verify(_ request: Request, now: WallTime) throws(SignatureError) -> Signer {
        fatalError("in progress")
    }
}
