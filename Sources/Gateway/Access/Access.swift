import AWS
import HTTP
import HTTPServer

/// Who may do what: the tokens and the names of clients' certificates that the configuration lists. Without either, whoever
/// reaches a listener may do everything. Performs no I/O.
package struct Access: Equatable, Sendable {
    package struct Token: Equatable, Sendable {
        package let digest: SHA256Value
        package let grant: Grant

        package init(digest: SHA256Value, grant: Grant) {
            self.digest = digest
            self.grant = grant
        }
    }

    package struct Client: Equatable, Sendable {
        package let name: PeerName
        package let grant: Grant

        package init(name: PeerName, grant: Grant) {
            self.name = name
            self.grant = grant
        }
    }

    package var tokens: [Token] = []
    package var clients: [Client] = []

    package init(tokens: [Token] = [], clients: [Client] = []) {
        self.tokens = tokens
        self.clients = clients
    }

    /// Whether nothing has to be proven.
    package var isOpen: Bool { tokens.isEmpty && clients.isEmpty }

    /// Whoever asks with these values of `Authorization` over a connection that shows these names. Either proves it; with both
    /// it may do what either allows.
    package func principal(
        authorizations: [String], peerNames: [PeerName]
    ) throws(AccessDenial) -> Principal {
        if isOpen { return .anybody }
        let presented = tokens.isEmpty ? nil : Self.bearer(authorizations)
        let grants =
            (presented.map(grants(of:)) ?? []) + clients.filter { peerNames.contains($0.name) }.map(\.grant)
        guard grants.isEmpty else { return Principal(grants) }
        if presented != nil { throw .unknownToken }
        if tokens.isEmpty || !clients.isEmpty && !peerNames.isEmpty {
            throw .unknownClient(peerNames, orToken: !tokens.isEmpty)
        }
        throw .noToken(orCertificate: !clients.isEmpty)
    }

    /// Every token is compared, so that the time says nothing of which is the one.
    private func grants(of token: String) -> [Grant] {
        let digest = Digest.sha256(token)
        var found: [Grant] = []
        for known in tokens where known.digest.equalsInConstantTime(digest) { found.append(known.grant) }
        return found
    }

    /// The token of the one field that there may be (RFC 6750, 2.1); nil without any.
    private static func bearer(_ authorizations: [String]) -> String? {
        guard let value = authorizations.first else { return nil }
        // Which of several is meant nobody can know.
        guard authorizations.count == 1 else { return "" }
        let parts = value.split(separator: " ", maxSplits: 1)
        guard let scheme = parts.first, scheme.lowercased() == "bearer" else { return nil }
        return parts.count == 2 ? String(parts[1].drop { $0 == " " }) : ""
    }
}
