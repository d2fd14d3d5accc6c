import Bytes

/// A stream's name: 1…128 characters of `[a-zA-Z0-9_.-]`.
///
/// Source: the service's API model, StreamName.
package struct StreamName: Hashable, Comparable, Sendable, CustomStringConvertible {
    package static let maximumLength = 128
    package let text: String

    /// nil when the service would refuse the name.
    package init?(_ text: String) {
        guard isServiceName(text, maximumLength: Self.maximumLength) else { return nil }
        self.text = text
    }

    package var description: String { text }

    package static func < (left: StreamName, right: StreamName) -> Bool { left.text < right.text }
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
