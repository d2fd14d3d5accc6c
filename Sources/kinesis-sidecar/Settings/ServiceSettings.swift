import AWS

/// What the configuration says of one service: where it is asked, and as whom (`dynamoDb`, `s3`, `sts`).
struct ServiceSettings: Sendable {
    /// Before `Settings.endpoint` and `Settings.region`.
    var endpoint: String?
    var region: String?
    /// Before `Settings.credentials`.
    var credentials = CredentialsSettings()

    /// Its options, by the name of the mapping that holds them.
    static func names(of mapping: String) -> [String] {
        ["\(mapping).endpoint", "\(mapping).region"] + CredentialsSettings.names(of: "\(mapping).credentials")
    }
}

/// What signs requests, where the configuration itself says so: keys, or a profile of the shared files.
struct CredentialsSettings: Sendable {
    var id: String?
    var secret: Secret?
    var sessionToken: Secret?
    /// Goes before the environment.
    var profile: String?

    /// Its options, by the name of the mapping that holds them.
    static func names(of mapping: String) -> [String] {
        ["accessKeyId", "secretAccessKey", "sessionToken", "profile"].map { "\(mapping).\($0)" }
    }

    var keys: Credentials? {
        guard let id, let secret else { return nil }
        return Credentials(accessKeyID: id, secretAccessKey: secret, sessionToken: sessionToken)
    }

    /// As which they sign for roles (`sts.credentials`).
    var roleSigner: CredentialsPlan.RoleSigner? {
        keys.map { .keys($0) } ?? profile.map { .profile($0) }
    }

    /// What is wrong with them together; nil: nothing.
    var problem: String? {
        if profile != nil, id != nil || secret != nil || sessionToken != nil {
            return "credentials have keys or a profile; give one of the two"
        }
        if (id == nil) != (secret == nil) { return "credentials need both accessKeyId and secretAccessKey" }
        if sessionToken != nil, id == nil { return "a session token needs accessKeyId and secretAccessKey" }
        return nil
    }
}
