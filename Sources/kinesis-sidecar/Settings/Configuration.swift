import AWS
import Consumer
import Glibc
import Reactor

/// Reads the configuration of this process: a command line, its environment, its file.
struct Configuration {
    let action: CommandLineArguments.Action
    let settings: Settings
    let mistakes: [Mistake]
    private let reader: SettingsReader

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
        let reader = SettingsReader(
            commandLine: commandLine, environment: environment, file: file, unreadable: unreadable)
        return Configuration(
            action: commandLine.action, settings: reader.settings, mistakes: reader.mistakes, reader: reader)
    }

    /// What is in force and where it came from. Throws what the start would say of where Kinesis is asked, and of the files of
    /// TLS.
    func report() throws(StartError) -> String {
        let sources = settings.isLocal ? nil : try TargetSources.find(settings, reader, environment: .process)
        try ServerCertificate.check(settings.tls)
        return ConfigurationReport(reader, target: sources).text
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
