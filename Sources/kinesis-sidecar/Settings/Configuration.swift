import AWS
import Consumer
import Glibc
import Reactor

/// Reads the configuration of this process: its command line, its environment, its file.
struct Configuration {
    let action: CommandLineArguments.Action
    let settings: Settings
    let mistakes: [Mistake]

    static func read() -> Configuration {
        let commandLine = CommandLineArguments(Array(CommandLine.arguments.dropFirst()))
        let environment = EnvironmentSettings(variables())
        var mistakes: [Mistake] = []
        var file: ConfigFileSettings?
        if let path = commandLine.configFile ?? environment.configFile {
            do {
                file = ConfigFileSettings(try TextFile.read(path), path: path)
            } catch {
                mistakes.append(Mistake(nil, "\(path) \(error.problem)"))
            }
        }
        let reader = SettingsReader(commandLine: commandLine, environment: environment, file: file)
        return Configuration(
            action: commandLine.action, settings: reader.settings, mistakes: mistakes + reader.mistakes)
    }

    /// What is in force, an option a line, as the file would have it.
    var inForce: String {
        let ofLocal: Set<String> = settings.isLocal ? [] : ["localPort", "localLimits"]
        let own = ProgramOption.all.filter { !ofLocal.contains($0.name) }.map { ($0.name, shown($0)) }
        let lines = (own + settings.consumerDefaults.named.map { ($0.name, $0.text) }).filter { !$0.1.isEmpty }
        let consumers = settings.consumers.map { consumer in
            let named = consumer.options.items.map { ", \($0.name): \($0.text)" }.joined()
            return "  - {streamName: \(consumer.stream)\(named)}"
        }
        let list = consumers.isEmpty ? [] : ["consumers:"] + consumers
        return (lines.map { "\($0.0): \($0.1)" } + list).joined(separator: "\n")
    }

    /// A list as YAML has it; a value as it is.
    private func shown(_ option: ProgramOption) -> String {
        let text = option.show(settings)
        guard option.isList, !text.isEmpty else { return text }
        return "[" + text.split(separator: ",").map { "'\($0)'" }.joined(separator: ", ") + "]"
    }

    private static func variables() -> [(name: String, value: String)] {
        var variables: [(name: String, value: String)] = []
        var entry = environ
        while let text = entry.pointee {
            let parts = String(cString: text).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables.append((String(parts[0]), String(parts[1]))) }
            entry += 1
        }
        return variables
    }
}
