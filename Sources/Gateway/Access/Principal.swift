import HTTPServer
import Kinesis

/// Who asks, as far as it has proven that: what it may do. Performs no I/O.
package struct Principal: Equatable, Sendable {
    /// Nil: whoever reaches the listener may do everything.
    private let grants: [Grant]?

    /// Nothing has to be proven.
    package static let anybody = Principal(grants: nil)
    /// Nothing was proven.
    package static let nobody = Principal([])

    /// What any of the grants allows is allowed.
    package init(_ grants: [Grant]) { self.init(grants: grants) }

    private init(grants: [Grant]?) { self.grants = grants }

    /// What is missing for it; nil where it is allowed.
    package func missing(for verb: Verb, on extent: Demand.Extent) -> AccessDenial? {
        guard let grants else { return nil }
        let able = grants.filter { $0.verbs.contains(verb) }
        if able.contains(where: { $0.covers(extent) }) { return nil }
        return able.isEmpty ? .verb(verb, grants) : .extent(verb, extent, able)
    }

    package func may(_ verb: Verb, _ stream: StreamName) -> Bool { missing(for: verb, on: .stream(stream)) == nil }

    /// Whether it may be told of everything in the process.
    var mayReadAll: Bool { missing(for: .read, on: .process) == nil }
}

/// Why a request is refused to whoever asks. What a problem says of it never has the token.
package enum AccessDenial: Error, Equatable, Sendable {
    /// There is no `Authorization`, or one of another scheme. `orCertificate`: a client's certificate would do too.
    case noToken(orCertificate: Bool)
    /// `tokens` does not list it.
    case unknownToken
    /// `tls.clientNames` lists none of these names of the client's certificate; without any the connection shows none.
    /// `orToken`: a token would do too.
    case unknownClient([PeerName], orToken: Bool)
    /// None of the grants has the verb.
    case verb(Verb, [Grant])
    /// Grants have the verb, but for other streams.
    case extent(Verb, Demand.Extent, [Grant])
    /// Nobody has to prove anything, and who asks, from this address, is on another machine.
    case elsewhere(String)
    /// More failures than `AccessFailures` lets be told; `retryAfter` is in whole seconds.
    case tooMany(retryAfter: Int)
}
