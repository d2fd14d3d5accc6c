import Bytes
import Kinesis
import Time

/// What kind of value an option takes, and how it is written: query, environment and YAML all bring text.
package enum OptionKind: Equatable, Sendable {
    /// `true` or `false`, in any case, or `1` or `0`.
    case boolean
    /// A decimal number within the range.
    case integer(ClosedRange<Int>)
    /// A time within the range, which counts in the unit: a whole number of it, or a number with any unit of time.
    case time(ClosedRange<Int>, in: TimeUnit)
    /// A size, likewise.
    case size(ClosedRange<Int>, in: SizeUnit)
    /// A decimal number of at least the bound.
    case number(atLeast: Double)
    /// One of these words, in this case; `true` and `false` in any.
    case choice([String])
    /// 1…`longest` characters, none of them a control character.
    case text(longest: Int)
    /// Ids of shards, separated by commas; an empty text is none.
    case shardIDs
    /// `KEY=VALUE`, separated by commas, which no tag has; an empty text is none. A file may have a mapping.
    case tags
    /// A moment: ISO 8601 with `Z` or an offset, or whole milliseconds since 1970.
    case moment

    package static func milliseconds(_ range: ClosedRange<Int>) -> OptionKind { .time(range, in: .milliseconds) }

    package static func bytes(_ range: ClosedRange<Int>) -> OptionKind { .size(range, in: .bytes) }

    /// About 24 days: the longest time that an option may name. Node.js's timers, for which lifion's options were
    /// made, reach no further either.
    package static let longestMilliseconds = 2_147_483_647

    /// What is accepted, as it stands in an error: "an integer from 1 to 10000".
    package var accepted: String {
        switch self {
        case .boolean: "true or false"
        case .integer(let range): "an integer from \(range.lowerBound) to \(range.upperBound)"
        case .time(let range, let unit): Self.accepted(range, unit, such: unit == .days ? "7d" : "30s")
        case .size(let range, let unit): Self.accepted(range, unit, such: "64MiB")
        case .number(let least): "a number of at least \(least)"
        case .choice(let words): words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
        case .text(let longest): "1 to \(longest) characters without control characters"
        case .shardIDs: "ids of shards, such as shardId-000000000000, separated by commas"
        case .tags: "at most \(Self.mostTags) of \(Self.acceptedTag)"
        case .moment: "a time such as 2026-01-02T03:04:05Z, or milliseconds since 1970"
        }
    }

    private static func accepted<Unit: QuantityUnit>(
        _ range: ClosedRange<Int>, _ unit: Unit, such example: String
    ) -> String {
        "\(unit.name) from \(range.lowerBound) to \(range.upperBound), or as much with a unit, such as \(example) "
            + "(\(Unit.written))"
    }

    /// nil when the text is not what `accepted` says.
    package func read(_ text: String) -> OptionValue? {
        switch self {
        case .boolean:
            return Self.truth(text).map(OptionValue.boolean)
        case .integer(let range):
            return Self.integer(text, in: range).map(OptionValue.integer)
        case .time(let range, let unit):
            guard let count = Quantity.read(text, in: unit), range.contains(count) else { return nil }
            return .duration(.milliseconds(count * unit.factor))
        case .size(let range, let unit):
            guard let count = Quantity.read(text, in: unit), range.contains(count) else { return nil }
            return .integer(count)
        case .number(let least):
            guard let number = Double(text), number.isFinite, number >= least else { return nil }
            return .number(number)
        case .choice(let words):
            if words.contains(text) { return .text(text) }
            let word = text.lowercased()
            return ["true", "false"].contains(word) && words.contains(word) ? .text(word) : nil
        case .text(let longest):
            guard (1...longest).contains(text.count), text.unicodeScalars.allSatisfy(Self.isPrintable) else {
                return nil
            }
            return .text(text)
        case .shardIDs:
            return Self.shardIDs(text).map(OptionValue.shardIDs)
        case .tags:
            return Self.tags(text).map(OptionValue.tags)
        case .moment:
            return Self.moment(text).map(OptionValue.moment)
        }
    }

    /// A truth value as people, shells and generated clients write it (Python's is `True`).
    package static func truth(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "true", "1": true
        case "false", "0": false
        default: nil
        }
    }

    /// Digits only: `+5`, ` 5` and `5.0` are typing errors more often than they are meant.
    private static func integer(_ text: String, in range: ClosedRange<Int>) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy(\.isDigit), let value = Int(text),
            range.contains(value)
        else { return nil }
        return value
    }

    /// A moment as people and programs write it.
    package static func moment(_ text: String) -> WallTime? {
        if let milliseconds = integer(text, in: 0...latestMilliseconds) {
            return WallTime(milliseconds: Int64(milliseconds))
        }
        return WallTime(iso8601: text)
    }

    /// The last moment of the year 9999: RFC 3339 has four digits for it.
    private static let latestMilliseconds = 253_402_300_799_999

    private static func shardIDs(_ text: String) -> Set<ShardID>? {
        guard !text.isEmpty else { return [] }
        var ids: Set<ShardID> = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let isSpace = { (character: Character) in character == " " }
            guard let id = ShardID(String(part.drop(while: isSpace).reversed().drop(while: isSpace).reversed())) else {
                return nil
            }
            ids.insert(id)
        }
        return ids
    }

    // MARK: Tags

    /// That a stream or a table may have. Source: the service's API reference, AddTagsToStream.
    package static let mostTags = 50
    package static let acceptedTag =
        "KEY=VALUE, of 1 to 128 and of up to 256 letters, digits, spaces and _.:/+-@; each KEY once, and none that begins with"
        + " aws:, which is AWS's own"

    /// AWS's limits of a tag, but for letters beyond ASCII, and for `=` and `%`, which not all services take.
    package static func tag(_ text: String) -> (key: String, value: String)? {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let isAllowed = { (byte: UInt8) in byte.isLetter || byte.isDigit || " _.:/+-@".utf8.contains(byte) }
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.allSatisfy(isAllowed) }),
            (1...128).contains(parts[0].count), parts[1].count <= 256, !parts[0].lowercased().hasPrefix("aws:")
        else { return nil }
        return (parts[0], parts[1])
    }

    private static func tags(_ text: String) -> [String: String]? {
        var tags: [String: String] = [:]
        guard !text.isEmpty else { return tags }
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let (key, value) = tag(String(part.drop { $0 == " " })), tags.updateValue(value, forKey: key) == nil
            else { return nil }
        }
        return tags.count <= mostTags ? tags : nil
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory != .control
    }
}

/// An option's value after it was read.
package enum OptionValue: Equatable, Sendable {
    case boolean(Bool)
    /// Of a size: how many of its option's unit.
    case integer(Int)
    case number(Double)
    case duration(Duration)
    case text(String)
    case shardIDs(Set<ShardID>)
    case tags([String: String])
    case moment(WallTime)

    package var boolean: Bool? { if case .boolean(let value) = self { value } else { nil } }
    package var integer: Int? { if case .integer(let value) = self { value } else { nil } }
    package var number: Double? { if case .number(let value) = self { value } else { nil } }
    package var duration: Duration? { if case .duration(let value) = self { value } else { nil } }
    package var text: String? { if case .text(let value) = self { value } else { nil } }
    package var tags: [String: String]? { if case .tags(let value) = self { value } else { nil } }
    package var shardIDs: Set<ShardID>? { if case .shardIDs(let value) = self { value } else { nil } }
    package var moment: WallTime? { if case .moment(let value) = self { value } else { nil } }
}
