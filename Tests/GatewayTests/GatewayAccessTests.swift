import AWS
@testable import Gateway
import HTTP
import HTTPServer
import Kinesis
import Testing

/// What each route wants of whoever asks, by the contract and over a socket.
@Suite struct GatewayAccessTests {
    private static let access = Access(tokens: [
        Access.Token(
            digest: Digest.sha256("one"),
            grant: Grant(name: "one", verbs: [.read, .put, .admin], streams: StreamScope(["orders"])!)),
        Access.Token(digest: Digest.sha256("all"), grant: Grant(name: "all", verbs: Set(Verb.allCases))),
        Access.Token(digest: Digest.sha256("none"), grant: Grant(name: "none", verbs: [.checkpoint])),
    ])

    private static func header(_ token: String) -> [String] { ["Authorization: Bearer \(token)"] }

    /// An operation of the contract: its method, its path, and its `x-verb`.
    private struct Operation {
        let method: String
        let path: String
        var verb: Verb?
    }

    private static func operations() -> [Operation] {
        var operations: [Operation] = []
        var path = ""
        for line in Contract.yaml.text.split(separator: "\n").drop(while: { $0 != "paths:" }).dropFirst() {
            if line == "components:" { break }
            if line.hasPrefix("  /") { path = String(line.dropFirst(2).dropLast()) }
            if line == "    get:" || line == "    post:" {
                operations.append(Operation(method: line == "    get:" ? "GET" : "POST", path: path))
            }
            if line.hasPrefix("      x-verb: ") {
                operations[operations.count - 1].verb = Verb(rawValue: String(line.dropFirst("      x-verb: ".count)))
            }
        }
        return operations
    }

    @Test func `the contract names the verb of every route`() throws {
        let operations = Self.operations()
        #expect(operations.count == 25)
        for operation in operations {
            let path = operation.path.replacing("{streamName}", with: "orders")
            let method: HTTPMethod = operation.method == "GET" ? .get : .post
            let demand = try Route.find(method, path: path).demand
            switch demand {
            case .nothing: #expect(operation.verb == nil, "\(path)")
            case .verbOrOwnMachine(let verb): #expect(operation.verb == verb, "\(path)")
            case .verb(let verb, let extent):
                #expect(operation.verb == verb, "\(path)")
                #expect((extent == .stream(StreamName("orders")!)) == path.hasPrefix("/streams/"), "\(path)")
            }
        }
    }

    @Test func `every path of the contract is refused without a token, but those that are free`() async throws {
        try await TestSidecar.run(access: Self.access) { sidecar in
            for operation in Self.operations() {
                let path = operation.path.replacing("{streamName}", with: "orders")
                for method in operation.method == "GET" ? ["GET", "HEAD"] : ["POST"] {
                    let answer = try sidecar.send(method, path)
                    guard operation.verb != nil else {
                        #expect(answer.status == 200, "\(path)")
                        continue
                    }
                    #expect(answer.status == 401, "\(method) \(path)")
                    #expect(answer.head.contains("WWW-Authenticate: Bearer\r\n"))
                }
            }
        }
    }

    @Test func `a token does what its verbs say, on its streams`() async throws {
        try await TestSidecar.run(access: Self.access) { sidecar in
            func status(_ method: String, _ path: String, _ token: String, _ body: String = "") throws -> Int {
                try sidecar.send(method, path, headers: Self.header(token), body: body).status
            }
            let record = #"{"data":1}"#
            #expect(try status("POST", "/streams/orders/put", "one", record) == 200)
            #expect(try status("POST", "/streams/other/put", "one", record) == 403)
            #expect(try status("POST", "/put", "one", #"{"streamName":"orders","data":1}"#) == 200)
            let other = try sidecar.send(
                "POST", "/put", headers: Self.header("one"), body: #"{"streamName":"other","data":1}"#)
            #expect(other.status == 403 && other.code == "streamNotGranted")
            #expect(other.json?["streamName"]?.string == "other" && other.json?["verb"]?.string == "put")
            let checkpoint = try sidecar.send("POST", "/streams/orders/checkpoints", headers: Self.header("one"))
            #expect(checkpoint.status == 403 && checkpoint.code == "verbNotGranted")
            #expect(try status("POST", "/put", "none", record) == 403)
            #expect(try status("POST", "/streams/orders/stop", "one") == 200)
            #expect(try status("GET", "/streams/orders/shards", "none") == 403)
            let wrong = try sidecar.send("GET", "/stats", headers: Self.header("secret-and-wrong"))
            #expect(wrong.status == 401 && wrong.code == "unknownToken" && !wrong.body.contains("secret"))
            #expect(try await sidecar.numbers(2).count == 2, "nothing else was put")
        }
    }

    @Test func `who is bound to some streams is told of those`() async throws {
        try await TestSidecar.run(access: Self.access) { sidecar in
            await sidecar.start(StreamName("other")!)
            for path in ["/streams", "/stats", "/assignments"] {
                let all = try sidecar.send("GET", path, headers: Self.header("all"))
                #expect(all.status == 200 && all.body.contains("\"other\""), "\(path) \(all.body)")
                let one = try sidecar.send("GET", path, headers: Self.header("one"))
                #expect(one.status == 200 && !one.body.contains("other"), "\(path) \(one.body)")
            }
            let metrics = try sidecar.send("GET", "/metrics", headers: Self.header("one"))
            #expect(metrics.status == 403 && metrics.code == "streamNotGranted")
            let counted = try sidecar.send("GET", "/metrics", headers: Self.header("all")).body
            #expect(counted.contains("kinesis_sidecar_access_failures_total{code=\"streamNotGranted\"} 1\n"))
        }
    }

    @Test func `a flood without a token gets 429, and a token goes on`() async throws {
        try await TestSidecar.run(access: Self.access) { sidecar in
            let client = try TestClient(port: sidecar.port)
            for _ in 0..<AccessFailures.burst * 5 { client.send("GET", "/stats", headers: Self.header("x")) }
            try client.read(until: "tooManyAccessFailures")
            #expect(client.text.contains("HTTP/1.1 429 Too Many Requests"))
            #expect(client.text.contains("Retry-After: 1\r\n"))
            #expect(try sidecar.send("GET", "/stats", headers: Self.header("all")).status == 200)
            #expect(try sidecar.send("GET", "/livez").status == 200)
        }
    }

    @Test func `the admin listener has what only tells, without a token, and nothing else`() async throws {
        try await TestSidecar.run(access: Self.access) { sidecar in
            for path in Route.adminPaths {
                for method in ["GET", "HEAD"] {
                    let answer = try sidecar.send(method, path, toAdmin: true)
                    #expect(answer.status == 200, "\(method) \(path)")
                }
            }
            for operation in Self.operations() where !Route.adminPaths.contains(operation.path) {
                let path = operation.path.replacing("{streamName}", with: "orders")
                let answer = try sidecar.send(
                    operation.method, path, headers: Self.header("all"), body: "", toAdmin: true)
                #expect(answer.status == 404 && answer.code == "unknownRoute", "\(path)")
                #expect(answer.json?["accepted"]?.array?.compactMap(\.string) == Route.adminPaths)
            }
            #expect(try sidecar.send("POST", "/stats", toAdmin: true).status == 405)
            let rebound = try sidecar.send("GET", "/stats", headers: ["Host: evil.example"], toAdmin: true)
            #expect(rebound.status == 421)
        }
    }

    @Test func `the reasons of readiness are for who may read all streams`() async throws {
        try await TestSidecar.run(access: Self.access) { sidecar in
            await sidecar.drain()
            let anybody = try sidecar.send("GET", "/readyz")
            #expect(anybody.status == 503 && anybody.json?["causes"]?.array?.isEmpty == true)
            for told in [
                try sidecar.send("GET", "/readyz", headers: Self.header("all")),
                try sidecar.send("GET", "/readyz", toAdmin: true),
            ] {
                #expect(told.status == 503 && told.body.contains("the sidecar is ending"))
            }
        }
    }
}
