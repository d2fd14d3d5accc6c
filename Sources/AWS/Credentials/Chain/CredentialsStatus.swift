import Time

/// What stats tell of a chain. Holds no secret.
package struct CredentialsStatus: Hashable, Sendable {
    package enum Condition: String, Sendable {
        /// Nobody has signed anything yet.
        case unused
        /// The source is asked, and nothing is held that can be used.
        case fetching
        case good
        /// The service refused them, and the source has no others.
        case refused
        case missing
    }

    package let condition: Condition
    /// Nil where the source never gave any.
    package let place: String?
    /// Nil where they do not end, or nothing is held.
    package let expiration: WallTime?
    package let accountID: AccountID?
    /// Why the source gave none when it was last asked.
    package let problem: CredentialsError?

    init(_ state: CredentialsState, place: String?, problem: CredentialsError?) {
        let held: Credentials?
        switch state {
        case .none: (condition, held) = (.unused, nil)
        case .fetching: (condition, held) = (.fetching, nil)
        case .fresh(let credentials, _), .refreshing(let credentials): (condition, held) = (.good, credentials)
        case .refused(let credentials, _): (condition, held) = (.refused, credentials)
        case .failed: (condition, held) = (.missing, nil)
        }
        self.place = place
        self.problem = problem
        expiration = held?.expiration
        accountID = held?.accountID
    }
}
