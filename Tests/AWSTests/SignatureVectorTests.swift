import Bytes
import JSON
import TestSupport
import Testing
import Time

@testable import AWS

/// The AWS SigV4 test suite: Tests/Vectors/sigv4.json.
@Suite struct SignatureVectorTests {
    static func cases() throws -> [JSONValue] {
        try #require(JSONParser.parse(try testFile("Vectors/sigv4.json"))["cases"]?.array)
    }

    @Test func `all 38 vectors are there and each one's signature comes out`() throws {
        let cases = try Self.cases()
        #expect(cases.count == 38)
        for vector in cases {
            try check(vector)
        }
    }

    private func check(_ vector: JSONValue) throws {
        let name = try #require(vector["name"]?.string)
        let context = try #require(vector["context"])
        let time = try #require(context["timestamp"]?.string.flatMap(WallTime.init(iso8601:)))
        let region = try #require(context["region"]?.string)
        let service = try #require(context["service"]?.string)
        let credentials = Credentials(
            accessKeyID: try #require(context["credentials"]?["access_key_id"]?.string),
            secretAccessKey: Secret(try #require(context["credentials"]?["secret_access_key"]?.string)),
            sessionToken: context["credentials"]?["token"]?.string.map(Secret.init))
        let signer = SignatureV4(region: region, service: service)
        let request = try canonicalRequest(vector, context, credentials, signer.date(time))

        let explained = signer.explain(request, credentials: credentials, time: time)
        #expect(explained.canonicalRequest == vector["canonicalRequest"]?.string, "\(name)")
        #expect(explained.stringToSign == vector["stringToSign"]?.string, "\(name)")
        #expect(explained.signature == vector["signature"]?.string, "\(name)")
        let authorization = signer.authorization(request, credentials: credentials, time: time)
        let signed = try #require(vector["signedRequest"]?.string)
        #expect(signed.contains("\nAuthorization:\(authorization)\n"), "\(name)")
    }

    private func canonicalRequest(
        _ vector: JSONValue, _ context: JSONValue, _ credentials: Credentials, _ date: String
    ) throws -> CanonicalRequest {
        let raw = RawRequest(try #require(vector["request"]?.string))
        let hash = Digest.sha256(raw.body)
        var headers = raw.headers + [(name: "X-Amz-Date", value: date)]
        let omitsToken = context["omit_session_token"]?.bool ?? false
        if let token = credentials.sessionToken, !omitsToken {
            headers.append(("X-Amz-Security-Token", token.exposed))
        }
        if context["sign_body"]?.bool == true { headers.append(("x-amz-content-sha256", hash.hex)) }
        return CanonicalRequest(
            method: raw.method, path: raw.path, query: raw.query, headers: headers, bodyHash: hash,
            normalizesPath: context["normalize"]?.bool ?? true)
    }
}

/// A request as the suite writes it: spaces in the path, folded headers, no carriage returns.
private struct RawRequest {
    var method = ""
    var path = ""
    var query: String?
    var headers: [(name: String, value: String)] = []
    var body = ""

    init(_ text: String) {
        let parts = text.split(separator: "\n\n", maxSplits: 1, omittingEmptySubsequences: false)
        var lines = parts[0].split(separator: "\n")
        body = parts.count > 1 ? String(parts[1]) : ""
        let first = lines.removeFirst()
        method = String(first.prefix { $0 != " " })
        let target = first.dropFirst(method.count + 1).dropLast(" HTTP/1.1".count)
        path = String(target.prefix { $0 != "?" })
        query = target.contains("?") ? String(target.dropFirst(path.count + 1)) : nil
        for line in lines {
            if line.first == " " {
                headers[headers.count - 1].value += "\n" + line
            } else {
                let name = line.prefix { $0 != ":" }
                headers.append((String(name), String(line.dropFirst(name.count + 1))))
            }
        }
    }
}
