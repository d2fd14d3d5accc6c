import Bytes

/// How credentials are had, with all that it takes: which file, request or process. Performs no I/O; `CredentialsFetcher`
/// carries it out.
package indirect enum CredentialsRecipe: Hashable, Sendable {
    /// They stand there.
    case keys(Credentials)
    /// A program prints them.
    case process(CredentialProcess)
    /// STS gives those of a role to whoever signs with others.
    case role(AssumedRole, signedBy: CredentialsRecipe)
    /// STS gives those of a role for a token that somebody else's identity provider wrote.
    case webIdentity(AssumedRole, tokenFile: String)
    /// IAM Identity Center gives those of a role for a token that `aws sso login` has left in a file.
    case sso(SSOLogin)
    /// An endpoint beside a container gives them.
    case container(ContainerEndpoint)
    /// The metadata service of a virtual machine gives them.
    case instance(InstanceMetadata)
}

extension CredentialsRecipe: CustomStringConvertible {
    /// Behind the place that has it, for logs; without secrets.
    package var description: String {
        switch self {
        case .keys: "keys"
        case .process: "credential_process"
        case .role(let role, let signer): "role \(role.arn), by \(signer)"
        case .webIdentity(let role, _): "role \(role.arn), by web identity"
        case .sso(let login): "role \(login.role) of account \(login.account), by IAM Identity Center"
        case .container(let endpoint): endpoint.description
        case .instance(let metadata): metadata.description
        }
    }
}

/// A role that STS is asked for.
package struct AssumedRole: Hashable, Sendable {
    package var arn: String
    /// How CloudTrail calls who acts.
    package var sessionName: String
    /// Nil: the service's, an hour.
    package var duration: Duration?
    package var externalID: String?

    /// Where nobody names a session.
    package static let defaultSessionName = "kinesis-sidecar"
    /// Source: STS's API, AssumeRole, DurationSeconds.
    package static let durations = 900...43_200

    package init(
        arn: String, sessionName: String = defaultSessionName, duration: Duration? = nil, externalID: String? = nil
    ) {
        self.arn = arn
        self.sessionName = sessionName
        self.duration = duration
        self.externalID = externalID
    }

    /// Whether STS takes it: 2 to 64 letters, digits and `_+=,.@-`. Source: its API, AssumeRole, RoleSessionName.
    package static func isSessionName(_ text: String) -> Bool {
        (2...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { $0.isLetter || $0.isDigit || "_+=,.@-".utf8.contains($0) }
    }
}
