import HTTPServer
import JSON
import Kinesis

extension AccessDenial {
    /// Its name in problems and metrics.
    var code: ProblemCode {
        switch self {
        case .noToken: .missingToken
        case .unknownToken: .unknownToken
        case .unknownClient: .unknownClient
        case .verb: .verbNotGranted
        case .extent: .streamNotGranted
        case .elsewhere: .otherMachine
        case .tooMany: .tooManyAccessFailures
        }
    }

    var document: ProblemDocument {
        switch self {
        case .noToken(let orCertificate):
            ProblemDocument(
                code,
                "This takes a token, which no Authorization: Bearer of the request gives"
                    + (orCertificate ? ", or a client certificate with a name that tls.clientNames lists." : ".")
            )
            .header("WWW-Authenticate", "Bearer")
        case .unknownToken:
            ProblemDocument(code, "tokens lists no token with the SHA-256 of the one that Authorization gives.")
                .header("WWW-Authenticate", "Bearer error=\"invalid_token\"")
        case .unknownClient(let names, let orToken):
            ProblemDocument(code, Self.stranger(names) + (orToken ? "; a token would do too." : "."))
                .with("accepted", .string("a name that tls.clientNames lists"))
        case .verb(let verb, let grants):
            ProblemDocument(
                code, "This takes the verb \(verb.rawValue), which is not granted to \(Self.list(grants, verbs: true))."
            )
            .with("verb", .string(verb.rawValue))
        case .extent(let verb, .stream(let stream), let grants):
            ProblemDocument(
                code, "The verb \(verb.rawValue) is not granted for the stream \(stream) to \(Self.list(grants))."
            )
            .with("verb", .string(verb.rawValue)).with("streamName", .string(stream.text))
        case .extent(let verb, .process, let grants), .extent(let verb, .someStreams, let grants):
            ProblemDocument(
                code,
                "This tells of all streams; the verb \(verb.rawValue) is granted to \(Self.list(grants)) for some of them."
            )
            .with("verb", .string(verb.rawValue))
        case .elsewhere(let peer):
            ProblemDocument(
                code,
                "Without tokens this is for the sidecar's own machine, over loopback or a Unix socket; the request came from \(peer)."
            )
            .with("accepted", .string("loopback, a Unix socket, or tokens in the configuration with the verb admin"))
        case .tooMany(let seconds):
            ProblemDocument(code, "Too many requests come without a token or a certificate that is known.")
                .header("Retry-After", "\(seconds)")
        }
    }

    private static func stranger(_ names: [PeerName]) -> String {
        guard !names.isEmpty else { return "The connection shows no client certificate with a name" }
        // A certificate has as many as its authority likes.
        let shown = names.prefix(5).map(\.description).joined(separator: ", ") + (names.count > 5 ? ", …" : "")
        return "The client certificate's names are \(shown), of which tls.clientNames lists none"
    }

    private static func list(_ grants: [Grant], verbs: Bool = false) -> String {
        grants.map { grant in
            let granted = Verb.allCases.filter(grant.verbs.contains).map(\.rawValue).joined(separator: ", ")
            return verbs ? "\"\(grant.name)\" (it has \(granted))" : "\"\(grant.name)\""
        }.joined(separator: " and ")
    }
}
