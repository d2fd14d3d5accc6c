import Gateway
import HTTPServer

/// What may stand in an entry of `tokens` or `tls.clientNames`. The raw value is its key.
enum AccessMember: String, CaseIterable, Sendable {
    case name, sha256, streams, verbs

    var isRequired: Bool { self != .streams }

    func accepted(in list: ConfigFileSettings.EntryList) -> String {
        switch self {
        case .name: list == .clientNames ? PeerName.accepted : "1 to 128 characters"
        case .sha256: "the token's SHA-256 as 64 hexadecimal digits"
        case .streams: StreamScope.accepted
        case .verbs: Self.words(Verb.allCases.map(\.rawValue))
        }
    }

    var help: String {
        switch self {
        case .name: "who it is: by which problems and logs name a token, or as the client's certificate names it"
        case .sha256: "of the token's bytes"
        case .streams: "what it is for; without it all"
        case .verbs: "what it allows"
        }
    }

    static func words(_ words: [String]) -> String {
        words.dropLast().joined(separator: ", ") + " and " + (words.last ?? "")
    }
}

extension ConfigFileSettings.EntryList {
    /// Of its entries; those of what reads a stream are options.
    var members: [AccessMember] {
        switch self {
        case .consumers, .processors: []
        case .tokens: AccessMember.allCases
        case .clientNames: [.name, .streams, .verbs]
        }
    }

    var mayBeEmpty: Bool { self == .consumers || self == .processors }

    /// One line that says what it is.
    var help: String {
        switch self {
        case .consumers: "consumers that start with the program"
        case .processors: "record processors of the Kinesis Client Library that start with the program"
        case .tokens: "what tokens allow; without them whoever comes may do everything"
        case .clientNames: "what the names of clients' certificates allow"
        }
    }
}
