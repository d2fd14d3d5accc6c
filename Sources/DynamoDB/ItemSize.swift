/// How large an item is as the service counts and bills it. Performs no I/O.
///
/// Source: reference/dynamodb-service.md, "How much fits" and "Capacity".
package enum ItemSize {
    /// The most that an item may have, bytes; one more is a ValidationException.
    package static let most = 400 * 1024

    /// Bytes of an item: names and values of its attributes.
    package static func bytes(of item: Item) -> Int {
        item.reduce(0) { $0 + $1.key.utf8.count + bytes(of: $1.value) }
    }

    /// Write units that an update costs, whatever it sets: one for each KB begun of the larger of the item before and after.
    package static func writeUnits(bytes: Int) -> Int { max(1, (bytes + 1023) / 1024) }

    /// Read units of a consistent read: one for each 4 KB begun.
    package static func readUnits(bytes: Int) -> Int { max(1, (bytes + 4095) / 4096) }

    static func bytes(of value: AttributeValue) -> Int {
        switch value {
        case .string(let text): text.utf8.count
        case .number(let text): bytes(ofNumber: text)
        case .bool, .null: 1
        case .binary(let base64): bytes(ofBase64: base64)
        case .map(let members): members.reduce(3) { $0 + $1.key.utf8.count + bytes(of: $1.value) + 1 }
        case .list(let elements): elements.reduce(3) { $0 + bytes(of: $1) + 1 }
        case .stringSet(let texts): texts.reduce(0) { $0 + $1.utf8.count }
        case .numberSet(let texts): texts.reduce(0) { $0 + bytes(ofNumber: $1) }
        case .binarySet(let texts): texts.reduce(0) { $0 + bytes(ofBase64: $1) }
        }
    }

    /// A byte for each two significant digits of either side of the point, one more, and one for a sign.
    private static func bytes(ofNumber text: String) -> Int {
        let isNegative = text.hasPrefix("-")
        let sides = text.drop { $0 == "-" || $0 == "+" }.split(separator: ".", omittingEmptySubsequences: false)
        let whole = sides[0].drop { $0 == "0" }.count
        let fraction = sides.count > 1 ? sides[1].reversed().drop { $0 == "0" }.count : 0
        return (whole + 1) / 2 + (fraction + 1) / 2 + 1 + (isNegative ? 1 : 0)
    }

    private static func bytes(ofBase64 text: String) -> Int {
        text.utf8.count / 4 * 3 - text.utf8.reversed().prefix { $0 == UInt8(ascii: "=") }.count
    }
}
