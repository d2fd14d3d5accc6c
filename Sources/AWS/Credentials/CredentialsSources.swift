/// AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
package final class EnvironmentCredentials: LocalCredentialsSource {
    package let name = "the environment (AWS_ACCESS_KEY_ID)"
    private let environment: Environment

    package init(_ environment: Environment) {
        self.environment = environment
    }

    package func look() throws(CredentialsError) -> Credentials? {
        switch (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]) {
        case (let id?, let secret?):
            Credentials(
                accessKeyID: id, secretAccessKey: Secret(secret),
                sessionToken: environment["AWS_SESSION_TOKEN"].map(Secret.init))
        case (_?, nil): throw .incomplete(source: "the environment", missing: "AWS_SECRET_ACCESS_KEY")
        case (nil, _?): throw .incomplete(source: "the environment", missing: "AWS_ACCESS_KEY_ID")
        case (nil, nil): nil
        }
    }
}

/// A profile of the shared files, which are read again each time: something outside may have renewed them.
package final class ProfileCredentials: LocalCredentialsSource {
    private let profile: String
    /// Whether somebody named the profile, so that it has to be there.
    private let isNamed: Bool
    private let environment: Environment

    package init(option: String?, environment: Environment) {
        profile = SharedConfig.profileName(option: option, environment: environment)
        isNamed = option != nil || environment["AWS_PROFILE"] != nil || environment["AWS_DEFAULT_PROFILE"] != nil
        self.environment = environment
    }

    package var name: String { "profile \"\(profile)\" of the shared files" }

    package func look() throws(CredentialsError) -> Credentials? {
        let config: SharedConfig
        do throws(ConfigFileError) {
            config = try SharedConfig.load(environment: environment)
        } catch {
            throw .file(error)
        }
        if isNamed, config.profile(profile) == nil { throw .profileMissing(profile, files: config.files) }
        return try config.credentials(profile: profile)
    }
}

/// Stands where a source of a later version will: refuses what asks for it instead of passing it over.
package final class LaterSource: LocalCredentialsSource {
    package let name: String
    private let variables: [String]
    private let environment: Environment

    package init(name: String, variables: [String], environment: Environment) {
        self.name = name
        self.variables = variables
        self.environment = environment
    }

    package func look() throws(CredentialsError) -> Credentials? {
        for variable in variables where environment[variable] != nil {
            throw .variableNotAvailableYet(variable)
        }
        return nil
    }
}

extension CredentialsChain {
    /// The default chain, in the SDKs' order. A profile that an option names goes before the environment.
    package static func standard(profile: String? = nil, environment: Environment = .process) -> CredentialsChain {
        let shared = ProfileCredentials(option: profile, environment: environment)
        guard profile == nil else { return CredentialsChain([shared]) }
        return CredentialsChain([
            EnvironmentCredentials(environment),
            LaterSource(
                name: "web identity", variables: ["AWS_WEB_IDENTITY_TOKEN_FILE"], environment: environment),
            shared,
            LaterSource(
                name: "the container's endpoint",
                variables: ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"],
                environment: environment),
            LaterSource(name: "the instance's metadata", variables: [], environment: environment),
        ])
    }
}
