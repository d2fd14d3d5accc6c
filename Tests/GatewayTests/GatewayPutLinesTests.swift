import AWS
@testable import Gateway
import HTTP
import JSON
import Producer
import Testing

/// Bodies of lines over real sockets.
@Suite struct GatewayPutLinesTests {
    @Test func `the failures are answered, then the counts`() async throws {
        try await TestSidecar.run { sidecar in
            let answer = try sidecar.lines("", "{\"data\":1}\n\nno\r\n{\"data\":2}\r\n{\"data\":3}")
            #expect(answer.status == 200)
            #expect(answer.head.contains("Content-Type: application/x-ndjson"))
            #expect(answer.isWhole)
            #expect(answer.lines.map { $0["line"]?.int } == [3, nil])
            #expect(answer.lines[0]["errorCode"] == "malformedJSON")
            #expect(answer.lines[1] == ["lines": 5, "accepted": 3, "failed": 1, "encryptionType": "NONE"])
            #expect(await sidecar.written() == ["1", "2", "3"])
        }
    }

    @Test func `with results=all every line is answered in its order`() async throws {
        try await TestSidecar.run { sidecar in
            let answer = try sidecar.lines("?results=all", "{\"data\":1}\n \n{}\n{\"data\":2}\n")
            #expect(answer.lines.map { $0["line"]?.int } == [1, 3, 4, nil])
            let numbers = try await sidecar.numbers(2)
            let first =
                ["line": 1, "sequenceNumber": .string(numbers[0]), "shardId": "shardId-000000000000"] as JSONValue
            #expect(answer.lines[0] == first)
            #expect(answer.lines[1]["errorCode"] == "missingField")
            #expect(answer.lines[2]["sequenceNumber"]?.string == numbers[1])
            #expect(answer.lines[3] == ["lines": 4, "accepted": 2, "failed": 1, "encryptionType": "NONE"])
        }
    }

    @Test func `without lines there are counts alone`() async throws {
        try await TestSidecar.run { sidecar in
            let none = try sidecar.lines("", "")
            #expect(none.lines == [["lines": 0, "accepted": 0, "failed": 0]])
            let blank = try sidecar.lines("", "\n \n")
            #expect(blank.lines == [["lines": 2, "accepted": 0, "failed": 0]])
        }
    }

    @Test func `where the path names no stream each line does`() async throws {
        try await TestSidecar.run { sidecar in
            let body = ["orders", "nobody", "orders"].map { #"{"streamName":"\#($0)","data":1}"# + "\n" }.joined()
            let answer = try sidecar.lines("?results=all", body + "{\"data\":1}\n", path: "/put")
            let numbers = try await sidecar.numbers(2)
            #expect(answer.lines.map { $0["sequenceNumber"]?.string } == [numbers[0], nil, numbers[1], nil, nil])
            #expect(answer.lines[1]["errorCode"] == "ResourceNotFoundException")
            #expect(answer.lines[3]["errorCode"] == "missingField")
            #expect(answer.lines[4]["failed"] == 2)
        }
    }

    @Test(arguments: [
        ("partitionKey=k", "unknownOption"), ("results=some", "badOption"), ("ordered=2", "badOption"),
        ("results=all&results=all", "repeatedOption"),
    ])
    func `options are checked before a line is read`(query: String, code: String) async throws {
        try await TestSidecar.run { sidecar in
            let answer = try sidecar.lines("?" + query, #"{"data":1}"#)
            #expect(answer.status == 400)
            #expect(answer.code == code)
            if code == "unknownOption" { #expect(answer.json?["accepted"] == ["ordered", "results", "raw"]) }
        }
    }

    @Test func `a line over the limit fails in its place`() async throws {
        var limits = HTTPLimits()
        limits.bodyBytes = 40
        try await TestSidecar.run(limits: limits) { sidecar in
            let long = #"{"data":""# + String(repeating: "x", count: 100_000) + "\"}\n"
            let answer = try sidecar.lines("", "{\"data\":1}\n" + long + "{\"data\":2}\n")
            #expect(answer.lines[0]["line"] == 2)
            #expect(answer.lines[0]["errorCode"] == "bodyTooLarge")
            #expect(answer.lines[1]["accepted"] == 2)
        }
    }

    @Test func `a record over the stream's size fails, and its neighbours do not`() async throws {
        try await TestSidecar.run { sidecar in
            let large = #"{"data":""# + String(repeating: "x", count: 1 << 20) + "\"}\n"
            let answer = try sidecar.lines("?results=all", "{\"data\":1}\n" + large + "{\"data\":2}\n")
            #expect(answer.lines.map { $0["errorCode"]?.string } == [nil, "recordTooLarge", nil, nil])
            let numbers = try await sidecar.numbers(2)
            #expect(answer.lines.map { $0["sequenceNumber"]?.string } == [numbers[0], nil, numbers[1], nil])
        }
    }

    @Test func `what the service refuses is told for each line`() async throws {
        try await TestSidecar.run { sidecar in
            await sidecar.fail {
                $0.failure = .service(ServiceError(code: "AccessDeniedException", message: "no", status: 400))
            }
            let answer = try sidecar.lines("", "{\"data\":1}\n{\"data\":2}\n")
            let denied = "AccessDeniedException"
            #expect(answer.lines.map { $0["errorCode"]?.string } == [denied, denied, nil])
            #expect(answer.lines[2] == ["lines": 2, "accepted": 0, "failed": 2])
        }
    }

    @Test func `a line that is not answered in time says whether it may have been written`() async throws {
        var puts = ProducerOptions()
        puts.putTimeout = .milliseconds(20)
        try await TestSidecar.run(puts: puts) { sidecar in
            await sidecar.fail { $0.hold() }
            let answer = try sidecar.lines("", "{\"data\":1}\n")
            #expect(answer.lines[0]["errorCode"] == "putTimeout")
            #expect(answer.lines[0]["errorMessage"]?.string?.contains("may have been written") == true)
            await sidecar.release()
        }
    }

    @Test func `a line is put and answered while the body goes on`() async throws {
        try await TestSidecar.run { sidecar in
            let client = try sidecar.beginLines("?results=all", "Expect: 100-continue")
            try client.read(until: "100 Continue\r\n\r\n")
            for index in 1...3 {
                client.writeChunk("{\"data\":\(index)}\n")
                try client.read(until: "{\"line\":\(index),\"sequenceNumber\":\"")
                let number = try await sidecar.numbers(index)[index - 1]
                try client.read(until: "{\"line\":\(index),\"sequenceNumber\":\"\(number)\"")
            }
            client.write("0\r\n\r\n")
            try client.read(until: "{\"lines\":3,\"accepted\":3,\"failed\":0,\"encryptionType\":\"NONE\"}")
            client.send("GET", "/livez", headers: ["Connection: close"])
            let rest = try client.readToEnd()
            #expect(rest.hasSuffix(#"{"status":"alive","version":"1.2.3"}"#), "the connection goes on")
        }
    }

    @Test func `a body that is cut loses no whole line, and puts no part of one`() async throws {
        try await TestSidecar.run { sidecar in
            let client = try sidecar.beginLines()
            client.writeChunk("{\"data\":1}\n{\"data\":2}\n{\"data\":3}")
            client.shutdownWriting()
            let end = try #require(TestAnswer(try client.readToEnd()).lines.last)
            #expect(end["lines"] == 2 && end["accepted"] == 2 && end["failed"] == 0)
            #expect(end["problem"]?["code"] == "malformedRequest")
            #expect(await sidecar.written() == ["1", "2"])
        }
    }

    @Test func `behind a chunk that is malformed nothing is put`() async throws {
        try await TestSidecar.run { sidecar in
            let client = try sidecar.beginLines()
            client.writeChunk("{\"data\":1}\n{\"da")
            client.write("zz\r\n")
            let answer = TestAnswer(try client.readToEnd())
            #expect(answer.isWhole)
            #expect(answer.lines.last?["accepted"] == 1)
            #expect(answer.lines.last?["problem"]?["status"] == 400)
        }
    }

    @Test func `a body that does not go on ends as a request that is too slow`() async throws {
        var limits = HTTPLimits()
        limits.bodyTime = .milliseconds(30)
        try await TestSidecar.run(limits: limits) { sidecar in
            // In one write: however long this thread stands still behind it, the line has come.
            let client = try TestClient(port: sidecar.port)
            client.write(
                "POST /streams/orders/put HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\nb\r\n{\"data\":1}\n\r\n")
            let end = TestAnswer(try client.readToEnd()).lines.last
            #expect(end?["accepted"] == 1)
            #expect(end?["problem"]?["code"] == "requestTimeout")
        }
    }

    @Test func `draining ends the lines behind those that were read`() async throws {
        try await TestSidecar.run { sidecar in
            let client = try sidecar.beginLines("?results=all")
            client.writeChunk("{\"data\":1}\n{\"data\":")
            try client.read(until: "{\"line\":1,")
            await sidecar.drain()
            let answer = TestAnswer(try client.readToEnd())
            #expect(answer.isWhole)
            #expect(answer.lines.last?["accepted"] == 1 && answer.lines.last?["lines"] == 1)
            #expect(answer.lines.last?["problem"]?["code"] == "draining")
            let late = try sidecar.lines("", "{\"data\":1}\n")
            #expect(late.status == 503 && late.code == "draining")
        }
    }

    @Test func `lines that wait for Kinesis when draining begins are answered`() async throws {
        try await TestSidecar.run { sidecar in
            await sidecar.fail { $0.hold() }
            let client = try sidecar.beginLines()
            client.writeChunk("{\"data\":1}\n")
            #expect(await sidecar.becomes { $0.producer.waitingBytes > 0 })
            let drain = Task { await sidecar.drain() }
            #expect(await sidecar.becomes { $0.gateway.stage == .ending })
            await sidecar.release()
            await drain.value
            let end = TestAnswer(try client.readToEnd()).lines.last
            #expect(end?["accepted"] == 1)
            #expect(end?["problem"]?["code"] == "draining")
        }
    }

    @Test func `of a client that vanishes the whole lines are put, and nothing is left`() async throws {
        try await TestSidecar.run { sidecar in
            await sidecar.fail { $0.hold() }
            let client = try sidecar.beginLines("?results=all")
            client.writeChunk("{\"data\":1}\n{\"data\":2}\n{\"da")
            #expect(await sidecar.becomes { $0.producer.waitingBytes > 0 })
            client.reset()
            await sidecar.release()
            #expect(await sidecar.becomes { $0.server.connectionCount == 0 })
            #expect(await sidecar.written() == ["1", "2"])
            #expect(await sidecar.becomes { $0.producer.waitingBytes == 0 })
            await sidecar.drain()
        }
    }

    @Test func `where puts have no room the body waits, and no line fails`() async throws {
        var puts = ProducerOptions()
        puts.maxPutBytes = 64 * 1024
        try await TestSidecar.run(puts: puts) { sidecar in
            await sidecar.fail { $0.hold() }
            let client = try sidecar.beginLines()
            let line = #"{"data":""# + String(repeating: "x", count: 1000) + "\"}\n"
            for _ in 0..<10 { client.writeChunk(String(repeating: line, count: 10)) }
            #expect(await sidecar.becomes { $0.producer.waitingBytes > 8192 })
            #expect(await sidecar.becomes { $0.producer.waitingBytes <= 16 * 1024 + 8192 })
            await sidecar.release()
            client.write("0\r\n\r\n")
            try client.read(until: "{\"lines\":100,\"accepted\":100,\"failed\":0,\"encryptionType\":\"NONE\"}")
        }
    }
}

extension TestSidecar {
    fileprivate func lines(_ query: String, _ body: String, path: String = "/streams/orders/put") throws -> TestAnswer {
        try send("POST", path + query, headers: ["Content-Type: application/x-ndjson"], body: body)
    }

    /// A request whose chunks are still to come.
    fileprivate func beginLines(_ query: String = "", _ more: String...) throws -> TestClient {
        let client = try TestClient(port: port)
        client.send(
            "POST", "/streams/orders/put" + query,
            headers: ["Content-Type: application/x-ndjson", "Transfer-Encoding: chunked"] + more)
        return client
    }

    /// Lets the calls go on that wait.
    fileprivate func release() async {
        await fail { $0.release() }
    }
}
