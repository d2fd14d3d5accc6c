import AWS
import Bytes

/// A point of the ring on which a stream's shards lie: 0…2^128-1. MD5 of a record's partition key, or given.
package struct HashKey: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let value: UInt128

    package static let lowest = HashKey(0)
    package static let highest = HashKey(UInt128.max)

    package init(_ value: UInt128) {
        self.value = value
    }

    /// From the decimal text of the wire; nil unless it is `0|([1-9]\d{0,38})` below 2^128.
    package init?(_ text: String) {
        let digits = text.utf8
        guard (1...39).contains(digits.count), digits.count == 1 || digits.first != UInt8(ascii: "0"),
            digits.allSatisfy(\.isDigit),
            let value = UInt128(text)
        else { return nil }
        self.value = value
    }

    /// The hash by which the service places a record: MD5 of the key's UTF-8 bytes as a big-endian number.
    package init(partitionKey: String) {
        var key = partitionKey
        value = key.withUTF8 { Digest.md5Number(UnsafeRawBufferPointer($0)) }
    }

    package var description: String { String(value) }

    package static func < (left: HashKey, right: HashKey) -> Bool { left.value < right.value }
}

/// The part of the ring that a shard takes, both ends included.
package struct HashKeyRange: Hashable, Sendable {
    package let start: HashKey
    package let end: HashKey

    package static let all = HashKeyRange(uncheckedFrom: .lowest, to: .highest)

    /// nil when the end lies before the start.
    package init?(start: HashKey, end: HashKey) {
        guard start <= end else { return nil }
        self.init(uncheckedFrom: start, to: end)
    }

    private init(uncheckedFrom start: HashKey, to end: HashKey) {
        self.start = start
        self.end = end
    }

    package func contains(_ key: HashKey) -> Bool {
        start <= key && key <= end
    }

    /// Whether this range ends just before the other begins: only such shards can be merged.
    package func isFollowed(by other: HashKeyRange) -> Bool {
        end != .highest && other.start.value == end.value + 1
    }

    /// The ring in `count` (1…) parts as even as they can be, as CreateStream divides it.
    package static func even(_ count: Int) -> [HashKeyRange] {
        precondition(count >= 1)
        if count == 1 { return [.all] }
        let parts = UInt128(count)
        let (size, rest) = UInt128.max.quotientAndRemainder(dividingBy: parts)
        // 2^128 itself does not fit: the ring's size is max + 1.
        let width = rest + 1 == parts ? size + 1 : size
        return (0..<parts).map { index in
            let start = index * width
            let end = index + 1 == parts ? UInt128.max : start + width - 1
            return HashKeyRange(uncheckedFrom: HashKey(start), to: HashKey(end))
        }
    }
}
