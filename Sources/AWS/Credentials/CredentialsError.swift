import Glibc
import Reactor

/// Why there is nothing to sign with. No case holds a secret, nor the answer of a source.
package indirect enum CredentialsError: Error, Hashable, Sendable {
    /// No source has any: all of them in their order.
    case nothingFound([Missing])
    /// A source names one half of a pair and not the other, or lacks a setting that another one needs.
    case incomplete(source: String, missing: String)
    /// AWS_PROFILE, an option or a source_profile names a profile that none of the files has.
    case profileMissing(String, files: [String])
    case badProfile(String, ProfileProblem)
    /// A variable of the environment has a value that cannot be used.
    case badVariable(String, accepted: String)
    case file(ConfigFileError)
    /// A source was asked and did not give any.
    case failed(source: String, SourceFailure)
    /// `accountIdEndpointMode` is `required`, and the source does not say which account its credentials are of.
    case accountIDMissing
    /// The task that waited was cancelled.
    case cancelled

    /// A source that has no credentials, and why.
    package struct Missing: Hashable, Sendable {
        package let source: String
        package let reason: String

        package init(source: String, reason: String) {
            self.source = source
            self.reason = reason
        }
    }

    package enum ProfileProblem: Hashable, Sendable {
        /// The profiles that name one another as source_profile, in that order.
        case loop([String])
        /// Two settings of which there may be one.
        case both(String, String)
        /// A way to credentials that is not supported.
        case notSupported(key: String)
        case badValue(key: String, accepted: String)
    }

    /// What became of asking a source.
    package enum SourceFailure: Hashable, Sendable {
        /// The file of a token or a login cannot be read or written; `code` is the errno.
        case file(String, code: Int32)
        case transport(TransportError)
        /// The service answered with an error, or did not answer.
        case service(AWSError)
        /// The endpoint answered with this status.
        case status(Int)
        /// What came is not what the source promises; `problem` quotes nothing of it.
        case answer(problem: String)
        case process(ChildProcessError)
        /// Only a person can go on, with this command.
        case needsLogin(command: String)
    }
}

extension CredentialsError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .nothingFound(let missing):
            "no AWS credentials found; tried "
                + missing.map { "\($0.source): \($0.reason)" }.joined(separator: "; ")
        case .incomplete(let source, let missing): "the AWS credentials of \(source) lack \(missing)"
        case .profileMissing(let profile, let files):
            "profile \"\(profile)\" is in none of \(files.joined(separator: ", "))"
        case .badProfile(let profile, let problem): "profile \"\(profile)\": \(problem)"
        case .badVariable(let name, let accepted): "\(name) cannot be used; accepted: \(accepted)"
        case .file(let error): error.description
        case .failed(let source, let failure): "no AWS credentials from \(source): \(failure)"
        case .accountIDMissing:
            "accountIdEndpointMode is required, and the source of the credentials names no account; "
                + "set AWS_ACCOUNT_ID or aws_account_id"
        case .cancelled: "cancelled"
        }
    }
}

extension CredentialsError.ProfileProblem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .loop(let names): "source_profile goes in a circle: \(names.joined(separator: ", "))"
        case .both(let one, let other): "has both \(one) and \(other); give one of the two"
        case .notSupported(let key): "asks for \(key), which is not supported"
        case .badValue(let key, let accepted): "\(key) cannot be used; accepted: \(accepted)"
        }
    }
}

extension CredentialsError.SourceFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .file(let path, let code): "\(path): \(String(cString: strerror(code))) (\(code))"
        case .transport(let error): error.description
        case .service(let error): error.description
        case .status(let status): "it answered with status \(status)"
        case .answer(let problem): "its answer cannot be used: \(problem)"
        case .process(let error): error.description
        case .needsLogin(let command): "the login has ended; \(command)"
        }
    }
}
