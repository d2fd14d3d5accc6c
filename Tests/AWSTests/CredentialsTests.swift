import TestSupport
import Testing
import Time

@testable import AWS

@Suite struct CredentialsTests {
    static let now = WallTime(milliseconds: 1_767_323_045_000)

    /// Both files in a folder of their own, and an environment that names them.
    private func environment(
        config: String = "", credentials: String = "", _ more: [String: String] = [:], in folder: TemporaryFolder
    ) -> Environment {
        var variables = more
        variables["AWS_CONFIG_FILE"] = folder.write("config", config)
        variables["AWS_SHARED_CREDENTIALS_FILE"] = folder.write("credentials", credentials)
        return Environment(variables)
    }

    @Test func `the environment goes before the files`() async throws {
        let folder = TemporaryFolder()
        let environment = environment(
            credentials: "[default]\naws_access_key_id=file\naws_secret_access_key=s",
            ["AWS_ACCESS_KEY_ID": "env", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"], in: folder)
        let found = try await CredentialsChain.standard(environment: environment).credentials(now: Self.now)
        #expect(
            found
                == Credentials(accessKeyID: "env", secretAccessKey: Secret("secret"), sessionToken: Secret("token")))
        let named = try await CredentialsChain.standard(profile: "default", environment: environment)
            .credentials(now: Self.now)
        #expect(named.accessKeyID == "file")
    }

    @Test func `the credentials file's keys count before the config file's`() async throws {
        let folder = TemporaryFolder()
        let environment = environment(
            config: """
                [default]
                aws_access_key_id = ignored
                region = eu-west-1
                [profile default]
                aws_access_key_id = config
                aws_secret_access_key = s
                region = eu-central-1
                [dev]
                aws_access_key_id = no profile
                """,
            credentials: "[default]\naws_access_key_id = credentials\naws_secret_access_key = t", in: folder)
        let config = try SharedConfig.load(environment: environment)
        #expect(config.profile("default")?["region"] == "eu-central-1")
        #expect(try config.credentials(profile: "default")?.accessKeyID == "credentials")
        #expect(config.profile("dev") == nil)
    }

    @Test func `AWS_PROFILE chooses, and must be there`() async throws {
        let folder = TemporaryFolder()
        let text = "[dev]\naws_access_key_id = d\naws_secret_access_key = s\naws_session_token = t"
        let dev = environment(credentials: text, ["AWS_PROFILE": "dev"], in: folder)
        let found = try await CredentialsChain.standard(environment: dev).credentials(now: Self.now)
        #expect(found.sessionToken == Secret("t"))
        let missing = environment(credentials: text, ["AWS_PROFILE": "prod"], in: folder)
        let files = [folder.path + "/config", folder.path + "/credentials"]
        await #expect(throws: CredentialsError.profileMissing("prod", files: files)) {
            try await CredentialsChain.standard(environment: missing).credentials(now: Self.now)
        }
    }

    @Test(arguments: ["role_arn", "web_identity_token_file", "sso_session", "sso_start_url", "credential_process"])
    func `a profile that needs a later source says which key is not available yet`(key: String) async throws {
        let folder = TemporaryFolder()
        let environment = environment(config: "[default]\n\(key) = x", in: folder)
        let error = await #expect(throws: CredentialsError.notAvailableYet(profile: "default", key: key)) {
            try await CredentialsChain.standard(environment: environment).credentials(now: Self.now)
        }
        #expect(error?.description.contains("\(key), which is not available yet") == true)
    }

    @Test(arguments: [
        "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ])
    func `a variable that needs a later source is told`(variable: String) async throws {
        let folder = TemporaryFolder()
        let environment = environment([variable: "x"], in: folder)
        await #expect(throws: CredentialsError.variableNotAvailableYet(variable)) {
            try await CredentialsChain.standard(environment: environment).credentials(now: Self.now)
        }
    }

    @Test func `half a pair is told`() async throws {
        let folder = TemporaryFolder()
        let file = environment(config: "[default]\naws_access_key_id = x", in: folder)
        await #expect(
            throws: CredentialsError.incomplete(source: "profile \"default\"", missing: "aws_secret_access_key")
        ) {
            try await CredentialsChain.standard(environment: file).credentials(now: Self.now)
        }
        await #expect(throws: CredentialsError.incomplete(source: "the environment", missing: "AWS_ACCESS_KEY_ID")) {
            try await CredentialsChain.standard(environment: Environment(["AWS_SECRET_ACCESS_KEY": "x"]))
                .credentials(now: Self.now)
        }
    }

    @Test func `nothing anywhere names what was tried`() async throws {
        let chain = CredentialsChain.standard(environment: Environment(["HOME": "/nowhere"]))
        let error = await #expect(throws: CredentialsError.self) { try await chain.credentials(now: Self.now) }
        guard case .nothingFound(let tried, let later) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(tried.count == 2)
        #expect(later.last == "the instance's metadata")
        #expect(throws: CredentialsError.self) { try chain.source() }
    }

    @Test func `the source is named before anybody signs, and what is wrong with it too`() throws {
        let folder = TemporaryFolder()
        let pair = ["AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "s"]
        let whole = CredentialsChain.standard(environment: environment(pair, in: folder))
        #expect(try whole.source() == "the environment (AWS_ACCESS_KEY_ID)")
        let keys = "[default]\naws_access_key_id = id\naws_secret_access_key = s"
        let file = CredentialsChain.standard(environment: environment(credentials: keys, in: folder))
        #expect(try file.source() == "profile \"default\" of the shared files")
        let half = CredentialsChain.standard(environment: environment(["AWS_ACCESS_KEY_ID": "id"], in: folder))
        #expect(throws: CredentialsError.incomplete(source: "the environment", missing: "AWS_SECRET_ACCESS_KEY")) {
            try half.source()
        }
        let token = ["AWS_WEB_IDENTITY_TOKEN_FILE": "/token"]
        let later = CredentialsChain.standard(environment: environment(token, in: folder))
        #expect(throws: CredentialsError.variableNotAvailableYet("AWS_WEB_IDENTITY_TOKEN_FILE")) {
            try later.source()
        }
        let none = CredentialsChain.standard(environment: environment(["AWS_PROFILE": "typo"], in: folder))
        let error = #expect(throws: CredentialsError.self) { try none.source() }
        guard case .profileMissing("typo", _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `a file that cannot be read is told`() throws {
        let folder = TemporaryFolder()
        let error = #expect(throws: ConfigFileError.self) {
            try SharedConfig.load(environment: Environment(["AWS_CONFIG_FILE": folder.path]))
        }
        #expect(error?.description == "\(folder.path) cannot be read: Is a directory (21)")
    }

    @Test func `what is held is kept until the service refuses it, then the files are read again`() async throws {
        let folder = TemporaryFolder()
        func text(_ id: String) -> String { "[default]\naws_access_key_id = \(id)\naws_secret_access_key = s" }
        let chain = CredentialsChain.standard(environment: environment(credentials: text("old"), in: folder))
        let old = try await chain.credentials(now: Self.now)
        _ = folder.write("credentials", text("new"))
        #expect(try await chain.credentials(now: Self.now) == old)
        chain.expired(old)
        let new = try await chain.credentials(now: Self.now)
        #expect(new.accessKeyID == "new")
        chain.expired(old)
        _ = folder.write("credentials", text("newest"))
        #expect(try await chain.credentials(now: Self.now) == new, "an old refusal does not count against new ones")
    }

    @Test func `temporary credentials are asked for again five minutes before they end`() async throws {
        final class Source: CredentialsSource, @unchecked Sendable {
            let name = "source"
            var loads = 0
            func load(now: WallTime) async throws(CredentialsError) -> Credentials? {
                loads += 1
                return Credentials(
                    accessKeyID: "\(loads)", secretAccessKey: Secret("s"), expiration: now.advanced(by: .seconds(3600)))
            }
        }
        let chain = CredentialsChain([Source()])
        #expect(try await chain.credentials(now: Self.now).accessKeyID == "1")
        #expect(try await chain.credentials(now: Self.now.advanced(by: .seconds(3299))).accessKeyID == "1")
        #expect(try await chain.credentials(now: Self.now.advanced(by: .seconds(3300))).accessKeyID == "2")
    }
}
