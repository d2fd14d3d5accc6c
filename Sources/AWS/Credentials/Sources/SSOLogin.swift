import Bytes
import JSON
import Time

/// A profile that gets a role's credentials for a login with IAM Identity Center, which `aws sso login` has left in a file.
/// Performs no I/O.
///
/// Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-sso-credentials.html
package struct SSOLogin: Hashable, Sendable {
    package let account: AccountID
    package let role: String
    package let region: Region
    /// The file of the login.
    package var file: String
    /// Nil for a profile that names a start URL itself: such a login cannot be refreshed.
    package let session: String?

    /// Nil when the profile is none of these.
    init?(_ profile: Profile, _ shared: SharedConfig, _ environment: Environment) throws(CredentialsError) {
        let keys = ["sso_session", "sso_start_url", "sso_account_id", "sso_role_name"]
        guard keys.contains(where: { profile[$0] != nil }) else { return nil }
        let source = ProfileRecipes.source(profile.name)
        func required(_ key: String) throws(CredentialsError) -> String {
            guard let value = profile[key] else { throw .incomplete(source: source, missing: key) }
            return value
        }
        _ = try required("sso_account_id")
        guard let account = try ProfileRecipes.account("sso_account_id", profile) else { return nil }
        self.account = account
        role = try required("sso_role_name")
        session = profile["sso_session"]
        let cached: String
        let regionName: String
        if let session {
            guard let section = shared.ssoSessions[session] else {
                throw .incomplete(source: source, missing: "a section [sso-session \(session)]")
            }
            guard let named = section["sso_region"], !named.isEmpty else {
                throw .incomplete(source: "[sso-session \(session)]", missing: "sso_region")
            }
            (cached, regionName) = (session, named)
        } else {
            (cached, regionName) = (try required("sso_start_url"), try required("sso_region"))
        }
        guard let region = Region(regionName) else {
            throw .badProfile(profile.name, .badValue(key: "sso_region", accepted: "a region, such as eu-central-1"))
        }
        self.region = region
        guard let home = environment["HOME"] else {
            throw .incomplete(source: "the login of \(source)", missing: "HOME")
        }
        let name = Hex.encode(Array(cached.utf8).withUnsafeBytes(Digest.sha1))
        file = "\(home)/.aws/sso/cache/\(name).json"
    }

    /// What a person is to run.
    var command: String {
        session.map { "aws sso login --sso-session \($0)" } ?? "aws sso login"
    }
}

/// A login as its file has it: the token that asks for credentials, and what renews it. Performs no I/O.
struct SSOToken: Equatable, Sendable {
    /// What its renewal needs.
    struct Renewal: Equatable, Sendable {
        let clientID: String
        let clientSecret: Secret
        let refreshToken: Secret
        /// The client's own; nil: not said.
        let clientEnds: WallTime?
    }

    let token: Secret
    let expiration: WallTime
    let renewal: Renewal?
    /// The whole file, since others have members there too.
    private let document: JSONValue

    /// A login is renewed so long before it ends. Source: the SDKs' window of five minutes.
    static let refreshWindow = Duration.seconds(300)
    /// A token is a few KB.
    static let sizeLimit = 256 << 10

    init(_ bytes: [UInt8]) throws(CredentialsDocument.Problem) {
        let json = try CredentialsDocument.parsed(bytes)
        token = Secret(try CredentialsDocument.text(json, "accessToken"))
        guard let end = json["expiresAt"]?.string.flatMap(Self.time) else {
            throw CredentialsDocument.Problem(text: "expiresAt is no time")
        }
        expiration = end
        if let id = json["clientId"]?.string, let secret = json["clientSecret"]?.string,
            let refresh = json["refreshToken"]?.string
        {
            renewal = Renewal(
                clientID: id, clientSecret: Secret(secret), refreshToken: Secret(refresh),
                clientEnds: json["registrationExpiresAt"]?.string.flatMap(Self.time))
        } else {
            renewal = nil
        }
        document = json
    }

    /// What to do with the login at `now`.
    enum Step: Equatable, Sendable {
        case use
        /// Renew it; where that fails, it is good still if `isGood`.
        case renew(Renewal, isGood: Bool)
        case logIn
    }

    func step(now: WallTime) -> Step {
        let isGood = now < expiration
        if now.advanced(by: Self.refreshWindow) < expiration { return .use }
        if let renewal, renewal.clientEnds.map({ now < $0 }) ?? true { return .renew(renewal, isGood: isGood) }
        return isGood ? .use : .logIn
    }

    /// CreateToken's input.
    static func request(_ renewal: Renewal) -> ByteBuffer {
        var json = JSONWriter()
        json.beginObject()
        json.member("clientId", renewal.clientID)
        json.member("clientSecret", renewal.clientSecret.exposed)
        json.member("grantType", "refresh_token")
        json.member("refreshToken", renewal.refreshToken.exposed)
        json.endObject()
        return json.buffer
    }

    /// The login that CreateToken's answer makes of this one: a new token, and a new refresh token where it has one.
    func renewed(by answer: [UInt8], now: WallTime) throws(CredentialsDocument.Problem) -> SSOToken {
        let json = try CredentialsDocument.parsed(answer)
        guard let seconds = json["expiresIn"]?.int, (1...365 * 86_400).contains(seconds) else {
            throw CredentialsDocument.Problem(text: "expiresIn is missing or no number of seconds")
        }
        var members = document.object ?? []
        func set(_ key: String, _ value: String) {
            members.removeAll { $0.key == key }
            members.append(JSONMember(key: key, value: .string(value)))
        }
        set("accessToken", try CredentialsDocument.text(json, "accessToken"))
        set("expiresAt", Self.text(now.advanced(by: .seconds(seconds))))
        if let refresh = json["refreshToken"]?.string { set("refreshToken", refresh) }
        var text = JSONWriter()
        text.value(.object(members))
        return try SSOToken(text.buffer.array)
    }

    /// What its file is to hold.
    var file: ByteBuffer {
        var text = JSONWriter()
        text.value(document)
        return text.buffer
    }

    /// `2026-01-02T03:04:05Z`; the AWS CLI once wrote `UTC` in the place of `Z`.
    private static func time(_ text: String) -> WallTime? {
        WallTime(iso8601: text.hasSuffix("UTC") ? text.dropLast(3) + "Z" : text)
    }

    private static func text(_ time: WallTime) -> String {
        // Without a fraction, as the AWS CLI reads it.
        String(time.iso8601.prefix(19)) + "Z"
    }
}
