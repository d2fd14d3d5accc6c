/// The profiles of the shared config and credentials files together. Performs no I/O; see `SharedConfig+Files`.
///
/// Where both files have a key of one profile, the credentials file's counts.
/// Source: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
package struct SharedConfig: Hashable, Sendable {
    package private(set) var profiles: [String: Profile] = [:]
    /// The files that were looked for, for messages.
    package let files: [String]

    package init(config: ConfigFile?, credentials: ConfigFile?, files: [String]) {
        self.files = files
        if let config { add(config) }
        if let credentials { add(credentials: credentials) }
    }

    package func profile(_ name: String) -> Profile? {
        profiles[name]
    }

    /// The profile's credentials; nil when it has none, which is no error: a profile may only name a region.
    package func credentials(profile name: String) throws(CredentialsError) -> Credentials? {
        guard let profile = profiles[name] else { return nil }
        // The order in which the SDKs look; what comes first here would be used instead of the keys below it.
        for key in ["role_arn", "web_identity_token_file", "sso_session", "sso_start_url", "login_session"] {
            if profile[key] != nil { throw .notAvailableYet(profile: name, key: key) }
        }
        let source = "profile \"\(name)\""
        switch (profile["aws_access_key_id"], profile["aws_secret_access_key"]) {
        case (let id?, let secret?):
            let token = profile["aws_session_token"] ?? profile["aws_security_token"]
            return Credentials(
                accessKeyID: id, secretAccessKey: Secret(secret), sessionToken: token.map(Secret.init))
        case (_?, nil): throw .incomplete(source: source, missing: "aws_secret_access_key")
        case (nil, _?): throw .incomplete(source: source, missing: "aws_access_key_id")
        case (nil, nil): break
        }
        if profile["credential_process"] != nil { throw .notAvailableYet(profile: name, key: "credential_process") }
        return nil
    }

    /// The profile in use: the option, AWS_PROFILE, AWS_DEFAULT_PROFILE, `default`.
    package static func profileName(option: String?, environment: Environment) -> String {
        option ?? environment["AWS_PROFILE"] ?? environment["AWS_DEFAULT_PROFILE"] ?? "default"
    }

    // MARK: Merging

    /// `[default]` and `[profile name]`; `[profile default]` counts instead of `[default]`. Other sections are none.
    private mutating func add(_ config: ConfigFile) {
        let services = config.sections.filter { $0.key.hasPrefix("services ") }
        for (title, section) in config.sections {
            let isPrefixed = title.hasPrefix("profile ")
            guard isPrefixed || (title == "default" && config.sections["profile default"] == nil) else { continue }
            let name = isPrefixed ? String(title.dropFirst("profile ".count)) : title
            var profile = Profile(name: name, settings: section.settings, nested: section.nested)
            if let named = profile["services"], let section = services["services " + named] {
                profile.serviceEndpoints = section.nested.compactMapValues { $0["endpoint_url"] }
            }
            profiles[name] = profile
        }
    }

    /// Every section is a profile's name as it stands.
    private mutating func add(credentials: ConfigFile) {
        for (name, section) in credentials.sections {
            var profile = profiles[name] ?? Profile(name: name)
            profile.settings.merge(section.settings) { _, new in new }
            profile.nested.merge(section.nested) { _, new in new }
            profiles[name] = profile
        }
    }
}
