/// The help of a command, from its row: as text, in the order in which a man page has it.
extension ClientCommand {
    /// `kinesis-sidecar put STREAM [DATA]… [OPTION]…`
    package var usage: String {
        (["kinesis-sidecar", name] + operands.map(\.usage) + ["[OPTION]…"]).joined(separator: " ")
    }

    /// What `kinesis-sidecar COMMAND --help` prints.
    package var help: String {
        var parts = ["kinesis-sidecar \(name): \(summary)\nusage: \(usage)"]
        if !details.isEmpty { parts.append(details) }
        parts.append((["Options:"] + options.map(\.row)).joined(separator: "\n"))
        if !examples.isEmpty { parts.append((["Examples:"] + examples.map { "  " + $0 }).joined(separator: "\n")) }
        if case .asking = action { parts.append(Self.whereItAsks) }
        return parts.joined(separator: "\n\n") + "\n"
    }

    /// One line of the general help's list.
    package var row: String {
        Self.row(([name] + operands.map(\.usage)).joined(separator: " "), summary)
    }

    fileprivate static func row(_ left: String, _ right: String) -> String {
        let left = "  " + left
        return left + String(repeating: " ", count: max(2, 30 - left.count)) + right
    }

    private static let whereItAsks = """
        The sidecar is asked at --url, else at KINESIS_SIDECAR_URL, else where KINESIS_SIDECAR_LISTEN or the file of
        KINESIS_SIDECAR_CONFIG says that it listens (as in its own container), else at http://127.0.0.1:8700.
        KINESIS_SIDECAR_TOKEN has the token, where one is needed. The exit code is 0 or 1.
        """
}

extension ClientCommand.Option {
    /// `-n, --count N   …`
    fileprivate var row: String {
        let flag = (letter.map { "-\($0), " } ?? "") + "--" + name
        return ClientCommand.row(argument.placeholder.map { "\(flag) \($0)" } ?? flag, help)
    }
}
