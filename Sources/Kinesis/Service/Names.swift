import Bytes

/// What a stream is called: by its name in the account and region that are asked, 1…128 characters of `[a-zA-Z0-9_.-]`, or by
/// its ARN, as streams of other accounts are. No name is an ARN too: it has no colon.
///
/// Source: the service's API model, StreamName and StreamARN.
package struct StreamName: Hashable, Comparable, Sendable, CustomStringConvertible {
    package static let maximumLength = 128
    /// The name or the ARN.
    package let text: String

    /// A name; nil when the service would refuse it.
    package init?(_ text: String) {
        guard isServiceName(text, maximumLength: Self.maximumLength) else { return nil }
        self.text = text
    }

    package init(_ arn: StreamARN) { text = arn.text }

    /// nil when the text is neither.
    package init?(nameOrARN text: String) {
        guard let name = StreamName(text) ?? StreamARN(text).map(StreamName.init) else { return nil }
        self = name
    }

    package var isARN: Bool { text.utf8.contains(UInt8(ascii: ":")) }

    /// nil: it is a name.
    package var arn: StreamARN? { isARN ? StreamARN(text) : nil }

    package var description: String { text }

    package static func < (left: StreamName, right: StreamName) -> Bool { left.text < right.text }
}

/// A stream's ARN: `arn:aws:kinesis:eu-central-1:123456789012:stream/orders`.
///
/// Source: the service's API model, StreamARN: `arn:aws.*:kinesis:.*:\d{12}:stream/\S+`.
package struct StreamARN: Hashable, Sendable, CustomStringConvertible {
    package let text: String
    package let region: String
    /// Twelve digits.
    package let account: String
    package let name: StreamName

    /// nil when the service would refuse the ARN.
    package init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false).map(String.init)
        let resource = "stream/"
        guard parts.count == 6, parts[0] == "arn", parts[1].hasPrefix("aws"), parts[2] == "kinesis",
            isServiceName(parts[1], maximumLength: 32), isServiceName(parts[3], maximumLength: 64),
            parts[4].utf8.count == 12, parts[4].utf8.allSatisfy(\.isDigit), parts[5].hasPrefix(resource),
            let name = StreamName(String(parts[5].dropFirst(resource.count)))
        else { return nil }
        self.text = text
        region = parts[3]
        account = parts[4]
        self.name = name
    }

    package var description: String { text }
}

/// A shard's name within its stream, `shardId-000000000000`: 1…128 characters of `[a-zA-Z0-9_.-]`.
///
/// Source: the service's API model, ShardId.
package struct ShardID: Hashable, Comparable, Sendable, CustomStringConvertible {
    package static let maximumLength = 128
    package let text: String

    /// nil when the service would refuse the name.
    package init?(_ text: String) {
        guard isServiceName(text, maximumLength: Self.maximumLength) else { return nil }
        self.text = text
    }

    /// The name that the service gives to the shard with this number: twelve digits at least.
    package init(number: Int) {
        let digits = String(number)
        let name = ByteBuffer(capacity: 20)
        name.append("shardId-")
        for _ in 0..<max(0, 12 - digits.utf8.count) { name.append(UInt8(ascii: "0")) }
        name.append(digits)
        text = name.text
    }

    package var description: String { text }

    package static func < (left: ShardID, right: ShardID) -> Bool { left.text < right.text }
}

/// What GetShardIterator gave: an opaque token that lives 5 minutes, at most 512 characters.
package struct ShardIterator: Hashable, Sendable, CustomStringConvertible {
    package let token: String

    package init(_ token: String) {
        self.token = token
    }

    package var description: String { token }
}

private func isServiceName(_ text: String, maximumLength: Int) -> Bool {
    var text = text
    return (1...maximumLength).contains(text.utf8.count)
        && text.withUTF8 { $0.allSatisfy(isOfServiceName) }
}

private func isOfServiceName(_ byte: UInt8) -> Bool {
    byte.isLetter || byte.isDigit || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
        || byte == UInt8(ascii: ".")
}
