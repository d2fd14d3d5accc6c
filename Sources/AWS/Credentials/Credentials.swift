import Time

/// What a request is signed with.
package struct Credentials: Hashable, Sendable {
    package var accessKeyID: String
    package var secretAccessKey: Secret
    /// Present for temporary credentials; sent as X-Amz-Security-Token.
    package var sessionToken: Secret?
    /// When the service stops taking them, where the source says so.
    package var expiration: WallTime?
    /// The account that they are of, where the source says so: twelve digits.
    package var accountID: AccountID?

    package init(
        accessKeyID: String, secretAccessKey: Secret, sessionToken: Secret? = nil, expiration: WallTime? = nil,
        accountID: AccountID? = nil
    ) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        self.expiration = expiration
        self.accountID = accountID
    }

    /// Key id and secret `local`: what `--local` signs with and the embedded Kinesis verifies.
    package static let local = Credentials(accessKeyID: "local", secretAccessKey: Secret("local"))
}

/// An account of AWS: twelve digits, which become part of host names.
package struct AccountID: Hashable, Sendable, CustomStringConvertible {
    package let text: String

    package init?(_ text: String) {
        guard text.utf8.count == 12, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        self.text = text
    }

    /// Of an ARN's fifth part: `arn:aws:sts::123456789012:assumed-role/name/session`.
    package init?(arn: String) {
        let parts = arn.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count > 5, parts[0] == "arn" else { return nil }
        self.init(String(parts[4]))
    }

    package var description: String { text }
}
