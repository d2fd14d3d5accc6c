/// One attribute of an item, with the type that DynamoDB gives it. Performs no I/O.
///
/// Every type of the service is here, so that an item of somebody else's is read without loss.
/// Source: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
package indirect enum AttributeValue: Equatable, Sendable {
    case string(String)
    /// At most 38 digits, as text; the service sends it back normalised (`0052.800` as `52.8`). Sequence numbers have more.
    case number(String)
    case bool(Bool)
    /// An attribute that is there and has no value. It exists, and equals another null.
    case null
    case map([String: AttributeValue])
    case list([AttributeValue])
    /// As base64.
    case binary(String)
    case stringSet([String])
    case numberSet([String])
    /// Each as base64.
    case binarySet([String])

    package var string: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// A number without fraction that fits.
    package var int: Int? {
        if case .number(let text) = self { Int(text) } else { nil }
    }

    package var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    package var map: [String: AttributeValue]? {
        if case .map(let members) = self { members } else { nil }
    }

    /// The member of a map; nil when this is no map or has none of that name.
    package subscript(name: String) -> AttributeValue? { map?[name] }
}

/// An item, or its key: attributes by their names.
package typealias Item = [String: AttributeValue]

extension AttributeValue {
    /// The string, or null without one: how lifion-kinesis writes what may be absent.
    package init(optional text: String?) {
        self = text.map(AttributeValue.string) ?? .null
    }
}

extension AttributeValue: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(integerLiteral value: Int) { self = .number(String(value)) }
    package init(dictionaryLiteral elements: (String, AttributeValue)...) {
        self = .map(Dictionary(uniqueKeysWithValues: elements))
    }
}
