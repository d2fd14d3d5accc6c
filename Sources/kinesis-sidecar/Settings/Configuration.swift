import AWS
import Consumer
import Glibc
import Logging
import Reactor

/// Reads the configuration of this process: a command line, its environment, its file.
struct Configuration {
    let action: CommandLineArguments.Action
    let settings: Settings
    let mistakes: [Mistake]
    /// The properties files that `multilang` names.
    let propertiesFiles: [PropertiesSettings]
    private let reader: SettingsReader

    /// The group of consumers that name none, where command line, environment or file say it; nil: nobody does.
    var consumerGroup: String? {
        reader.isGiven("consumerGroup") ? settings.consumerDefaults.consumerGroup : nil
    }

    /// - Parameter arguments: the command line, without the program's name.
    static func read(_ arguments: [String]) -> Configuration {
        let commandLine = CommandLineArguments(arguments)
        let environment = EnvironmentSettings(variables())
        var unreadable: Mistake?
        var file: ConfigFileSettings?
        if let path = commandLine.configFile ?? environment.configFile {
            do {
                file = ConfigFileSettings(try TextFile.read(path), path: path)
            } catch {
                unreadable = Mistake(nil, "\(path) \(error.problem)")
            }
        }
        let properties = SettingsReader.multilang(commandLine, environment, file).map(properties)
        let reader = SettingsReader(
            commandLine: commandLine, environment: environment, file: file, properties: properties,
            unreadable: unreadable)
        return Configuration(
            action: commandLine.action, settings: reader.settings, mistakes: reader.mistakes,
            propertiesFiles: properties, reader: reader)
    }

    /// What is in force and where it came from. Throws what the start would say of where Kinesis is asked, and of the files of
    /// TLS.
    func report() throws(StartError) -> String {
        let sources = settings.isLocal ? nil : try TargetSources.find(settings, reader, environment: .process)
        try ServerCertificate.check(settings.tls)
        return ConfigurationReport(reader, target: sources).text
    }

    private static func properties(_ path: String) -> PropertiesSettings {
        do throws(TextFile.Failure) {
            return PropertiesSettings(try TextFile.read(path), path: path)
        } catch {
            return PropertiesSettings(unreadable: path, error.problem)
        }
    }

    /// Throws where a program that children are to run is not there.
    func checkCommands() throws(StartError) {
        for (processor, origin) in zip(settings.processors, reader.processorOrigins) {
            guard let problem = ProgramSearch.problem(processor.command[0]) else { continue }
            throw .settings(Mistake(origin, problem))
        }
    }

    /// What of the properties files has no effect, and what is otherwise than it was: at most two lines for each file.
    func logProperties(_ logger: Logger) {
        for file in reader.properties {
            if !file.withoutEffect.isEmpty {
                logger.notice(
                    "properties without effect here; --check-config says why",
                    metadata: ["file": "\(file.path)", "names": "\(file.withoutEffect.joined(separator: ", "))"])
            }
            if !file.departures.isEmpty {
                logger.notice(
                    "not all is as it was under the MultiLangDaemon",
                    metadata: ["file": "\(file.path)", "reason": "\(file.departures.joined(separator: "; "))"])
            }
        }
    }

    static func variables() -> [(name: String, value: String)] {
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
