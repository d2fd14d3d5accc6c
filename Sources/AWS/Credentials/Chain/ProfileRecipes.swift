/// How a profile's credentials are had, which may be by way of other profiles. Performs no I/O.
///
/// Source: https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html, and the order of botocore: a role, a
/// login, keys, a process.
struct ProfileRecipes {
    let shared: SharedConfig
    let environment: Environment
    let roleSigner: CredentialsPlan.RoleSigner?

    /// Nil when the profile has none, which is no error: it may only name a region.
    func recipe(of name: String) throws(CredentialsError) -> CredentialsRecipe? {
        try recipe(of: name, behind: [])
    }

    /// - Parameter behind: the profiles that have led here, by `source_profile`.
    private func recipe(of name: String, behind: [String]) throws(CredentialsError) -> CredentialsRecipe? {
        guard let profile = shared.profile(name) else { throw .profileMissing(name, files: shared.files) }
        if profile["role_arn"] != nil { return try role(profile, behind) }
        for key in ["web_identity_token_file", "source_profile", "credential_source"] where profile[key] != nil {
            throw .incomplete(source: Self.source(name), missing: "role_arn")
        }
        if let login = try SSOLogin(profile, shared, environment) { return .sso(login) }
        // What comes first would be used by others instead of the keys below it.
        if profile["login_session"] != nil { throw .badProfile(name, .notSupported(key: "login_session")) }
        if let keys = try keys(profile) { return .keys(keys) }
        guard let command = profile["credential_process"] else { return nil }
        guard let process = CredentialProcess(command) else {
            let accepted = "a path and arguments, with every quote closed"
            throw .badProfile(name, .badValue(key: "credential_process", accepted: accepted))
        }
        return .process(process)
    }

    private func role(_ profile: Profile, _ behind: [String]) throws(CredentialsError) -> CredentialsRecipe {
        guard !behind.contains(profile.name) else {
            throw .badProfile(profile.name, .loop(behind + [profile.name]))
        }
        let role = try assumedRole(profile)
        if let file = profile["web_identity_token_file"] {
            return .webIdentity(role, tokenFile: SharedConfig.expanded(file, environment))
        }
        if profile["mfa_serial"] != nil {
            // Nobody is there to type a code.
            throw .badProfile(profile.name, .notSupported(key: "mfa_serial"))
        }
        return .role(role, signedBy: try signer(of: profile, behind + [profile.name]))
    }

    private func signer(of profile: Profile, _ behind: [String]) throws(CredentialsError) -> CredentialsRecipe {
        switch (profile["source_profile"], profile["credential_source"]) {
        case (_?, _?): throw .badProfile(profile.name, .both("source_profile", "credential_source"))
        case (let name?, nil):
            // A role further on has a signer of its own.
            let isLast = shared.profile(name)?["role_arn"] == nil || name == profile.name
            if isLast, let signer = try configuredSigner() { return signer }
            let found =
                name == profile.name
                ? try keys(profile).map { .keys($0) } : try recipe(of: name, behind: behind)
            guard let found else { throw .incomplete(source: Self.source(name), missing: "keys of its own") }
            return found
        case (nil, let source?):
            if let signer = try configuredSigner() { return signer }
            return try recipe(credentialSource: source, profile)
        case (nil, nil):
            if let signer = try configuredSigner() { return signer }
            throw .incomplete(
                source: Self.source(profile.name),
                missing: "source_profile, credential_source or web_identity_token_file beside role_arn")
        }
    }

    /// Nil where the configuration names none. A profile's roles have the signers that the files name: else it would sign for
    /// itself.
    private func configuredSigner() throws(CredentialsError) -> CredentialsRecipe? {
        switch roleSigner {
        case .keys(let keys)?: return .keys(keys)
        case .profile(let name)?:
            let files = ProfileRecipes(shared: shared, environment: environment, roleSigner: nil)
            guard let recipe = try files.recipe(of: name) else {
                throw .incomplete(source: Self.source(name), missing: "credentials")
            }
            return recipe
        case nil: return nil
        }
    }

    private func recipe(
        credentialSource source: String, _ profile: Profile
    ) throws(CredentialsError) -> CredentialsRecipe {
        switch source.lowercased() {
        case "environment":
            guard let keys = try CredentialsPlan.keys(environment) else {
                throw .incomplete(source: "the environment", missing: "AWS_ACCESS_KEY_ID")
            }
            return .keys(keys)
        case "ecscontainer":
            guard let endpoint = try ContainerEndpoint(environment) else {
                let variables = ContainerEndpoint.variables.joined(separator: " or ")
                throw .incomplete(source: "the container's endpoint", missing: variables)
            }
            return .container(endpoint)
        case "ec2instancemetadata":
            guard let metadata = try InstanceMetadata(environment, profile) else {
                throw .badVariable("AWS_EC2_METADATA_DISABLED", accepted: "not true, with credential_source")
            }
            return .instance(metadata)
        default:
            let accepted = "Environment, Ec2InstanceMetadata or EcsContainer"
            throw .badProfile(profile.name, .badValue(key: "credential_source", accepted: accepted))
        }
    }

    private func assumedRole(_ profile: Profile) throws(CredentialsError) -> AssumedRole {
        var role = AssumedRole(arn: profile["role_arn"] ?? "")
        role.externalID = profile["external_id"]
        if let name = profile["role_session_name"] {
            guard AssumedRole.isSessionName(name) else {
                let accepted = "2 to 64 letters, digits and _+=,.@-"
                throw .badProfile(profile.name, .badValue(key: "role_session_name", accepted: accepted))
            }
            role.sessionName = name
        }
        if let text = profile["duration_seconds"] {
            guard let seconds = Int(text), AssumedRole.durations.contains(seconds) else {
                let accepted = "\(AssumedRole.durations.lowerBound) to \(AssumedRole.durations.upperBound)"
                throw .badProfile(profile.name, .badValue(key: "duration_seconds", accepted: accepted))
            }
            role.duration = .seconds(seconds)
        }
        return role
    }

    private func keys(_ profile: Profile) throws(CredentialsError) -> Credentials? {
        switch (profile["aws_access_key_id"], profile["aws_secret_access_key"]) {
        case (let id?, let secret?):
            let token = profile["aws_session_token"] ?? profile["aws_security_token"]
            return Credentials(
                accessKeyID: id, secretAccessKey: Secret(secret), sessionToken: token.map(Secret.init),
                accountID: try Self.account("aws_account_id", profile))
        case (_?, nil): throw .incomplete(source: Self.source(profile.name), missing: "aws_secret_access_key")
        case (nil, _?): throw .incomplete(source: Self.source(profile.name), missing: "aws_access_key_id")
        case (nil, nil): return nil
        }
    }

    static func account(_ key: String, _ profile: Profile) throws(CredentialsError) -> AccountID? {
        guard let text = profile[key] else { return nil }
        guard let account = AccountID(text) else {
            throw .badProfile(profile.name, .badValue(key: key, accepted: "twelve digits"))
        }
        return account
    }

    static func source(_ profile: String) -> String { "profile \"\(profile)\"" }
}
