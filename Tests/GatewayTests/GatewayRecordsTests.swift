import Testing

@Suite struct GatewayRecordsTests {
    @Test func `the answer begins with its head, retry and a comment that counts the shards`() async throws {
        try await TestSidecar.run { sidecar in
            let client = try sidecar.follow("")
            let text = client.text
            #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(text.contains("Content-Type: text/event-stream; charset=utf-8\r\n"))
            #expect(text.contains("Cache-Control: no-store, no-transform\r\n"))
            #expect(text.contains("X-Accel-Buffering: no\r\n"))
            #expect(text.contains("retry: 1000\n: reader "))
            #expect(text.contains("group kinesis-sidecar, has 1 shards: shardId-000000000000\n"))
        }
    }

    @Test func `retry and greeting stand inside the first event's block, and a heartbeat is no block`() async throws {
        try await TestSidecar.run(heartbeat: .milliseconds(5)) { sidecar in
            let client = try sidecar.follow("")
            _ = try sidecar.send("POST", "/streams/orders/put", body: #"{"data":"x"}"#)
            try client.read(until: "]}\n\n")
            try client.read(until: "]}\n\n\r\n2\r\n:\n\r\n")
            for block in TestAnswer(client.text).body.split(separator: "\n\n").dropLast() {
                #expect(block.contains("\ndata: "), "\(block)")
            }
        }
    }

    @Test(arguments: [
        (["Last-Event-ID: 5f2c81d0-41"], "", "5f2c81d0-41"), ([], "lastEventId=5f2c81d0-41", "5f2c81d0-41"),
        ([], "Last-Event-ID=5f2c81d0-41", "5f2c81d0-41"),
        (["Last-Event-ID: 5f2c81d0-41"], "lastEventId=5f2c81d0-7", "5f2c81d0-41"),
        (["Last-Event-ID:"], "lastEventId=5f2c81d0-7", "5f2c81d0-7"), ([], "lastEventId=a%0Adata:%20b", "adata: b"),
    ])
    func `the first event of a resumed connection carries the id that it came with`(
        headers: [String], query: String, id: String
    ) async throws {
        try await TestSidecar.run { sidecar in
            let client = try TestClient(port: sidecar.port)
            client.send("GET", "/streams/orders/records?" + query, headers: headers)
            try client.read(until: "event: problem\n")
            try client.read(until: "\n\n")
            #expect(client.text.contains("retry: 1000\nid: \(id)\n: reader "))
            #expect(client.text.contains(#""lastEventUnknown""#))
        }
    }

    @Test func `a tail that comes with an id is told of none of the things that it has not`() async throws {
        try await TestSidecar.run { sidecar in
            let client = try TestClient(port: sidecar.port)
            client.send("GET", "/streams/orders/records?tail=true&lastEventId=5f2c81d0-41")
            try client.read(until: "event: problem\n")
            try client.read(until: "\n\n")
            #expect(client.text.contains(#""code":"lastEventUnknown""#))
            #expect(client.text.contains("5f2c81d0-41") && client.text.contains(#""positions":[{"#))
            #expect(!client.text.contains("checkpoint") && !client.text.contains("delivery log"))
        }
    }

    @Test(arguments: [["Last-Event-ID:"], []])
    func `an empty Last-Event-ID is none`(headers: [String]) async throws {
        try await TestSidecar.run { sidecar in
            let client = try TestClient(port: sidecar.port)
            client.send("GET", "/streams/orders/records?lastEventId=", headers: headers)
            try client.read(until: "event: shard\n")
            #expect(!client.text.contains("id: ") && !client.text.contains("event: problem"))
        }
    }

    @Test func `options of the connection conflict with nobody`() async throws {
        try await TestSidecar.run { sidecar in
            let first = try sidecar.follow("heartbeatInterval=100")
            let second = try TestClient(port: sidecar.port)
            second.send("GET", "/streams/orders/records?heartbeatInterval=60000&lastEventId=")
            try second.read(until: "has no shard")
            try first.read(until: "2\r\n:\n\r\n2\r\n:\n\r\n")
            #expect(!second.text.contains("\r\n:\n"))
            let bad = try sidecar.send("GET", "/streams/orders/records?heartbeatInterval=99")
            #expect(bad.code == "badOption" && bad.json?["option"]?.string == "heartbeatInterval")
            let start = try sidecar.send("POST", "/streams/orders/start?heartbeatInterval=500")
            #expect(start.code == "unknownOption")
        }
    }

    @Test(arguments: ["application/x-ndjson", "application/ndjson", "application/jsonl", "application/jsonl;q=0.5"])
    func `every name of JSON lines is one`(name: String) async throws {
        try await TestSidecar.run { sidecar in
            let client = try TestClient(port: sidecar.port)
            client.send("GET", "/streams/orders/records", headers: ["Accept: \(name)"])
            try client.read(until: #"{"event":"shard""#)
            #expect(client.text.contains("Content-Type: application/x-ndjson\r\n"))
            #expect(client.text.contains("Cache-Control: no-store, no-transform\r\n"))
        }
    }

    @Test func `no event of several records is longer than maxEventBytes`() async throws {
        try await TestSidecar.run { sidecar in
            for _ in 0..<3 {
                let records = (0..<100).map { #"{"data":{"n":\#($0)}}"# }.joined(separator: ",")
                _ = try sidecar.send("POST", "/streams/orders/put", body: #"{"records":[\#(records)]}"#)
            }
            let client = try sidecar.follow("initialPositionInStream=TRIM_HORIZON&maxEventBytes=2000")
            try client.read { $0.split(separator: "\"sequenceNumber\"").count > 300 }
            let events = TestAnswer(client.text).body.split(separator: "\n\n")
            #expect(events.count > 30 && events.allSatisfy { $0.utf8.count <= 2000 })
        }
    }

    @Test func `what is put after the head has arrived is delivered`() async throws {
        try await TestSidecar.run { sidecar in
            _ = try sidecar.send("POST", "/streams/orders/put", body: #"{"data":"before"}"#)
            let client = try sidecar.follow("")
            _ = try sidecar.send("POST", "/streams/orders/put", body: #"{"data":{"hello":"world"}}"#)
            try client.read(until: #""data":{"hello":"world"}}]}"# + "\n\n")
            #expect(!client.text.contains("before"))
            #expect(client.text.contains("event: records\ndata: {\"streamName\":\"orders\",\"shardId\":"))
            #expect(client.text.contains("-1\nevent: records\n"))
        }
    }

    @Test func `a reader that comes back goes on behind what the last one was sent`() async throws {
        try await TestSidecar.run { sidecar in
            _ = try sidecar.send("POST", "/streams/orders/put", body: #"{"data":"one"}"#)
            var client: TestClient? = try sidecar.follow("initialPositionInStream=TRIM_HORIZON")
            try client?.read(until: #""data":"one""#)
            client = nil
            _ = try sidecar.send("POST", "/streams/orders/put", body: #"{"data":"two"}"#)
            let next = try reconnect(sidecar)
            try next.read(until: #""data":"two""#)
            #expect(!next.text.contains(#""data":"one""#))
        }
    }

    @Test func `a reader is told of its shards, and one without a shard who has them`() async throws {
        try await TestSidecar.run { sidecar in
            let first = try sidecar.follow("")
            try first.read(
                until: "event: shard\ndata: {\"streamName\":\"orders\",\"shardId\":\"shardId-000000000000\","
                    + "\"change\":\"assigned\"}\n\n")
            let second = try TestClient(port: sidecar.port)
            second.send("GET", "/streams/orders/records")
            try second.read(until: "has no shard: the 1 of the stream are with ")
            let id = first.text.firstRange(of: ": reader ").map { first.text[$0.upperBound...].prefix(8) } ?? ""
            try second.read(until: "with \(id) (1)")
        }
    }

    @Test func `another value of an option is 409 with both values, another group is another consumer`() async throws {
        try await TestSidecar.run { sidecar in
            let first = try sidecar.follow("")
            _ = try sidecar.follow("consumerGroup=other")
            let conflict = try sidecar.send("GET", "/streams/orders/records?limit=5")
            #expect(conflict.code == "optionConflict")
            #expect(conflict.json?["held"]?.string == "10000")
            #expect(first.text.contains(": reader"))
        }
    }

    @Test func `an idle reader gets comments`() async throws {
        try await TestSidecar.run(heartbeat: .milliseconds(5)) { sidecar in
            let client = try sidecar.follow("")
            try client.read(until: "2\r\n:\n\r\n2\r\n:\n\r\n")
        }
    }

    @Test func `draining ends readers with an event, and closes new ones unanswered`() async throws {
        try await TestSidecar.run { sidecar in
            let client = try sidecar.follow("")
            await sidecar.drain()
            try client.read(until: "event: end\ndata: {\"reason\":\"draining\"}\n\n")
            try client.read(until: "\r\n0\r\n\r\n")
            #expect(try sidecar.send("GET", "/streams/orders/records").head == "")
            let ready = try sidecar.send("GET", "/readyz")
            #expect(ready.status == 503)
            #expect(ready.json?["causes"]?[0]?["component"]?.string == "process")
            #expect(try sidecar.send("GET", "/livez").status == 200)
        }
    }

    @Test(arguments: [
        ("limt=5", "unknownOption", "limt"), ("limit=0", "badOption", "limit"),
        ("limit=1&limit=1", "repeatedOption", "limit"),
        ("shardCount=2", "configurationOnlyOption", "shardCount"), ("tail=yes", "badOption", "tail"),
        ("tail=true&tail=true", "repeatedOption", "tail"),
        ("useS3ForLargeItems=true", "configurationOnlyOption", "useS3ForLargeItems"),
        ("tail=true&consumerGroup=g", "conflictingOptions", "consumerGroup"),
        ("tail=true&usePausedPolling=true", "conflictingOptions", "usePausedPolling"),
    ])
    func `a bad option is 400 and named`(query: String, code: String, option: String) async throws {
        try await TestSidecar.run { sidecar in
            let answer = try sidecar.send("GET", "/streams/orders/records?" + query)
            #expect(answer.status == 400)
            #expect(answer.code == code)
            #expect(answer.json?["option"]?.string == option)
        }
    }

    @Test func `events and lines are given, nothing else, and HEAD attaches nobody`() async throws {
        try await TestSidecar.run { sidecar in
            let html = try sidecar.send("GET", "/streams/orders/records", headers: ["Accept: text/html"])
            #expect(html.status == 406)
            #expect(html.json?["accepted"] == ["text/event-stream", "application/x-ndjson"])
            let head = try sidecar.send("HEAD", "/streams/orders/records")
            #expect(head.status == 200)
            #expect(head.head.contains("text/event-stream"))
            #expect(try sidecar.send("GET", "/streams").json?["consumers"] == [])
        }
    }

    @Test func `a stream that is not there is 404`() async throws {
        try await TestSidecar.run { sidecar in
            let answer = try sidecar.send("GET", "/streams/nobody/records")
            #expect(answer.status == 404)
            #expect(answer.code == "streamMissing")
        }
    }

    /// Follows again once the sidecar has noticed that the last reader has gone.
    private func reconnect(_ sidecar: TestSidecar) throws -> TestClient {
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            do {
                return try sidecar.follow("initialPositionInStream=TRIM_HORIZON")
            } catch {
                guard ContinuousClock.now < deadline else { throw error }
            }
        }
    }
}
