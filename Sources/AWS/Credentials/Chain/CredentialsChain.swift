import Reactor
import Time

/// Where credentials come from: fixed ones, or what environment, files and endpoints say (`StandardCredentials`).
package protocol CredentialsSource: AnyObject, Sendable {
    /// Which of its places is used, as far as this machine alone can tell; for logs.
    /// - Throws: why there is none.
    func place() throws(CredentialsError) -> String

    /// The credentials as they are there now, and the place that they are of. Runs in a task of its own, which nobody
    /// cancels: it has to end by itself.
    func load() async throws(CredentialsError) -> (credentials: Credentials, place: String)
}

/// Keeps credentials for the clients that share it, and asks their source when they are used up; when that is decides
/// `CredentialsState`.
///
/// Confined to its loop.
package final class CredentialsChain: @unchecked Sendable {
    private typealias Outcome = Result<Credentials, CredentialsError>

    private let source: any CredentialsSource
    private let clock: () -> WallTime
    private let random: () -> Double
    private var state = CredentialsState.none
    /// Where what is held came from.
    private var place: String?
    /// The last failure, until the source gives credentials again.
    private var problem: CredentialsError?
    private var waiting: [UInt64: UnsafeContinuation<Outcome, Never>] = [:]
    private var lastWaiter: UInt64 = 0
    /// Called when a refresh fails that nobody else is told of, since what is held goes on.
    package var onRefreshFailure: ((CredentialsError) -> Void)?

    package init(
        _ source: any CredentialsSource, clock: @escaping () -> WallTime = WallTime.now,
        random: @escaping () -> Double = { Double.random(in: 0..<1) }
    ) {
        self.source = source
        self.clock = clock
        self.random = random
    }

    /// Credentials that configuration names; nothing else is read.
    package static func fixed(_ credentials: Credentials) -> CredentialsChain {
        CredentialsChain(FixedCredentials(credentials))
    }

    /// What to sign with now. Waits for the source only when nothing is held that can be used.
    /// - Throws: why there is nothing; a call after a moment asks again. `.cancelled` when the task is.
    package func credentials() async throws(CredentialsError) -> Credentials {
        switch state.asked(now: clock()) {
        case .use(let held): return held
        case .useAndFetch(let held):
            fetch()
            return held
        case .fail(let error): throw error
        case .fetch: fetch()
        case .wait: break
        }
        return try await outcome().get()
    }

    /// The place whose credentials are used, as far as this machine alone can tell; for logs.
    /// - Throws: why there is nothing to sign with.
    package func expectedPlace() throws(CredentialsError) -> String {
        try source.place()
    }

    /// The service refused `used`: the next request asks the source again.
    package func expired(_ used: Credentials) {
        state.refused(used)
    }

    /// For stats.
    package var status: CredentialsStatus {
        CredentialsStatus(state, place: place, problem: problem)
    }

    private func fetch() {
        guard let loop = EventLoop.current else { preconditionFailure("credentials are asked for on a loop") }
        loop.spawn { [self] in
            let loaded = await load()
            settle(state.fetched(loaded, now: clock(), random: random()))
        }
    }

    private func load() async -> Outcome {
        do throws(CredentialsError) {
            let found = try await source.load()
            place = found.place
            return .success(found.credentials)
        } catch {
            return .failure(error)
        }
    }

    private func settle(_ fetched: CredentialsState.Fetched) {
        let outcome: Outcome
        switch fetched {
        case .got(let found):
            problem = nil
            outcome = .success(found)
        case .failed(let error):
            problem = error
            outcome = .failure(error)
        case .kept(let held, let error):
            problem = error
            onRefreshFailure?(error)
            outcome = .success(held)
        }
        let told = waiting.values
        waiting = [:]
        for waiter in told { waiter.resume(returning: outcome) }
    }

    /// What comes of the question that is under way.
    private func outcome() async -> Outcome {
        guard let loop = EventLoop.current else { preconditionFailure("credentials are asked for on a loop") }
        lastWaiter &+= 1
        let id = lastWaiter
        return await withTaskCancellationHandler {
            await withUnsafeContinuation { continuation in
                if Task.isCancelled { return continuation.resume(returning: .failure(.cancelled)) }
                waiting[id] = continuation
            }
        } onCancel: {
            loop.post { self.waiting.removeValue(forKey: id)?.resume(returning: .failure(.cancelled)) }
        }
    }
}

/// Credentials given as values.
package final class FixedCredentials: CredentialsSource {
    private static let place = "configuration"
    private let credentials: Credentials

    package init(_ credentials: Credentials) {
        self.credentials = credentials
    }

    package func place() throws(CredentialsError) -> String { Self.place }

    package func load() async throws(CredentialsError) -> (credentials: Credentials, place: String) {
        (credentials, Self.place)
    }
}
