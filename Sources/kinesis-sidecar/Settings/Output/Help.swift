import Client
import Consumer

/// What `--help` and `--version` print.
enum Help {
    /// Versions follow semantic versioning; CHANGELOG.md says what each brought.
    static let version = "0.1.0"

    static var text: String {
        """
        Amazon Kinesis Data Streams over plain HTTP, for a service in any language.

        usage: kinesis-sidecar [OPTION]…
               kinesis-sidecar COMMAND …

        Try it without AWS:
          kinesis-sidecar --local
          curl -N localhost:8700/streams/orders/records
          curl -d '{"data": {"hello": "world"}}' localhost:8700/streams/orders/put

        In AWS:
          kinesis-sidecar --region eu-central-1 --data-dir /var/lib/kinesis-sidecar

        Commands:
        \(ClientCommand.all.map(\.row).joined(separator: "\n"))

        They ask a running sidecar, but import-kcl asks AWS; kinesis-sidecar COMMAND --help says how.

        Options:
        \(rows.joined(separator: "\n"))

        Every option can also stand in the environment or in the configuration file, where there are more:
          environment   \(OptionName.variable("noRecordsPollDelay"))=500
          file          noRecordsPollDelay: 500
        The command line goes before the environment, the environment before the file. A TIME is in milliseconds, or has a
        unit (\(TimeUnit.written)), a SIZE in bytes, or likewise (\(SizeUnit.written)): 30s, 64MiB.

        In the file and the environment only:
        \(wrapped(OptionName.all.filter(isForFileOnly).map(marked)))
        In the file only:
          consumers: [{streamName: orders, consumerGroup: billing}]   consumers that start with the program
          processors: [{command: [python3, app.py], streamName: orders}]   record processors, as --multilang
          tokens: [{name: app, sha256: …, streams: [orders-*], verbs: [read]}]   who may do what
          tls.clientNames: [{name: app.example, verbs: [read, put]}]   the same by clients' certificates

        """
    }

    /// Every flag with what stands behind it, in the order of the help.
    static let flags: [(name: String, argument: ProgramOption.Argument, help: String)] =
        ProgramOption.all.compactMap { option in option.flag.map { ($0, option.argument, option.help) } } + [
            (
                "consumer-group", .value("NAME"),
                "the group of readers that name none (\(ConsumerOptions.defaultGroup))"
            ),
            ("config", .value("FILE"), "the configuration file, YAML"),
            ("check-config", .none, "check the configuration, print what is in force, and end"),
            ("config-schema", .none, "print a JSON Schema of the configuration file, for editors"),
            ("version", .none, "print the version"),
            ("help", .none, "print this"),
        ]

    private static var rows: [String] {
        flags.map { flag in
            guard case .value(let name) = flag.argument else { return row("--" + flag.name, flag.help) }
            return row("--\(flag.name) \(name)", flag.help)
        }
    }

    private static func row(_ left: String, _ right: String) -> String {
        let left = "  " + left
        return left + String(repeating: " ", count: max(2, 30 - left.count)) + right
    }

    private static func isForFileOnly(_ name: String) -> Bool {
        if let option = ProgramOption.named(name) { return option.flag == nil }
        return name != "consumerGroup"
    }

    /// `putTimeout=TIME`
    private static func marked(_ name: String) -> String {
        switch OptionName.kind(of: name) {
        case .time(_, in: .milliseconds): name + "=TIME"
        case .time(_, let unit): name + "=TIME(\(unit.name))"
        case .size(_, in: .bytes): name + "=SIZE"
        case .size(_, let unit): name + "=SIZE(\(unit.name))"
        default: name
        }
    }

    /// Names in lines of at most 100 characters.
    private static func wrapped(_ names: [String]) -> String {
        var lines = ["  "]
        for name in names {
            if lines[lines.count - 1].count + name.count > 100 { lines.append("  ") }
            lines[lines.count - 1] += name + " "
        }
        return lines.map { String($0.dropLast()) }.joined(separator: "\n")
    }
}
