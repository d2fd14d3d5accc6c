import Time

/// One place that may have credentials: the environment, a profile, later a role or an instance.
package protocol CredentialsSource: AnyObject, Sendable {
    /// How messages call it.
    var name: String { get }

    /// The credentials as they are there now, nil when this source has none and the next one is to be asked.
    /// - Throws: what is wrong with a source that is there but cannot be used; the chain stops at it.
    func load(now: WallTime) async throws(CredentialsError) -> Credentials?
}

/// A source on this machine, which can be looked at before anybody needs credentials.
package protocol LocalCredentialsSource: CredentialsSource {
    /// What `load` gives now.
    func look() throws(CredentialsError) -> Credentials?
}

extension LocalCredentialsSource {
    package func load(now: WallTime) async throws(CredentialsError) -> Credentials? {
        try look()
    }
}

/// Asks its sources in order, keeps what the first one gave, and asks again when it is used up.
///
/// Several clients share one chain. The sources are asked by one task at a time; whoever else has nothing to sign with
/// waits for what comes of that. Credentials that end soon are used until they end: by all others while one task asks for
/// new ones, and by everybody when that fails. A failure, and credentials that the service refused and the sources gave
/// once more, stand for a moment, so that the failing calls of many shards do not all ask. Confined to its loop. Roles, web
/// identity, container and instance endpoints join as further sources.
package final class CredentialsChain: @unchecked Sendable {
    private typealias Outcome = Result<Credentials, CredentialsError>

    /// Temporary credentials are renewed this long before they end, so that a request under way keeps a valid signature.
    /// Source: the AWS SDKs' refresh window of five minutes.
    package static let refreshWindow = Duration.seconds(300)
    /// The least time from one refresh to the next while what is held is good: the window has room for 30 of them.
    package static let refreshPause = Duration.seconds(10)
    /// The least time from one look at sources that had nothing usable to the next. Short enough for whoever has just
    /// repaired them, and long enough for files on a slow disk.
    package static let failurePause = Duration.seconds(2)

    /// What the sources gave last.
    private enum Held {
        case nothing
        case good(Credentials)
        /// The service refused them. The sources are asked again, but not before the time: they gave the same again.
        case refused(Credentials, until: WallTime?)
        /// They gave nothing that can be used, which stands until the time.
        case failure(CredentialsError, until: WallTime)
    }

    private let sources: [any CredentialsSource]
    private var held = Held.nothing
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
    /// - Throws: why there is nothing; a call after `failurePause` asks again.
    package func credentials(now: WallTime) async throws(CredentialsError) -> Credentials {
        switch held {
        case .good(let held):
            guard let expiration = held.expiration, now.advanced(by: Self.refreshWindow) >= expiration else {
                return held
            }
            let isTimeToAsk = waiting == nil && nextRefresh.map { now >= $0 } ?? true
            if now < expiration, !isTimeToAsk { return held }
        case .refused(let held, let until?) where Self.stands(until, now): return held
        case .failure(let error, let until) where Self.stands(until, now): throw error
        case .nothing, .refused, .failure: break
        }
        while waiting != nil {
            let outcome = await withUnsafeContinuation { waiting?.append($0) }
            if let outcome { return try outcome.get() }
        }
        return try await refresh(now).get()
    }

    /// The name of the source whose credentials are used, as far as this machine alone can tell; for logs.
    /// - Throws: why there is nothing to sign with.
    package func source() throws(CredentialsError) -> String {
        for source in sources {
            guard let local = source as? any LocalCredentialsSource else { return source.name }
            if try local.look() != nil { return source.name }
        }
        throw nothingFound
    }

    /// The service refused `used`: the next request asks the sources again.
    package func expired(_ used: Credentials) {
        if case .good(used) = held { held = .refused(used, until: nil) }
    }

    /// Whether a pause that ends then has not ended yet. One that a clock set back has made longer has.
    private static func stands(_ until: WallTime, _ now: WallTime) -> Bool {
        now < until && now.advanced(by: refreshPause) >= until
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
        return .failure(nothingFound)
    }

    private var nothingFound: CredentialsError {
        .nothingFound(
            tried: sources.filter { !($0 is LaterSource) }.map(\.name),
            notAvailableYet: sources.filter { $0 is LaterSource }.map(\.name))
    }

    /// Takes in what was loaded. A failure leaves what is held in force until it ends.
    private func outcome(of loaded: Outcome, _ now: WallTime) -> Outcome {
        switch loaded {
        case .success(let found):
            // Some sources give what ends soon, or what the service refuses, once more until they have something new.
            nextRefresh = now.advanced(by: Self.refreshPause)
            if case .refused(found, _) = held {
                held = .refused(found, until: nextRefresh)
            } else {
                held = .good(found)
            }
            return loaded
        case .failure(let error):
            if case .good(let held) = held, let expiration = held.expiration, now < expiration {
                if !Task.isCancelled {
                    nextRefresh = now.advanced(by: Self.refreshPause)
                    onRefreshFailure?(error)
                }
                return .success(held)
            }
            // A cancelled task may have cut its source short, which says nothing.
            if !Task.isCancelled { held = .failure(error, until: now.advanced(by: Self.failurePause)) }
            return loaded
        }
    }
}

/// Credentials given as values.
package final class StaticCredentials: LocalCredentialsSource {
    package let name = "configuration"
    private let credentials: Credentials

    package init(_ credentials: Credentials) {
        self.credentials = credentials
    }

    package func look() throws(CredentialsError) -> Credentials? {
        credentials
    }
}
