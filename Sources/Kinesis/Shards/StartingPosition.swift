import Time

/// Where in a shard reading begins: GetShardIterator's five types.
package enum StartingPosition: Hashable, Sendable {
    /// The oldest record that the stream still holds.
    case trimHorizon
    /// Behind the newest record at the moment of the call.
    case latest
    /// The first record at or after this time; older than the retention means `trimHorizon`.
    case atTimestamp(WallTime)
    case atSequenceNumber(SequenceNumber)
    case afterSequenceNumber(SequenceNumber)

    /// The wire's name of the type.
    package var type: StaticString {
        switch self {
        case .trimHorizon: "TRIM_HORIZON"
        case .latest: "LATEST"
        case .atTimestamp: "AT_TIMESTAMP"
        case .atSequenceNumber: "AT_SEQUENCE_NUMBER"
        case .afterSequenceNumber: "AFTER_SEQUENCE_NUMBER"
        }
    }
}

extension StartingPosition: CustomStringConvertible {
    package var description: String {
        switch self {
        case .trimHorizon, .latest: "\(type)"
        case .atTimestamp(let time): "\(type) \(time.iso8601)"
        case .atSequenceNumber(let number), .afterSequenceNumber(let number): "\(type) \(number)"
        }
    }
}
