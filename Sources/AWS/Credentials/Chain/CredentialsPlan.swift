/// Which place credentials come from, and how: the first of all that has any. Decided from variables and files as they are;
/// performs no I/O.
///
/// Order: the environment's keys, the profile of the shared files, a web identity, a container's endpoint, the instance's
/// metadata. A place that is set up and cannot be used ends the search: what stands behind it would sign for somebody else.
package struct CredentialsPlan: Hashable, Sendable {
    /// For logs and stats; without secrets.
    package let place: String
    package let recipe: CredentialsRecipe
    /// The places before, and what they lack.
    package let passedOver: [CredentialsError.Missing]

    /// What the configuration says of it.
    package struct Options: Hashable, Sendable {
        /// A profile that goes before all other places, and before the variables that name one.
        package var profile: String?
        /// Signs for roles in the place of what a profile names for that.
        package var roleSigner: RoleSigner?

        package init(profile: String? = nil, roleSigner: RoleSigner? = nil) {
            self.profile = profile
            self.roleSigner = roleSigner
        }
    }

    /// Who asks STS for roles, where the configuration itself says so.
    package enum RoleSigner: Hashable, Sendable {
        case keys(Credentials)
        /// Whatever credentials this one of the shared files has; a role of its own is had as that profile says.
        case profile(String)
    }

    /// - Throws: what is wrong with the first place that is set up, or that there is none.
    package init(_ options: Options, environment: Environment, shared: SharedConfig) throws(CredentialsError) {
        var passed: [CredentialsError.Missing] = []
        let roles = ProfileRecipes(shared: shared, environment: environment, roleSigner: options.roleSigner)
        if options.profile == nil {
            if let keys = try Self.keys(environment) {
                self.init("the environment (AWS_ACCESS_KEY_ID)", .keys(keys), passed)
                return
            }
            passed.append(.init(source: "the environment", reason: "AWS_ACCESS_KEY_ID is not set"))
        }
        let profile = SharedConfig.profileName(option: options.profile, environment: environment)
        let isNamed = SharedConfig.isProfileNamed(option: options.profile, environment: environment)
        let place = "profile \"\(profile)\" of the shared files"
        if isNamed || shared.profile(profile) != nil, let recipe = try roles.recipe(of: profile) {
            if case .keys = recipe {
                self.init(place, recipe, passed)
            } else {
                self.init("\(place) (\(recipe))", recipe, passed)
            }
            return
        }
        let reason =
            shared.profile(profile) == nil
            ? "there is none in \(shared.files.joined(separator: ", "))" : "it has no credentials"
        passed.append(.init(source: place, reason: reason))
        guard options.profile == nil else { throw .nothingFound(passed) }
        if let recipe = try Self.webIdentity(environment) {
            self.init("web identity (\(recipe))", recipe, passed)
            return
        }
        passed.append(.init(source: "web identity", reason: "AWS_WEB_IDENTITY_TOKEN_FILE is not set"))
        if let endpoint = try ContainerEndpoint(environment) {
            self.init(endpoint.description, .container(endpoint), passed)
            return
        }
        let variables = ContainerEndpoint.variables.joined(separator: " and ")
        passed.append(.init(source: "the container's endpoint", reason: "\(variables) are not set"))
        guard let metadata = try InstanceMetadata(environment, shared.profile(profile)) else {
            let reason = "AWS_EC2_METADATA_DISABLED is true"
            throw .nothingFound(passed + [.init(source: "the instance's metadata", reason: reason)])
        }
        self.init(metadata.description, .instance(metadata), passed)
    }

    private init(_ place: String, _ recipe: CredentialsRecipe, _ passedOver: [CredentialsError.Missing]) {
        self.place = place
        self.recipe = recipe
        self.passedOver = passedOver
    }

    /// Those of AWS_ACCESS_KEY_ID and its companions.
    static func keys(_ environment: Environment) throws(CredentialsError) -> Credentials? {
        switch (environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"]) {
        case (let id?, let secret?):
            return Credentials(
                accessKeyID: id, secretAccessKey: Secret(secret),
                sessionToken: environment["AWS_SESSION_TOKEN"].map(Secret.init),
                accountID: try environment["AWS_ACCOUNT_ID"].map { (text) throws(CredentialsError) in
                    guard let account = AccountID(text) else {
                        throw .badVariable("AWS_ACCOUNT_ID", accepted: "twelve digits")
                    }
                    return account
                })
        case (_?, nil): throw .incomplete(source: "the environment", missing: "AWS_SECRET_ACCESS_KEY")
        case (nil, _?): throw .incomplete(source: "the environment", missing: "AWS_ACCESS_KEY_ID")
        case (nil, nil): return nil
        }
    }

    private static func webIdentity(_ environment: Environment) throws(CredentialsError) -> CredentialsRecipe? {
        guard let file = environment["AWS_WEB_IDENTITY_TOKEN_FILE"] else { return nil }
        guard let arn = environment["AWS_ROLE_ARN"] else {
            throw .incomplete(source: "AWS_WEB_IDENTITY_TOKEN_FILE", missing: "AWS_ROLE_ARN")
        }
        let name = environment["AWS_ROLE_SESSION_NAME"] ?? AssumedRole.defaultSessionName
        guard AssumedRole.isSessionName(name) else {
            throw .badVariable("AWS_ROLE_SESSION_NAME", accepted: "2 to 64 letters, digits and _+=,.@-")
        }
        return .webIdentity(AssumedRole(arn: arn, sessionName: name), tokenFile: file)
    }
}
