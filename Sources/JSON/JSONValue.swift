/// A JSON text as a tree: for configuration, answers of the control plane, and tests. Records never become one.
@frozen
package indirect enum JSONValue: Hashable, Sendable {
    case null
    case bool(Bool)
    /// As it was written, so that no digit of a sequence number is lost to a Double.
    case number(String)
    case string(String)
    case array([JSONValue])
    /// In the order of the text; the parser refuses a key that occurs twice.
    case object([JSONMember])

    /// The first member with this key; nil when this is no object or it has none.
    package subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    /// The element at this place; nil when this is no array or it is shorter.
    package subscript(index: Int) -> JSONValue? {
        guard case .array(let elements) = self, elements.indices.contains(index) else { return nil }
        return elements[index]
    }

    package static func strings(_ texts: [String]) -> JSONValue { .array(texts.map(JSONValue.string)) }

    package static func int(_ value: Int) -> JSONValue { .number(String(value)) }

    package var isNull: Bool { self == .null }

    package var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    package var string: String? {
        if case .string(let value) = self { value } else { nil }
    }

    /// A number's text.
    package var number: String? {
        if case .number(let text) = self { text } else { nil }
    }

    /// A number without fraction that fits; `1.0`, `1e3` and `-0` are read as the integers that they are.
    package var int: Int? {
        guard case .number(let text) = self else { return nil }
        if let value = Int(text) { return value }
        guard let value = Double(text), value.rounded() == value, value.magnitude < 9_007_199_254_740_992 else {
            return nil
        }
        return Int(value)
    }

    package var double: Double? {
        if case .number(let text) = self { Double(text) } else { nil }
    }

    package var array: [JSONValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    package var object: [JSONMember]? {
        if case .object(let members) = self { members } else { nil }
    }
}

/// One key and its value of a JSON object.
package struct JSONMember: Hashable, Sendable {
    package var key: String
    package var value: JSONValue

    package init(key: String, value: JSONValue) {
        self.key = key
        self.value = value
    }
}

/// Not `ExpressibleByNilLiteral`: where a `JSONValue?` is wanted, `nil` could be a JSON null then, which is not nil.
extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(integerLiteral value: Int) { self = .number(String(value)) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSONValue)...) {
        self = .object(elements.map { JSONMember(key: $0.0, value: $0.1) })
    }
}
