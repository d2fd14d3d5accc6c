import AWS
import FakeService
@testable import Gateway
import HTTP
import Testing

@Suite struct ReaderRefusalTests {
    private static let sse = ["Accept: text/event-stream"]
    private static let back = ["Last-Event-ID: 5f2c81d0-41"]

    @Test func `a client that comes back is told of the problem in a stream that ends, and keeps its id`() async throws
    {
        try await withoutRights { sidecar in
            for headers in [Self.sse + Self.back, Self.back] {
                let answer = try sidecar.send("GET", "/streams/orders/records", headers: headers)
                #expect(answer.status == 200 && answer.isWhole)
                #expect(answer.head.contains("Content-Type: text/event-stream; charset=utf-8"))
                #expect(answer.head.contains("Connection: close"))
                #expect(answer.body.hasPrefix("retry: 1000\nid: 5f2c81d0-41\nevent: problem\ndata: {\"type\":"))
                #expect(answer.body.contains(#""status":502"#) && answer.body.contains(#""code":"awsDenied""#))
                #expect(answer.body.hasSuffix("}\n\n"))
            }
        }
    }

    @Test func `so is one that has its id in the URL`() async throws {
        try await withoutRights { sidecar in
            let answer = try sidecar.send("GET", "/streams/orders/records?lastEventId=5f2c81d0-41")
            #expect(answer.status == 200 && answer.body.contains("id: 5f2c81d0-41\nevent: problem\n"))
        }
    }

    @Test func `a library that comes for the first time is closed unanswered`() async throws {
        try await withoutRights { sidecar in
            #expect(try sidecar.send("GET", "/streams/orders/records", headers: Self.sse).head == "")
            let metrics = try sidecar.send("GET", "/metrics").body
            #expect(metrics.contains(#"kinesis_sidecar_refused_readers_total{code="awsDenied"} 1"#))
            #expect(metrics.contains(#"requests_total{route="/streams/{streamName}/records",status="0"} 1"#))
        }
    }

    @Test(arguments: [[], ["Accept: */*"], ["Accept: application/x-ndjson"], ["Accept: application/x-ndjson"] + back])
    func `curl and readers of lines get the status`(headers: [String]) async throws {
        try await withoutRights { sidecar in
            let answer = try sidecar.send("GET", "/streams/orders/records", headers: headers)
            #expect(answer.status == 502 && answer.code == "awsDenied")
        }
    }

    @Test func `a library is told of a service that does not answer before it gives up, everybody else waits`()
        async throws
    {
        try await TestSidecar.run(patience: .milliseconds(50)) { sidecar in
            await sidecar.fail { $0.silence(.summary) }
            let path = "/streams/orders/records"
            let curl = try TestClient(port: sidecar.port)
            curl.send("GET", path)
            let lines = try TestClient(port: sidecar.port)
            lines.send("GET", path, headers: ["Accept: application/x-ndjson"] + Self.back)
            let answer = try sidecar.send("GET", path, headers: Self.sse + Self.back)
            #expect(answer.status == 200 && answer.isWhole)
            #expect(answer.body.hasPrefix("retry: 1000\nid: 5f2c81d0-41\nevent: problem\ndata: {\"type\":"))
            #expect(answer.body.contains(#""status":504"#) && answer.body.contains(#""code":"awsTimeout""#))
            #expect(try sidecar.send("GET", path, headers: Self.sse).head == "")
            let metrics = try sidecar.send("GET", "/metrics").body
            #expect(metrics.contains(#"kinesis_sidecar_refused_readers_total{code="awsTimeout"} 2"#))
            await sidecar.fail { $0.hangUp() }
            try curl.read(until: "event: shard\n")
            try lines.read(until: "HTTP/1.1 200 OK\r\n")
            // They are one consumer, which was prepared once.
            #expect(try sidecar.send("GET", path + "?limit=5", headers: Self.sse).code == "optionConflict")
        }
    }

    @Test func `one who watches leaves nothing behind when it gives up`() async throws {
        try await TestSidecar.run(patience: .milliseconds(50)) { sidecar in
            await sidecar.fail { $0.silence(.summary) }
            let answer = try sidecar.send("GET", "/streams/orders/records?tail=true", headers: Self.sse)
            #expect(answer.head == "")
            #expect(await sidecar.becomes { $0.consumers.tailCount == 0 })
        }
    }

    @Test func `what does not pass by itself is a status for everybody`() async throws {
        try await TestSidecar.run { sidecar in
            for headers in [Self.sse, Self.sse + Self.back] {
                #expect(try sidecar.send("GET", "/streams/orders/records?limt=5", headers: headers).status == 400)
                #expect(try sidecar.send("GET", "/streams/nobody/records", headers: headers).status == 404)
            }
            let metrics = try sidecar.send("GET", "/metrics").body
            #expect(metrics.contains(#"kinesis_sidecar_refused_readers_total{code="unknownOption"} 2"#))
        }
    }

    private func withoutRights(_ body: @escaping @Sendable (TestSidecar) async throws -> Void) async throws {
        try await TestSidecar.run { sidecar in
            await sidecar.fail {
                $0.failure = .service(ServiceError(code: "AccessDeniedException", message: "no", status: 400))
            }
            try await body(sidecar)
        }
    }
}

@Suite struct RefusalLogTests {
    private let start = ContinuousClock.now

    private func kind(_ code: ProblemCode, _ subject: String? = nil) -> RefusalLog.Kind {
        RefusalLog.Kind(code: code, subject: subject)
    }

    @Test func `each code and option has a line in ten seconds`() {
        var log = RefusalLog()
        let refusals = [
            (kind(.unknownOption, "limt"), 0), (kind(.unknownOption, "polDelay"), 0),
            (kind(.optionConflict, "limt"), 0), (kind(.unknownOption, "limt"), 9), (kind(.unknownOption, "limt"), 10),
        ]
        let lines = refusals.map { log.isWorthALine($0, now: start + .seconds($1)) }
        #expect(lines == [true, true, true, false, true])
    }

    @Test func `options that clients make up fill neither memory nor log`() {
        var log = RefusalLog()
        let lines = (0..<1000).count { log.isWorthALine(kind(.unknownOption, "option\($0)"), now: start) }
        #expect(lines == RefusalLog.mostKinds)
        let isLaterOneWritten = log.isWorthALine(kind(.awsFailed), now: start + RefusalLog.interval)
        #expect(isLaterOneWritten)
    }

    @Test func `a problem is told apart by its code and the option that it names`() {
        let problem = Problem.option(.unknown(option: "limt"), accepted: [])
        #expect(problem.document.kind == kind(.unknownOption, "limt"))
        #expect(Problem.unknownRoute(path: "/x").document.kind == kind(.unknownRoute))
    }
}
