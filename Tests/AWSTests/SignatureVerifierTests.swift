import Bytes
import Testing
import Time

@testable import AWS

@Suite struct SignatureVerifierTests {
    static let now = WallTime(milliseconds: 1_767_323_045_000)
    static let credentials = Credentials(accessKeyID: "local", secretAccessKey: Secret("local"))

    /// A request as it arrives, to be changed on its way.
    struct Sent {
        var method = "POST"
        var path = "/"
        var query: String?
        var headers: [(name: String, value: String)]
        var body: String

        subscript(name: String) -> String? {
            get { headers.first { $0.name == name }?.value }
            set {
                headers.removeAll { $0.name == name }
                if let newValue { headers.append((name, newValue)) }
            }
        }

        init(signedAt time: WallTime = now, with credentials: Credentials = credentials, query: String? = nil) {
            let signer = SignatureV4(region: "eu-central-1", service: "kinesis")
            self.query = query
            body = #"{"StreamName":"orders"}"#
            headers = [
                ("content-type", "application/x-amz-json-1.1"), ("host", "127.0.0.1:4567"),
                ("x-amz-date", signer.date(time)), ("x-amz-target", "Kinesis_20131202.ListShards"),
            ]
            let request = CanonicalRequest(
                method: method, path: path, query: query, headers: headers, bodyHash: Digest.sha256(body))
            self["authorization"] = signer.authorization(request, credentials: credentials, time: time)
        }

        func verify(_ verifier: SignatureVerifier, now: WallTime = now) throws(SignatureError)
            -> SignatureVerifier.Signer
        {
            let headers = headers
            return try verifier.verify(
                SignatureVerifier.Request(
                    method: method, path: path, query: query, bodyHash: Digest.sha256(body)
                ) { name in headers.filter { $0.name == name }.map(\.value) },
                now: now)
        }
    }

    let verifier = SignatureVerifier(secrets: ["local": Secret("local")], unknownKeys: .refuse)

    @Test func `what the signer signs is accepted, twice`() throws {
        for query in [nil, "b=2&a=%20x&a="] {
            let signer = try Sent(query: query).verify(verifier)
            #expect(signer.isVerified)
            #expect(signer.region == "eu-central-1")
            #expect(signer.service == "kinesis")
        }
    }

    @Test(arguments: ["method", "path", "query", "body", "target", "host", "signature", "scope"])
    func `a changed part makes the signature invalid`(part: String) {
        var sent = Sent()
        switch part {
        case "method": sent.method = "PUT"
        case "path": sent.path = "/x"
        case "query": sent.query = "a=1"
        case "body": sent.body += " "
        case "target": sent["x-amz-target"] = "Kinesis_20131202.DeleteStream"
        case "host": sent["host"] = "127.0.0.2:4567"
        case "signature":
            let last = sent["authorization"]!.last == "0" ? "1" : "0"
            sent["authorization"] = String(sent["authorization"]!.dropLast()) + last
        default:
            sent["authorization"] = sent["authorization"]!
                .split(separator: "eu-central-1", omittingEmptySubsequences: false).joined(separator: "us-east-1")
        }
        #expect(throws: SignatureError.invalid) { try sent.verify(verifier) }
    }

    @Test func `another secret makes the signature invalid`() {
        let sent = Sent(with: Credentials(accessKeyID: "local", secretAccessKey: Secret("other")))
        #expect(throws: SignatureError.invalid) { try sent.verify(verifier) }
    }

    @Test func `a request without Authorization has no token`() {
        var sent = Sent()
        sent["authorization"] = nil
        #expect(throws: SignatureError.missingAuthenticationToken) { try sent.verify(verifier) }
    }

    @Test func `a signature in the query is refused as such`() {
        let sent = Sent(query: "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00")
        #expect(throws: SignatureError.presigned) { try sent.verify(verifier) }
    }

    @Test(arguments: ["Credential", "SignedHeaders", "Signature"])
    func `a missing part of the header is incomplete and named`(part: String) throws {
        var sent = Sent()
        sent["authorization"] = sent["authorization"]!.split(separator: part).joined(separator: "X")
        let error = #expect(throws: SignatureError.self) { try sent.verify(verifier) }
        guard case .incomplete(let detail) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(detail.contains(part))
    }

    @Test(arguments: [
        "", "AWS4-HMAC-SHA256", "Basic dXNlcjpwYXNz", "AWS4-HMAC-SHA256 Credential",
        "AWS4-HMAC-SHA256 Credential=a/b/c, SignedHeaders=host, Signature=00",
        "AWS4-HMAC-SHA256 Credential=/20260102/r/s/aws4_request, SignedHeaders=host, Signature=00",
        "AWS4-HMAC-SHA256 Credential=k/2026010x/r/s/aws4_request, SignedHeaders=host, Signature=00",
        "AWS4-HMAC-SHA256 Credential=k/20260102/r/s/aws4_request, SignedHeaders=Host, Signature=00",
        "AWS4-HMAC-SHA256 Credential=k/20260102/r/s/aws4_request, SignedHeaders=host;, Signature=00",
        "AWS4-HMAC-SHA256 Credential=k/20260102/r/s/aws4_request, SignedHeaders=host, Signature=00",
    ])
    func `a malformed header is incomplete`(text: String) {
        let error = #expect(throws: SignatureError.self) { try AuthorizationHeader(text) }
        #expect(error?.code == "IncompleteSignatureException")
    }

    @Test func `a signed header that did not arrive is incomplete`() {
        var sent = Sent()
        sent["x-amz-target"] = nil
        #expect(throws: SignatureError.incomplete(detail: "the signed header x-amz-target is missing")) {
            try sent.verify(verifier)
        }
    }

    @Test(arguments: [-301, 301]) func `a signature more than five minutes off is expired`(seconds: Int64) throws {
        let signedAt = Self.now.advanced(by: .seconds(seconds))
        #expect(throws: SignatureError.expired(signedAt: signedAt, now: Self.now)) {
            try Sent(signedAt: signedAt).verify(verifier)
        }
        let closer = Self.now.advanced(by: .seconds(seconds > 0 ? 300 : -300))
        let signer = try Sent(signedAt: closer).verify(verifier)
        #expect(signer.isVerified)
    }

    @Test func `a scope of another day than the date is refused`() {
        var sent = Sent()
        sent["x-amz-date"] = "20260103T000000Z"
        #expect(throws: SignatureError.wrongDay(scope: "20260102", signedAt: "20260103")) {
            try sent.verify(verifier)
        }
    }

    @Test func `another key id is refused or accepted unverified, as it was set`() throws {
        let sent = Sent(with: Credentials(accessKeyID: "AKIAOTHER", secretAccessKey: Secret("?")))
        #expect(throws: SignatureError.unrecognizedClient(accessKeyID: "AKIAOTHER")) { try sent.verify(verifier) }
        let open = SignatureVerifier(secrets: ["local": Secret("local")], unknownKeys: .accept)
        let unverified = try sent.verify(open)
        #expect(!unverified.isVerified)
        let verified = try Sent().verify(open)
        #expect(verified.isVerified)
    }

    @Test func `each refusal has the service's code`() {
        #expect(SignatureError.missingAuthenticationToken.code == "MissingAuthenticationTokenException")
        #expect(SignatureError.invalid.code == "InvalidSignatureException")
        #expect(SignatureError.expired(signedAt: Self.now, now: Self.now).code == "InvalidSignatureException")
        #expect(SignatureError.unrecognizedClient(accessKeyID: "x").code == "UnrecognizedClientException")
    }
}
