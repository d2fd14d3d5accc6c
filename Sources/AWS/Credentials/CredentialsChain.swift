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
/// Several clients share one chain. The sources are asked by one task at a time; whoever else has nothing to sign with
/// waits for what comes of that. Credentials that end soon are used until they end: by all others while one task asks for
/// new ones, and by everybody when that fails. Confined to its loop. Roles, web identity, container and instance endpoints
/// join as further sources.
package final class CredentialsChain: @unchecked Sendable {
    private typealias Outcome = Result<Credentials, CredentialsError>

    /// Temporary credentials are renewed this long before they end, so that a request under way keeps a valid signature.
    /// Source: the AWS SDKs' refresh window of five minutes.
    package static let refreshWindow = Duration.seconds(300)
    /// The least time from one refresh to the next while what is held is good: the window has room for 30 of them.
    package static let refreshPause = Duration.seconds(10)

    private let sources: [any CredentialsSource]
    private var held: Credentials?
    /// While a task asks the sources: the others that have nothing to sign with until it is done. Without an outcome they
    /// are told that it was cancelled.
    private var waiting: [UnsafeContinuation<Outcome?, Never>]?
    /// When the sources may be asked again for credentials that end soon.
    private var nextRefresh: WallTime?
    /// Called when a refresh fails that nobody else is told of, since what is held goes on.
    package var onRefreshFailure: ((CredentialsError) -> Void)?

    package init(_ sources: [any CredentialsSource]) {
        self.sources = sources
    }

    /// Credentials that configuration names; nothing else is read.
    package static func fixed(_ credentials: Credentials) -> CredentialsChain {
        CredentialsChain([StaticCredentials(credentials)])
    }

    /// What to sign with at `now`. Asks the sources only when nothing is held or what is held ends soon.
    /// - Throws: why there is nothing; the next call asks again.
    package func credentials(now: WallTime) async throws(CredentialsError) -> Credentials {
        if let held {
            guard let expiration = held.expiration, now.advanced(by: Self.refreshWindow) >= expiration else {
                return held
            }
            let isTimeToAsk = waiting == nil && nextRefresh.map { now >= $0 } ?? true
            if now < expiration, !isTimeToAsk { return held }
        }
        while waiting != nil {
            let outcome = await withUnsafeContinuation { waiting?.append($0) }
            if let outcome { return try outcome.get() }
        }
        return try await refresh(now).get()
    }

    /// The service refused `used`: the next request asks the sources again.
    package func expired(_ used: Credentials) {
        if held == used { held = nil }
    }

    private func refresh(_ now: WallTime) async -> Outcome {
        waiting = []
        let outcome = outcome(of: await load(now), now)
        let told = waiting ?? []
        waiting = nil
        // A cancelled task may have cut its source short, which says nothing to the others: one of them asks anew.
        var isConclusive = true
        if case .failure = outcome { isConclusive = !Task.isCancelled }
        for task in told { task.resume(returning: isConclusive ? outcome : nil) }
        return outcome
    }

    private func load(_ now: WallTime) async -> Outcome {
        do throws(CredentialsError) {
            for source in sources {
                if let found = try await source.load(now: now) { return .success(found) }
            }
        } catch {
            return .failure(error)
        }
        return .failure(.nothingFound(tried: sources.filter { !($0 is LaterSource) }.map(\.name)))
    }

    /// Takes in what was loaded. A failure leaves what is held in force until it ends.
    private func outcome(of loaded: Outcome, _ now: WallTime) -> Outcome {
        switch loaded {
        case .success(let found):
            held = found
            // Some sources give what ends soon once more until they have something new.
            nextRefresh = now.advanced(by: Self.refreshPause)
            return loaded
        case .failure(let error):
            guard let held, let expiration = held.expiration, now < expiration else { return loaded }
            if !Task.isCancelled {
                nextRefresh = now.advanced(by: Self.refreshPause)
                onRefreshFailure?(error)
            }
            return .success(held)
        }
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
