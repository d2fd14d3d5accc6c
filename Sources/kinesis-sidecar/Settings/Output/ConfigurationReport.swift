import Consumer
import Gateway
import MultiLang

/// What `--check-config` prints: every option in force as the file would have it, and behind it where the value came
/// from. Performs no I/O; secrets show as `•••`.
struct ConfigurationReport {
    struct Line: Equatable {
        let name: String
        /// As YAML has it.
        let value: String
        let source: String
    }

    private(set) var lines: [Line]
    private let consumers: [Settings.ListedConsumer]
    private let access: Access
    private let consumerOrigins: [Origin]
    private let processors: [ProcessorOptions]
    private let processorOrigins: [Origin]
    private let properties: [PropertiesReport]
    private let credentials: String?

    /// - Parameter target: where the services are asked, nil with `--local`.
    init(_ reader: SettingsReader, target: TargetSources?) {
        let settings = reader.settings
        let withoutEffect = settings.withoutEffect
        let own = ProgramOption.all.filter { withoutEffect[$0.name] == nil && Self.isInForce($0.name, settings) }
            .map { Line(name: $0.name, value: Self.shown($0, settings), source: reader.source(of: $0.name)) }
        let ofConsumers = settings.consumerDefaults.named
            .map { Line(name: $0.name, value: Self.quoted($0.text), source: reader.source(of: $0.name)) }
        lines = (own + ofConsumers).filter { !$0.value.isEmpty }
        consumers = settings.consumers
        access = settings.access
        consumerOrigins = reader.consumerOrigins
        processors = settings.processors
        processorOrigins = reader.processorOrigins
        properties = reader.properties
        credentials = target?.credentials
        if let target {
            replace("region", target.region)
            replace("kinesis.endpoint", target.kinesisEndpoint)
            if let endpoint = target.dynamoDBEndpoint { replace("dynamoDb.endpoint", endpoint) }
            if let endpoint = target.s3Endpoint { replace("s3.endpoint", endpoint) }
        }
    }

    var text: String {
        // Wide enough for nearly every line; what is longer pushes its source to the right.
        let column = 44
        var texts = lines.map { line in
            let text = "\(line.name): \(line.value)"
            return text + String(repeating: " ", count: max(1, column - text.count)) + "# \(line.source)"
        }
        if let credentials { texts.append("# credentials: \(credentials)") }
        if !access.tokens.isEmpty { texts.append("tokens:") }
        for token in access.tokens { texts.append(Self.entry(token.grant, "sha256: \(token.digest.hex), ")) }
        if !access.clients.isEmpty { texts.append("tls.clientNames:") }
        for client in access.clients { texts.append(Self.entry(client.grant, "")) }
        if !consumers.isEmpty { texts.append("consumers:") }
        for (consumer, origin) in zip(consumers, consumerOrigins) {
            let named = consumer.options.items.map { ", \($0.name): \(Self.quoted($0.text))" }.joined()
            texts.append("  - {streamName: \(consumer.stream)\(named)}  # \(origin.place)")
        }
        if !processors.isEmpty { texts.append("processors:") }
        for (processor, origin) in zip(processors, processorOrigins) { texts.append(Self.entry(processor, origin)) }
        texts += properties.flatMap(\.lines).map { "# \($0)" }
        return texts.joined(separator: "\n")
    }

    /// Of `processors`, with all that has a value.
    private static func entry(_ processor: ProcessorOptions, _ origin: Origin) -> String {
        let words = processor.command.map(inQuotes).joined(separator: ", ")
        let named = processor.options.items.map { ", \($0.name): \(quoted($0.text))" }.joined()
        let own = ProcessorOption.all.map { (name: $0.name, text: $0.show(processor)) }.filter { !$0.text.isEmpty }
            .map { ", \($0.name): \($0.text)" }.joined()
        return "  - {command: [\(words)], streamName: \(processor.stream)\(named)\(own)}  # \(origin.place)"
    }

    /// Of `tokens` or `tls.clientNames`. What a digest is made of cannot be known from it.
    private static func entry(_ grant: Grant, _ more: String) -> String {
        let verbs = Verb.allCases.filter(grant.verbs.contains).map(\.rawValue).joined(separator: ", ")
        let streams = grant.streams.patterns.map { "streams: [\($0.map(quoted).joined(separator: ", "))], " } ?? ""
        return "  - {name: \(quoted(grant.name)), \(more)\(streams)verbs: [\(verbs)]}"
    }

    /// Puts what is in force in the place of what the options say, where they say nothing at the front.
    private mutating func replace(_ name: String, _ found: TargetSources.Found) {
        let line = Line(name: name, value: found.value, source: found.source)
        if let at = lines.firstIndex(where: { $0.name == line.name }) {
            lines[at] = line
        } else {
            lines.insert(line, at: 0)
        }
    }

    /// The table's options say nothing where groups are not shared.
    private static func isInForce(_ name: String, _ settings: Settings) -> Bool {
        // What properties files say stands in the other options, and under processors.
        if name == "multilang" { return false }
        return settings.sharesGroups || name == "dynamoDb.enabled" || !name.hasPrefix("dynamoDb.")
    }

    /// A list as YAML has it.
    private static func shown(_ option: ProgramOption, _ settings: Settings) -> String {
        let text = option.show(settings)
        guard option.isList, !text.isEmpty else { return quoted(text) }
        return "[" + text.split(separator: ",").map { "'\($0)'" }.joined(separator: ", ") + "]"
    }

    /// In quotes where YAML could read something else: a comment, a mapping, a list.
    private static func quoted(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "/"),
                UInt8(ascii: ":"), UInt8(ascii: "-"), 0x80...:
                true
            default: false
            }
        }
        if isPlain, text.last != ":", text.first != "-", text.first != ":" { return text }
        return inQuotes(text)
    }

    private static func inQuotes(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "''") + "'"
    }
}

extension Origin {
    /// Without the option's name, which stands beside it.
    var place: String {
        switch self {
        case .commandLine(let flag): "command line \(flag)"
        case .environment(let variable): "environment \(variable)"
        case .file(let path, let line, _): "\(path):\(line)"
        }
    }
}
