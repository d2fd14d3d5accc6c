import Gateway
import Testing

@Suite struct GatewayLifecycleTests {
    @Test func `start fixes the positions, and a second start changes nothing`() async throws {
        try await TestSidecar.run { sidecar in
            let first = try sidecar.send("POST", "/streams/orders/start?consumerGroup=g&limit=5")
            #expect(first.status == 200)
            #expect(first.json?["phase"]?.string == "idle")
            #expect(first.json?["options"]?["limit"] == 5)
            let second = try sidecar.send("POST", "/streams/orders/start?consumerGroup=g")
            #expect(second.status == 200)
            _ = try sidecar.send("POST", "/streams/orders/put", body: #"{"data":"after start"}"#)
            let client = try sidecar.follow("consumerGroup=g")
            try client.read(until: "after start")
        }
    }

    @Test func `stop ends the reader in order, and nobody reads until start`() async throws {
        try await TestSidecar.run { sidecar in
            let client = try sidecar.follow("consumerGroup=g")
            _ = try sidecar.send("POST", "/streams/orders/put", body: #"{"data":"one"}"#)
            try client.read(until: "one")
            let stopped = try sidecar.send("POST", "/streams/orders/stop?consumerGroup=g")
            #expect(stopped.json == ["streamName": "orders", "consumerGroup": "g", "phase": "stopped"])
            try client.read(until: "event: end\ndata: {\"reason\":\"stopped\"}\n\n")
            let refused = try sidecar.send("GET", "/streams/orders/records?consumerGroup=g")
            #expect(refused.status == 409)
            #expect(refused.code == "consumerStopped")
            let again = try sidecar.send("POST", "/streams/orders/stop?consumerGroup=g")
            #expect(again.status == 200)
            _ = try sidecar.send("POST", "/streams/orders/put", body: #"{"data":"two"}"#)
            let started = try sidecar.send("POST", "/streams/orders/start?consumerGroup=g")
            #expect(started.json?["phase"]?.string == "idle")
            let next = try sidecar.follow("consumerGroup=g")
            try next.read(until: "two")
        }
    }

    @Test func `drained it takes no reader, and puts and acknowledgements go on`() async throws {
        try await TestSidecar.run { sidecar in
            let client = try sidecar.follow("consumerGroup=g&useAutoCheckpoints=false")
            _ = try sidecar.send("POST", "/streams/orders/put", body: #"{"data":"one"}"#)
            try client.read(until: "one")
            let begun = try sidecar.send("POST", "/drain")
            #expect(begun.status == 202)
            #expect(begun.json?["status"] == "draining")
            try client.read(until: "event: end\ndata: {\"reason\":\"draining\"}\n\n")
            #expect(await sidecar.becomes { $0.consumers.remains.isEmpty })
            let again = try sidecar.send("POST", "/drain")
            #expect(again.status == 200)
            #expect(again.json == ["status": "drained", "readers": 0, "consumers": 0])
            #expect(try sidecar.send("GET", "/readyz").status == 503)
            let refused = try sidecar.send("GET", "/streams/orders/records?consumerGroup=g")
            #expect(refused.status == 503)
            #expect(refused.code == "draining")
            #expect(try sidecar.send("POST", "/streams/orders/start?consumerGroup=g").code == "draining")
            #expect(try sidecar.send("POST", "/streams/orders/put", body: #"{"data":"two"}"#).status == 200)
            #expect(try sidecar.send("POST", "/drain?now=1").code == "unknownOption")
            #expect(try sidecar.send("GET", "/drain").code == "methodNotAllowed")
            await sidecar.drain()
        }
    }

    @Test func `what was never here can be stopped`() async throws {
        try await TestSidecar.run { sidecar in
            let answer = try sidecar.send("POST", "/streams/nobody/stop")
            #expect(answer.status == 200)
            #expect(
                answer.json == ["streamName": "nobody", "consumerGroup": "kinesis-sidecar", "phase": "stopped"])
        }
    }

    @Test func `an option that is not the route's, another value and a body are refused`() async throws {
        try await TestSidecar.run { sidecar in
            #expect(try sidecar.send("POST", "/streams/orders/stop?limit=5").code == "unknownOption")
            #expect(try sidecar.send("POST", "/streams/orders/start?limit=0").code == "badOption")
            #expect(try sidecar.send("POST", "/streams/orders/start", body: "{}").code == "bodyTooLarge")
            let client = try sidecar.follow("limit=7")
            let conflict = try sidecar.send("POST", "/streams/orders/start?limit=8")
            #expect(conflict.code == "optionConflict")
            #expect(conflict.json?["held"]?.string == "7")
            _ = client
        }
    }

    @Test func `a stream that is not there cannot be started`() async throws {
        try await TestSidecar.run { sidecar in
            let answer = try sidecar.send("POST", "/streams/typo/start")
            #expect(answer.status == 404)
            #expect(answer.code == "streamMissing")
            #expect(try sidecar.send("GET", "/streams").json?["consumers"]?.array?.isEmpty == true)
        }
    }

    @Test func `a group is forgotten once nobody reads it, and nothing of it is told any more`() async throws {
        try await TestSidecar.run { sidecar in
            let client = try sidecar.follow("consumerGroup=g")
            let inUse = try sidecar.send("POST", "/streams/orders/forget?consumerGroup=g")
            #expect(inUse.status == 409)
            #expect(inUse.code == "consumerInUse")
            client.reset()
            #expect(await sidecar.becomes { $0.consumers.snapshots[0].readerIDs.isEmpty })
            #expect(try sidecar.send("GET", "/metrics").body.contains(#"consumer_group="g""#))
            let forgotten = try sidecar.send("POST", "/streams/orders/forget?consumerGroup=g")
            #expect(forgotten.status == 200)
            #expect(forgotten.json == ["streamName": "orders", "consumerGroup": "g", "forgotten": true])
            #expect(try !sidecar.send("GET", "/metrics").body.contains(#"consumer_group="g""#))
            #expect(try sidecar.send("GET", "/streams").json?["consumers"] == [])
            let unknown = try sidecar.send("POST", "/streams/orders/forget?consumerGroup=g")
            #expect(unknown.status == 200)
            #expect(unknown.json?["forgotten"] == false)
            #expect(try sidecar.send("POST", "/streams/orders/forget?limit=5").code == "unknownOption")
        }
    }
}
