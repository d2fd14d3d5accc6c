import AWS
@testable import Gateway
import JSON
import Producer
import Testing

@Suite struct GatewayStatsTests {
    @Test func `assignments have lifion's shape, and each reader's shards`() async throws {
        try await TestSidecar.run { sidecar in
            let client = try sidecar.follow("consumerGroup=g")
            let answer = try sidecar.send("GET", "/streams/orders/assignments").json
            let consumer = try #require(answer?.object?.first?.value)
            #expect(consumer["appName"]?.string == "g")
            #expect(consumer["host"]?.string == "host")
            #expect(consumer["pid"] == 42)
            #expect(consumer["isActive"] == true)
            #expect(consumer["isStandalone"] == false)
            #expect(consumer["shards"] == ["shardId-000000000000"])
            let reader = try #require(consumer["readers"]?.object?.first)
            #expect(client.text.contains(reader.key))
            #expect(reader.value == ["shardId-000000000000"])
            #expect(try sidecar.send("GET", "/assignments").json?["orders"]?.object?.count == 1)
            #expect(try sidecar.send("GET", "/streams/other/assignments").json == .object([]))
        }
    }

    @Test func `the stats of a stream tell puts, lag and what was delivered`() async throws {
        try await TestSidecar.run { sidecar in
            let client = try sidecar.follow("consumerGroup=g")
            _ = try sidecar.send("POST", "/streams/orders/put", body: #"{"data":"12345","partitionKey":"key"}"#)
            try client.read(until: "12345")
            let stats = try sidecar.send("GET", "/streams/orders/stats").json
            #expect(stats?["version"]?.string == "1.2.3")
            #expect(stats?["recentExceptions"] == ["count": 0, "exceptions": []])
            #expect(stats?["lastAwsResponse"]?.string != nil)
            #expect(stats?["kinesis"]?["lastRecordSent"]?.string != nil)
            #expect(stats?["kinesis"]?["lastAwsResponse"]?.string != nil)
            #expect(stats?["puts"]?["records"] == 1)
            #expect(stats?["puts"]?["bytes"] == 8)
            let shard = stats?["consumers"]?[0]?["shards"]?[0]
            #expect(shard?["millisBehindLatest"] == 0)
            #expect(shard?["restarts"] == 0)
            #expect(shard?["reader"]?.string.map(client.text.contains) == true)
        }
    }

    @Test func `the stats of the process have every stream, and a failure among the exceptions`() async throws {
        try await TestSidecar.run { sidecar in
            await sidecar.fail {
                $0.failure = .service(
                    ServiceError(code: "AccessDeniedException", message: "no", status: 400, requestID: "r"))
            }
            _ = try sidecar.send("GET", "/streams/orders")
            let stats = try sidecar.send("GET", "/stats").json
            #expect(stats?["kinesis"]?["lastRecordConsumed"] == .null)
            let exceptions = stats?["streams"]?["orders"]?["recentExceptions"]
            #expect(exceptions?["count"] == 1)
            #expect(exceptions?["exceptions"]?[0]?["code"]?.string == "AccessDeniedException")
            #expect(exceptions?["exceptions"]?[0]?["requestId"]?.string == "r")
            #expect(exceptions?["exceptions"]?[0]?["statusCode"] == 400)
        }
    }

    @Test func `a name that nobody knows leaves no series and no stats`() async throws {
        try await TestSidecar.run { sidecar in
            for path in ["/streams/typo", "/streams/typo/shards", "/streams/typo/records", "/streams/typo/stats"] {
                _ = try sidecar.send("GET", path)
                #expect(try sidecar.send("GET", "/streams/typo/stats").json?["recentExceptions"]?["count"] == 0)
            }
            #expect(try sidecar.send("POST", "/streams/typo/put", body: #"{"data":1}"#).status == 404)
            #expect(try sidecar.send("GET", "/stats").json?["streams"] == [:])
            #expect(try sidecar.send("POST", "/streams/typo/stop").json?["phase"] == "stopped")
            #expect(try !sidecar.send("GET", "/metrics").body.contains("typo"))
            // The stop holds, and is told where consumers are.
            let consumers = try sidecar.send("GET", "/streams").json?["consumers"]
            #expect(consumers?.array?.compactMap { $0["phase"]?.string } == ["stopped"])
        }
    }

    @Test func `readyz warns while something fails, and not of what has worked since`() async throws {
        try await TestSidecar.run { sidecar in
            await sidecar.fail { $0.failure = .transport(.notConnected(reason: "refused")) }
            _ = try sidecar.send("GET", "/streams/orders")
            let during = try sidecar.send("GET", "/readyz").json
            #expect(during?["warnings"]?[0]?["component"] == "kinesis")
            #expect(during?["warnings"]?[0]?["detail"]?.string?.contains("refused") == true)
            await sidecar.fail { $0.failure = nil }
            _ = try sidecar.send("GET", "/streams/orders")
            #expect(try sidecar.send("GET", "/readyz").json?["warnings"] == [])
            #expect(try sidecar.send("GET", "/streams/orders/stats").json?["recentExceptions"]?["count"] == 1)
        }
    }

    @Test func `a put that is not answered in its time is a failure that readyz and stats name`() async throws {
        var puts = ProducerOptions()
        puts.putTimeout = .seconds(3)
        try await TestSidecar.run(puts: puts) { sidecar in
            await sidecar.fail { $0.hold() }
            #expect(try sidecar.send("POST", "/streams/orders/put", body: #"{"data":1}"#).code == "putTimeout")
            let warning = try sidecar.send("GET", "/readyz").json?["warnings"]?[0]
            #expect(warning?["component"] == "kinesis")
            #expect(warning?["detail"] == "no response within 3.0 seconds")
            #expect(try sidecar.send("GET", "/streams/orders/stats").json?["recentExceptions"]?["count"] == 1)
            await sidecar.fail { $0.release() }
            #expect(await sidecar.becomes { !$0.kinesis.written.isEmpty })
            #expect(try sidecar.send("POST", "/streams/orders/put", body: #"{"data":2}"#).status == 200)
            #expect(try sidecar.send("GET", "/readyz").json?["warnings"] == [])
        }
    }

    @Test func `metrics count requests, puts and the process`() async throws {
        try await TestSidecar.run { sidecar in
            let client = try sidecar.follow("consumerGroup=a%22b")
            _ = try sidecar.send("POST", "/streams/orders/put", body: #"{"data":"12345","partitionKey":"key"}"#)
            try client.read(until: "12345")
            let answer = try sidecar.send("GET", "/metrics")
            #expect(answer.head.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8"))
            let lines = answer.body.split(separator: "\n")
            for line in [
                #"kinesis_sidecar_http_requests_total{route="/put",status="200"} 1"#,
                "kinesis_sidecar_http_requests_in_flight 2",
                #"kinesis_sidecar_put_records_total{stream="orders"} 1"#,
                #"kinesis_sidecar_put_bytes_total{stream="orders"} 8"#,
                #"kinesis_sidecar_readers{stream="orders",consumer_group="a\"b"} 1"#,
                "kinesis_sidecar_state_writable 1", "process_resident_memory_bytes 4096", "process_open_fds 3",
                "process_start_time_seconds 1.5",
            ] {
                #expect(lines.contains(Substring(line)), "\(line) is not in\n\(answer.body)")
            }
        }
    }

    @Test func `what a reader has not acknowledged is told in metrics, stats and streams, until it does`() async throws
    {
        try await TestSidecar.run { sidecar in
            let client = try sidecar.follow("consumerGroup=g&useAutoCheckpoints=false")
            _ = try sidecar.send("POST", "/streams/orders/put", body: #"{"data":"12345"}"#)
            try client.read(until: "12345")
            let labels = #"{stream="orders",consumer_group="g",shard="shardId-000000000000"}"#
            #expect(await sidecar.becomes { $0.consumers.snapshots[0].shards[0].backlog.unacknowledgedEvents == 1 })
            let metrics = try sidecar.send("GET", "/metrics").body
            #expect(metrics.contains("kinesis_sidecar_unacknowledged_events\(labels) 1\n"))
            #expect(metrics.contains("kinesis_sidecar_oldest_unacknowledged_seconds\(labels) 0."))
            #expect(metrics.contains("kinesis_sidecar_checkpoint_lag_seconds\(labels) 0."))
            #expect(!metrics.contains("kinesis_sidecar_checkpoint_lag_seconds\(labels) 0.0\n"))
            for shard in [
                try sidecar.send("GET", "/streams").json?["consumers"]?[0]?["shards"]?[0],
                try sidecar.send("GET", "/streams/orders/stats").json?["consumers"]?[0]?["shards"]?[0],
            ] {
                #expect(shard?["unacknowledgedEvents"] == 1)
                #expect(shard?["checkpointMillisBehindLatest"] != nil)
                #expect(shard?["oldestUnacknowledgedMillis"] != nil)
            }
            let event = try #require(client.text.firstMatch(of: /id: (\S+)\nevent: records/)?.1)
            _ = try sidecar.send("POST", "/streams/orders/checkpoints?consumerGroup=g", body: #"{"id":"\#(event)"}"#)
            #expect(await sidecar.becomes { $0.consumers.snapshots[0].shards[0].backlog.checkpointLag == 0 })
            let after = try sidecar.send("GET", "/metrics").body
            #expect(after.contains("kinesis_sidecar_unacknowledged_events\(labels) 0\n"))
            #expect(after.contains("kinesis_sidecar_checkpoint_lag_seconds\(labels) 0.0\n"))
            #expect(!after.contains("kinesis_sidecar_oldest_unacknowledged_seconds\(labels)"))
        }
    }

    @Test func `the status page may run its own script and nothing else`() async throws {
        try await TestSidecar.run { sidecar in
            let page = try sidecar.send("GET", "/")
            #expect(page.status == 200)
            #expect(page.head.contains("Content-Type: text/html; charset=utf-8"))
            #expect(page.head.contains("Content-Security-Policy: default-src 'none'; script-src 'sha256-"))
            #expect(!page.body.contains("http://") && !page.body.contains("https://"))
            for attribute in ["style=\"", "onclick=", "innerHTML"] { #expect(!page.body.contains(attribute)) }
        }
    }
}
