import Consumer
import Kinesis

/// What a properties file of the MultiLangDaemon says, in the sidecar's words: one application of record processors, what it
/// wants of the whole process, and what became of each property. Performs no I/O.
package struct ApplicationProperties: Sendable {
    /// An option that a property has given.
    package struct Setting: Equatable, Sendable {
        package let place: OptionPlace
        /// In the option's own notation, and read by nobody yet where it is one of the process.
        package let text: String
        package let line: Int
        package let key: String
    }

    /// One property, and what became of it.
    package struct Reading: Equatable, Sendable {
        package enum Outcome: Equatable, Sendable {
            /// Of the application itself: its command, its stream, or options. The note says where it is not what it says.
            case became(String, note: String?)
            case nothing(String)
            /// KCL has no such property; the one that was meant, where one is near.
            case unknown(meant: String?)
        }

        package let line: Int
        package let key: String
        /// As it may be shown: a secret is masked.
        package let value: String
        package var outcome: Outcome
    }

    /// A property that is wrong, or missing, and what is accepted.
    package struct Fault: Equatable, Sendable {
        /// Nil: it is missing.
        package let line: Int?
        package let key: String
        package let problem: String
    }

    /// Not empty where there are no faults.
    package private(set) var command: [String] = []
    /// Of the command: by which people find the application in its file. From 1.
    package private(set) var line = 1
    /// Not nil where there are no faults.
    package private(set) var stream: StreamName?
    package private(set) var settings: [Setting] = []
    /// In the order of the file; what is wrong is in `faults` alone.
    package private(set) var readings: [Reading] = []
    package private(set) var faults: [Fault] = []
    /// What is otherwise than under the daemon although no property says so.
    package private(set) var remarks: [String] = []

    /// The daemon's lease table: `tableName`, else the application's name; nil where neither is said.
    package private(set) var leaseTable: String?

    package init(_ file: PropertiesFile) {
        var last: [String: Int] = [:]
        for property in file.properties { last[property.key] = property.line }
        let given = Set(file.properties.filter { !$0.value.trimmed.isEmpty }.map(\.key))
        for property in file.properties {
            if let line = last[property.key], line != property.line {
                note(property, .nothing("line \(line) says it anew"))
            } else {
                take(property, besides: given)
            }
        }
        if !isWrong(["executableName"]), command.isEmpty {
            miss("executableName", "is missing: the program that each child runs, with its arguments")
        }
        if !isWrong(["streamName", "streamArn"]), stream == nil {
            miss("streamName", "is missing: the stream's name, or streamArn")
        }
        if !isWrong(["applicationName"]), !settings.contains(where: { $0.place.name == "consumerGroup" }) {
            miss("applicationName", "is missing: the consumer group")
        }
        remarks = remarks(besides: given)
        for key in ["applicationName", "tableName"] where given.contains(key) {
            leaseTable = file.properties.last { $0.key == key }?.value.trimmed ?? leaseTable
        }
    }

    /// What a property has given a consumer's option, in the option's own notation; nil: none has.
    package func consumerOption(_ name: String) -> String? {
        settings.first { $0.place == .consumer(name) }?.text
    }

    // MARK: One property

    private mutating func take(_ property: PropertiesFile.Property, besides given: Set<String>) {
        guard let row = PropertyRow.of(property.key) else {
            let meant = NearestName.of(property.key, among: PropertyRow.all.flatMap(\.keys))
            return note(property, .unknown(meant: meant))
        }
        let value = property.value.trimmed
        switch row.meaning {
        case .nothing(let why): note(property, .nothing(why))
        case _ where value.isEmpty: note(property, .nothing("it has no value"))
        case .refused(let instead): refuse(property, instead)
        case .command:
            command = ProcessorOption.command(value)
            line = property.line
            note(property, .became("command", note: nil))
        case .stream(let kind): takeStream(property, kind, value, besides: given)
        case .credentials(let mapping): takeCredentials(property, mapping, value)
        case .options(let places, let conversion):
            if conversion == .position, !given.isDisjoint(with: Self.moments) {
                return note(property, .nothing("the moment goes first"))
            }
            convert(property, value, conversion, places)
        }
    }

    /// Name a moment to begin at.
    private static let moments: Set = ["initialPositionInStreamExtended", "timestampAtInitialPositionInStream"]

    private mutating func takeStream(
        _ property: PropertiesFile.Property, _ kind: StreamProperty, _ value: String, besides given: Set<String>
    ) {
        switch kind {
        case .name:
            if given.contains("streamArn") { return note(property, .nothing("streamArn goes first")) }
            stream = StreamName(value)
            if stream == nil {
                refuse(
                    property,
                    "\"\(value)\" is not accepted; accepted: 1 to \(StreamName.maximumLength) letters, digits, _, . and -"
                )
            }
        case .arn:
            stream = StreamARN(value).map(StreamName.init)
            if stream == nil {
                refuse(
                    property,
                    "\"\(value)\" is not accepted; accepted: arn:aws:kinesis:REGION:ACCOUNT:stream/NAME")
            }
        }
        if let stream { note(property, .became("\(kind == .arn ? "streamArn" : "streamName")=\(stream)", note: nil)) }
    }

    private mutating func takeCredentials(_ property: PropertiesFile.Property, _ mapping: String, _ value: String) {
        switch CredentialsProviders.read(value) {
        case .chain(let why): note(property, .became(why, note: nil))
        case .refused(let instead): refuse(property, instead)
        case .options(let options, let note):
            let isSecret = options.contains { $0.name == "secretAccessKey" }
            let shown = options.map { "\(mapping).\($0.name)=\(isSecret ? "•••" : $0.value)" }.joined(separator: ", ")
            for option in options { add(property, .process("\(mapping).\(option.name)"), option.value) }
            self.note(property, .became(shown, note: note))
        }
    }

    private mutating func convert(
        _ property: PropertiesFile.Property, _ value: String, _ conversion: PropertyConversion, _ places: [OptionPlace]
    ) {
        switch conversion.convert(value, for: places) {
        case .bad(let accepted): refuse(property, "\"\(value)\" is not accepted; accepted: \(accepted)")
        case .nothing(let why): note(property, .nothing(why))
        case .values(let texts, let note):
            for (place, text) in zip(places, texts) { add(property, place, text) }
            let shown = zip(places, texts).map { "\($0.name)=\($1)" }.joined(separator: ", ")
            self.note(property, .became(shown, note: note))
        }
    }

    /// Two keys may mean one option (`maxRecords`, `pollingConfig.maxRecords`), and then say the same.
    private mutating func add(_ property: PropertiesFile.Property, _ place: OptionPlace, _ text: String) {
        if let other = settings.first(where: { $0.place == place }) {
            if other.text != text {
                refuse(property, "\(other.key) on line \(other.line) says another \(place.name); give one of the two")
            }
            return
        }
        settings.append(Setting(place: place, text: text, line: property.line, key: property.key))
    }

    private func remarks(besides given: Set<String>) -> [String] {
        let isPushedByDaemon = given.isDisjoint(with: Self.pollingKeys)
        let isDecided = settings.contains { $0.place == .consumer("useEnhancedFanOut") }
        guard isPushedByDaemon, !isDecided else { return [] }
        return [
            "records are polled, where the daemon had them pushed (enhanced fan-out); retrievalMode=FANOUT has them pushed"
                + " here too, and retrievalMode=POLLING says that this is meant"
        ]
    }

    /// With any of these KCL polls, unless it is told otherwise.
    /// Source: `RetrievalMode.decideForDefault` and `PollingConfigBean.anyPropertiesSet` of KCL.
    private static let pollingKeys = Set(
        ["retryGetRecordsInSeconds", "maxGetRecordsThreadPool", "idleTimeBetweenReadsInMillis", "maxRecords"]
            .flatMap { [$0, "pollingConfig." + $0] })

    // MARK: What became of it

    private mutating func note(_ property: PropertiesFile.Property, _ outcome: Reading.Outcome) {
        readings.append(
            Reading(
                line: property.line, key: Self.printable(property.key), value: Self.printable(Self.shown(property)),
                outcome: outcome))
    }

    /// In one line.
    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 }))
    }

    private static func shown(_ property: PropertiesFile.Property) -> String {
        let value = property.value.trimmed
        if PropertyRow.isOfCredentials(property.key) { return CredentialsProviders.masked(value) }
        // In what is not known here there may be a secret.
        return PropertyRow.of(property.key) == nil ? "…" : value
    }

    private mutating func refuse(_ property: PropertiesFile.Property, _ problem: String) {
        faults.append(Fault(line: property.line, key: property.key, problem: Self.printable(problem)))
    }

    private mutating func miss(_ key: String, _ problem: String) {
        faults.append(Fault(line: nil, key: key, problem: problem))
    }

    private func isWrong(_ keys: Set<String>) -> Bool { faults.contains { keys.contains($0.key) } }
}

extension ApplicationProperties.Reading: CustomStringConvertible {
    package var description: String {
        switch outcome {
        case .became(let what, let note): "\(key)=\(value) → \(what)" + (note.map { " (\($0))" } ?? "")
        case .nothing(let why): "\(key)=\(value) has no effect: \(why)"
        case .unknown(let meant):
            "\(key)=\(value) has no effect: KCL has no such property" + (meant.map { "; did you mean \($0)?" } ?? "")
        }
    }
}
