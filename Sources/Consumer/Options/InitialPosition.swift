import Time

/// `initialPositionInStream`, with `initialTimestamp` where that belongs to it.
package enum InitialPosition: Hashable, Sendable {
    case latest
    case trimHorizon
    /// At the first record that came at this moment or later.
    case atTimestamp(WallTime)

    /// The option's texts, which are the service's types of iterators.
    static let names = ["LATEST", "TRIM_HORIZON", "AT_TIMESTAMP"]

    package var name: String {
        switch self {
        case .latest: "LATEST"
        case .trimHorizon: "TRIM_HORIZON"
        case .atTimestamp: "AT_TIMESTAMP"
        }
    }

    package var timestamp: WallTime? {
        if case .atTimestamp(let moment) = self { moment } else { nil }
    }

    /// The position that the option names. The moment of AT_TIMESTAMP is `initialTimestamp`'s to say, which stands beside it
    /// (`NamedOptions`) in whatever order: until it has, there is none in front of which a record could have come.
    func named(_ name: String) -> InitialPosition? {
        switch name {
        case "LATEST": .latest
        case "TRIM_HORIZON": .trimHorizon
        case "AT_TIMESTAMP": .atTimestamp(timestamp ?? WallTime(milliseconds: 0))
        default: nil
        }
    }
}
