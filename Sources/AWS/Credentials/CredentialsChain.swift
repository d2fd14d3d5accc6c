import Time

/// One place that may have credentials: the environment, a profile, later a role or an instance.
package protocol CredentialsSource: AnyObject, Sendable {
    /// How messages call it.
    var name: String { get }

    /// The credentials as they are there now, nil when this source has none and the next one is to be asked.
    /// - Throws: what is wrong with a source that is there but cannot be used; the chain stops at it.
    func load(now: WallTime) async throws(CredentialsError) -> Credentials?
}

/// Asks its sources in order, keeps what the first one gave, and asks again when it is used up.
///
/// Confined to its loop. Roles, web identity, container and instance endpoints join as further sources.
package final class CredentialsChain: @unchecked Sendable {
    /// Temporary credentials are renewed this long before they end, so that a request under way keeps a valid signature.
    /// Source: the AWS SDKs' refresh window of five minutes.
    package static let refreshWindow = Duration.seconds(300)

    private let sources: [any CredentialsSource]
    private var held: Credentials?

    package init(_ sources: [any CredentialsSource]) {
        self.sources = sources
    }

    /// Credentials that configuration names; nothing else is read.
    package static func fixed(_ credentials: Credentials) -> CredentialsChain {
        CredentialsChain([StaticCredentials(credentials)])
    }

    /// What to sign with at `now`. Asks the sources only when nothing is held or what is held ends soon.
    package func credentials(now: WallTime) async throws(CredentialsError) -> Credentials {
        if let held, isFresh(held, now: now) { return held }
        for source in sources {
            guard let found = try await source.load(now: now) else { continue }
            held = found
            return found
        }
        throw .nothingFound(tried: sources.filter { !($0 is LaterSource) }.map(\.name))
    }

    /// The service refused `used`: the next request asks the sources again.
    package func expired(_ used: Credentials) {
        if held == used { held = nil }
    }

    private func isFresh(_ credentials: Credentials, now: WallTime) -> Bool {
        guard let expiration = credentials.expiration else { return true }
        return now.advanced(by: Self.refreshWindow) < expiration
    }
}

/// Credentials given as values.
package final class StaticCredentials: CredentialsSource {
    package let name = "configuration"
    private let credentials: Credentials

    package init(_ credentials: Credentials) {
        self.credentials = credentials
    }

    package func load(now: WallTime) async throws(CredentialsError) -> Credentials? {
        credentials
    }
}
