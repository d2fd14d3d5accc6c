import Consumer
import Kinesis
import MultiLang

/// The entries of the file that read a stream: `consumers` and `processors`.
extension SettingsReader {
    private static let namesOfStream = StreamKey.allCases.map(\.rawValue)
    static let command = "command"
    static let namesOfProcessor = [command] + ProcessorOption.all.map(\.name)
    private static let namesOfConsumers = OptionName.all + namesOfStream
    private static let namesOfProcessors = namesOfConsumers + namesOfProcessor

    /// What an entry says, as far as it is right.
    private struct Listing {
        var stream: StreamName?
        /// Whether it names one, right or wrong.
        var namesStream = false
        var options: [Assignment] = []
        /// Of `namesOfProcessor`.
        var ofProcessor: [Assignment] = []
    }

    mutating func takeConsumer(_ entry: ConfigFileSettings.Entry) {
        let listing = read(entry, .consumers)
        guard let stream = listing.stream, let options = together(listing.options),
            isNew(stream, options, entry.origin)
        else { return }
        settings.consumers.append(Settings.ListedConsumer(stream: stream, options: options))
        consumerOrigins.append(entry.origin)
    }

    mutating func takeProcessor(_ entry: ConfigFileSettings.Entry) {
        let listing = read(entry, .processors)
        let command = listing.ofProcessor.first { $0.name == Self.command }
        if command == nil, !isTold(Self.command, of: entry) {
            mistakes.append(
                Mistake(entry.origin, "the entry has no command; accepted: \(ProcessorOption.acceptedCommand)"))
        }
        guard let stream = listing.stream, let command,
            let options = together(withBatchBytes(listing.options, entry.origin))
        else { return }
        var processor = ProcessorOptions(command: command.values, stream: stream, options: options)
        for assignment in listing.ofProcessor where assignment.name != Self.command { take(assignment, of: &processor) }
        if let grace = listing.ofProcessor.first(where: { $0.name == "shutdownGrace" }),
            let problem = graceProblem(of: processor)
        {
            refuse(grace, problem)
        }
        add(processor, entry.origin)
    }

    /// Whether a mistake of the entry's member has been told.
    private func isTold(_ name: String, of entry: ConfigFileSettings.Entry) -> Bool {
        guard case .file(let path, _, let place) = entry.origin else { return false }
        return mistakes.contains { mistake in
            guard case .file(path, _, "\(place).\(name)")? = mistake.origin else { return false }
            return true
        }
    }

    /// The options of an application, with the length of its batches where nobody says one.
    func withBatchBytes(_ options: [Assignment], _ origin: Origin) -> [Assignment] {
        let name = "maxEventBytes"
        guard defaults[name] == nil, !options.contains(where: { $0.name == name }) else { return options }
        return options + [Assignment(name: name, values: [String(ProcessorOptions.batchBytes)], origin: origin)]
    }

    /// An application whose children get what they read, unless somebody else reads it in the same group.
    mutating func add(_ processor: ProcessorOptions, _ origin: Origin) {
        guard isNew(processor.stream, processor.options, origin) else { return }
        settings.processors.append(processor)
        processorOrigins.append(origin)
    }

    /// One of `ProcessorOption`.
    mutating func take(_ assignment: Assignment, of processor: inout ProcessorOptions) {
        guard let option = ProcessorOption.named(assignment.name) else { return }
        guard assignment.values.count == 1 else { return refuse(assignment, "takes one value and no list") }
        guard let value = option.kind.read(assignment.values[0]) else {
            return refuse(
                assignment, "\"\(assignment.values[0])\" is not accepted; accepted: \(option.kind.accepted)")
        }
        option.apply(&processor, value)
    }

    private mutating func read(_ entry: ConfigFileSettings.Entry, _ list: ConfigFileSettings.EntryList) -> Listing {
        refusedMappings = []
        let names = list == .processors ? Self.namesOfProcessors : Self.namesOfConsumers
        var listing = Listing()
        for assignment in entry.assignments {
            if Self.namesOfStream.contains(assignment.name) {
                listing.namesStream = true
                listing.stream = stream(assignment, besides: listing.stream) ?? listing.stream
            } else if list == .processors, Self.namesOfProcessor.contains(assignment.name) {
                listing.ofProcessor.append(assignment)
            } else if list == .processors, let why = ProcessorOption.unfit[assignment.name] {
                refuse(assignment, "does not go with record processors: \(why)")
            } else if ProgramOption.named(assignment.name) != nil {
                refuse(assignment, "is an option of the whole process; write it at the top of the file")
            } else if let assignment = joined(assignment), check(assignment, among: names) {
                listing.options.append(assignment)
            } else if NearestName.of(assignment.name, among: names).map(Self.namesOfStream.contains) == true {
                // The mistake has been told.
                listing.namesStream = true
            }
        }
        if !listing.namesStream { mistakes.append(Mistake(entry.origin, "the entry has no streamName")) }
        return listing
    }

    /// The stream of an entry, which may give its name and its ARN.
    private mutating func stream(_ assignment: Assignment, besides other: StreamName?) -> StreamName? {
        let text = assignment.values[0]
        let key = StreamKey(rawValue: assignment.name) ?? .name
        let stream = key == .arn ? StreamARN(text).map(StreamName.init) : StreamName(nameOrARN: text)
        guard let stream, assignment.values.count == 1 else {
            refuse(assignment, "\"\(text)\" is not accepted; accepted: \(key.accepted)")
            return nil
        }
        guard let other, other != stream else { return stream }
        if other.arn?.name == stream { return other }
        if stream.arn?.name == other { return stream }
        refuse(assignment, "\(stream) is another stream than \(other), which the entry names too")
        return nil
    }

    /// Whether nobody reads the stream in that group yet, and all agree how its records are put.
    private mutating func isNew(_ stream: StreamName, _ options: NamedOptions, _ origin: Origin) -> Bool {
        func group(_ options: NamedOptions) -> String {
            options.consumerGroup ?? settings.consumerDefaults.consumerGroup
        }
        let listed = zip(settings.listed, consumerOrigins + processorOrigins).filter { $0.0.stream == stream }
        if let (_, other) = listed.first(where: { group($0.0.options) == group(options) }) {
            let problem =
                "stream \(stream) with consumerGroup \(group(options)) is listed twice, also at \(other.place)"
            mistakes.append(Mistake(origin, problem))
            return false
        }
        let compression = options.applied(to: settings.consumerDefaults).compression
        if !listed.isEmpty, compression != settings.compression(of: stream) {
            let problem =
                "compression \(compression.rawValue) is not what another entry says of stream \(stream);"
                + " its records are put with one"
            mistakes.append(Mistake(origin, problem))
            return false
        }
        return true
    }
}
