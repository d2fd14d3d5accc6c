import Kinesis

/// By which an entry of `consumers` names its stream. The raw value is the key.
enum StreamKey: String, CaseIterable, Sendable {
    case name = "streamName"
    case arn = "streamArn"

    var accepted: String {
        let arn = "an ARN, such as arn:aws:kinesis:eu-central-1:123456789012:stream/orders"
        return switch self {
        case .name: "1 to \(StreamName.maximumLength) letters, digits, _, . and -, or \(arn)"
        case .arn: arn
        }
    }
}
