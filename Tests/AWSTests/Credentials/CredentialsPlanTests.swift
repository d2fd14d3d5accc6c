import TestSupport
import Testing

@testable import AWS

@Suite struct CredentialsPlanTests {
    private static let role = "arn:aws:iam::123456789012:role/reader"

    private static func plan(
        config: String = "", credentials: String = "", _ variables: [String: String] = [:],
        profile: String? = nil, roleSigner: CredentialsPlan.RoleSigner? = nil
    ) throws -> CredentialsPlan {
        let shared = SharedConfig(
            config: try ConfigFile(config, name: "config"),
            credentials: try ConfigFile(credentials, name: "credentials"), files: ["config", "credentials"])
        return try CredentialsPlan(
            CredentialsPlan.Options(profile: profile, roleSigner: roleSigner),
            environment: Environment(variables.merging(["HOME": "/home/me"]) { own, _ in own }), shared: shared)
    }

    private static func keys(_ id: String) -> Credentials {
        Credentials(accessKeyID: id, secretAccessKey: Secret("s"))
    }

    private static func section(_ name: String, _ id: String) -> String {
        "[\(name)]\naws_access_key_id = \(id)\naws_secret_access_key = s\n"
    }

    @Test func `the places go in their order, and those before say what they lack`() throws {
        let environment = ["AWS_ACCESS_KEY_ID": "env", "AWS_SECRET_ACCESS_KEY": "s"]
        let identity = ["AWS_WEB_IDENTITY_TOKEN_FILE": "/token", "AWS_ROLE_ARN": Self.role]
        let container = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/x"]
        func place(_ file: String, _ variables: [String: String]...) throws -> String {
            let all = variables.reduce(into: [:]) { $0.merge($1) { own, _ in own } }
            return try Self.plan(credentials: file, all).place
        }
        let file = Self.section("default", "file")
        #expect(try place(file, environment, identity, container) == "the environment (AWS_ACCESS_KEY_ID)")
        #expect(try place(file, identity, container) == "profile \"default\" of the shared files")
        #expect(try place("", identity, container) == "web identity (role \(Self.role), by web identity)")
        #expect(try place("", container) == "the container's endpoint (169.254.170.2)")
        #expect(try place("") == "the instance's metadata (169.254.169.254)")
        let last = try Self.plan(config: "[default]\nregion = eu-west-1")
        #expect(
            last.passedOver.map(\.reason) == [
                "AWS_ACCESS_KEY_ID is not set", "it has no credentials", "AWS_WEB_IDENTITY_TOKEN_FILE is not set",
                "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and AWS_CONTAINER_CREDENTIALS_FULL_URI are not set",
            ])
        let told = last.told(.failed(source: "imds", .transport(.timedOut(.connect, after: .seconds(1)))))
        #expect("\(told)".hasSuffix("imds: no connection within 1.0 seconds"))
    }

    @Test func `with the metadata switched off nothing is found, and each place says why`() throws {
        let error = #expect(throws: CredentialsError.self) {
            try Self.plan(["AWS_EC2_METADATA_DISABLED": "TRUE"])
        }
        let text = "\(try #require(error))"
        #expect(text.contains("the environment: AWS_ACCESS_KEY_ID is not set"))
        #expect(text.contains("there is none in config, credentials"))
        #expect(text.contains("AWS_EC2_METADATA_DISABLED is true"))
    }

    @Test func `a profile that an option names goes before everything, and nothing stands behind it`() throws {
        let variables = ["AWS_ACCESS_KEY_ID": "env", "AWS_SECRET_ACCESS_KEY": "s", "AWS_PROFILE": "other"]
        let plan = try Self.plan(credentials: Self.section("dev", "file"), variables, profile: "dev")
        #expect(plan.recipe == .keys(Self.keys("file")))
        #expect(throws: CredentialsError.self) {
            try Self.plan(config: "[profile dev]\nregion = x", variables, profile: "dev")
        }
    }

    @Test func `the credentials file's keys count before the config file's`() throws {
        let config = """
            [default]
            aws_access_key_id = ignored
            [profile default]
            aws_access_key_id = config
            aws_secret_access_key = s
            aws_account_id = 123456789012
            [dev]
            aws_access_key_id = no profile
            """
        var wanted = Self.keys("file")
        wanted.accountID = AccountID("123456789012")
        #expect(try Self.plan(config: config, credentials: Self.section("default", "file")).recipe == .keys(wanted))
        #expect(throws: CredentialsError.profileMissing("dev", files: ["config", "credentials"])) {
            try Self.plan(config: config, ["AWS_PROFILE": "dev"])
        }
    }

    @Test func `a role goes by way of its source_profile, which may be a role too`() throws {
        let config = """
            [profile a]
            role_arn = \(Self.role)
            source_profile = b
            external_id = partner
            role_session_name = sidecar@host
            duration_seconds = 900
            [profile b]
            role_arn = arn:aws:iam::123456789012:role/middle
            source_profile = c
            """
        let plan = try Self.plan(config: config, credentials: Self.section("c", "base"), ["AWS_PROFILE": "a"])
        let outer = AssumedRole(
            arn: Self.role, sessionName: "sidecar@host", duration: .seconds(900), externalID: "partner")
        let middle = AssumedRole(arn: "arn:aws:iam::123456789012:role/middle")
        #expect(plan.recipe == .role(outer, signedBy: .role(middle, signedBy: .keys(Self.keys("base")))))
        let signed = try Self.plan(
            config: config, credentials: Self.section("c", "base"), ["AWS_PROFILE": "a"],
            roleSigner: .keys(Self.keys("sts")))
        #expect(
            signed.recipe == .role(outer, signedBy: .role(middle, signedBy: .keys(Self.keys("sts")))),
            "sts.credentials stand at the end of the way")
    }

    @Test func `a role may be signed for by a profile that the configuration names, and never by itself`() throws {
        let config = """
            [profile app]
            role_arn = \(Self.role)
            source_profile = app
            [profile signer]
            role_arn = arn:aws:iam::123456789012:role/signer
            source_profile = base
            """
        func recipe(_ signer: String) throws -> CredentialsRecipe {
            try Self.plan(
                config: config, credentials: Self.section("base", "base") + Self.section("app", "own"), profile: "app",
                roleSigner: .profile(signer)
            ).recipe
        }
        let role = AssumedRole(arn: Self.role)
        let signer = AssumedRole(arn: "arn:aws:iam::123456789012:role/signer")
        #expect(try recipe("base") == .role(role, signedBy: .keys(Self.keys("base"))))
        #expect(try recipe("signer") == .role(role, signedBy: .role(signer, signedBy: .keys(Self.keys("base")))))
        #expect(try recipe("app") == .role(role, signedBy: .role(role, signedBy: .keys(Self.keys("own")))))
        #expect(throws: CredentialsError.profileMissing("nobody", files: ["config", "credentials"])) {
            try recipe("nobody")
        }
    }

    @Test func `a role that names its own profile is signed for by the keys of that`() throws {
        let config = "[default]\nrole_arn = \(Self.role)\nsource_profile = default\n"
        let plan = try Self.plan(config: config, credentials: Self.section("default", "own"))
        #expect(plan.recipe == .role(AssumedRole(arn: Self.role), signedBy: .keys(Self.keys("own"))))
    }

    @Test func `a role's signer may be the environment, a container or the instance`() throws {
        func signer(_ source: String, _ variables: [String: String]) throws -> CredentialsRecipe? {
            let config = "[profile r]\nrole_arn = \(Self.role)\ncredential_source = \(source)\n"
            let plan = try Self.plan(config: config, variables, profile: "r")
            guard case .role(_, let signer) = plan.recipe else { return nil }
            return signer
        }
        let keys = ["AWS_ACCESS_KEY_ID": "env", "AWS_SECRET_ACCESS_KEY": "s"]
        #expect(try signer("Environment", keys) == .keys(Self.keys("env")))
        let container = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x"]
        #expect("\(try #require(try signer("EcsContainer", container)))" == "the container's endpoint (169.254.170.2)")
        #expect(
            "\(try #require(try signer("Ec2InstanceMetadata", [:])))" == "the instance's metadata (169.254.169.254)")
        #expect(throws: CredentialsError.self) { try signer("Environment", [:]) }
        #expect(throws: CredentialsError.self) { try signer("Elsewhere", keys) }
    }

    @Test func `a web identity comes from a profile too`() throws {
        let config = "[default]\nrole_arn = \(Self.role)\nweb_identity_token_file = ~/token\n"
        #expect(
            try Self.plan(config: config).recipe
                == .webIdentity(AssumedRole(arn: Self.role), tokenFile: "/home/me/token"))
    }

    @Test func `a login is found by its session or its start URL`() throws {
        let config = """
            [profile new]
            sso_session = work
            sso_account_id = 123456789012
            sso_role_name = Reader
            [sso-session work]
            sso_region = eu-west-1
            sso_start_url = https://work.awsapps.com/start
            [profile old]
            sso_start_url = https://work.awsapps.com/start
            sso_region = eu-west-1
            sso_account_id = 123456789012
            sso_role_name = Reader
            """
        // echo -n work | sha1sum; echo -n https://work.awsapps.com/start | sha1sum
        let files = [
            "new": "e274eeff768c6396088ec6eb091f4bf4d47ab1e0", "old": "19aabcacc95f752e6b4e0978c9b2a1691b58f5e0",
        ]
        for (profile, name) in files {
            guard case .sso(let login) = try Self.plan(config: config, profile: profile).recipe else {
                Issue.record("\(profile) is no login")
                continue
            }
            #expect(login.file == "/home/me/.aws/sso/cache/\(name).json")
            #expect(login.account.text == "123456789012" && login.role == "Reader" && login.region.name == "eu-west-1")
            #expect(login.command == (profile == "new" ? "aws sso login --sso-session work" : "aws sso login"))
        }
    }

    @Test(arguments: [
        ("role_arn = x\nsource_profile = default", "lack keys of its own"),
        (
            "role_arn = x\nsource_profile = a\n[profile a]\nrole_arn = y\nsource_profile = default",
            "source_profile goes in a circle: default, a, default"
        ),
        ("role_arn = x\nsource_profile = gone", "profile \"gone\" is in none of"),
        ("role_arn = x", "lack source_profile, credential_source or web_identity_token_file"),
        ("role_arn = x\nsource_profile = a\ncredential_source = Environment", "has both source_profile and"),
        ("role_arn = x\nsource_profile = a\nmfa_serial = m", "asks for mfa_serial, which is not supported"),
        ("role_arn = x\nsource_profile = a\nduration_seconds = 60", "accepted: 900 to 43200"),
        ("role_arn = x\nsource_profile = a\nrole_session_name = a b", "role_session_name cannot be used"),
        ("web_identity_token_file = /t", "lack role_arn"), ("source_profile = a", "lack role_arn"),
        ("sso_session = s", "lack sso_account_id"),
        ("sso_session = s\nsso_account_id = 123456789012\nsso_role_name = r", "lack a section [sso-session s]"),
        ("sso_start_url = u\nsso_account_id = 1\nsso_role_name = r", "sso_account_id cannot be used"),
        ("login_session = x", "asks for login_session"), ("credential_process = 'a", "with every quote closed"),
        ("aws_access_key_id = x", "lack aws_secret_access_key"),
        ("aws_secret_access_key = x", "lack aws_access_key_id"),
    ])
    func `a profile that cannot be used says why`(settings: String, why: String) throws {
        let error = #expect(throws: CredentialsError.self) { try Self.plan(config: "[default]\n" + settings + "\n") }
        #expect("\(try #require(error))".contains(why), "\(error!)")
    }

    @Test(arguments: [
        (["AWS_ACCESS_KEY_ID": "id"], "lack AWS_SECRET_ACCESS_KEY"),
        (["AWS_SECRET_ACCESS_KEY": "hush"], "lack AWS_ACCESS_KEY_ID"),
        (["AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "hush", "AWS_ACCOUNT_ID": "1"], "twelve digits"),
        (["AWS_WEB_IDENTITY_TOKEN_FILE": "/t"], "lack AWS_ROLE_ARN"),
        (["AWS_WEB_IDENTITY_TOKEN_FILE": "/t", "AWS_ROLE_ARN": "r", "AWS_ROLE_SESSION_NAME": "?"], "2 to 64"),
        (["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "x"], "a path that begins with /"),
        (["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/hush"], "or http:// to loopback"),
        (["AWS_CONTAINER_CREDENTIALS_FULL_URI": "x"], "an http:// or https:// URL"),
        (["AWS_EC2_METADATA_SERVICE_ENDPOINT": "x"], "an http:// or https:// URL"),
        (["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE": "IPv5"], "IPv4 or IPv6"),
    ])
    func `a variable that cannot be used says why, without its value`(variables: [String: String], why: String) throws {
        let error = #expect(throws: CredentialsError.self) { try Self.plan(variables) }
        let text = "\(try #require(error))"
        #expect(text.contains(why), "\(text)")
        #expect(!text.contains("hush"))
    }

    @Test(arguments: [
        ("https://example.com/x?id=1", "example.com"), ("http://127.0.0.1:8080/x", "127.0.0.1:8080"),
        ("http://localhost/x", "localhost"), ("http://169.254.170.23/v1/credentials", "169.254.170.23"),
        ("http://[fd00:ec2::23]/v1/credentials", "[fd00:ec2::23]"), ("http://[::1]:1/", "[::1]:1"),
    ])
    func `a container's endpoint is https, loopback, or one that AWS has`(url: String, authority: String) throws {
        let endpoint = try ContainerEndpoint(Environment(["AWS_CONTAINER_CREDENTIALS_FULL_URI": url]))
        #expect(endpoint?.endpoint.authority == authority)
    }

    @Test(arguments: ["http://169.254.169.254/x", "http://10.0.0.1/x", "http://[fe80::1]/x"])
    func `to any other host credentials would go in clear`(url: String) {
        #expect(throws: CredentialsError.self) {
            try ContainerEndpoint(Environment(["AWS_CONTAINER_CREDENTIALS_FULL_URI": url]))
        }
    }
}

@Suite struct SharedFilesTests {
    @Test func `a file that cannot be read is told`() throws {
        let folder = TemporaryFolder()
        let error = #expect(throws: ConfigFileError.self) {
            try SharedConfig.load(environment: Environment(["AWS_CONFIG_FILE": folder.path]))
        }
        #expect(error?.description == "\(folder.path) cannot be read: Is a directory (21)")
    }
}
