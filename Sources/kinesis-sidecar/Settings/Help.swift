import Consumer

/// What `--help` and `--version` print.
enum Help {
    /// Versions follow semantic versioning; CHANGELOG.md says what each brought.
    static let version = "0.1.0"

    static var text: String {
        """
        Amazon Kinesis Data Streams over plain HTTP, for a service in any language.

        usage: kinesis-sidecar [OPTION]…

        Try it without AWS:
          kinesis-sidecar --local
          curl -N localhost:8700/streams/orders/records
          curl -d '{"data": {"hello": "world"}}' localhost:8700/streams/orders/put

        In AWS:
          kinesis-sidecar --region eu-central-1 --data-dir /var/lib/kinesis-sidecar

        Options:
        \(rows.joined(separator: "\n"))

        Every option can also stand in the environment or in the configuration file, where there are more:
          environment   \(OptionName.variable("noRecordsPollDelay"))=500
          file          noRecordsPollDelay: 500
        The command line goes before the environment, the environment before the file.

        In the file and the environment only:
        \(wrapped(OptionName.all.filter(isForFileOnly)))
        In the file only:
          consumers: [{streamName: orders, consumerGroup: billing}]   consumers that start with the program
          tokens: [{name: app, sha256: …, streams: [orders-*], verbs: [read]}]   who may do what
          tls.clientNames: [{name: app.example, verbs: [read, put]}]   the same by clients' certificates

        """
    }

    private static var rows: [String] {
        var rows = ProgramOption.all.compactMap { option -> String? in
            guard let flag = option.dashedFlag else { return nil }
            guard case .value(let name) = option.argument else { return row(flag, option.help) }
            return row("\(flag) \(name)", option.help)
        }
        rows.append(
            row("--consumer-group NAME", "the group of readers that name none (\(ConsumerOptions.defaultGroup))"))
        rows.append(row("--config FILE", "the configuration file, YAML"))
        rows.append(row("--check-config", "check the configuration, print what is in force, and end"))
        rows.append(row("--version", "print the version"))
        rows.append(row("--help", "print this"))
        return rows
    }

    private static func row(_ left: String, _ right: String) -> String {
        let left = "  " + left
        return left + String(repeating: " ", count: max(2, 30 - left.count)) + right
    }

    private static func isForFileOnly(_ name: String) -> Bool {
        if let option = ProgramOption.named(name) { return option.flag == nil }
        return name != "consumerGroup"
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
