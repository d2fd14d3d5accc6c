import Bytes
import Glibc
import Synchronization
import TestSupport
import Testing
import Time

@testable import AWS

/// Recipes against small servers, files and programs of the test.
@Suite(.timeLimit(.minutes(4))) struct CredentialsFetcherTests {
    private static let document =
        #"{"Code":"Success","AccessKeyId":"a","SecretAccessKey":"s","Token":"t","Expiration":"2999-01-02T03:04:05Z"}"#

    /// Fetches with every service at `url`; the key id, or the error's text.
    private static func fetch(_ recipe: CredentialsRecipe, services url: String = "http://127.0.0.1:1") async throws
        -> Result<Credentials, CredentialsError>
    {
        try await withTransport { transport in
            let fetcher = CredentialsFetcher(transport: transport, stsRegion: .local, logger: silentLogger) {
                (service, _) throws(EndpointError) in
                ServiceEndpoint(try Endpoint(url + "/\(service.configurationName.lowercased())"))
            }
            do throws(CredentialsError) {
                return .success(try await fetcher.fetch(recipe))
            } catch {
                return .failure(error)
            }
        }
    }

    private static func text(_ result: Result<Credentials, CredentialsError>) -> String {
        switch result {
        case .success(let found): found.accessKeyID
        case .failure(let error): "\(error)"
        }
    }

    private static func metadata(_ server: TestServer) throws -> InstanceMetadata {
        let environment = Environment(["AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url + "/base"])
        return try #require(try InstanceMetadata(environment, nil))
    }

    /// The second version of the metadata service; `document` at the end.
    private static func metadataServer(_ document: String = document, role: String = "my-role\n") -> TestServer {
        TestServer { received in
            if received.method == "PUT" {
                let life = received.header("x-aws-ec2-metadata-token-ttl-seconds")
                let isRight = received.path == "/base/latest/api/token" && life == "60"
                return isRight ? .ok("token") : .status(400, "")
            }
            guard received.header("x-aws-ec2-metadata-token") == "token" else { return .status(401, "") }
            switch received.path {
            case "/base/latest/meta-data/iam/security-credentials/": return .ok(role)
            case "/base/latest/meta-data/iam/security-credentials/my-role": return .ok(document)
            case "/base/latest/meta-data/placement/region": return .ok("eu-west-1")
            default: return .status(404, "")
            }
        }
    }

    @Test func `the metadata service is asked in its second version`() async throws {
        let server = Self.metadataServer()
        defer { server.stop() }
        let found = try await Self.fetch(.instance(Self.metadata(server))).get()
        #expect(found.accessKeyID == "a" && found.sessionToken == Secret("t"))
        #expect(found.expiration == WallTime(iso8601: "2999-01-02T03:04:05Z"))
        let metadata = try Self.metadata(server)
        let region = try await withTransport { transport in try await InstanceSession.region(metadata, transport) }
        #expect(region.name == "eu-west-1")
    }

    @Test(arguments: [
        (#"{"Code":"Failed"}"#, "my-role", "Code is not Success"), (document, "a/../b", "it names no role"),
        (document, "", "it names no role"), (document, "other", "status 404"),
        (document.split(separator: "2999", maxSplits: 1).joined(separator: "1999"), "my-role", "have ended already"),
    ])
    func `what the metadata service does not give is told`(document: String, role: String, why: String) async throws {
        let server = Self.metadataServer(document, role: role)
        defer { server.stop() }
        #expect(Self.text(try await Self.fetch(.instance(Self.metadata(server)))).contains(why))
    }

    @Test func `a metadata service that keeps silent is given up after a second`() async throws {
        let server = TestServer { _ in .silence }
        defer { server.stop() }
        let start = ContinuousClock.now
        let text = Self.text(try await Self.fetch(.instance(Self.metadata(server))))
        #expect(text.contains("no response within 1.0 seconds") && server.connections == 1)
        #expect(ContinuousClock.now - start < .seconds(30))
    }

    @Test func `a container's token is read at each request`() async throws {
        let folder = TemporaryFolder()
        let file = folder.write("token", "one\n")
        let server = TestServer { received in
            let token = received.header("authorization") ?? "none"
            return .ok(
                Self.document.split(separator: #":"a""#).joined(separator: #":"\#(token)-\#(received.query ?? "")""#))
        }
        defer { server.stop() }
        func endpoint(_ more: [String: String]) throws -> CredentialsRecipe {
            let own = ["AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url + "/v1/credentials?task=7"]
            let all = Environment(own.merging(more) { $1 })
            return .container(try #require(try ContainerEndpoint(all)))
        }
        let ofFile = try endpoint([
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": file, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "x",
        ])
        #expect(Self.text(try await Self.fetch(ofFile)) == "one-task=7")
        _ = folder.write("token", "two")
        #expect(Self.text(try await Self.fetch(ofFile)) == "two-task=7")
        let ofVariable = try endpoint(["AWS_CONTAINER_AUTHORIZATION_TOKEN": "x"])
        #expect(Self.text(try await Self.fetch(ofVariable)) == "x-task=7")
        #expect(Self.text(try await Self.fetch(endpoint([:]))) == "none-task=7")
        _ = folder.write("token", "two\r\nHost: evil")
        #expect(Self.text(try await Self.fetch(ofFile)).contains("does not hold a token alone"))
        _ = unlink(file)
        #expect(Self.text(try await Self.fetch(ofFile)).contains("No such file or directory"))
    }

    // MARK: STS

    private static func answer(_ operation: String, _ id: String) -> String {
        "<\(operation)Response><\(operation)Result><Credentials><AccessKeyId>\(id)</AccessKeyId><SecretAccessKey>s"
            + "</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials>"
            + "</\(operation)Result></\(operation)Response>"
    }

    @Test func `a chain of roles asks STS for one after the other, signed with what came before`() async throws {
        let bodies = Mutex<[String]>([])
        let server = TestServer { received in
            let body = ByteBuffer(received.body).text
            bodies.withLock { $0.append(body) }
            let signer = received.header("authorization")?.split(separator: "/").first.map(String.init) ?? "nobody"
            let isForm = received.header("content-type") == "application/x-www-form-urlencoded; charset=utf-8"
            guard isForm, received.path == "/sts" else { return .status(400, "") }
            let id = signer.split(separator: "=").last.map(String.init) ?? ""
            return .ok(Self.answer("AssumeRole", "\(id)+"))
        }
        defer { server.stop() }
        let outer = AssumedRole(arn: "arn:outer", duration: .seconds(900), externalID: "a&b")
        let keys = Credentials(accessKeyID: "base", secretAccessKey: Secret("s"))
        let recipe = CredentialsRecipe.role(
            outer, signedBy: .role(AssumedRole(arn: "arn:inner"), signedBy: .keys(keys)))
        #expect(Self.text(try await Self.fetch(recipe, services: server.url)) == "base++")
        let start = "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3A"
        #expect(
            bodies.withLock { $0 } == [
                start + "inner&RoleSessionName=kinesis-sidecar",
                start + "outer&RoleSessionName=kinesis-sidecar&DurationSeconds=900&ExternalId=a%26b",
            ])
    }

    @Test func `a web identity's token is read anew, and nobody signs`() async throws {
        let folder = TemporaryFolder()
        let file = folder.write("token", "one")
        let server = TestServer { received in
            let body = ByteBuffer(received.body).text
            let token = body.split(separator: "WebIdentityToken=").last ?? ""
            return received.header("authorization") == nil
                ? .ok(Self.answer("AssumeRoleWithWebIdentity", String(token))) : .status(400, "")
        }
        defer { server.stop() }
        let recipe = CredentialsRecipe.webIdentity(AssumedRole(arn: "arn:r"), tokenFile: file)
        #expect(Self.text(try await Self.fetch(recipe, services: server.url)) == "one")
        _ = folder.write("token", "two")
        #expect(Self.text(try await Self.fetch(recipe, services: server.url)) == "two")
    }

    @Test func `STS is asked again where it may help, and its refusal is told without the token`() async throws {
        let folder = TemporaryFolder()
        let file = folder.write("token", "hush")
        let asked = Mutex(0)
        let server = TestServer { _ in
            let count = asked.withLock {
                $0 += 1; return $0
            }
            let code = count == 1 ? "IDPCommunicationError" : "AccessDenied"
            return .status(count == 1 ? 400 : 403, "<ErrorResponse><Error><Code>\(code)</Code></Error></ErrorResponse>")
        }
        defer { server.stop() }
        let recipe = CredentialsRecipe.webIdentity(AssumedRole(arn: "arn:r"), tokenFile: file)
        let text = Self.text(try await Self.fetch(recipe, services: server.url))
        #expect(text == "no AWS credentials from role arn:r: AccessDenied, status 403")
        #expect(asked.withLock { $0 } == 2)
    }

    // MARK: Processes and logins

    @Test func `a process's credentials are read, and its failure is told without its output`() async throws {
        let folder = TemporaryFolder()
        let json = #"{"Version":1,"AccessKeyId":"p","SecretAccessKey":"hush"}"#
        let good = try #require(CredentialProcess("cat \(folder.write("good", json))"))
        #expect(Self.text(try await Self.fetch(.process(good))) == "p")
        let bad = try #require(CredentialProcess("cat \(folder.write("bad", "hush"))"))
        #expect(
            Self.text(try await Self.fetch(.process(bad)))
                == "no AWS credentials from credential_process cat: its answer cannot be used: it is no JSON object")
        let gone = try #require(CredentialProcess("cat /nowhere"))
        #expect(Self.text(try await Self.fetch(.process(gone))).hasSuffix("the program ended with code 1"))
    }

    @Test func `a login that ends is renewed, kept for this user alone, and gives a role's credentials`() async throws {
        let folder = TemporaryFolder()
        let login = try Self.login(folder)
        let server = TestServer { received in
            if received.path == "/sso_oidc/token" {
                let isRight = ByteBuffer(received.body).text.contains(#""refreshToken":"r""#)
                return isRight ? .ok(#"{"accessToken":"new","expiresIn":3600,"refreshToken":"r2"}"#) : .status(400, "")
            }
            guard received.path == "/sso/federation/credentials",
                received.query == "account_id=123456789012&role_name=Reader",
                received.header("x-amz-sso_bearer_token") == "new"
            else { return .status(401, "{}") }
            return .ok(
                #"{"roleCredentials":{"accessKeyId":"l","secretAccessKey":"s","sessionToken":"t","expiration":32472144000000}}"#
            )
        }
        defer { server.stop() }
        func write(_ token: String, ends: String) {
            let more = #""clientId":"c","clientSecret":"hush","refreshToken":"r","x":1"#
            _ = folder.write("login.json", #"{"accessToken":"\#(token)","expiresAt":"\#(ends)",\#(more)}"#)
        }
        write("old", ends: "2020-01-01T00:00:00Z")
        let found = try await Self.fetch(.sso(login), services: server.url).get()
        #expect(found.accessKeyID == "l" && found.accountID?.text == "123456789012")
        let kept = try SmallFile.read(login.file, limit: 4096).text
        #expect(
            kept.contains(#""accessToken":"new""#) && kept.contains(#""refreshToken":"r2""#) && kept.contains(#""x":1"#)
        )
        var status = stat()
        #expect(stat(login.file, &status) == 0 && status.st_mode & 0o777 == 0o600)
        write("refused", ends: "2999-01-01T00:00:00Z")
        let refused = Self.text(try await Self.fetch(.sso(login), services: server.url))
        #expect(refused.hasSuffix("the login has ended; aws sso login --sso-session work"))
        _ = unlink(login.file)
        #expect(Self.text(try await Self.fetch(.sso(login), services: server.url)).hasSuffix("--sso-session work"))
    }

    private static func login(_ folder: TemporaryFolder) throws -> SSOLogin {
        let config = try ConfigFile(
            """
            [default]
            sso_session = work
            sso_account_id = 123456789012
            sso_role_name = Reader
            [sso-session work]
            sso_region = eu-west-1
            sso_start_url = https://work.awsapps.com/start
            """, name: "config")
        let shared = SharedConfig(config: config, credentials: nil, files: [])
        let profile = try #require(shared.profile("default"))
        var login = try #require(try SSOLogin(profile, shared, Environment(["HOME": folder.path])))
        login.file = folder.path + "/login.json"
        return login
    }
}
