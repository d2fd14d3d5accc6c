import Time

/// What a request is signed with.
package struct Credentials: Hashable, Sendable {
    package var accessKeyID: String
    package var secretAccessKey: Secret
    /// Present for temporary credentials; sent as X-Amz-Security-Token.
    package var sessionToken: Secret?
    /// When the service stops taking them, where the source says so.
    package var expiration: WallTime?

    package init(
        accessKeyID: String, secretAccessKey: Secret, sessionToken: Secret? = nil, expiration: WallTime? = nil
    ) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        self.expiration = expiration
    }

    /// Key id and secret `local`: what `--local` signs with and the embedded Kinesis verifies.
    package static let local = Credentials(accessKeyID: "local", secretAccessKey: Secret("local"))
}

/// Why there is nothing to sign with.
package enum CredentialsError: Error, Hashable, Sendable {
    /// No source of the chain has any. Both lists name sources, in their order.
    case nothingFound(tried: [String], notAvailableYet: [String])
    /// A source names one half of a pair and not the other.
    case incomplete(source: String, missing: String)
    /// AWS_PROFILE, or the option, names a profile that none of the files has.
    case profileMissing(String, files: [String])
    /// The profile gets its credentials in a way that this version does not have yet.
    case notAvailableYet(profile: String, key: String)
    /// The environment asks for a source that this version does not have yet.
    case variableNotAvailableYet(String)
    case file(ConfigFileError)
}

extension CredentialsError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .nothingFound(let tried, let later):
            "no AWS credentials found; tried \(tried.joined(separator: ", "))"
                + (later.isEmpty ? "" : "; not available yet: \(later.joined(separator: ", "))")
        case .incomplete(let source, let missing):
            "the AWS credentials of \(source) lack \(missing)"
        case .profileMissing(let profile, let files):
            "profile \"\(profile)\" is in none of \(files.joined(separator: ", "))"
        case .notAvailableYet(let profile, let key):
            "profile \"\(profile)\" asks for \(key), which is not available yet"
        case .variableNotAvailableYet(let variable):
            "\(variable) is set, but credentials from there are not available yet"
        case .file(let error):
            error.description
        }
    }
}
