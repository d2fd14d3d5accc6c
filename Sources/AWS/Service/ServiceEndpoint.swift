/// Where a service is asked: one place for all, or one for each account, which the credentials name. Performs no I/O.
package struct ServiceEndpoint: Hashable, Sendable {
    /// For whom no account is known; what configuration names; and what logs show.
    package let shared: Endpoint
    private let byAccount: ByAccount?

    private struct ByAccount: Hashable {
        /// What follows the account in the host's name: `ddb.eu-west-1.amazonaws.com`.
        let domain: String
        let isRequired: Bool
    }

    package init(_ shared: Endpoint) {
        self.shared = shared
        byAccount = nil
    }

    init(_ shared: Endpoint, accountDomain: String, isRequired: Bool) {
        self.shared = shared
        byAccount = ByAccount(domain: accountDomain, isRequired: isRequired)
    }

    /// Where a request goes that these sign.
    package func endpoint(for credentials: Credentials?) throws(CredentialsError) -> Endpoint {
        guard let byAccount else { return shared }
        guard let account = credentials?.accountID else {
            if byAccount.isRequired { throw .accountIDMissing }
            return shared
        }
        return Endpoint(scheme: .https, host: "\(account).\(byAccount.domain)")
    }
}
