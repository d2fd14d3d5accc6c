import Bytes
import HTTP
import JSON
import Testing

@testable import Gateway

/// What a body is, before anybody reads it, and what its Content-Encoding does to it.
@Suite struct RequestBodyTests {
    @Test(
        arguments: [
            ([], ContentCoding.identity), (["identity"], .identity), ([""], .identity), (["gzip"], .gzip),
            (["GZip"], .gzip), (["x-gzip"], .gzip), (["identity, gzip"], .gzip), (["identity", " gzip\t"], .gzip),
            (["br"], nil), (["deflate"], nil), (["gzip, gzip"], nil), (["gzip", "br"], nil), (["gzip;q=1"], nil),
        ] as [([String], ContentCoding?)])
    func `one gzip, or nothing, is undone`(fields: [String], coding: ContentCoding?) {
        #expect(ContentCoding(fields) == coding)
    }

    @Test(
        arguments: [
            (nil, PutBodyKind.envelope), ("application/json", .envelope), ("text/json", .envelope),
            ("text/plain", .envelope),
            ("application/x-www-form-urlencoded", .envelope), ("application/x-ndjson", .lines),
            ("application/ndjson", .lines), ("application/jsonl", .lines), ("application/x-jsonl", .lines),
            ("application/jsonlines", .lines), ("application/x-jsonlines", .lines), ("application/json-lines", .lines),
            ("application/octet-stream", .data), ("text/csv", .data), ("application/cloudevents+json", .data),
            ("", .data), ("multipart/form-data", nil), ("multipart/mixed", nil),
        ] as [(String?, PutBodyKind?)])
    func `the type says what a put's body is, and raw makes data of any`(type: String?, kind: PutBodyKind?) {
        #expect(PutBodyKind(type: type, isRaw: false) == kind)
        #expect(PutBodyKind(type: type, isRaw: true) == .data)
    }

    // MARK: Over sockets

    /// printf '{"data":"zipped"}\n' | gzip -n
    private static let zipped: [UInt8] = [
        31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 171, 86, 74, 73, 44, 73, 84, 178, 82, 170, 202, 44, 40, 72, 77, 81, 170, 229,
        2, 0, 185, 164, 55, 3, 18, 0, 0, 0,
    ]

    @Test func `a gzip body is read as what was zipped, by every route that takes one`() async throws {
        try await TestSidecar.run { sidecar in
            #expect(try sidecar.sendZipped("/streams/orders/put", Self.zipped).status == 200)
            let data = try sidecar.sendZipped("/streams/orders/put?raw=true", Self.zipped)
            #expect(data.status == 200)
            #expect(await sidecar.written() == ["zipped", "{\"data\":\"zipped\"}\n"])
            for route in ["checkpoints", "continue"] {
                #expect(try sidecar.sendZipped("/streams/orders/\(route)", Self.zipped).code == "unknownField")
            }
        }
    }

    @Test func `lines are unzipped as they come, member after member`() async throws {
        try await TestSidecar.run { sidecar in
            let type = "Content-Type: application/jsonl"
            let lines = try sidecar.sendZipped(
                "/streams/orders/put", Self.zipped * 3, headers: [type])
            #expect(lines.lines == [["lines": 3, "accepted": 3, "failed": 0, "encryptionType": "NONE"]])
            // What came before the fault is put.
            let cut = try sidecar.sendZipped(
                "/streams/orders/put", Self.zipped + Self.zipped.prefix(20), headers: [type])
            #expect(cut.lines.last?["accepted"] == 1)
            #expect(cut.lines.last?["problem"]?["code"] == "malformedGzip")
        }
    }

    @Test(arguments: [0, 1, 5, 20, zipped.count - 1])
    func `gzip that stops early is 400 and says so`(length: Int) async throws {
        try await TestSidecar.run { sidecar in
            let answer = try sidecar.sendZipped("/streams/orders/put", Array(Self.zipped[..<length]))
            #expect(answer.status == 400 && answer.code == "malformedGzip")
            #expect(answer.json?["detail"]?.string?.contains("before its end") == true)
            #expect(await sidecar.written() == [])
        }
    }

    @Test func `what is no gzip is 400 with what is wrong`() async throws {
        try await TestSidecar.run { sidecar in
            let answer = try sidecar.sendZipped("/streams/orders/put", Array(#"{"data":1}"#.utf8))
            #expect(answer.status == 400 && answer.code == "malformedGzip")
            #expect(answer.json?["detail"]?.string?.contains("incorrect header check") == true)
        }
    }

    @Test(arguments: ["/put", "/streams/orders/put", "/streams/orders/checkpoints", "/streams/orders/continue"])
    func `another coding is 415 with the one that is taken`(path: String) async throws {
        try await TestSidecar.run { sidecar in
            let answer = try sidecar.send("POST", path, headers: ["Content-Encoding: br"], body: "x")
            #expect(answer.status == 415 && answer.code == "unsupportedContentCoding")
            #expect(answer.head.contains("\r\nAccept-Encoding: gzip\r\n"))
            let plain = try sidecar.send(
                "POST", "/streams/orders/put", headers: ["Content-Encoding: identity"], body: #"{"data":1}"#)
            #expect(plain.status == 200)
        }
    }

    @Test func `the limit counts what comes out, and what goes in where nothing does`() async throws {
        var limits = HTTPLimits()
        limits.bodyBytes = 100
        try await TestSidecar.run(limits: limits) { sidecar in
            func code(_ body: [UInt8], chunked: Bool = false) throws -> String? {
                try sidecar.sendZipped("/streams/orders/put?raw=true", body, chunked: chunked).code
            }
            // Five members are 90 bytes, six are 108.
            let five = try code(Self.zipped * 5)
            #expect(five == nil)
            #expect(try code(Self.zipped * 6) == "bodyTooLarge")
            // gzip of nothing, again and again.
            let nothing = [31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0] * 100
            #expect(try code(nothing) == "bodyTooLarge")
            #expect(try code(nothing, chunked: true) == "bodyTooLarge")
        }
    }
}

private func * (bytes: [UInt8], times: Int) -> [UInt8] {
    (0..<times).flatMap { _ in bytes }
}

extension TestSidecar {
    fileprivate func sendZipped(
        _ target: String, _ body: [UInt8], headers: [String] = [], chunked: Bool = false
    ) throws -> TestAnswer {
        let client = try TestClient(port: port)
        let length = chunked ? "Transfer-Encoding: chunked" : "Content-Length: \(body.count)"
        client.send("POST", target, headers: headers + ["Content-Encoding: gzip", "Connection: close", length])
        if chunked { client.write(String(body.count, radix: 16) + "\r\n") }
        client.write(body)
        if chunked { client.write("\r\n0\r\n\r\n") }
        return TestAnswer(try client.readToEnd())
    }
}
