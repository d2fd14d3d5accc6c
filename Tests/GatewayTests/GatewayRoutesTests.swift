import AWS
@testable import Gateway
import JSON
import Testing

@Suite struct GatewayPutTests {
    @Test func `one record is answered with its place`() async throws {
        try await TestSidecar.run { sidecar in
            let answer = try sidecar.send("POST", "/streams/orders/put", body: #"{"data":{"hello":"world"}}"#)
            #expect(answer.status == 200)
            let number = try await sidecar.numbers(1)[0]
            #expect(
                answer.json
                    == ["encryptionType": "NONE", "sequenceNumber": .string(number), "shardId": "shardId-000000000000"])
        }
    }

    @Test func `many records are answered in their order`() async throws {
        try await TestSidecar.run { sidecar in
            let answer = try sidecar.send(
                "POST", "/put", body: #"{"streamName":"orders","records":[{"data":1},{"data":2}]}"#)
            #expect(answer.status == 200)
            let numbers = try await sidecar.numbers(2)
            #expect(answer.json?["records"]?.array?.map { $0["sequenceNumber"]?.string } == numbers)
        }
    }

    @Test(arguments: [
        "application/json", "Application/JSON; charset=utf-8", "application/x-www-form-urlencoded", "text/json",
        "text/plain;charset=UTF-8",
    ])
    func `the envelope is read from these types`(type: String) async throws {
        try await TestSidecar.run { sidecar in
            let answer = try sidecar.send(
                "POST", "/streams/orders/put", headers: ["Content-Type: " + type], body: #"{"data":1}"#)
            #expect(answer.status == 200)
        }
    }

    @Test func `a body of another type is 415 where it cannot be the data`() async throws {
        try await TestSidecar.run { sidecar in
            let answer = try sidecar.send("POST", "/put", headers: ["Content-Type: text/csv"], body: #"{"data":1}"#)
            #expect(answer.status == 415 && answer.code == "unsupportedMediaType")
            let accepted = PutBodyKind.envelopeTypes + PutBodyKind.linesTypes
            #expect(answer.json?["accepted"] == .array(accepted.map(JSONValue.string)))
            #expect(answer.head.contains("\r\nAccept: application/json, "))
            #expect(answer.json?["detail"]?.string?.contains("raw") == false)
            #expect(try sidecar.send("POST", "/put?raw=true", body: "x").code == "unknownOption")
        }
    }

    @Test func `a form with parts is not stored with its boundaries, unless that is asked for`() async throws {
        try await TestSidecar.run { sidecar in
            let type = ["Content-Type: multipart/form-data; boundary=b"]
            let answer = try sidecar.send("POST", "/streams/orders/put", headers: type, body: "--b")
            #expect(answer.status == 415 && answer.code == "unsupportedMediaType")
            #expect(answer.json?["detail"]?.string?.contains("?raw=true") == true)
            let raw = try sidecar.send("POST", "/streams/orders/put?raw=true", headers: type, body: "--b")
            #expect(raw.status == 200)
            #expect(await sidecar.written() == ["--b"])
        }
    }

    @Test(arguments: ["text/plain", "application/json", "application/x-ndjson", "application/x-www-form-urlencoded"])
    func `raw makes the data of a body of any type`(type: String) async throws {
        try await TestSidecar.run { sidecar in
            let put = try sidecar.send(
                "POST", "/streams/orders/put?raw=true&partitionKey=k", headers: ["Content-Type: " + type],
                body: #"{"data":1}"#)
            #expect(put.status == 200)
            _ = try sidecar.send("POST", "/streams/orders/put?raw=false", body: #"{"data":1}"#)
            #expect(await sidecar.written() == [#"{"data":1}"#, "1"])
        }
    }

    @Test(arguments: ["", "hello", #"{"user":7}"#, "{}", #"[{"data":1}]"#, #""text""#])
    func `what is no envelope is shown one, and the way to put it as it is`(body: String) async throws {
        try await TestSidecar.run { sidecar in
            let answer = try sidecar.send("POST", "/streams/orders/put", body: body)
            #expect(answer.status == 400)
            let detail = try #require(answer.json?["detail"]?.string)
            for shown in [#"{"data": …}"#, #"{"records": [{"data": …}, …]}"#, "?raw=true"] {
                #expect(detail.contains(shown))
            }
            let named = try sidecar.send("POST", "/put", body: body)
            #expect(named.json?["detail"]?.string?.contains(#"{"streamName": …, "data": …}"#) == true)
            #expect(named.json?["detail"]?.string?.contains("raw") == false)
        }
    }

    @Test(arguments: [("application/x-www-form-urlencoded", "partitionKey"), ("application/json", "results")])
    func `an option of another kind of body is told with the type that has it`(type: String, option: String)
        async throws
    {
        try await TestSidecar.run { sidecar in
            let answer = try sidecar.send(
                "POST", "/streams/orders/put?\(option)=all", headers: ["Content-Type: " + type], body: "hello")
            #expect(answer.status == 400 && answer.code == "unknownOption")
            let detail = try #require(answer.json?["detail"]?.string)
            #expect(detail.contains(option) && detail.contains(type) && detail.contains("Accepted with it: ordered"))
        }
    }

    @Test func `a body of another type is the data as it is`() async throws {
        try await TestSidecar.run { sidecar in
            let put = try sidecar.send(
                "POST", "/streams/orders/put?partitionKey=k%201&explicitHashKey=7&ordered=true",
                headers: ["Content-Type: text/csv; charset=utf-8"], body: " plain text ")
            #expect(put.status == 200)
            #expect(put.json?["shardId"] == "shardId-000000000000")
            let keyless = try sidecar.send(
                "POST", "/streams/orders/put", headers: ["Content-Type: application/octet-stream"])
            #expect(keyless.json?["sequenceNumber"]?.string == (try await sidecar.numbers(2)[1]))
            let reader = try sidecar.follow("initialPositionInStream=TRIM_HORIZON")
            try reader.read(until: #"" plain text ""#)
            #expect(reader.text.contains(#""partitionKey":"k 1""#))
            // The digest of no bytes.
            try reader.read(until: #""partitionKey":"2jmj7l5rSw0yVb/vlWAYkK/YBwk=""#)
        }
    }

    @Test(arguments: [
        ("partitionKey=", "text/csv", "badOption"), ("explicitHashKey=01", "text/csv", "badOption"),
        ("ordered=yes", "text/csv", "badOption"), ("ordered=2", "application/json", "badOption"),
        ("raw=", "application/json", "badOption"), ("raw=true&raw=true", "application/json", "repeatedOption"),
        ("raw=true&results=all", "application/x-ndjson", "unknownOption"),
        ("partitionKey=a&partitionKey=b", "text/csv", "repeatedOption"),
        ("partitionKey=a", "application/json", "unknownOption"), ("results=all", "text/csv", "unknownOption"),
    ])
    func `a put's options are checked, and belong to the body's type`(
        query: String, type: String, code: String
    ) async throws {
        try await TestSidecar.run { sidecar in
            let answer = try sidecar.send(
                "POST", "/streams/orders/put?" + query, headers: ["Content-Type: " + type], body: #"{"data":1}"#)
            #expect(answer.status == 400)
            #expect(answer.code == code)
        }
    }

    @Test func `an ordered envelope is answered in its order`() async throws {
        try await TestSidecar.run { sidecar in
            let answer = try sidecar.send(
                "POST", "/streams/orders/put?ordered=true",
                body: #"{"records":[{"data":1,"partitionKey":"a"},{"data":2,"partitionKey":"a"}]}"#)
            let numbers = try await sidecar.numbers(2)
            #expect(answer.json?["records"]?.array?.map { $0["sequenceNumber"]?.string } == numbers)
        }
    }

    @Test func `of a request with one bad record none is sent`() async throws {
        try await TestSidecar.run { sidecar in
            let body = #"{"records":[{"data":1},{"data":2,"partitionKey":""}]}"#
            let bad = try sidecar.send("POST", "/streams/orders/put", body: body)
            #expect(bad.status == 400)
            #expect(bad.json?["index"]?.int == 1)
            let good = try sidecar.send("POST", "/streams/orders/put", body: #"{"data":1}"#)
            #expect(good.json?["sequenceNumber"]?.string == (try await sidecar.numbers(1)[0]))
        }
    }

    @Test func `a record over the stream's size is 413 and a body over the limit too`() async throws {
        try await TestSidecar.run { sidecar in
            let large = #"{"data":""# + String(repeating: "x", count: 1 << 20) + #""}"#
            let answer = try sidecar.send("POST", "/streams/orders/put", body: large)
            #expect(answer.status == 413)
            #expect(answer.code == "recordTooLarge")
            let length = ["Content-Length: 16777217"]
            let tooLong = try sidecar.send("POST", "/streams/orders/put", headers: length)
            #expect(tooLong.code == "bodyTooLarge")
        }
    }

    @Test func `a put takes no option, and a missing stream is 404`() async throws {
        try await TestSidecar.run { sidecar in
            let option = try sidecar.send("POST", "/streams/orders/put?partitionKey=k", body: #"{"data":1}"#)
            #expect(option.code == "unknownOption")
            let missing = try sidecar.send("POST", "/streams/nobody/put", body: #"{"data":1}"#)
            #expect(missing.code == "streamMissing")
        }
    }

    @Test func `a service that denies access is 502 with its code`() async throws {
        try await TestSidecar.run { sidecar in
            await sidecar.fail {
                $0.failure = .service(
                    ServiceError(code: "AccessDeniedException", message: "no", status: 400, requestID: "r"))
            }
            let answer = try sidecar.send("POST", "/streams/orders/put", body: #"{"data":1}"#)
            #expect(answer.status == 502)
            #expect(answer.json?["awsCode"]?.string == "AccessDeniedException")
        }
    }
}

@Suite struct GatewayRoutesTests {
    @Test func `a stream's summary and shards are told in camelCase`() async throws {
        try await TestSidecar.run { sidecar in
            let summary = try sidecar.send("GET", "/streams/orders").json
            #expect(summary?["streamStatus"]?.string == "ACTIVE")
            #expect(summary?["streamCreationTimestamp"]?.string == (try await sidecar.creation().iso8601))
            #expect(summary?["maxRecordSizeInKiB"]?.int == 1024)
            let shards = try sidecar.send("GET", "/streams/orders/shards").json?["shards"]
            #expect(shards?[0]?["shardId"]?.string == "shardId-000000000000")
            #expect(shards?[0]?["hashKeyRange"]?["startingHashKey"]?.string == "0")
            #expect(try sidecar.send("GET", "/streams/nobody/shards").code == "streamMissing")
        }
    }

    @Test func `the consumers are listed with their options and shards`() async throws {
        try await TestSidecar.run { sidecar in
            let client = try sidecar.follow("limit=7")
            let consumer = try sidecar.send("GET", "/streams").json?["consumers"]?[0]
            #expect(consumer?["streamName"]?.string == "orders")
            #expect(consumer?["consumerGroup"]?.string == "kinesis-sidecar")
            #expect(consumer?["options"]?["limit"] == 7)
            #expect(consumer?["options"]?["supressThroughputWarnings"] == false)
            #expect(consumer?["shards"]?[0]?["shardId"]?.string == "shardId-000000000000")
            #expect(client.text.contains(consumer?["readers"]?[0]?.string ?? "none"))
        }
    }

    @Test func `health and contract are there, and HEAD gives their heads`() async throws {
        try await TestSidecar.run { sidecar in
            let alive = try sidecar.send("GET", "/livez")
            #expect(alive.json == ["status": "alive", "version": "1.2.3"])
            let ready = try sidecar.send("GET", "/readyz")
            #expect(ready.status == 200)
            #expect(ready.json == ["status": "ready", "causes": [], "warnings": []])
            let contract = try sidecar.send("GET", "/openapi.yaml")
            #expect(contract.body.hasPrefix("openapi: 3.1.0\n"))
            let head = try sidecar.send("HEAD", "/openapi.yaml")
            #expect(head.body.isEmpty)
            #expect(head.head.contains("Content-Length: \(contract.body.utf8.count)"))
        }
    }

    @Test func `a foreign Host is 421 and a foreign page 403, whatever the route`() async throws {
        try await TestSidecar.run { sidecar in
            let host = try sidecar.send("GET", "/livez", headers: ["Host: attacker.example"])
            #expect(host.status == 421)
            #expect(host.code == "foreignHost")
            let origin = try sidecar.send("GET", "/nowhere", headers: ["Origin: https://attacker.example"])
            #expect(origin.status == 403)
            #expect(origin.code == "foreignOrigin")
        }
    }

    @Test func `a request that is no HTTP gets a problem document of the same kind`() async throws {
        try await TestSidecar.run { sidecar in
            let answer = try sidecar.send("GET", "/livez", headers: ["Bad Name: x"])
            #expect(answer.status == 400)
            #expect(answer.json?["type"]?.string == "urn:kinesis-sidecar:problem:malformedRequest")
        }
    }

    @Test func `a wrong method is 405 with Allow`() async throws {
        try await TestSidecar.run { sidecar in
            let answer = try sidecar.send("DELETE", "/streams/orders")
            #expect(answer.status == 405)
            #expect(answer.head.contains("Allow: GET, HEAD"))
        }
    }

    @Test func `a page of an allowed origin is told that it may read the answer, a refusal as well`() async throws {
        try await TestSidecar.run { sidecar in
            for (path, status) in [("/streams", 200), ("/nothing", 404)] {
                let answer = try sidecar.send("GET", path, headers: ["Origin: https://App.example"])
                #expect(answer.status == status)
                #expect(answer.head.contains("Access-Control-Allow-Origin: https://App.example\r\n"))
                #expect(answer.head.contains("Vary: Origin\r\n"))
            }
            let own = try sidecar.send("GET", "/streams")
            #expect(!own.head.contains("Access-Control"))
            let foreign = try sidecar.send("GET", "/streams", headers: ["Origin: https://evil.example"])
            #expect(foreign.status == 403 && !foreign.head.contains("Access-Control"))
        }
    }

    @Test func `its browser may ask before it sends`() async throws {
        try await TestSidecar.run { sidecar in
            let asks = ["Origin: https://app.example", "Access-Control-Request-Method: POST"]
            let answer = try sidecar.send("OPTIONS", "/streams/orders/put", headers: asks)
            #expect(answer.status == 204)
            #expect(answer.head.contains("Access-Control-Allow-Methods: POST\r\n"))
            let fields =
                "Accept, Authorization, Content-Encoding, Content-Type, Last-Event-ID, Traceparent, X-Request-Id"
            #expect(answer.head.contains("Access-Control-Allow-Headers: \(fields)\r\n"))
            #expect(try sidecar.send("OPTIONS", "/nothing", headers: asks).status == 404)
            #expect(try sidecar.send("OPTIONS", "/streams/orders/put", headers: [asks[0]]).status == 405)
            let foreign = try sidecar.send(
                "OPTIONS", "/streams/orders/put", headers: ["Origin: https://evil.example", asks[1]])
            #expect(foreign.status == 403)
        }
    }
}
