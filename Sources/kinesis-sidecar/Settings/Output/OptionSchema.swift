import Consumer
import Gateway
import JSON
import Kinesis
import MultiLang

/// The members of a schema, in their order.
typealias Schema = [(key: String, value: JSONValue)]

extension JSONValue {
    init(schema: Schema) { self = .object(schema.map { JSONMember(key: $0.key, value: $0.value) }) }
}

/// The schemas of single values, by the kinds of their options. Performs no I/O.
enum OptionSchema {
    static func of(_ option: ProgramOption) -> Schema {
        let text = option.show(Settings())
        switch option.shape {
        case .of(let kind):
            return described(option.help, kind.accepted) + value(kind) + defaulting(to: scalar(text, kind))
        case .text(let accepted):
            let described = described(option.help, accepted)
            if option.isMapping { return described + value(.tags) }
            guard option.isList else { return described + Self.text + defaulting(to: scalar(text, nil)) }
            let elements = text.split(separator: ",").map { JSONValue.string(String($0)) }
            return described + oneOrSeveral(Self.text) + defaulting(to: elements.isEmpty ? nil : .array(elements))
        }
    }

    static func of(_ option: ConsumerOption) -> Schema {
        described(option.help, option.kind.accepted) + value(option.kind)
            + defaulting(to: scalar(option.defaultText, option.kind))
    }

    /// Of an entry of `processors`.
    static func of(_ option: ProcessorOption) -> Schema {
        let text = option.show(ProcessorOptions(command: [], stream: StreamName("any")!))
        return described(option.help, option.kind.accepted) + value(option.kind)
            + defaulting(to: scalar(text, option.kind))
    }

    /// One text, or several.
    static func words(_ help: String, _ accepted: String) -> Schema { described(help, accepted) + oneOrSeveral(text) }

    /// A member of an entry of `tokens` or `tls.clientNames`.
    static func of(_ member: AccessMember, in list: ConfigFileSettings.EntryList) -> Schema {
        let described = described(member.help, member.accepted(in: list))
        switch member {
        case .name: return described + text
        case .sha256: return described + string(matching: "^[0-9A-Fa-f]{64}$")
        case .streams: return described + oneOrSeveral(text)
        case .verbs: return described + oneOrSeveral(words(Verb.allCases.map(\.rawValue)))
        }
    }

    static func text(_ help: String, _ accepted: String) -> Schema { described(help, accepted) + text }

    // MARK: Kinds

    private static func value(_ kind: OptionKind) -> Schema {
        switch kind {
        case .boolean: [("type", "boolean")]
        case .integer(let range): integer(range)
        case .time(let range, _): anyOf([integer(range), string(matching: quantity(TimeUnit.self))])
        case .size(let range, _): anyOf([integer(range), string(matching: quantity(SizeUnit.self))])
        case .number(let least): [("type", "number"), ("minimum", .number("\(least)"))]
        case .choice(let choice): words(choice)
        case .text, .moment: text
        case .shardIDs: oneOrSeveral([("type", "string")])
        case .tags: anyOf([tags, list([("type", "string")]), [("type", "string")]])
        }
    }

    /// Of values that look like numbers none needs quotes in the file.
    private static let text: Schema = [("type", ["string", "number"])]

    private static let tags: Schema = [
        ("type", "object"), ("additionalProperties", ["type": ["string", "number", "boolean"]]), ("minProperties", 1),
    ]

    private static func integer(_ range: ClosedRange<Int>) -> Schema {
        [("type", "integer"), ("minimum", .int(range.lowerBound)), ("maximum", .int(range.upperBound))]
    }

    private static func string(matching pattern: String) -> Schema {
        [("type", "string"), ("pattern", .string(pattern))]
    }

    /// A number with one of the units, or of the option's own.
    private static func quantity<Unit: QuantityUnit>(_ unit: Unit.Type) -> String {
        let units = Unit.allCases.map(\.rawValue).joined(separator: "|")
        return "^[0-9]+((\\.[0-9]+)?(\(units)))?$"
    }

    /// The words, and what YAML makes of those that are truth values or numbers.
    private static func words(_ words: [String]) -> Schema {
        let values = words.flatMap { word -> [JSONValue] in
            switch word {
            case "true", "false": [.string(word), .bool(word == "true")]
            case _ where Int(word) != nil: [.string(word), .number(word)]
            default: [.string(word)]
            }
        }
        return [("enum", .array(values))]
    }

    private static func oneOrSeveral(_ element: Schema) -> Schema { anyOf([element, list(element)]) }

    private static func list(_ element: Schema) -> Schema {
        [("type", "array"), ("minItems", 1), ("items", JSONValue(schema: element))]
    }

    private static func anyOf(_ schemas: [Schema]) -> Schema {
        [("anyOf", .array(schemas.map(JSONValue.init(schema:))))]
    }

    // MARK: What people read

    private static func described(_ help: String, _ accepted: String) -> Schema {
        [("description", .string("\(help). Accepted: \(accepted)."))]
    }

    private static func defaulting(to value: JSONValue?) -> Schema {
        value.map { [("default", $0)] } ?? []
    }

    /// A value as its option shows it; nil for none.
    private static func scalar(_ text: String, _ kind: OptionKind?) -> JSONValue? {
        if text.isEmpty { return nil }
        return switch kind {
        case .boolean: .bool(text == "true")
        case .integer, .time, .size, .number: .number(text)
        case .choice, .text, .moment, .shardIDs, .tags, nil: .string(text)
        }
    }
}
