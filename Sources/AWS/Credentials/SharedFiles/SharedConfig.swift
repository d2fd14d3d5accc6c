/// The profiles of the shared config and credentials files together. Performs no I/O; see `SharedConfig+Files`.
///
/// Where both files have a key of one profile, the credentials file's counts.
/// Source: https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
package struct SharedConfig: Hashable, Sendable {
    package private(set) var profiles: [String: Profile] = [:]
    /// The settings of each `[sso-session name]`, by its name.
    package private(set) var ssoSessions: [String: [String: String]] = [:]
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

    /// The profile in use: the option, AWS_PROFILE, AWS_DEFAULT_PROFILE, `default`.
    package static func profileName(option: String?, environment: Environment) -> String {
        option ?? environment["AWS_PROFILE"] ?? environment["AWS_DEFAULT_PROFILE"] ?? "default"
    }

    /// Whether somebody named the profile, so that it has to be there.
    package static func isProfileNamed(option: String?, environment: Environment) -> Bool {
        option != nil || environment["AWS_PROFILE"] != nil || environment["AWS_DEFAULT_PROFILE"] != nil
    }

    // MARK: Merging

    /// `[default]` and `[profile name]`; `[profile default]` counts instead of `[default]`. Other sections are none.
    private mutating func add(_ config: ConfigFile) {
        let services = config.sections.filter { $0.key.hasPrefix("services ") }
        for (title, section) in config.sections {
            if title.hasPrefix("sso-session ") {
                ssoSessions[String(title.dropFirst("sso-session ".count))] = section.settings
            }
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
