import Bytes
import Synchronization
import Testing
import Time

@testable import AWS

private final class NoCredentials: CredentialsSource {
    func place() throws(CredentialsError) -> String { throw .nothingFound([]) }
    func load() async throws(CredentialsError) -> (credentials: Credentials, place: String) {
        throw .nothingFound([])
    }
}

@Suite(.timeLimit(.minutes(4))) struct AWSClientTests {
    private static func client(
        _ transport: Transport, _ url: String, credentials: CredentialsChain = .fixed(.local)
    ) throws -> AWSClient {
        AWSClient(
            service: "kinesis", serviceProtocol: .json(.v1_1), region: .local,
            endpoint: ServiceEndpoint(try Endpoint(url)), credentials: credentials, transport: transport,
            userAgent: "kinesis-sidecar/test", logger: silentLogger, random: { 0 })
    }

    private static func call(_ client: AWSClient, retry: RetryPolicy? = nil) async throws(AWSError) -> String {
        let request = client.serviceProtocol.request(
            "Kinesis_20131202.ListShards", body: ByteBuffer(#"{"StreamName":"s"}"#), timeout: .seconds(20))
        return try await client.send(request, retry: retry.map { Retrying($0) }).body.text
    }

    /// Whether the request carries a valid signature of the local key at `now`.
    private static func isSigned(_ received: TestServer.Received, now: WallTime) -> Bool {
        let verifier = SignatureVerifier(secrets: ["local": Secret("local")], unknownKeys: .refuse)
        let body = ByteBuffer(received.body)
        let request = SignatureVerifier.Request(
            method: received.method, path: received.path, query: received.query, bodyHash: Digest.sha256(body.bytes)
        ) { name in received.header(name).map { [$0] } ?? [] }
        return (try? verifier.verify(request, now: now).isVerified) ?? false
    }

    @Test func `every method is sent and signed with its path and query, on one connection`() async throws {
        let server = TestServer { received in
            let place = "\(received.method) \(received.path)?\(received.query ?? "-")"
            let body = received.header("content-length").map { " \($0): \(ByteBuffer(received.body).text)" } ?? ""
            let isRight =
                Self.isSigned(received, now: .now()) && received.connection == 1
                && (received.header("content-type") == nil) == (received.header("x-amz-target") == nil)
            return .reply(to: received, isRight ? 200 : 400, place + body)
        }
        defer { server.stop() }
        try await withTransport { transport in
            let client = try Self.client(transport, server.url + "/prefix/")
            func sent(_ method: TransportRequest.Method, _ body: String? = nil) async throws -> String {
                var request = AWSRequest(
                    method, path: "/a b/../é%2F", body: body.map { ByteBuffer($0) }, timeout: .seconds(20))
                request.query = [("list-type", "2"), ("a key", "&=é/"), ("acl", "")]
                request.headers = [("x-amz-content-sha256", "UNSIGNED-PAYLOAD"), ("if-match", "\"1\"")]
                return try await client.send(request, retry: nil).body.text
            }
            let place = "/prefix/a%20b/../%C3%A9%252F?list-type=2&a%20key=%26%3D%C3%A9%2F&acl="
            #expect(try await sent(.get) == "GET \(place)")
            #expect(try await sent(.put, "new") == "PUT \(place) 3: new")
            #expect(try await sent(.head) == "")
            #expect(try await sent(.delete) == "DELETE \(place)")
            #expect(try await sent(.post, "more") == "POST \(place) 4: more")
            #expect(try await sent(.put) == "PUT \(place) 0: ")
            #expect(try await sent(.get) == "GET \(place)")
            #expect(try await Self.call(client) == #"POST /prefix/?- 18: {"StreamName":"s"}"#)
        }
    }

    @Test func `a success carries its status, headers, date and request id`() async throws {
        let server = TestServer { received in
            let headers = "X-Amz-Request-Id: id-1\r\nETag: \"e\"\r\nDate: Fri, 02 Jan 2026 03:04:05 GMT\r\n"
            return received.request == 1 ? .status(201, "made", headers: headers) : .status(200, "")
        }
        defer { server.stop() }
        try await withTransport { transport in
            let client = try Self.client(transport, server.url)
            let made = try await client.send(AWSRequest(.put, path: "/k", timeout: .seconds(20)), retry: nil)
            #expect(made.status == 201 && made.body.text == "made")
            #expect(made.headers.first("etag") == "\"e\"")
            #expect(made.date == WallTime(iso8601: "2026-01-02T03:04:05Z"))
            #expect(made.requestID == "id-1")
            let bare = try await client.send(AWSRequest(.get, path: "/k", timeout: .seconds(20)), retry: nil)
            #expect(bare.date == nil && bare.requestID == nil)
        }
    }

    @Test func `a HEAD that is refused has the status for its code`() async throws {
        let server = TestServer { received in .reply(to: received, 404, "not sent with HEAD") }
        defer { server.stop() }
        try await withTransport { transport in
            let client = try Self.client(transport, server.url)
            let missing = AWSError.service(ServiceError(code: "HTTP404", message: "", status: 404))
            await #expect(throws: missing) {
                try await client.send(AWSRequest(.head, path: "/k", timeout: .seconds(20)), retry: nil)
            }
        }
    }

    @Test(arguments: [
        (ServiceProtocol.JSONVersion.v1_0, "application/x-amz-json-1.0"), (.v1_1, "application/x-amz-json-1.1"),
    ])
    func `an operation of JSON is a POST that names it`(_ version: ServiceProtocol.JSONVersion, _ contentType: String) {
        let request = ServiceProtocol.json(version).request(
            "DynamoDB_20120810.GetItem", body: ByteBuffer("{}"), timeout: .seconds(1))
        #expect(request.method == .post && request.path.isEmpty && request.query.isEmpty)
        #expect(request.contentType == contentType)
        #expect(request.target == "DynamoDB_20120810.GetItem" && request.name == request.target)
        #expect(request.body?.text == "{}")
    }

    @Test func `a call is JSON 1.1 with target, user agent and a valid signature`() async throws {
        let server = TestServer { received in
            let isRight =
                Self.isSigned(received, now: .now())
                && received.header("x-amz-target") == "Kinesis_20131202.ListShards"
                && received.header("content-type") == "application/x-amz-json-1.1"
                && received.header("user-agent") == "kinesis-sidecar/test"
            return isRight ? .ok("{}") : .status(400, received.head)
        }
        defer { server.stop() }
        try await withTransport { transport in
            let client = try Self.client(transport, server.url)
            var started: [String] = []
            client.onRequestStarted = { started.append($0) }
            #expect(client.lastResponse == nil)
            #expect(try await Self.call(client) == "{}")
            #expect(started == ["Kinesis_20131202.ListShards"])
            #expect(client.lastResponse != nil)
        }
    }

    @Test func `a session token is sent and signed`() async throws {
        let server = TestServer { received in
            let isSigned = received.header("authorization")?.contains("x-amz-date;x-amz-security-token;x-amz-target")
            return .ok(isSigned == true ? received.header("x-amz-security-token") ?? "" : "unsigned")
        }
        defer { server.stop() }
        let credentials = Credentials(
            accessKeyID: "k", secretAccessKey: Secret("s"), sessionToken: Secret("the token"))
        try await withTransport { transport in
            let client = try Self.client(transport, server.url, credentials: .fixed(credentials))
            #expect(try await Self.call(client) == "the token")
        }
    }

    @Test func `a passing fault is tried again as the policy says`() async throws {
        let server = TestServer { received in
            received.request < 3 ? .status(500, #"{"__type":"InternalFailure"}"#) : .ok("done")
        }
        defer { server.stop() }
        try await withTransport { transport in
            let client = try Self.client(transport, server.url)
            #expect(try await Self.call(client, retry: .default) == "done")
            #expect(client.recentExceptions.exceptions(now: .now()).count == 2)
        }
    }

    @Test func `each failure that a call gets over is told while it goes on, and that with which it ends is thrown`()
        async throws
    {
        let server = TestServer { .status(500, #"{"__type":"InternalFailure","message":"\#($0.request)"}"#) }
        defer { server.stop() }
        try await withTransport { transport in
            let client = try Self.client(transport, server.url)
            var told: [String] = []
            let retry = Retrying(RetryPolicy(retries: 2, forever: false)) { told.append("\($0)") }.telling { _ in
                told.append("again")
            }
            let error = await #expect(throws: AWSError.self) {
                try await client.send(AWSRequest(.get, path: "/k", timeout: .seconds(20)), retry: retry)
            }
            let failures = (1...3).map { "InternalFailure, status 500: \($0)" }
            #expect(told == [failures[0], "again", failures[1], "again"])
            #expect(error?.description == failures[2])
        }
    }

    @Test func `without a policy, after its last attempt, and for what cannot be mended the error is thrown`()
        async throws
    {
        let server = TestServer { received in
            received.request <= 4
                ? .status(400, #"{"__type":"ProvisionedThroughputExceededException","message":"slow"}"#)
                : .status(400, #"{"__type":"ResourceNotFoundException"}"#)
        }
        defer { server.stop() }
        try await withTransport { transport in
            let client = try Self.client(transport, server.url)
            let slow = AWSError.service(
                ServiceError(code: "ProvisionedThroughputExceededException", message: "slow", status: 400))
            await #expect(throws: slow) { try await Self.call(client) }
            await #expect(throws: slow) { try await Self.call(client, retry: RetryPolicy(retries: 2, forever: false)) }
            let missing = AWSError.service(ServiceError(code: "ResourceNotFoundException", message: "", status: 400))
            await #expect(throws: missing) { try await Self.call(client, retry: .default) }
        }
    }

    @Test func `a skewed clock is corrected by the response's Date and the call tried again at once`() async throws {
        let ahead = Duration.seconds(3600)
        let server = TestServer { received in
            let theirs = WallTime.now().advanced(by: ahead)
            if Self.isSigned(received, now: theirs) { return .ok("in time") }
            return .status(
                400, #"{"__type":"InvalidSignatureException"}"#, headers: "Date: \(theirs.httpDate)\r\n")
        }
        defer { server.stop() }
        try await withTransport { transport in
            let client = try Self.client(transport, server.url)
            #expect(try await Self.call(client) == "in time")
            #expect(client.recentExceptions.exceptions(now: .now()).count == 1)
            #expect(try await Self.call(client) == "in time")
            #expect(client.recentExceptions.exceptions(now: .now()).count == 1)
        }
    }

    @Test func `a signature that is refused at the right time is not tried again`() async throws {
        let server = TestServer { received in
            .status(
                400, #"{"__type":"InvalidSignatureException"}"#, headers: "Date: \(WallTime.now().httpDate)\r\n")
        }
        defer { server.stop() }
        try await withTransport { transport in
            let client = try Self.client(transport, server.url)
            await #expect(throws: AWSError.self) { try await Self.call(client) }
            #expect(client.recentExceptions.exceptions(now: .now()).count == 1)
        }
    }

    @Test func `credentials that the service refuses are read anew once`() async throws {
        final class Source: CredentialsSource, @unchecked Sendable {
            var ids = ["old", "new", "newer"]
            func place() throws(CredentialsError) -> String { "source" }
            func load() async throws(CredentialsError) -> (credentials: Credentials, place: String) {
                (Credentials(accessKeyID: ids.removeFirst(), secretAccessKey: Secret("s")), "source")
            }
        }
        let server = TestServer { received in
            received.header("authorization")?.contains("Credential=new/") == true && received.request == 2
                ? .ok("welcome") : .status(400, #"{"__type":"ExpiredTokenException"}"#)
        }
        defer { server.stop() }
        try await withTransport { transport in
            let client = try Self.client(transport, server.url, credentials: CredentialsChain(Source()))
            #expect(try await Self.call(client) == "welcome")
            let error = await #expect(throws: AWSError.self) { try await Self.call(client) }
            #expect(error?.disposition == .refreshCredentials)
            #expect(client.recentExceptions.exceptions(now: .now()).count == 3)
        }
    }

    @Test func `no credentials and a cancelled wait are told`() async throws {
        let server = TestServer { _ in .status(503, "") }
        defer { server.stop() }
        try await withTransport { transport in
            let empty = try Self.client(transport, server.url, credentials: CredentialsChain(NoCredentials()))
            await #expect(throws: AWSError.credentials(.nothingFound([]))) {
                try await Self.call(empty)
            }
            let client = try Self.client(transport, server.url)
            let waiting = Task(executorPreference: transport.loop) {
                let policy = RetryPolicy(minTimeout: .seconds(3600), maxTimeout: .seconds(3600), randomize: false)
                do {
                    _ = try await Self.call(client, retry: policy)
                    return false
                } catch {
                    return error as? AWSError == .cancelled
                }
            }
            #expect(await turns(transport.loop) { client.lastResponse != nil })
            waiting.cancel()
            #expect(await waiting.value)
        }
    }

    @Test func `a request that nobody signs asks for no credentials and carries none`() async throws {
        let server = TestServer { received in
            let names = ["authorization", "x-amz-date", "x-amz-security-token"].filter { received.header($0) != nil }
            return .ok(names.joined() + (received.header("x-token") ?? ""))
        }
        defer { server.stop() }
        try await withTransport { transport in
            let client = try Self.client(transport, server.url, credentials: CredentialsChain(NoCredentials()))
            var request = AWSRequest(.get, path: "/federation", timeout: .seconds(20))
            request.headers = [("x-token", "yes")]
            request.isSigned = false
            #expect(try await client.send(request, retry: nil).body.text == "yes")
        }
    }

    @Test func `a skew below the threshold corrects nothing`() {
        var skew = ClockSkew()
        let now = WallTime(milliseconds: 1_000_000_000)
        let moved = [
            skew.measured(date: now.advanced(by: .seconds(29)), now: now),
            skew.measured(date: now.advanced(by: .seconds(-400)), now: now),
            skew.measured(date: now.advanced(by: .seconds(-410)), now: now),
        ]
        #expect(moved == [false, true, false])
        #expect(skew.corrected(now) == now.advanced(by: .seconds(-400)))
    }
}
