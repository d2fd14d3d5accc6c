import Consumer

/// The names of options in their three spellings: `putTimeout` (file), `KINESIS_SIDECAR_PUT_TIMEOUT` (environment),
/// `--put-timeout` (command line). A dot in a name is `__` in the environment.
enum OptionName {
    static let prefix = "KINESIS_SIDECAR_"

    /// Every name that file and environment may use now, the program's own first.
    static let all: [String] = ProgramOption.all.map(\.name) + ConsumerOption.all.map(\.name)

    /// Those, and the lists that only the file has.
    static let ofFile: [String] = all + ConfigFileSettings.EntryList.allCases.map(\.rawValue)

    /// What its value is; nil where the option reads it itself.
    static func kind(of name: String) -> OptionKind? {
        guard let option = ProgramOption.named(name) else { return ConsumerOption.named(name)?.kind }
        guard case .of(let kind) = option.shape else { return nil }
        return kind
    }

    /// Whether the file may have a mapping of any keys as the option's value.
    static func isMapping(_ name: String) -> Bool {
        ProgramOption.named(name)?.isMapping ?? (ConsumerOption.named(name)?.kind == .tags)
    }

    /// Whether any text is one of the option's values, so that only the file can tell a number that is there by mistake.
    static func isAnyText(_ name: String) -> Bool { name == "s3.nonS3Keys" }

    /// `dynamoDb.tableName` → `KINESIS_SIDECAR_DYNAMO_DB__TABLE_NAME`
    static func variable(_ name: String) -> String {
        var text = prefix
        for character in name {
            if character == "." {
                text += "__"
            } else if character.isUppercase {
                text += "_\(character)"
            } else {
                text += character.uppercased()
            }
        }
        return text
    }

    /// `KINESIS_SIDECAR_DYNAMO_DB__TABLE_NAME` → `dynamoDb.tableName`; nil when the variable is not ours.
    static func ofVariable(_ variable: String) -> String? {
        guard variable.hasPrefix(prefix) else { return nil }
        var parts: [String] = [""]
        var rest = Substring(variable.dropFirst(prefix.count))
        while let character = rest.popFirst() {
            if character == "_", rest.first == "_" {
                rest.removeFirst()
                parts.append("")
            } else {
                parts[parts.count - 1].append(character)
            }
        }
        return parts.map { camelCase($0, separator: "_") }.joined(separator: ".")
    }

    /// `put-timeout` → `putTimeout`
    static func camelCase(_ text: String, separator: Character) -> String {
        let words = text.lowercased().split(separator: separator)
        return (words.first.map(String.init) ?? "")
            + words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }
}
