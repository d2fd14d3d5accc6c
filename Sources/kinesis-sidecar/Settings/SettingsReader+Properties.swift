import Consumer
import MultiLang
import Time

/// The properties files of the MultiLangDaemon: each is one entry of `Settings.processors`, and may say something of the whole
/// process.
extension SettingsReader {
    /// The files that are named: by the command line, else the environment, else the configuration file.
    static func multilang(
        _ commandLine: CommandLineArguments, _ environment: EnvironmentSettings, _ file: ConfigFileSettings?
    ) -> [String] {
        let layers = [commandLine.assignments, environment.assignments, file?.assignments ?? []]
        return layers.lazy.compactMap { $0.first { $0.name == "multilang" } }.first?.values ?? []
    }

    // MARK: Of the process

    /// What the files say of the process, which all other layers go before. They may not contradict each other.
    mutating func take(processSettingsOf files: [PropertiesSettings]) {
        let given = origins
        var taken: [String: Assignment] = [:]
        for file in files {
            mistakes += file.mistakes
            guard let application = file.application else { continue }
            var report = PropertiesReport(path: file.path, readings: application.readings, remarks: application.remarks)
            for setting in application.settings {
                guard case .process(let name) = setting.place else { continue }
                let assignment = file.assignment(setting)
                if let why = lacksEffect(name, given, isDynamoDBNamed: application.namesDynamoDB) {
                    report.withdraw(setting, why)
                    check(ofProcess: assignment)
                    continue
                }
                if let other = taken[name] {
                    if other.values != assignment.values { contradict(assignment, other) }
                    continue
                }
                taken[name] = assignment
                take(assignment)
            }
            properties.append(report)
        }
    }

    /// Whether the option takes it, although it is not looked at.
    private mutating func check(ofProcess assignment: Assignment) {
        let (settings, origins) = (settings, origins)
        take(assignment)
        (self.settings, self.origins) = (settings, origins)
    }

    /// Why an option of the process that a property gives is not looked at; nil: it is.
    /// - Parameter given: the options that higher layers give.
    private func lacksEffect(_ name: String, _ given: [String: Origin], isDynamoDBNamed: Bool) -> String? {
        if settings.isLocal {
            let isOfTable = name.hasPrefix("dynamoDb.") && !isDynamoDBNamed && given["dynamoDb.endpoint"] == nil
            if isOfTable || Settings.ofAWS.contains(name) { return "AWS is not asked with --local" }
        }
        // Keys and a profile do not go together.
        let mapping = name.split(separator: ".").dropLast().joined(separator: ".")
        let rivals = mapping.hasSuffix("credentials") ? CredentialsSettings.names(of: mapping) : [name]
        return rivals.lazy.compactMap { given[$0] }.first.map { "\($0.place) goes first" }
    }

    private mutating func contradict(_ assignment: Assignment, _ other: Assignment) {
        let problem =
            "\(assignment.name) holds for the whole process, and \(other.origin) says another one; give the same in both,"
            + " or set it outside of the properties files"
        mistakes.append(Mistake(assignment.origin, problem))
    }

    // MARK: Of the application

    mutating func takeApplication(_ file: PropertiesSettings) {
        guard let application = file.application, application.faults.isEmpty, let stream = application.stream else {
            return
        }
        var own: [Assignment] = []
        var named: [Assignment] = []
        for setting in application.settings {
            switch setting.place {
            case .process: break
            case .processor: own.append(file.assignment(setting))
            case .consumer: named.append(file.assignment(setting))
            }
        }
        let isRight = named.map { check($0) }.allSatisfy(\.self)
        // KCL creates no stream: one that is missing may be a typing error.
        let origin = Origin.file(path: file.path, line: application.line, key: "")
        if !settings.createsUnlistedStreams {
            named.append(Assignment(name: "createStreamIfNeeded", values: ["false"], origin: origin))
        }
        guard isRight, let options = together(withBatchBytes(named, origin)) else { return }
        var processor = ProcessorOptions(command: application.command, stream: stream, options: options)
        for assignment in own { take(assignment, of: &processor) }
        add(processor, origin)
    }

    /// What a whole application needs of the process: time at the end.
    mutating func remarkOnEnd() {
        for (processor, origin) in zip(settings.processors, processorOrigins) {
            guard let problem = graceProblem(of: processor), case .file(let path, _, _) = origin,
                let index = properties.firstIndex(where: { $0.path == path })
            else { continue }
            properties[index].remarks.append("shutdownGrace \(problem)")
        }
    }

    /// Why the children cannot have all of their time at the end; nil: they can.
    func graceProblem(of processor: ProcessorOptions) -> String? {
        guard processor.shutdownGrace + RecordProcessors.timeToEnd > settings.settlingTime else { return nil }
        return "is \(processor.shutdownGrace.wholeMilliseconds) ms, with "
            + "\(RecordProcessors.timeToEnd.wholeMilliseconds) ms to end behind it, and drainTimeout leaves "
            + "\(settings.settlingTime.wholeMilliseconds) ms; set drainTimeout longer"
    }
}

extension ApplicationProperties {
    fileprivate var namesDynamoDB: Bool { settings.contains { $0.place == .process("dynamoDb.endpoint") } }
}

extension PropertiesReport {
    /// The property has no effect after all.
    fileprivate mutating func withdraw(_ setting: ApplicationProperties.Setting, _ why: String) {
        guard let index = readings.firstIndex(where: { $0.line == setting.line && $0.key == setting.key }) else {
            return
        }
        readings[index].outcome = .nothing(why)
    }
}
