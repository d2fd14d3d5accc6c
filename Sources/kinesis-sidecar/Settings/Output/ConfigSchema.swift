import Bytes
import Consumer
import Gateway
import JSON
import MultiLang

/// What `--config-schema` prints: a JSON Schema (draft 2020-12) of the configuration file, made of the tables by which it
/// is read. It takes numbers and truth values as YAML has them, without quotes. Performs no I/O.
enum ConfigSchema {
    static var text: String {
        var json = JSONWriter(capacity: 1 << 16)
        json.value(value)
        return json.buffer.text + "\n"
    }

    static var value: JSONValue {
        let options = ProgramOption.all.map { Key($0.name, OptionSchema.of($0)) } + ofConsumers
        let lists = ConfigFileSettings.EntryList.allCases.map { Key($0.rawValue, entries(of: $0)) }
        let head: Schema = [
            ("$schema", "https://json-schema.org/draft/2020-12/schema"),
            ("title", .string("The configuration file of kinesis-sidecar \(Help.version)")),
        ]
        return JSONValue(schema: head + mapping(options + lists, at: "#"))
    }

    private static let ofConsumers = ConsumerOption.all.map { Key($0.name, OptionSchema.of($0)) }

    private static let ofProcessors =
        [Key(SettingsReader.command, OptionSchema.words("what each child runs", ProcessorOption.acceptedCommand))]
        + ProcessorOption.all.map { Key($0.name, OptionSchema.of($0)) }
        + ConsumerOption.all.filter { ProcessorOption.unfit[$0.name] == nil }
        .map { Key($0.name, OptionSchema.of($0)) }

    // MARK: Mappings

    /// A key that a mapping may have, with dots where it lies deeper, and the schema of its value.
    private struct Key {
        let name: String
        let schema: Schema

        init(_ name: String, _ schema: Schema) {
            self.name = name
            self.schema = schema
        }

        var first: Substring { name.prefix { $0 != "." } }

        /// Without its first part; nil where it has no other.
        var rest: Key? {
            guard let dot = name.firstIndex(of: ".") else { return nil }
            return Key(String(name[name.index(after: dot)...]), schema)
        }
    }

    /// A mapping of these keys and no others. What lies deeper may be written with dots too, `tls.keyFile: …`; as patterns,
    /// so that an editor offers each option once.
    /// - Parameter pointer: where the mapping lies in the schema.
    private static func mapping(_ keys: [Key], at pointer: String) -> Schema {
        var properties: Schema = []
        var dotted: Schema = []
        for first in keys.map(\.first) where !properties.contains(where: { $0.key == first }) {
            let place = "\(pointer)/properties/\(first)"
            let own = keys.filter { $0.first == first }
            let inner = own.compactMap(\.rest)
            let schema = inner.isEmpty ? own[0].schema : mapping(inner, at: place)
            properties.append((String(first), JSONValue(schema: schema)))
            for name in names(inner) {
                let pattern = "^\(first).\(name)$".split(separator: ".").joined(separator: "\\.")
                let target = place + "/properties/" + name.split(separator: ".").joined(separator: "/properties/")
                dotted.append((pattern, ["$ref": .string(target)]))
            }
        }
        return [
            ("type", "object"), ("properties", JSONValue(schema: properties)),
            ("patternProperties", JSONValue(schema: dotted)), ("additionalProperties", false),
        ]
    }

    /// Of the keys and of the mappings that they lie in.
    private static func names(_ keys: [Key]) -> [String] {
        var names: [String] = []
        for key in keys {
            let parts = key.name.split(separator: ".")
            for count in 1...parts.count {
                let name = parts[..<count].joined(separator: ".")
                if !names.contains(name) { names.append(name) }
            }
        }
        return names
    }

    // MARK: Lists of mappings

    private static func entries(of list: ConfigFileSettings.EntryList) -> Schema {
        let pointer = "#/properties/" + list.rawValue.split(separator: ".").joined(separator: "/properties/") + "/items"
        let items: Schema
        switch list {
        case .consumers, .processors:
            let names = StreamKey.allCases.map { Key($0.rawValue, OptionSchema.text("the stream", $0.accepted)) }
            let one = StreamKey.allCases.map { JSONValue(schema: [("required", .strings([$0.rawValue]))]) }
            let isOfProcessors = list == .processors
            let own = isOfProcessors ? ofProcessors : ofConsumers
            let required: Schema = isOfProcessors ? [("required", .strings([SettingsReader.command]))] : []
            items = mapping(names + own, at: pointer) + required + [("anyOf", .array(one))]
        case .tokens, .clientNames:
            let keys = list.members.map { Key($0.rawValue, OptionSchema.of($0, in: list)) }
            let required = list.members.filter(\.isRequired).map(\.rawValue)
            items = mapping(keys, at: pointer) + [("required", .strings(required))]
        }
        return [
            ("description", .string(list.help)), ("type", "array"), ("minItems", list.mayBeEmpty ? 0 : 1),
            ("items", JSONValue(schema: items)),
        ]
    }
}
