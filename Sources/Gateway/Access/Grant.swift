import Kinesis

/// Which streams a grant is for. Performs no I/O.
package enum StreamScope: Equatable, Sendable {
    case all
    /// Those of these names, and those whose names begin so.
    case some(names: Set<StreamName>, prefixes: [String])

    package static let accepted = "streams' names or ARNs, or the beginning of one and *, such as orders-*"

    /// Of names and beginnings with a `*` behind them; nil where one of them is neither.
    package init?(_ patterns: [String]) {
        var names: Set<StreamName> = []
        var prefixes: [String] = []
        for pattern in patterns {
            if pattern.hasSuffix("*") {
                let prefix = String(pattern.dropLast())
                guard prefix.isEmpty || StreamName(prefix) != nil || Self.isOfARN(prefix) else { return nil }
                prefixes.append(prefix)
            } else {
                guard let name = StreamName(nameOrARN: pattern) else { return nil }
                names.insert(name)
            }
        }
        self = prefixes.contains("") ? .all : .some(names: names, prefixes: prefixes)
    }

    /// What makes it again; nil: all.
    package var patterns: [String]? {
        guard case .some(let names, let prefixes) = self else { return nil }
        return names.sorted().map(\.text) + prefixes.map { $0 + "*" }
    }

    package func contains(_ stream: StreamName) -> Bool {
        switch self {
        case .all: true
        case .some(let names, let prefixes): names.contains(stream) || prefixes.contains { Self.begins(stream, $0) }
        }
    }

    /// The beginning of a name is not that of an ARN: `a*` is for no stream of another account.
    private static func begins(_ stream: StreamName, _ prefix: String) -> Bool {
        stream.text.hasPrefix(prefix) && stream.isARN == isOfARN(prefix)
    }

    /// With the first colon at least: `arn:…`.
    private static func isOfARN(_ prefix: String) -> Bool {
        prefix.hasPrefix("arn:")
            && prefix.utf8.allSatisfy { $0.isLetter || $0.isDigit || ":/_.-".utf8.contains($0) }
    }
}

/// What a token, or a name of a client's certificate, allows.
package struct Grant: Equatable, Sendable {
    /// By which problems and logs name it: never the token.
    package let name: String
    package let verbs: Set<Verb>
    package let streams: StreamScope

    package init(name: String, verbs: Set<Verb>, streams: StreamScope = .all) {
        self.name = name
        self.verbs = verbs
        self.streams = streams
    }

    func covers(_ extent: Demand.Extent) -> Bool {
        switch extent {
        case .stream(let stream): streams.contains(stream)
        case .someStreams: true
        case .process: streams == .all
        }
    }
}
