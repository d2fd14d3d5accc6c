import Bytes
import JSON
import TestSupport
import Testing
import Time

@testable import AWS

/// What SDKs really signed (Tests/Recordings/sdk): JavaScript's over HTTP/2 `:authority`, all others `host`.
@Suite struct RecordedSignatureTests {
    static let names = [
        "awscli", "botocore", "go-v2", "java-v2-http1-cbor", "java-v2-http1-cbor-apache5", "java-v2-http2-cbor",
        "js-v3-http1", "js-v3-http2", "js-v3-http2-shared", "kcl3-http2-cbor-polling", "rust",
    ]

    /// Where the Host that was signed is not the one that was written down.
    static let hosts = [
        "awscli": "127.0.0.1:51083", "botocore": "127.0.0.1:43733", "go-v2": "127.0.0.1:44659",
        "rust": "127.0.0.1:36685",
    ]

    struct Exchange {
        let host: String?
        let headers: [(name: String, value: String)]
        let body: ByteBuffer

        /// nil: its body was cut.
        init?(_ json: JSONValue, host: String?) throws {
            self.host = host
            guard json["requestBodyCut"] == nil else { return nil }
            let pairs = try #require(json["requestHeaders"]?.array).compactMap(\.array)
            headers = pairs.map { ($0[0].string?.lowercased() ?? "", $0[1].string ?? "") }
            let text = try #require(json["requestBody"]?.string)
            // Where it is decoded too it stands in base64.
            let isText = json["requestBodyDecoded"] == nil
            body = ByteBuffer(isText ? Array(text.utf8) : try #require(Base64.decode(text)))
        }

        /// Over HTTP/2 `:authority` is the host, as the server's head says it.
        func values(_ name: String) -> [String] {
            if name == "host", let host { return [host] }
            let own = headers.filter { $0.name == name }.map(\.value)
            return own.isEmpty && name == "host" ? values(":authority") : own
        }
    }

    static func exchanges(_ name: String) throws -> [Exchange] {
        let json = try JSONParser.parse(try testFile("Recordings/sdk/\(name).json"))
        let all =
            json["exchanges"]?.array ?? (json["connections"]?.array ?? []).flatMap { $0["exchanges"]?.array ?? [] }
        return try all.compactMap { try Exchange($0, host: hosts[name]) }
    }

    @Test(arguments: names) func `recorded signatures are verified, and none of a changed body`(_ name: String) throws {
        let verifier = SignatureVerifier(secrets: ["test": Secret("test")], unknownKeys: .refuse)
        let exchanges = try Self.exchanges(name)
        #expect(!exchanges.isEmpty)
        for exchange in exchanges {
            let date = try #require(exchange.values("x-amz-date").first.flatMap { WallTime(basicISO8601: $0) })
            var request = SignatureVerifier.Request(
                method: "POST", path: "/", query: nil, bodyHash: Digest.sha256(exchange.body.bytes),
                headerValues: exchange.values)
            #expect(try verifier.verify(request, now: date).isVerified)
            request.bodyHash = Digest.sha256("another")
            #expect(throws: SignatureError.invalid) { try verifier.verify(request, now: date) }
        }
    }

    @Test func `both names of the host occur`() throws {
        func signs(_ name: String, _ file: String) throws -> Bool {
            try Self.exchanges(file).allSatisfy { exchange in
                let text = try #require(exchange.values("authorization").first)
                return try AuthorizationHeader(text).signedHeaders.contains(name)
            }
        }
        #expect(try signs(":authority", "js-v3-http2"))
        #expect(try signs("host", "java-v2-http2-cbor"))
    }
}
