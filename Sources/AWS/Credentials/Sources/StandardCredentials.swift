import Reactor

/// What variables, files and endpoints say now: they are looked at again each time, since something outside may have renewed
/// them. Confined to its loop.
package final class StandardCredentials: CredentialsSource, @unchecked Sendable {
    private let options: CredentialsPlan.Options
    private let environment: Environment
    private let fetcher: CredentialsFetcher

    package init(_ options: CredentialsPlan.Options, environment: Environment, fetcher: CredentialsFetcher) {
        self.options = options
        self.environment = environment
        self.fetcher = fetcher
    }

    package func place() throws(CredentialsError) -> String {
        try plan().place
    }

    package func load() async throws(CredentialsError) -> (credentials: Credentials, place: String) {
        let plan = try plan()
        do throws(CredentialsError) {
            return (try await fetcher.fetch(plan.recipe), plan.place)
        } catch {
            throw plan.told(error)
        }
    }

    private func plan() throws(CredentialsError) -> CredentialsPlan {
        let shared: SharedConfig
        do throws(ConfigFileError) {
            shared = try SharedConfig.load(environment: environment)
        } catch {
            throw .file(error)
        }
        return try CredentialsPlan(options, environment: environment, shared: shared)
    }
}

extension CredentialsPlan {
    /// What to say of a failure: nobody has set up the instance's metadata, so that without it nothing was found at all.
    func told(_ error: CredentialsError) -> CredentialsError {
        guard case .instance = recipe, case .failed(let source, let failure) = error else { return error }
        return .nothingFound(passedOver + [.init(source: source, reason: failure.description)])
    }
}
