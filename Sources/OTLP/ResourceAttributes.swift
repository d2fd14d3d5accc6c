/// What tells this process's telemetry from others': attributes by their names. Performs no I/O.
///
/// Source: OpenTelemetry, "Resource SDK" and the semantic conventions of resources.
package struct ResourceAttributes: Equatable, Sendable {
    /// In the order in which they were named first.
    package private(set) var all: [(name: String, value: String)] = []

    package init() {}

    package static func == (one: ResourceAttributes, other: ResourceAttributes) -> Bool {
        one.all.elementsEqual(other.all) { $0.name == $1.name && $0.value == $1.value }
    }

    /// A name that was there gets the new value.
    package mutating func set(_ name: String, _ value: String) {
        if let index = all.firstIndex(where: { $0.name == name }) {
            all[index].value = value
        } else {
            all.append((name, value))
        }
    }
}

/// `KEY=VALUE,KEY=VALUE`, where values are percent-encoded: `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_EXPORTER_OTLP_HEADERS`.
/// Performs no I/O.
///
/// Source: W3C, "Baggage", without properties.
package enum KeyValueList {
    /// nil: it is no such list.
    package static func read(_ text: String) -> [(name: String, value: String)]? {
        var pairs: [(name: String, value: String)] = []
        for element in text.split(separator: ",") {
            guard let pair = pair(element) else { return nil }
            pairs.append(pair)
        }
        return pairs
    }

    /// nil: it is no `KEY=VALUE`.
    package static func pair(_ text: Substring) -> (name: String, value: String)? {
        guard let equals = text.firstIndex(of: "=") else { return nil }
        let name = trimmed(text[..<equals])
        let value = trimmed(text[text.index(after: equals)...])
        guard !name.isEmpty, let decoded = decoded(value) else { return nil }
        return (String(name), decoded)
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " }
        while text.last == " " { text.removeLast() }
        return text
    }

    /// nil: a percent sign without two hexadecimal digits, or bytes that are no UTF-8.
    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = Self.byte(rest.prefix(2)) else { return nil }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    /// Two hexadecimal digits, and no sign.
    private static func byte(_ digits: Substring.UTF8View) -> UInt8? {
        digits.first == UInt8(ascii: "+") ? nil : UInt8(String(Substring(digits)), radix: 16)
    }
}
